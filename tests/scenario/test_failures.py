"""R6, R12, R14: refusals, fallbacks, retries, crashes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from alertd.domain.family import FamilyId
from alertd.domain.incident import Severity
from alertd.ports import Later, Misconfigured, Refused, Unknown
from alertd.usecases.put_families import delete_family
from tests import make
from tests.scenario.world import World


async def test_a_dead_token_is_suspended_and_the_family_told_otherwise_at_once(world: World):
    """R12: where all listed addresses are refused, the next usable one in the order written."""
    mia = make.caregiver("mia", "push", "email", preferences=make.preferences(critical=("push",)))
    await world.family("fam-1", mia)
    world.channels["push"].fail_always("push-mia", lambda: Refused("UNREGISTERED"))

    await world.outage("follow")
    world.phone("mia").expect_email("Follow")
    assert world.sql("SELECT channel, suspended_code FROM address WHERE suspended_at IS NOT NULL") == [
        ("push", "UNREGISTERED")
    ]
    assert world.channels["push"].attempts == 1

    await world.update("Found it.")
    world.phone("mia").expect_email("Found it.")
    assert world.channels["push"].attempts == 1  # never again, at this address


async def test_a_busy_provider_gets_it_later(world: World):
    """Later: the same delivery, after the backoff, honouring Retry-After."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    number = make.own("mia", "sms").to
    world.channels["sms"].fail(number, Later("20429", retry_after=timedelta(seconds=7)), Later("20503"))

    await world.outage("follow")
    await world.fast_forward(seconds=6.9)
    assert world.channels["sms"].attempts == 1
    await world.fast_forward(minutes=1)
    world.phone("mia").expect_sms("Follow")
    assert world.sql("SELECT state, attempts FROM delivery") == [("accepted", 3)]


async def test_a_provider_that_asks_for_an_hour_keeps_a_family_waiting_for_a_minute(world: World):
    """The first notice is due in ten, and the all-clear at once."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    number = make.own("mia", "sms").to
    hour = timedelta(hours=1)
    world.channels["sms"].fail(number, Later("20503", retry_after=hour))
    await world.outage("follow")
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("Follow")

    world.channels["sms"].fail(number, Later("20503", retry_after=hour))
    await world.resolve()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("works again")


async def test_an_unknown_outcome_is_sent_again(world: World):
    """Better twice than never: the attempt is kept as unknown."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail(make.own("mia", "sms").to, Unknown("timeout"))
    await world.outage("follow")
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("Follow")
    assert world.sql("SELECT outcome FROM attempt") == [("unknown",)]


async def test_what_may_have_arrived_gets_its_all_clear(world: World):
    """R11: the first try may have reached her, though the provider took nothing ever since."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    number = make.own("mia", "sms").to
    world.channels["sms"].fail(number, Unknown("timeout"), *[Later("20503")] * 3)
    await world.outage("follow")
    await world.fast_forward(seconds=3)
    await world.resolve("Fixed.")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("again")
    world.phone("mia").expect_nothing()


async def test_a_crash_after_a_busy_hour_is_only_one_crash(world: World):
    """Later never parks; five crashes of our own do."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    number = make.own("mia", "sms").to
    world.channels["sms"].fail(number, *[Later("20429")] * 5, ValueError("a bug of ours"))
    await world.outage("follow")
    await world.fast_forward(minutes=9)
    world.phone("mia").expect_sms("Follow")
    assert world.states() == {"accepted": 1}


async def test_one_familys_broken_data_stops_nobody_and_they_are_heard_too(world: World):
    """R14: a zone that no clock knows costs nobody a message."""
    await world.family("fam-1", make.caregiver("mia", "sms"), time_zone="America/Nowhere")
    await world.family("fam-2", make.caregiver("bob", "sms"))
    await world.outage("follow")
    world.phone("bob").expect_sms("Follow")
    world.phone("mia").expect_sms("Follow")
    assert {tuple(sorted(fields)) for fields in world.log.named("plan_failed")} == {("error", "family")}
    await world.fast_forward(minutes=30)
    world.phone("bob").expect_sms("No news")
    world.phone("mia").expect_sms("No news")


async def test_what_cannot_be_planned_at_all_is_looked_at_again(town: Callable[..., World]):
    """Here by a policy that promises nothing for what it is raised to; and nobody spins."""
    minor = make.policy().first_notice[Severity.MINOR]
    world = town(policy=make.policy(first_notice={Severity.MINOR: minor}))
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=make.preferences(minor=("sms",))))
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.outage("follow", severity="minor")
    await world.update("Worse.", severity="major")
    assert len(world.log.named("plan_failed")) >= 2
    [(first, version)] = world.sql("SELECT look_at, version FROM watch")
    await world.fast_forward(minutes=6)
    [(then, versions)] = world.sql("SELECT look_at, version FROM watch")
    assert (then - first, versions - version) == (300_000_000, 1)


async def test_a_document_that_cannot_be_read_costs_nobody_else_a_message(world: World):
    """An outage can be opened, and the others hear; once it can be read again, that family does, too."""
    for n in range(3):
        await world.family(f"fam-{n}", make.caregiver(f"mia{n}", "sms"))
    world.sql("UPDATE family SET doc = '{}' WHERE id = 'fam-1'")
    await world.outage("follow")
    world.phone("mia0").expect_sms("Follow is down")
    world.phone("mia2").expect_sms("Follow is down")
    logged = {tuple(sorted(fields.items())) for fields in world.log.named("plan_failed")}
    assert logged == {(("error", "ValidationError"), ("family", "fam-1"))}
    assert world.sql("SELECT subject, code FROM trouble") == [("family data", "fam-1: ValidationError")]

    [(first, version)] = world.sql("SELECT look_at, version FROM watch WHERE family_id = 'fam-1'")
    await world.fast_forward(minutes=6)
    [(then, versions)] = world.sql("SELECT look_at, version FROM watch WHERE family_id = 'fam-1'")
    assert (then - first, versions - version) == (300_000_000, 1), "nobody spins"

    await world.family("fam-1", make.caregiver("mia1", "sms"))
    await world.settle()
    world.phone("mia1").expect_sms("Follow is down")
    await world.update("Found it.")
    for n in range(3):
        world.phone(f"mia{n}").expect_sms("Found it.")


async def test_whose_time_has_come_hear_beside_a_document_that_cannot_be_read(world: World):
    """Due watches of all outages are planned together."""
    for n in range(3):
        await world.family(f"fam-{n}", make.caregiver(f"mia{n}", "sms"))
    await world.family("other", make.caregiver("ben", "sms"), services=("login",))
    await world.outage("follow")
    await world.outage("login")
    for phone in world.phones.values():
        phone.forget()
    world.sql("UPDATE family SET doc = '{}' WHERE id = 'fam-2'")
    await world.fast_forward(minutes=31)
    for name in ("mia0", "mia1", "ben"):
        world.phone(name).expect_sms("No news")
    await world.update("Found it.")
    world.phone("mia0").expect_sms("Found it.")
    world.phone("mia1").expect_sms("Found it.")


async def test_an_import_mends_a_document_that_cannot_be_read_though_somebody_had_chosen(world: World):
    """What was chosen stood in that document alone; the rest of its batch is taken, too."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.sql("UPDATE family SET doc = '{}' WHERE id = 'fam-1'")
    world.sql("UPDATE family SET chosen_at = 1")
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")


async def test_five_crashes_of_our_own_and_the_next_address_is_used(world: World):
    mia = make.caregiver("mia", "push", "email", preferences=make.preferences(critical=("push",)))
    await world.family("fam-1", mia)
    world.channels["push"].fail_always("push-mia", lambda: ValueError("a bug of ours"))
    await world.outage("follow")
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_email("Follow")
    assert world.sql("SELECT attempts, crashes FROM delivery WHERE state='parked'") == [(5, 5)]
    assert world.sql("SELECT subject, code FROM trouble") == [("messages", "fam-1: push, crashed: ValueError")]
    world.channels["push"].mend()


async def test_our_own_fault_costs_no_address(world: World):
    """Misconfigured: the next channel is used, nobody is suspended, and somebody is told."""
    mia = make.caregiver("mia", "push", "sms", preferences=make.preferences(critical=("push",)))
    await world.family("fam-1", mia)
    world.channels["push"].fail_always("*", lambda: Misconfigured("401", "credentials refused"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    assert world.sql("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]
    assert world.log.named("channel_misconfigured")

    world.channels["push"].mend()
    await world.fast_forward(minutes=1)
    await world.update("Found it.")
    world.phone("mia").expect_push("Found it.")


async def test_one_moment_of_our_own_fault_costs_no_window(world: World):
    """Decision 5: what a reader lacks is tried again within the longest backoff."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    await world.fast_forward(minutes=28)
    world.channels["sms"].fail(make.own("mia", "sms").to, Misconfigured("401", "credentials refused"))
    await world.fast_forward(minutes=2, seconds=30)
    world.phone("mia").expect_sms("No news")
    assert world.states() == {"accepted": 2, "parked": 1}


async def test_a_message_that_waited_half_its_time_is_planned_anew(world: World):
    """R2: what it says must still be true when it leaves."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.outage("follow")
    await world.fast_forward(minutes=20)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    message = world.phone("mia").expect_sms("Follow")
    assert "12:30" not in message.text
    assert "superseded" in world.states()


async def test_newer_news_overtakes_what_still_waits(world: World):
    """R6: newest wins; the older one never leaves after it."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.outage("follow", message="First.")
    await world.update("Second.")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("Second.")
    world.phone("mia").expect_nothing()


async def test_a_worker_that_dies_with_a_batch_in_hand(world: World):
    """An expired lease is unknown, and sent again."""
    await world.family("fam-1", make.caregiver("mia", "sms"))

    async def dies(batch: object, lease: object, drain: object = None) -> int:
        return 0

    hand_over, world.sender.hand_over = world.sender.hand_over, dies  # type: ignore[method-assign]
    await world.outage("follow")
    world.sender.hand_over = hand_over  # type: ignore[method-assign]
    world.phone("mia").expect_nothing()
    await world.fast_forward(seconds=40)
    world.phone("mia").expect_sms("Follow")


async def test_one_nurse_of_many_families_is_told_once(world: World):
    """A shared address gets one message about all its families' services, and it counts for each."""
    nurse = make.caregiver("nurse", "sms")
    await world.family("fam-1", nurse, services=("follow",))
    await world.family("fam-2", nurse, services=("share", "follow"))
    await world.family("fam-3", nurse, services=("share",))

    await world.outage("follow", "share")
    world.phone("nurse").expect_sms("Follow", "Share")
    world.phone("nurse").expect_nothing()
    assert [row[0] for row in world.sql("SELECT told FROM watch")] == [1, 1, 1]

    await world.fast_forward(minutes=30)
    world.phone("nurse").expect_sms("No news")
    world.phone("nurse").expect_nothing()
    await world.resolve()
    world.phone("nurse").expect_sms("again")
    world.phone("nurse").expect_nothing()


async def test_a_family_without_any_address_is_named_not_forgotten(world: World):
    """R7: only `no_address` is owed nothing until it has one."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail_always(make.own("mia", "sms").to, lambda: Refused("21211"))
    await world.outage("follow")
    await world.fast_forward(hours=1)
    assert world.sql("SELECT rest, look_at FROM watch") == [("no_address", None)]

    await world.family("fam-1", make.caregiver("mia", "email"))
    await world.settle()
    world.phone("mia").expect_email("Follow")


async def test_an_address_is_told_though_the_family_that_verified_it_is_gone(world: World):
    """R17: what the first family's own document says of it is older than what the system knows."""
    number = "+14155550177"
    await world.family("fam-1", make.caregiver("mia", addresses=(make.address("sms", number, verified=False),)))
    verified = make.caregiver("mia", addresses=(make.address("sms", number),))
    await world.family("fam-2", verified, services=("share",))
    async with world.deps.store.transaction() as rows:
        assert await rows.delete_family(FamilyId("fam-2"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    assert world.sql("SELECT family_id, rest FROM watch") == [("fam-1", None)]


async def test_an_address_that_another_family_verifies_is_told_at_once(world: World):
    """R17: it is one address in the whole system, so everyone who has it can be told over it from now on."""
    number = "+14155550177"
    mia = make.caregiver("mia", addresses=(make.address("sms", number, verified=False),))
    await world.family("fam-1", mia)
    await world.outage("follow")
    assert world.sql("SELECT family_id, rest FROM watch") == [("fam-1", "no_address")]

    await world.fast_forward(minutes=5)
    verified = make.caregiver("mia", addresses=(make.address("sms", number),))
    await world.family("fam-2", verified, services=("share",))  # not touched itself
    await world.settle()
    world.phone("mia").expect_sms("Follow")
    await world.fast_forward(minutes=29)
    world.phone("mia").expect_nothing()


async def test_an_address_that_its_own_family_calls_not_verified_is_told_no_more(world: World):
    """R17: a document that is newer counts, also where it takes something back."""
    mia = make.caregiver("mia", "sms", "email")
    await world.family("fam-1", mia)
    sms, email = mia.addresses
    world.clock.advance(minutes=1)
    await world.family("fam-1", replace(mia, addresses=(replace(sms, verified=False), email)))
    await world.outage("follow")
    world.phone("mia").expect_email("Follow")
    assert world.sql("SELECT channel, verified, notable FROM address ORDER BY channel") == [
        ("email", 1, 0), ("sms", 0, 1)
    ]  # fmt: skip

    await world.family("fam-1", mia)
    await world.update("Found it.")
    world.phone("mia").expect_sms("Found it.")


async def test_an_address_that_another_family_verifies_stays_verified(world: World):
    """Until nobody does: the last of two who say so takes it back."""
    mia = make.caregiver("mia", "sms")
    unsure = replace(mia, addresses=(replace(mia.addresses[0], verified=False),))
    await world.family("fam-1", mia)
    await world.family("fam-2", mia, services=("share",))
    await world.family("fam-1", unsure)
    assert world.sql("SELECT verified FROM address") == [(1,)]
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    await world.family("fam-2", unsure, services=("share",))
    assert world.sql("SELECT verified FROM address") == [(0,)]
    assert world.sql("SELECT doc LIKE '%\"verified\":true%' FROM family") == [(0,), (0,)]


async def test_an_import_that_says_what_it_said_takes_no_verification_back(world: World):
    """The family that verified the number is gone; the other one never did, and says so again each night."""
    rosa = make.caregiver("rosa", "sms")
    unsaid = replace(rosa, addresses=tuple(replace(each, verified=False) for each in rosa.addresses))
    await world.family("fam-1", rosa)
    await world.family("fam-2", unsaid)
    await world.outage("follow")
    world.phone("rosa").forget()
    await delete_family(world.deps, FamilyId("fam-1"), who="test")
    await world.family("fam-2", unsaid)
    await world.resolve()
    world.phone("rosa").expect_sms("works again")


async def test_stop_counts_beside_a_document_that_cannot_be_read(world: World):
    rosa = make.caregiver("rosa", "sms")
    await world.family("fam-1", rosa)
    await world.family("fam-2", rosa)
    await world.outage("follow")
    world.phone("rosa").forget()
    world._looking.execute("UPDATE family SET doc='{' WHERE id='fam-2'")
    assert await world.replies("rosa", "STATUS")
    await world.replies("rosa", "STOP")
    assert world.sql("SELECT opted_out_at IS NOT NULL FROM address") == [(1,)]
    world.phone("rosa").forget()
