"""What happened: promised with the end, told once and softly to exactly those who were told the end (R11, R13)."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from alertd.domain.errors import Conflict, Invalid
from alertd.domain.incident import Reach
from alertd.domain.promises import Cause, Fate
from alertd.domain.receipt import Word
from alertd.ports import Later, Misconfigured, Refused, Report
from alertd.usecases.take_receipt import Receipts
from tests import make
from tests.make import address, caregiver, preferences
from tests.scenario.world import World

Town = Callable[..., World]
FRIDAY = make.NOON + timedelta(days=2, hours=5)  # 5 PM in Los Angeles
BY_SMS = preferences(critical=("sms",))


async def fates(world: World) -> Sequence[tuple[Fate, Cause | None, float | None]]:
    """What became of each promise to tell what happened."""
    kept = (await world.report()).promises
    return [(each.fate, each.cause, each.share) for each in kept if each.promise.explains]


def forget(world: World) -> None:
    """What was said until now is another story."""
    for phone in world.phones.values():
        phone.forget()


async def test_it_is_promised_with_the_end_and_told_softly_once(world: World):
    """In each reader's zone and language; on the first channel of theirs that can be silent, else as they like."""
    await world.family("fam-1", caregiver("mia", "sms", "push", "email"), caregiver("ana", "sms", locale="es"))
    await world.outage("follow")
    forget(world)
    await world.resolve("All servers run again.", postmortem_by=FRIDAY)
    for channel in ("sms", "push"):
        world.phone("mia").expect(channel, "works again", "We will write by Fri 5:00 PM what happened")
    world.phone("ana").expect_sms("Le escribiremos a mas tardar el vie a las 17:00")
    assert await fates(world) == [(Fate.OPEN, None, None)]

    await world.fast_forward(days=2)
    await world.postmortem({"en": "A queue filled up.", "es": "Una cola estaba llena."})
    world.phone("mia").expect_push(
        "What happened to Follow", "A queue filled up", "We write again if it comes back", loud=False
    )
    world.phone("ana").expect_sms("Qué ha ocurrido con Follow", "Una cola estaba llena")
    await world.fast_forward(days=1)
    assert world.sql("SELECT rest, look_at FROM watch") == [("closed", None)]
    assert await fates(world) == [(Fate.HUMAN, None, 1.0)]
    await world.fast_forward(days=30)
    with pytest.raises(Conflict, match="told what happened in incident 1 already, with update 3"):
        await world.postmortem()


async def test_who_was_not_told_the_end_is_not_told_what_happened(world: World):
    """Bo moved in when all was well; Lea had been told that she was not affected after all."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("lea", "sms"), services=("share",))
    await world.outage("follow", "share")
    await world.update("Share works.", remove_scope=(Reach("share"),))
    await world.resolve()
    await world.family("fam-3", caregiver("bo", "sms"))
    forget(world)
    await world.postmortem()
    world.phone("mia").expect_sms("What happened")


async def test_it_wakes_nobody_and_comes_while_they_are_awake_and_on_duty(world: World):
    """Not even softly at night, where the silence rule speaks softly: it has waited for days already."""
    nurse = caregiver("nina", "email", role="nurse", order=2, on_duty="mon-fri 08:00-15:00", preferences=BY_SMS)
    await world.family("fam-1", caregiver("mia", "sms", "email"), nurse)
    await world.outage("follow")
    await world.told_by_phone("fam-1")
    forget(world)
    await world.resolve()
    forget(world)
    await world.until_local("2026-11-04 23:30")
    await world.postmortem()
    await world.until_local("2026-11-05 06:29")
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-05 06:30")
    world.phone("mia").expect_email("What happened")
    await world.fast_forward(days=10)


async def test_a_nurse_reads_it_when_she_comes_on_duty(world: World):
    nurse = caregiver("nina", "sms", on_duty="mon-fri 08:00-15:00", preferences=BY_SMS)
    await world.family("fam-1", nurse)
    await world.outage("follow")
    await world.resolve()
    forget(world)
    await world.until_local("2026-11-06 16:00")
    await world.postmortem()
    await world.until_local("2026-11-09 07:59")
    world.phone("nina").expect_nothing()
    await world.until_local("2026-11-09 08:00")
    world.phone("nina").expect_sms("What happened")


async def test_what_waits_when_night_falls_goes_on_in_the_morning(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.resolve()
    forget(world)
    await world.until_local("2026-11-05 21:58")
    world.channels["sms"].fail_always("*", lambda: Later("20429"))
    await world.postmortem()
    await world.until_local("2026-11-05 22:10")
    world.channels["sms"].mend()
    await world.until_local("2026-11-06 06:29")
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-06 06:30")
    world.phone("mia").expect_sms("What happened")


async def test_who_still_waits_for_the_end_is_told_that_first(world: World):
    """Ana's end waits for the morning; Bea, who is awake, is told both: neither makes the other stale."""
    asleep = preferences(critical=("sms",), quiet_hours="20:00-06:30")
    awake = preferences(critical=("sms",), quiet_hours="00:00-00:30")
    await world.family(
        "fam-1", caregiver("ana", "sms", preferences=asleep), caregiver("bea", "sms", preferences=awake)
    )
    await world.until_local("2026-11-04 19:00")
    await world.outage("follow")
    await world.until_local("2026-11-04 20:10")
    forget(world)
    await world.resolve()
    world.phone("bea").expect_sms("works again")
    await world.until_local("2026-11-04 21:00")
    await world.postmortem()
    world.phone("bea").expect_sms("What happened")
    await world.until_local("2026-11-05 06:29")
    world.phone("ana").expect_nothing()
    await world.until_local("2026-11-05 06:35")
    world.phone("ana").expect_sms("works again")
    world.phone("ana").expect_sms("What happened")
    await world.fast_forward(days=10)


async def test_an_address_that_fails_hands_it_on_to_the_next(world: World):
    """Refused at once, taken back by the provider a minute later, or stopped by our own fault."""
    await world.family("fam-1", caregiver("mia", "sms", "push", "email"))
    await world.outage("follow")
    await world.resolve()
    forget(world)
    world.channels["push"].fail(make.own("mia", "push").to, Refused("UNREGISTERED"))
    world.channels["email"].fail_always("*", lambda: Misconfigured("535"))
    world.channels["sms"].has_callbacks = True
    await world.postmortem()
    message = world.phone("mia").expect_sms("What happened")
    world.channels["email"].mend()
    taken = [each.delivery for each in world.channels["sms"].accepted].index(message.delivery) + 1
    report = Report(message.delivery, message.attempt, Word.UNDELIVERED, f"sms-{taken}", "30003")
    await Receipts(world.deps).take("sms", report)
    await world.settle()
    await world.fast_forward(hours=3)
    world.phone("mia").expect_email("What happened")  # the only way left, and not before our fault has rested
    await world.fast_forward(days=10)


async def test_a_provider_that_is_down_for_weeks_does_not_send_it_then(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.resolve(postmortem_by=FRIDAY)
    forget(world)
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.postmortem()
    world.clock.set(FRIDAY)
    await world.settle()
    assert await fates(world) == [(Fate.MISSED, Cause.PROVIDER, 0.0)]
    world.clock.advance(days=14)
    world.channels["sms"].mend()
    await world.settle()
    await world.fast_forward(days=30)
    assert world.sql("SELECT rest, look_at FROM watch") == [("closed", None)]
    assert set(world.states()) == {"accepted", "superseded"}


async def test_a_mailbox_that_two_families_share_gets_it_once(world: World):
    nurse = caregiver("nina", preferences=BY_SMS, addresses=(address("sms", "+13035550142"),))
    await world.family("fam-1", nurse)
    await world.family("fam-2", nurse)
    await world.outage("follow")
    await world.resolve(postmortem_by=FRIDAY)
    forget(world)
    await world.fast_forward(days=1)
    await world.postmortem()
    world.phone("nina").expect_sms("What happened")
    await world.until(FRIDAY)
    assert (await world.report()).promises[0].telling.told == 2


async def test_a_promise_that_nobody_keeps_is_missed_and_is_told_late_all_the_same(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.resolve(postmortem_by=FRIDAY)
    forget(world)
    await world.until(FRIDAY)
    assert await fates(world) == [(Fate.MISSED, Cause.SILENCE, 0.0)]
    await world.fast_forward(hours=1)
    await world.postmortem()
    world.phone("mia").expect_sms("What happened")
    assert await fates(world) == [(Fate.MISSED, Cause.SILENCE, 0.0)]


async def test_who_sleeps_at_its_time_is_excused(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("bea", "sms", preferences=preferences(quiet_hours="16:00-20:00")))
    await world.outage("follow")
    await world.resolve(postmortem_by=FRIDAY)
    forget(world)
    await world.until(FRIDAY - timedelta(minutes=10))
    await world.postmortem()
    world.phone("mia").expect_sms("What happened")
    await world.until(FRIDAY)
    assert await fates(world) == [(Fate.HUMAN, None, 1.0)]
    await world.fast_forward(hours=4)
    world.phone("bea").expect_sms("What happened")


async def test_it_comes_back_before_it_could_be_explained(world: World):
    """The promise is withdrawn; the next end may promise anew, and what happened is told after that one."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.resolve(postmortem_by=FRIDAY)
    forget(world)
    await world.fast_forward(hours=3)
    await world.reopen("Readings stopped again.")
    world.phone("mia").expect_sms("down again")
    with pytest.raises(Conflict, match="is investigating: what happened is told once it is over"):
        await world.postmortem()
    await world.fast_forward(minutes=10)
    await world.resolve(postmortem_by=FRIDAY + timedelta(days=3))
    world.phone("mia").expect_sms("works again", "by Mon 5:00 PM")
    await world.fast_forward(days=3)
    await world.postmortem()
    world.phone("mia").expect_sms("What happened")
    await world.fast_forward(days=3)
    assert await fates(world) == [(Fate.WITHDRAWN, None, None), (Fate.HUMAN, None, 1.0)]


async def test_it_comes_back_after_it_was_explained(world: World):
    """The silence clock starts with the reopening, the explanation was no update missed, and the next end tells anew."""
    await world.family("fam-1", caregiver("mia", "sms"), caregiver("ana", "sms"))
    await world.outage("follow")
    await world.resolve(postmortem_by=FRIDAY)
    forget(world)
    world.channels["sms"].fail_always(make.own("ana", "sms").to, lambda: Later("20429"))
    await world.postmortem()
    world.phone("mia").expect_sms("What happened")
    await world.fast_forward(hours=2)
    await world.reopen()
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    for name in ("mia", "ana"):
        world.phone(name).expect_sms("down again")
        world.phone(name).expect_nothing()  # what happened is true no more: it does not come behind
    await world.fast_forward(minutes=28)
    for name in ("mia", "ana"):
        world.phone(name).expect_sms("No news")
    await world.resolve()
    for name in ("mia", "ana"):
        world.phone(name).expect_sms("works again", "We write again if it comes back")
    await world.postmortem("The same queue.")
    for name in ("mia", "ana"):
        world.phone(name).expect_sms("What happened", "The same queue.")
    assert await fates(world) == [(Fate.HUMAN, None, 1.0)]


async def test_only_what_was_resolved_and_told_can_be_explained(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    with pytest.raises(Conflict, match="alertd incident update 1"):
        await world.postmortem()
    with pytest.raises(Invalid, match="nothing to explain"):
        await world.update(state="cancelled", postmortem_by=FRIDAY)
    await world.cancel()
    with pytest.raises(Conflict, match="was a false alarm"):
        await world.postmortem()
    await world.outage("follow", exercise=True)
    with pytest.raises(Invalid, match="an exercise promises nothing"):
        await world.resolve(number=2, postmortem_by=FRIDAY)
    await world.resolve(number=2)
    with pytest.raises(Conflict, match="was an exercise"):
        await world.postmortem(number=2)
    forget(world)


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (make.NOON, "lies in the past"),
        (datetime(2026, 12, 5, tzinfo=UTC), "at most 30d from now"),
    ],
)
async def test_a_moment_that_cannot_be_promised(world: World, at: datetime, says: str):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    with pytest.raises(Invalid, match=says) as error:
        await world.resolve(postmortem_by=at)
    assert error.value.field == "postmortem_by"
    await world.resolve(postmortem_by=make.NOON + timedelta(days=30))
    forget(world)


async def test_it_says_something(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.resolve()
    forget(world)
    with pytest.raises(Invalid, match="say what happened, and what you change"):
        await world.postmortem(" ")


async def test_a_return_that_was_none_leaves_the_promise_as_it_was(world: World):
    """It had not come back: the cause that was found is the whole cause, and families wait for what was promised."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=20)
    await world.resolve(postmortem_by=FRIDAY)
    await world.family("fam-2", caregiver("eva", "sms"))
    await world.fast_forward(minutes=20)
    await world.reopen()
    await world.fast_forward(minutes=10)
    await world.cancel()
    forget(world)
    assert [fate for fate, _, _ in await fates(world)] == [Fate.OPEN]
    await world.until(FRIDAY - timedelta(hours=1))
    await world.postmortem("A queue filled up.")
    world.phone("mia").expect_sms("A queue filled up.", "12:00", "12:20 PM")
    await world.until(FRIDAY + timedelta(hours=1))
    world.phone("eva").expect_nothing()  # she heard of the false return alone
    assert [fate for fate, _, _ in await fates(world)] == [Fate.HUMAN]
    with pytest.raises(Conflict, match="already"):
        await world.postmortem("Once more.")
