"""R8: what a provider says later of a page by SMS. Taken is not received, and then somebody else must know."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from alertd.domain.event import EventStatus, Told
from alertd.domain.receipt import Word
from alertd.ports import Message, Receipt, Report, Unknown
from alertd.usecases.take_machine_events import take_machine_events
from alertd.usecases.take_receipt import Receipts
from tests import make
from tests.fakes import FakeChannel
from tests.scenario.on_call import TO, OnCallWorld, policy


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """Noon in Los Angeles, which is 20:00 UTC; the owner has a phone, and Twilio tells what becomes of an SMS."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    made.pagers["sms"].has_callbacks = True
    yield made
    await made.close()


async def says(world: OnCallWorld, message: Message, word: Word, code: str | None = None, **more: bool) -> None:
    """Twilio reports on a page that it took."""
    taken = [each.attempt_id for each in world.pagers["sms"].accepted].index(message.attempt_id) + 1
    await says_of(world, message.delivery, message.attempt, word, f"sms-{taken}", code, **more)


async def says_of(
    world: OnCallWorld, which: UUID, attempt: int, word: Word, sid: str, code: str | None = None, **more: bool
) -> None:
    """Twilio reports on a try, whatever came of it here."""
    await Receipts(world.deps).take("sms", Report(which, attempt, word, sid, code, **more))
    await world.settle()


def states(world: OnCallWorld) -> dict[str, str]:
    """What became of the newest nudge or page of each responder."""
    return dict(world.sql("SELECT who, state FROM page ORDER BY planned_at, id"))


def only_page(world: OnCallWorld) -> UUID:
    """The only page that there is."""
    [(which,)] = world.sql("SELECT id FROM page")
    return UUID(which)


@pytest.mark.parametrize(
    ("word", "code", "ours", "state", "kept"),
    [
        (Word.UNDELIVERED, "30003", False, "undelivered", "30003"),  # the phone is off
        (Word.REFUSED, "30005", False, "refused", "30005"),  # there is no such number
        (Word.UNDELIVERED, "30034", True, "parked", "misconfigured: 30034"),  # our sender is not registered
    ],
)
async def test_at_three_in_the_morning_the_page_comes_to_nothing_and_the_next_one_is_paged(
    world: OnCallWorld, word: Word, code: str, ours: bool, state: str, kept: str
):
    """Twilio takes the owner's page, and gives it up a minute later."""
    await world.machine_opens()
    lost = world.on_call("owner").expect_page("was opened by a machine")
    await world.fast_forward(minutes=1)
    await says(world, lost, Word.ACCEPTED)
    world.on_call("lead").expect_nothing()
    await says(world, lost, word, code, ours=ours)

    world.on_call("lead").expect_page("was opened by a machine")
    assert states(world) == {"owner": state, "lead": "accepted"}
    assert world.sql("SELECT code FROM page WHERE who = 'owner'") == [(kept,)]
    [told] = world.log.named("page_not_delivered")
    assert told == {"incident": 1, "who": "owner", "state": state, "code": kept, "attempt": 1}
    assert world.log.named("callback_unknown") == []
    await world.fast_forward(minutes=17)
    await world.cancel()


async def test_what_reached_the_phone_stays_so(world: OnCallWorld):
    """Doubled and reordered words, and a late doubt of an older node, tell nobody else."""
    await world.machine_opens()
    page = world.on_call("owner").expect_page()
    for word in (Word.ACCEPTED, Word.DELIVERED, Word.DELIVERED, Word.ACCEPTED, Word.UNDELIVERED, Word.REFUSED):
        await says(world, page, word, None if word.good else "30003")
    assert states(world) == {"owner": "delivered"}
    assert not await world.unreachable()
    await world.fast_forward(minutes=18)
    await world.cancel()


async def test_a_bad_word_that_comes_twice_pages_the_next_one_once(world: OnCallWorld):
    await world.machine_opens()
    lost = world.on_call("owner").expect_page()
    for _ in range(3):
        await says(world, lost, Word.UNDELIVERED, "30003")
    world.on_call("lead").expect_page("was opened by a machine")
    world.on_call("lead").expect_nothing()
    assert len(world.log.named("page_not_delivered")) == 1
    await world.cancel()


async def test_late_truth(world: OnCallWorld):
    """It arrived after all: two people know, and that is that."""
    await world.machine_opens()
    page = world.on_call("owner").expect_page()
    await says(world, page, Word.UNDELIVERED, "30003")
    world.on_call("lead").expect_page()
    await says(world, page, Word.DELIVERED)
    assert states(world) == {"owner": "delivered", "lead": "accepted"}
    await world.cancel()


async def test_of_the_ladder_of_an_update_that_is_due_too(world: OnCallWorld):
    """The owner's page before the deadline is lost: the lead is paged then, not ten minutes after it."""
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    await world.fast_forward(minutes=20)
    nudge = world.on_call("owner").expect_nudge("20:30 UTC")
    await says(world, nudge, Word.DELIVERED)
    await world.fast_forward(minutes=10)
    world.phone("mia").forget()
    lost = world.on_call("owner").expect_page("20:30 UTC")
    await says(world, lost, Word.UNDELIVERED, "30003")
    world.on_call("lead").expect_page("20:30 UTC")
    await world.fast_forward(minutes=10)
    world.on_call("lead").expect_nothing()  # that was their step
    world.phone("mia").forget()
    await world.resolve()
    world.phone("mia").forget()


async def test_when_somebody_has_published_meanwhile_nobody_else_is_told(world: OnCallWorld):
    await world.machine_opens()
    lost = world.on_call("owner").expect_page()
    await world.update("We know of it and are working on it.")
    await says(world, lost, Word.UNDELIVERED, "30003")
    await world.fast_forward(minutes=18)
    await world.cancel()
    await says(world, lost, Word.DELIVERED)
    await says(world, lost, Word.UNDELIVERED, "30003")
    await world.fast_forward(hours=1)


async def test_when_all_pages_come_to_nothing_the_ping_is_withheld_and_all_are_tried_again(world: OnCallWorld):
    world.known |= dict.fromkeys(world.known, TO["owner"])  # three roles, one phone
    await world.machine_opens()
    for _ in range(3):
        assert not await world.unreachable()
        lost = world.on_call("owner").expect_page("was opened by a machine")
        await says(world, lost, Word.UNDELIVERED, "30003")
    world.on_call("owner").expect_nothing()
    assert await world.unreachable()
    await world.fast_forward(minutes=10)
    page = world.on_call("owner").expect_page("was opened by a machine")
    await says(world, page, Word.DELIVERED)
    assert not await world.unreachable()
    await world.cancel()


# --- before our own word, and instead of it ---------------------------------------------------------


class Hasty(FakeChannel):
    """The receipt is here before the answer to our request is."""

    def __init__(self, receipt: Callable[[Message, Receipt], Awaitable[None]]) -> None:
        super().__init__("sms", has_callbacks=True)
        self._receipt = receipt

    async def send(self, message: Message) -> Receipt:
        taken = await super().send(message)
        await self._receipt(message, taken)
        return taken


@pytest.mark.parametrize("word", [Word.ACCEPTED, Word.DELIVERED, Word.UNDELIVERED, Word.REFUSED])
async def test_a_receipt_before_our_own_commit(world: OnCallWorld, word: Word):
    """It is neither lost nor undone, and no lease counts as lost for it."""

    async def receipt(message: Message, taken: Receipt) -> None:
        code = None if word.good else "30003"
        report = Report(message.delivery, message.attempt, word, taken.provider_id, code)
        await Receipts(world.deps).take("sms", report)

    world.pagers["sms"] = Hasty(receipt)
    await world.machine_opens()
    world.on_call("owner").expect_page("was opened by a machine")
    assert states(world)["owner"] == word.value
    if not word.good:
        world.on_call("lead").expect_page("was opened by a machine")
    assert world.log.named("leases_lost") == []
    await world.cancel()


@pytest.mark.parametrize("word", [Word.ACCEPTED, Word.DELIVERED])
async def test_an_unknown_outcome_is_settled_by_a_good_word_and_not_sent_again(world: OnCallWorld, word: Word):
    world.pagers["sms"].fail(TO["owner"].to, Unknown("timeout"))
    await world.machine_opens()
    assert states(world) == {"owner": "unknown"}
    await says_of(world, only_page(world), 1, word, "sms-lost")
    assert states(world) == {"owner": word.value}
    assert world.sql("SELECT accepted_at IS NOT NULL, code FROM page") == [(1, None)]
    await world.fast_forward(minutes=9)
    assert world.pagers["sms"].attempts == 1
    await world.cancel()


async def test_an_unknown_outcome_is_settled_by_a_bad_word_too(world: OnCallWorld):
    """It is not tried a second time before somebody else is told."""
    world.pagers["sms"].fail(TO["owner"].to, Unknown("timeout"))
    await world.machine_opens()
    await says_of(world, only_page(world), 1, Word.UNDELIVERED, "sms-lost", "30003")
    assert states(world) == {"owner": "undelivered", "lead": "accepted"}
    world.on_call("lead").expect_page("was opened by a machine")
    await world.fast_forward(minutes=9)
    assert world.pagers["sms"].attempts == 1
    await world.cancel()


async def test_of_two_messages_only_the_one_counts_that_the_page_stands_on(world: OnCallWorld):
    """The first answer was lost and it went again; that the first came to nothing takes nothing back."""
    world.pagers["sms"].fail(TO["owner"].to, Unknown("timeout"))
    await world.machine_opens()
    await world.fast_forward(seconds=10)
    second = world.on_call("owner").expect_page()
    assert second.attempt == 2
    await says_of(world, second.delivery, 1, Word.UNDELIVERED, "sms-lost", "30003")
    assert states(world) == {"owner": "accepted"}
    await says(world, second, Word.UNDELIVERED, "30003")
    assert states(world) == {"owner": "undelivered", "lead": "accepted"}
    world.on_call("lead").expect_page()
    await says_of(world, second.delivery, 1, Word.DELIVERED, "sms-lost")  # the first is there after all
    assert states(world)["owner"] == "delivered"
    await world.cancel()


# --- what is none of ours ---------------------------------------------------------------------------


async def test_what_alertd_does_not_know_changes_nothing(world: OnCallWorld):
    """A try that never was, a page of nobody's: noted, and that is all."""
    await world.machine_opens()
    page = world.on_call("owner").expect_page()
    before = world.sql("SELECT * FROM page")
    await says_of(world, page.delivery, 2, Word.UNDELIVERED, "sms-1", "30003")
    await says_of(world, page.delivery, 0, Word.UNDELIVERED, "sms-1", "30003")
    await says_of(world, uuid4(), 1, Word.UNDELIVERED, "sms-1", "30003")
    await says_of(world, uuid4(), 1, Word.UNDELIVERED, "sms-1", "30034", ours=True)
    assert world.sql("SELECT * FROM page") == before
    assert len(world.log.named("callback_unknown")) == 3
    assert world.log.named("channel_misconfigured") == []
    await world.fast_forward(minutes=9)
    await world.cancel()


@pytest.mark.parametrize("word", Word)
async def test_the_word_on_a_nudge_of_ignored_events_changes_nothing(world: OnCallWorld, word: Word):
    """It carries the id of an event: there is no page, and no incident, that it could be about."""
    alert = Told(
        "DiskFull 1", "DiskFull", EventStatus.FIRING, "DiskFull", bytes(32), "{}", None, "no label service"
    )
    await take_machine_events(world.deps, "prober", [alert])
    await world.settle()
    nudge = world.on_call("owner").expect_nudge("opened no incident")
    acts = world.sql("SELECT * FROM act")
    events = world.sql("SELECT * FROM outage_event")
    await says(world, nudge, word, None if word.good else "30034", ours=word is Word.UNDELIVERED)
    assert (world.sql("SELECT * FROM act"), world.sql("SELECT * FROM outage_event")) == (acts, events)
    assert world.sql("SELECT count(*) FROM page") == [(0,)]
    assert len(world.log.named("callback_unknown")) == 1
    await world.fast_forward(hours=1)


# --- what is ours to mend ---------------------------------------------------------------------------


async def test_a_channel_that_our_own_fault_stops_pages_the_owner_once_for_each_incident(world: OnCallWorld):
    """Nine families, an e-mail each, and SMS that are filtered: they are told, and somebody hears why."""
    only_sms = make.preferences(critical=("sms",))
    for number in range(9):
        await world.family(f"fam-{number}", make.caregiver(f"mia{number}", "sms", "email", preferences=only_sms))
    await world.outage("follow")
    receipts = Receipts(world.deps)
    for n, message in enumerate(list(world.channels["sms"].accepted), start=1):
        report = Report(message.delivery, 1, Word.UNDELIVERED, f"sms-{n}", "30007", ours=True)
        await receipts.take("sms", report)
        await Receipts(world.deps).take("sms", report)  # doubled, in another process
    await world.settle()
    world.on_call("owner").expect_page("channel sms fails in incident 1", "misconfigured: 30007", "alertd doctor")
    for number in range(9):
        world.phone(f"mia{number}").expect_sms("Follow")
        world.phone(f"mia{number}").expect_email("Follow")
    assert world.sql("SELECT subject, code FROM trouble") == [("channel sms", "misconfigured: 30007")]
    await world.restart()
    await world.fast_forward(minutes=1)
    again = world.channels["sms"].accepted[-1]
    sid = f"sms-{len(world.channels['sms'].accepted)}"
    await Receipts(world.deps).take("sms", Report(again.delivery, 1, Word.UNDELIVERED, sid, "30034", ours=True))
    await world.settle()
    world.on_call("owner").expect_nothing()
    await world.resolve()
    for number in range(9):
        world.phone(f"mia{number}").forget()
    world.on_call("owner").expect_nothing()


async def test_an_all_clear_that_our_own_fault_stops_pages_the_owner_after_the_end(world: OnCallWorld):
    """Nobody else would know that a family believes for ever that it is down."""
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=make.preferences(critical=("sms",))))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    end = world.channels["sms"].accepted[-1]
    sid = f"sms-{len(world.channels['sms'].accepted)}"
    await Receipts(world.deps).take("sms", Report(end.delivery, 1, Word.UNDELIVERED, sid, "30007", ours=True))
    await world.settle()
    world.on_call("owner").expect_page("channel sms fails in incident 1", "misconfigured: 30007")
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("works again")


async def test_a_page_that_our_own_fault_stopped_says_nothing_of_families(world: OnCallWorld):
    """The next step is due at once, and that is all: no family has been kept from anything."""
    await world.machine_opens()
    lost = world.on_call("owner").expect_page()
    await says(world, lost, Word.UNDELIVERED, "30007", ours=True)
    world.on_call("lead").expect_page("was opened by a machine")
    assert world.sql("SELECT * FROM trouble") == []
    await world.cancel()


async def test_what_is_only_somebody_elses_fault_pages_nobody(world: OnCallWorld):
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=make.preferences(critical=("sms",))))
    await world.outage("follow")
    message = world.phone("mia").expect_sms("Follow")
    await Receipts(world.deps).take("sms", Report(message.delivery, 1, Word.UNDELIVERED, "sms-1", "30003"))
    await world.settle()
    world.on_call("owner").expect_nothing()
    world.phone("mia").forget()
