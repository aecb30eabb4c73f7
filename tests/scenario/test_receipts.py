"""R5: what a provider says later. Taken is not received, and what was taken back is told over another way."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from alertd.domain.receipt import Word
from alertd.ports import Callback, Forged, Later, Message, Receipt, Report, Unknown
from alertd.usecases.take_receipt import Receipts
from tests import make
from tests.fakes import FakeChannel, ReportingChannel
from tests.scenario.world import World

NUMBER = make.own("mia", "sms").to


@pytest.fixture(autouse=True)
def reports(world: World) -> FakeChannel:
    """Twilio tells what becomes of an SMS."""
    sms = world.channels["sms"]
    sms.has_callbacks = True
    return sms


def by_sms(*others: str) -> Any:
    """Mia wants SMS when it is critical; she has these addresses too."""
    return make.caregiver("mia", "sms", *others, preferences=make.preferences(critical=("sms",)))


async def says(world: World, message: Message, word: Word, code: str | None = None, **more: Any) -> None:
    """Twilio reports on a message that it took."""
    taken = [each.delivery for each in world.channels["sms"].accepted].index(message.delivery) + 1
    report = Report(message.delivery, message.attempt, word, f"sms-{taken}", code, **more)
    await Receipts(world.deps).take("sms", report)
    await world.settle()


async def says_of_try(world: World, attempt: int, word: Word, sid: str = "sms-lost") -> None:
    """Twilio reports on a try whose answer was lost, of the only delivery there is."""
    [(which,)] = world.sql("SELECT id FROM delivery")
    await Receipts(world.deps).take("sms", Report(UUID(which), attempt, word, sid))
    await world.settle()


async def test_delivered_is_the_end_of_it(world: World):
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    await says(world, message, Word.ACCEPTED)
    await says(world, message, Word.DELIVERED)
    assert world.states() == {"delivered": 1}
    assert world.sql("SELECT reader FROM delivery") == [(None,)]
    await world.fast_forward(minutes=28)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("No news")


async def test_undelivered_takes_it_back_and_the_next_way_is_used_at_once(world: World):
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow", "12:30")
    await world.fast_forward(minutes=5)
    await says(world, message, Word.UNDELIVERED, "30003")

    world.phone("mia").expect_email("Follow", "12:35")
    assert world.sql("SELECT told, heard_at - planned_at FROM watch JOIN delivery USING (family_id) WHERE channel='email'") == [(1, 0)]  # fmt: skip
    assert world.sql("SELECT outcome, code FROM attempt") == [("undelivered", "30003")]
    assert world.sql("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_sms("No news")  # the phone may be on again
    world.phone("mia").expect_nothing()


async def test_a_promise_that_nobody_read_does_not_bind(world: World):
    """She was promised 12:30, and 12:50 by news that never reached her: so by 12:30 she hears."""
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    first = world.phone("mia").expect_sms("12:30")
    await says(world, first, Word.DELIVERED)
    await world.fast_forward(minutes=20)
    await world.update("Found it.")
    second = world.phone("mia").expect_sms("Found it.", "12:50")
    [(promised,)] = world.sql("SELECT next_by FROM watch")
    await world.fast_forward(minutes=2)
    await says(world, second, Word.UNDELIVERED, "30003")
    [(now_promised,)] = world.sql("SELECT next_by FROM watch")
    assert promised - now_promised == 20 * 60_000_000

    await world.fast_forward(minutes=8)
    world.phone("mia").expect_sms("Found it.")
    world.phone("mia").expect_nothing()


async def test_the_only_way_is_tried_again_and_then_once_a_window(world: World):
    """Decision 5, from the deadline on: not at every word of a phone that is off."""
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    first = world.phone("mia").expect_sms("Follow")
    await world.fast_forward(minutes=20)  # first_notice has passed long ago
    await says(world, first, Word.UNDELIVERED, "30003")
    second = world.phone("mia").expect_sms("Follow")
    await says(world, second, Word.UNDELIVERED, "30003")
    await world.fast_forward(minutes=29)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("Follow")
    await world.fast_forward(minutes=1)
    world.phone("mia").expect_nothing()


async def test_the_other_parent_is_told_nothing_twice(world: World):
    """What one lost concerns one: the family has heard, and its clock stands."""
    bob = make.caregiver("bob", "sms", order=2, preferences=make.preferences(critical=("sms",)))
    await world.family("fam-1", by_sms("email"), bob)
    await world.outage("follow")
    lost = world.phone("mia").expect_sms("Follow")
    world.phone("bob").expect_sms("Follow", "12:30")
    await world.fast_forward(minutes=3)
    await says(world, lost, Word.UNDELIVERED, "30003")
    world.phone("mia").expect_email("Follow", "12:30")  # a repeat says what the family knows (R4)
    world.phone("bob").expect_nothing()


async def test_late_truth(world: World):
    """Undelivered, told by e-mail, and delivered after all: both count, and the earlier promise binds."""
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("12:30")
    await world.fast_forward(minutes=5)
    await says(world, message, Word.UNDELIVERED, "30003")
    world.phone("mia").expect_email("12:35")
    await world.fast_forward(minutes=5)
    await says(world, message, Word.DELIVERED)
    assert world.states() == {"accepted": 1, "delivered": 1}
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=20)
    world.phone("mia").expect_sms("No news")
    world.phone("mia").expect_nothing()


async def test_doubled_and_reversed(world: World):
    """`sent` after `delivered`, each of them twice, and a late doubt of an older node."""
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    before = world.sql("SELECT heard_at, told, next_by, look_at, version FROM watch")
    for word in (Word.DELIVERED, Word.DELIVERED, Word.ACCEPTED, Word.ACCEPTED, Word.UNDELIVERED):
        await says(world, message, word, "30003" if word is Word.UNDELIVERED else None)
    assert world.states() == {"delivered": 1}
    assert world.sql("SELECT heard_at, told, next_by, look_at, version FROM watch") == before
    assert world.sql("SELECT count(*) FROM attempt") == [(0,)]


async def test_undelivered_twice_is_told_otherwise_once(world: World):
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    for _ in range(2):
        await says(world, message, Word.UNDELIVERED, "30003")
    world.phone("mia").expect_email("Follow")
    assert world.sql("SELECT count(*) FROM attempt") == [(1,)]


async def test_a_dead_number_is_used_no_more_by_any_family(world: World):
    """30005: Twilio took it, and the carrier knows no such number."""
    number = make.address("sms", NUMBER)
    critical = make.preferences(critical=("sms",))
    for name in ("fam-1", "fam-2"):
        person = name.replace("fam-", "mia")
        email = make.address("email", f"{person}@example.org")
        await world.family(name, make.caregiver(person, addresses=(number, email), preferences=critical))
    await world.outage("follow")
    message = world.phone("mia2").expect_sms("Follow")
    await says(world, message, Word.REFUSED, "30005")
    world.phone("mia1").expect_email("Follow")
    world.phone("mia2").expect_email("Follow")
    assert world.sql("SELECT suspended_code FROM address WHERE suspended_at IS NOT NULL") == [("30005",)]
    await world.update("Found it.")
    world.phone("mia1").expect_email("Found it.")
    world.phone("mia2").expect_email("Found it.")
    assert world.channels["sms"].attempts == 1


async def test_whoever_said_stop_is_not_written_to_again(world: World):
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    await says(world, message, Word.REFUSED, "21610", opted_out=True)
    assert world.sql("SELECT rest FROM watch") == [("opted_out",)]
    await world.fast_forward(hours=2)
    world.phone("mia").expect_nothing()


async def test_an_unknown_outcome_is_settled_by_a_receipt(world: World):
    """The answer was lost, the message was not: it is not sent again."""
    await world.family("fam-1", by_sms())
    world.channels["sms"].fail(NUMBER, Unknown("timeout"))
    await world.outage("follow")
    assert world.states() == {"unknown": 1}
    await world.fast_forward(seconds=10)
    await says_of_try(world, 1, Word.ACCEPTED)
    assert world.states() == {"accepted": 1}
    assert world.sql("SELECT told, heard_at IS NOT NULL FROM watch") == [(1, 1)]
    await world.fast_forward(minutes=20)
    assert world.channels["sms"].attempts == 1


async def test_an_unknown_outcome_of_which_nothing_is_heard_is_sent_again(world: World):
    """After 20 s, as it is critical: better twice than never."""
    await world.family("fam-1", by_sms())
    world.channels["sms"].fail(NUMBER, Unknown("timeout"))
    await world.outage("follow")
    await world.fast_forward(seconds=19)
    world.phone("mia").expect_nothing()
    await world.fast_forward(seconds=2)
    world.phone("mia").expect_sms("Follow")


async def test_a_receipt_that_comes_after_the_wait_is_not_too_late(world: World):
    """The second try met a busy provider and waits for its third, which nobody needs any more."""
    await world.family("fam-1", by_sms())
    world.channels["sms"].fail(NUMBER, Unknown("timeout"), *[Later("20429")] * 9)
    await world.outage("follow")
    await world.fast_forward(seconds=21)
    assert world.states() == {"pending": 1}
    await says_of_try(world, 1, Word.DELIVERED)
    assert world.states() == {"delivered": 1}
    world.channels["sms"].mend()
    attempts = world.channels["sms"].attempts
    await world.fast_forward(minutes=20)
    assert world.channels["sms"].attempts == attempts
    world.phone("mia").expect_nothing()


class Hasty(FakeChannel):
    """The receipt is here before the answer to our request is."""

    def __init__(self, receipt: Callable[[Message, Receipt], Awaitable[None]]) -> None:
        super().__init__("sms", has_callbacks=True)
        self._receipt = receipt

    async def send(self, message: Message) -> Receipt:
        taken = await super().send(message)
        await self._receipt(message, taken)
        return taken


@pytest.mark.parametrize(
    ("word", "code", "ours"),
    [(Word.DELIVERED, None, False), (Word.UNDELIVERED, "30003", False), (Word.UNDELIVERED, "30034", True)],
)
async def test_a_receipt_before_our_own_commit(world: World, word: Word, code: str | None, ours: bool):
    """It is neither lost nor undone, and no lease counts as lost for it."""
    await world.family("fam-1", by_sms("email"))

    async def receipt(message: Message, taken: Receipt) -> None:
        report = Report(message.delivery, message.attempt, word, taken.provider_id, code, ours=ours)
        await Receipts(world.deps).take("sms", report)

    world.channels["sms"] = Hasty(receipt)
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    if word.good:
        assert world.states() == {"delivered": 1}
        assert world.sql("SELECT told FROM watch") == [(1,)]
    else:
        world.phone("mia").expect_email("Follow")
        assert world.states() == {"parked" if ours else "undelivered": 1, "accepted": 1}
        assert world.sql("SELECT count(*) FROM watch JOIN delivery d ON d.accepted_at = heard_at WHERE d.channel = 'email'") == [(1,)]  # fmt: skip
    assert world.log.named("leases_lost") == []


# --- our own fault ------------------------------------------------------------------------------------


async def test_what_our_own_fault_stopped_is_told_over_the_next_way_at_once(world: World):
    """30034: our sender is not registered. The number is as good as before, and e-mail is there."""
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow", "12:30")
    await world.fast_forward(seconds=5)
    for _ in range(2):
        await says(world, message, Word.UNDELIVERED, "30034", ours=True)

    world.phone("mia").expect_email("Follow", "12:30")
    assert world.states() == {"parked": 1, "accepted": 1}
    assert world.sql("SELECT outcome, code FROM attempt") == [("parked", "misconfigured: 30034")]
    assert world.sql("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]
    [told] = world.log.named("not_delivered")
    assert (told["state"], told["code"]) == ("parked", "misconfigured: 30034")
    await world.fast_forward(seconds=54)
    world.phone("mia").expect_nothing()
    await world.fast_forward(seconds=1)
    world.phone("mia").expect_sms("Follow")  # e-mail wakes nobody: what does is tried again after a backoff


async def test_what_will_pass_is_tried_again_and_nobody_is_told_to_mend_it(world: World):
    """30500, an error inside Twilio: the phone and our account are well; what is really ours is told all the same."""
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow", "12:30")
    await says(world, message, Word.UNDELIVERED, "30500", ours=True, passing=True)
    assert world.sql("SELECT outcome, code FROM attempt") == [("parked", "30500")]
    assert world.log.named("channel_misconfigured") == []
    assert world.sql("SELECT count(*) FROM trouble") == [(0,)]
    await world.fast_forward(seconds=61)
    message = world.phone("mia").expect_sms("Follow")
    await says(world, message, Word.UNDELIVERED, "30034", ours=True)
    assert world.sql("SELECT subject FROM trouble") == [("channel sms",)]


@pytest.mark.parametrize(("severity", "seconds"), [("critical", 60), ("major", 300)])
async def test_the_only_way_is_tried_again_after_a_backoff_until_our_fault_is_mended(
    world: World, severity: str, seconds: int
):
    """Decision 5: not once a window, and no number is used up by it."""
    wanted = make.preferences(critical=("sms",), major=("sms",))
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=wanted))
    await world.outage("follow", severity=severity)
    for _ in range(3):
        message = world.phone("mia").expect_sms("Follow")
        await world.fast_forward(seconds=2)
        await says(world, message, Word.UNDELIVERED, "30007", ours=True)
        assert world.sql("SELECT told, heard_at FROM watch") == [(0, None)]
        await world.fast_forward(seconds=seconds - 3)
        world.phone("mia").expect_nothing()
        await world.fast_forward(seconds=1)
    message = world.phone("mia").expect_sms("Follow")
    await says(world, message, Word.DELIVERED)
    assert world.states() == {"parked": 3, "delivered": 1}
    assert {row[0] for row in world.sql("SELECT update_no FROM delivery")} == {1}
    await world.fast_forward(minutes=20)
    world.phone("mia").expect_nothing()


async def test_an_all_clear_that_our_own_fault_stopped_is_told_again(world: World):
    """R11, also if the watch was closed by then."""
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    await world.resolve("Fixed.")
    end = world.phone("mia").expect_sms("again")
    await world.fast_forward(minutes=10)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]
    await says(world, end, Word.UNDELIVERED, "30007", ours=True)
    world.phone("mia").expect_sms("again")
    await world.fast_forward(minutes=10)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]


async def test_what_arrived_although_it_was_given_up_is_remembered_for_the_all_clear(world: World):
    """Its place is taken by then: better twice than never."""
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    await says(world, message, Word.UNDELIVERED, "30007", ours=True)
    await says(world, message, Word.DELIVERED)
    assert world.sql("SELECT state, maybe FROM delivery") == [("parked", 1)]
    await world.resolve("Fixed.")
    world.phone("mia").expect_sms("again")


async def test_a_forged_receipt_changes_nothing_and_is_noted(world: World):
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")

    def forged(callback: Callback) -> Report | None:
        raise Forged("it is not signed")

    world.deps.channels["sms"] = ReportingChannel("sms", "twilio", forged)  # type: ignore[index]
    query = f"attempt={message.attempt_id}"
    with pytest.raises(Forged):
        await Receipts(world.deps).take_callback("twilio", Callback(query, {}, f"To={NUMBER}".encode()))
    await world.settle()
    assert world.states() == {"accepted": 1}
    [noted] = world.log.named("callback_forged")
    assert noted == {"provider": "twilio", "why": "it is not signed"}


async def test_the_nurse_of_many_families(world: World):
    """Her message served them all; where it came to nothing, each of them is told otherwise."""
    nurse = make.caregiver("nurse", "sms", "email", preferences=make.preferences(critical=("sms",)))
    for number in (1, 2, 3):
        await world.family(f"fam-{number}", nurse)
    await world.outage("follow")
    message = world.phone("nurse").expect_sms("Follow")
    await says(world, message, Word.UNDELIVERED, "30003")
    world.phone("nurse").expect_email("Follow")
    world.phone("nurse").expect_nothing()
    assert [row[0] for row in world.sql("SELECT told FROM watch")] == [1, 1, 1]


async def test_an_all_clear_that_came_to_nothing_is_told_otherwise(world: World):
    """R11: who heard of the start hears of the end, also if the watch was closed by then."""
    await world.family("fam-1", by_sms("email"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    await world.resolve("Fixed.")
    end = world.phone("mia").expect_sms("again")
    await world.fast_forward(minutes=10)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]
    await says(world, end, Word.UNDELIVERED, "30003")
    world.phone("mia").expect_email("again")
    await world.fast_forward(minutes=10)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]


@pytest.mark.parametrize(("code", "ours"), [("30003", False), ("30007", True)])
async def test_who_got_the_start_after_all_is_told_of_the_end_also_when_all_was_closed(
    world: World, code: str, ours: bool
):
    """R11: the provider had called it lost, and corrects itself after the end."""
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    await says(world, message, Word.UNDELIVERED, code, ours=ours)
    await world.resolve("Fixed.")
    await world.fast_forward(minutes=1)
    world.phone("mia").expect_nothing()
    assert world.sql("SELECT rest FROM watch") == [("closed",)]

    await says(world, message, Word.DELIVERED)
    await world.fast_forward(minutes=10)
    end = world.phone("mia").expect_sms("again")
    assert world.sql("SELECT rest FROM watch") == [("closed",)]
    await says(world, end, Word.DELIVERED)
    await world.fast_forward(hours=1)


async def test_who_lost_the_start_is_not_told_of_the_end(world: World):
    """R11: nobody is told that something works again of which they never heard."""
    await world.family("fam-1", by_sms())
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    await says(world, message, Word.UNDELIVERED, "30003")
    await world.resolve("Fixed.")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_nothing()


async def test_the_floor_holds_when_the_sms_comes_to_nothing(world: World):
    """R12: she was told by push too, which does not wake: another number that does is used."""
    second = make.own("mia", "sms", 1)
    first = make.own("mia", "sms")
    mia = make.caregiver("mia", addresses=(make.own("mia", "push"), first, second))
    await world.family("fam-1", mia)
    await world.outage("follow")
    world.phone("mia").expect_push("Follow")
    lost = world.phone("mia").expect_sms("Follow")
    world.phone("mia").forget()
    await says(world, lost, Word.UNDELIVERED, "30003")
    assert {m.to for m in world.channels["sms"].accepted} == {first.to, second.to}
    world.phone("mia").forget()
