"""Over the rate waits: in order, nobody urgent behind a crowd, nothing lost, and no try counted for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from alertd.domain.bucket import Grant
from alertd.domain.delivery import Lane
from alertd.domain.family import Family, FamilyId
from alertd.pace import OwnPace
from alertd.ports import Later, Message, Misconfigured, Receipt
from alertd.ports.pace import Pace, Units
from alertd.records import Claimed, Lease
from alertd.usecases.beat import RATE_WAITED, RATES_LOST, SWEEPER, beat
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import claim, drain
from alertd.usecases.fan_out import fan_out
from tests import make
from tests.fakes import FakeChannel, FakePace
from tests.scenario.test_hand_over import outage, states, street
from tests.scenario.world import World

TWO = Units(lambda _: 2, 2)  # segments of any text


def texters(count: int) -> list[Family]:
    """So many families, each with one number of their own."""
    return [
        make.family(
            make.caregiver(f"sms{n}", addresses=(make.address("sms", number),)), id=FamilyId(f"sms-{n:04}")
        )
        for n, number in enumerate(numbers(count))
    ]


def numbers(count: int) -> list[str]:
    """Theirs, in order."""
    return [f"+1{(212, 303, 415)[n // 100]}55501{n % 100:02}" for n in range(count)]


async def taken(
    world: World, count: int, pace: Pace, units: Units | None = None
) -> tuple[Sender, Sequence[Claimed], Lease]:
    """So many text messages in hand of a sender with this pace."""
    await outage(world, texters(count))
    step = await fan_out(world.deps, "urgent", send=True)
    assert step.lease is not None
    assert len(step.batch) == count
    world.deps = replace(world.deps, pace=pace, rates={"sms": 100.0}, units={"sms": units} if units else {})
    return Sender(world.deps), sorted(step.batch, key=lambda each: each.reader.to), step.lease


async def until(what: Callable[[], bool]) -> None:
    """Wait for a condition, on a loop on which others work."""
    async with asyncio.timeout(20):
        while not what():  # noqa: ASYNC110  the fakes know no event for it
            await asyncio.sleep(0.001)


@asynccontextmanager
async def under_way(sender: Sender, batch: Sequence[Claimed], lease: Lease) -> AsyncIterator[asyncio.Task[int]]:
    """A flight that waits; it is over at the end of the block."""
    flight = asyncio.create_task(sender.hand_over(batch, lease))
    try:
        yield flight
    finally:
        sender.end(Lane.BULK)
        await flight


async def test_a_batch_is_asked_for_once(world: World):
    pace = FakePace("sms")
    pace.give("sms", "urgent", 100)
    sender, batch, lease = await taken(world, 60, pace)
    assert await sender.hand_over(batch, lease) == 60
    assert pace.asked == [("sms", "urgent", 60)]


class Distant(FakePace):
    """Answers after a while, as Redis does."""

    async def take(self, channel: str, lane: str, units: int) -> Grant:
        await asyncio.sleep(0.005)
        return await super().take(channel, lane, units)


async def test_no_message_waits_alone_for_what_its_batch_is_granted(world: World):
    """Where 150 waited, each in its connection's place, it was a tenth of what sending costs (decision 45)."""
    pace = Distant("sms")
    pace.give("sms", "urgent", 100)
    sender, batch, lease = await taken(world, 60, pace)
    assert await sender.hand_over(batch, lease) == 60
    assert sender.take_waited() == {}


async def test_what_is_over_the_rate_waits_in_its_place(world: World):
    """One of five is granted, then two more: the first goes, then the next two, and nothing is put back."""
    pace, sms = FakePace("sms"), world.channels["sms"]
    pace.give("sms", "urgent", 1)
    sender, batch, lease = await taken(world, 5, pace)
    async with under_way(sender, batch, lease):
        await until(lambda: len(pace.asked) > 5)
        assert [message.to for message in sms] == numbers(5)[:1]
        pace.give("sms", "urgent", 2)
        await until(lambda: len(sms.accepted) == 3)
        await until(lambda: states(world) == {("sms", "accepted"): 3, ("sms", "leased"): 2})
        assert [message.to for message in sms] == numbers(5)[:3]
        pace.give("sms", "urgent", 2)
        await until(lambda: len(sms.accepted) == 5)
    assert states(world) == {("sms", "accepted"): 5}


async def test_what_its_lease_does_not_outlast_is_put_back_untried(world: World):
    pace = FakePace("sms")
    pace.give("sms", "urgent", 3)
    sender, batch, lease = await taken(world, 10, pace)
    world.clock.advance(seconds=27.8)  # of 30; a call may take one, and writing another
    assert await sender.hand_over(batch, lease) == 3
    assert world.sql("SELECT state, attempts, tried_at IS NULL, count(*) FROM delivery GROUP BY 1, 2, 3") == [
        ("accepted", 1, 0, 3),
        ("pending", 0, 1, 7),
    ]
    assert world.sql("SELECT count(*) FROM attempt") == [(0,)]
    assert [each.attempt for each in (await claim(world.deps, "urgent")).batch] == [1] * 7


async def test_when_a_drain_ends_it_keeps_nobody_waiting(world: World):
    """Its worker has other channels to see to; the next drain takes it up again."""
    await outage(world, [*texters(5), *street(5, "push")])
    pace = FakePace("sms")
    deps = replace(world.deps, pace=pace, rates={"sms": 100.0})
    sender = Sender(deps)
    async with asyncio.timeout(10):  # the leases last for 30
        assert await drain(deps, sender, "urgent", seconds=0.3) == 5
    assert states(world) == {("push", "accepted"): 5, ("sms", "pending"): 5}
    assert world.sql("SELECT sum(attempts) FROM delivery WHERE channel = 'sms'") == [(0,)]
    pace.give("sms", "urgent", 5)
    assert await drain(deps, sender, "urgent", seconds=5) == 5


async def test_who_is_in_a_hurry_does_not_wait_behind_a_crowd(world: World):
    """Not for its rate, nor for the connections that it would need: there are two, and forty wait."""
    sms = FakeChannel("sms")
    sms.at_once = 2
    world.channels["sms"] = sms
    pace = FakePace("sms")
    pace.give("sms", "urgent", 1)
    sender, batch, lease = await taken(world, 41, pace)
    crowd, one = [replace(each, lane="bulk") for each in batch[:40]], batch[40:]
    async with under_way(sender, crowd, lease) as flight:
        await until(lambda: ("sms", "bulk", 40) in pace.asked)
        assert await sender.hand_over(one, lease, "urgent") == 1
        assert not flight.done()
        assert [message.to for message in sms] == [one[0].reader.to]


@pytest.mark.parametrize(
    ("segments", "granted", "sent"),
    [
        (1, 3, 3),  # paid as two each, and one given back
        (2, 4, 2),
        (2, 3, 2),  # the last unit begins a text, and the next grant pays for the rest of it
        (11, 4, 1),  # ... however much that is
    ],
)
async def test_an_sms_takes_as_many_units_as_it_has_segments(
    world: World, segments: int, granted: int, sent: int
) -> None:
    pace, sms = FakePace("sms"), world.channels["sms"]
    pace.give("sms", "urgent", granted)
    sender, batch, lease = await taken(world, 6, pace, Units(lambda _: segments, 2))
    async with under_way(sender, batch, lease):
        await until(lambda: len(sms.accepted) == sent)
        looks = len(pace.asked)
        await until(lambda: len(pace.asked) > looks + 3)
        assert len(sms.accepted) == sent
        # What is asked for now is the debt, and two for each of those that wait.
        debt = segments * sent - granted
        assert pace.asked[-1] == ("sms", "urgent", debt + 2 * (6 - sent))
        pace.give("sms", "urgent", debt + 1)
        await until(lambda: len(sms.accepted) == sent + 1)


async def test_the_text_is_measured_as_it_is_sent(world: World):
    seen: list[str] = []

    def segments(text: str) -> int:
        seen.append(text)
        return 1

    pace = FakePace("sms")
    pace.give("sms", "urgent", 9)
    sender, batch, lease = await taken(world, 1, pace, Units(segments, 2))
    await sender.hand_over(batch, lease)
    assert seen == [message.text for message in world.channels["sms"]]


async def test_a_process_holds_two_seconds_of_a_slow_sender_and_no_more(world: World):
    """So whatever is more urgent is claimed soon; and a drain of what is urgent has room beside one of a crowd."""
    pace = FakePace("sms", "push", "email")
    rates = {"sms": 10.0, "push": 5000.0, "email": 0.1}
    deps = replace(world.deps, pace=pace, rates=rates, units={"sms": TWO})
    await outage(world, texters(30))
    sender = Sender(deps)
    assert sender.room() == {"sms": 10, "push": 1000, "email": 1}
    step = await fan_out(deps, "urgent", send=True, room=sender.room())
    assert step.lease is not None
    assert states(world) == {("sms", "leased"): 10, ("sms", "pending"): 20}
    async with under_way(sender, step.batch, step.lease):
        await until(lambda: bool(pace.asked))
        assert sender.room("bulk") == {"push": 1000, "email": 1}
        assert sender.room("urgent") == {"sms": 10, "push": 1000, "email": 1}
    assert sender.room() == {"sms": 10, "push": 1000, "email": 1}


async def test_a_provider_that_is_left_alone_takes_nothing_of_its_rate(world: World):
    world.channels["sms"].fail_always("*", lambda: Misconfigured("20003", account=True))
    pace = FakePace("sms")
    pace.give("sms", "urgent", 1)
    sender, batch, lease = await taken(world, 20, pace)
    await sender.hand_over(batch[:1], lease)
    asked = len(pace.asked)
    async with asyncio.timeout(10):
        await sender.hand_over(batch[1:], lease)
    assert states(world) == {("sms", "parked"): 20}
    assert world.channels["sms"].attempts == 1
    assert len(pace.asked) <= asked + 1


async def test_too_fast_after_all(world: World):
    """What the provider says counts beside the rate: the message waits as long as it says, the others go."""
    pace, sms = FakePace("sms"), world.channels["sms"]
    pace.give("sms", "urgent", 50)
    sender, batch, lease = await taken(world, 5, pace)
    sms.fail(batch[0].reader.to, Later("20429"))
    assert await sender.hand_over(batch, lease) == 4
    assert states(world) == {("sms", "accepted"): 4, ("sms", "pending"): 1}


class Broken(FakePace):
    """A fault of our own."""

    async def take(self, channel: str, lane: str, units: int) -> Grant:
        raise LookupError(channel)


async def test_a_fault_in_keeping_to_the_rate_keeps_nobody_waiting(world: World):
    sender, batch, lease = await taken(world, 20, Broken("sms"))
    assert await sender.hand_over(batch, lease) == 20
    assert world.log.named("rate_failed")


class Noting(FakeChannel):
    """Remembers when it took each message."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.at: list[float] = []

    async def send(self, message: Message) -> Receipt:
        self.at.append(asyncio.get_running_loop().time())
        return await super().send(message)


async def test_a_whole_drain_keeps_to_its_rate(world: World):
    """120 texts of two segments at 100 a second: what was saved up at once, the rest over a second or two."""
    sms = Noting("sms")
    deps = replace(
        world.deps,
        channels={**world.deps.channels, "sms": sms},
        rates={"sms": 100.0},
        pace=OwnPace({"sms": 100.0}),
        units={"sms": TWO},
    )
    await outage(world, texters(120))
    assert await drain(deps, Sender(deps), "urgent", seconds=30) == 120
    began = sms.at[0]
    for count, at in enumerate(sms.at, 1):
        assert 2 * count <= 100 * (at - began) + 100 + 100 + 2
    assert 0.3 < sms.at[-1] - began < 10
    assert states(world) == {("sms", "accepted"): 120}


async def test_how_long_messages_waited_is_counted_and_who_waits_for_a_rate_is_not_forgotten(world: World):
    pace = FakePace("sms")
    sender, batch, lease = await taken(world, 3, pace)
    pace.lost = 2
    assert sender.take_waited() == {}
    async with under_way(sender, batch, lease):
        await until(lambda: len(pace.asked) > 10)
        waited = sender.take_waited()
        assert set(waited) == {("sms", "urgent")}
        assert waited["sms", "urgent"] >= 0.04
        await until(lambda: len(pace.asked) > 15)
        await beat(world.deps, SWEEPER, None, sender.take_waited)
    async with world.deps.store.reading() as rows:
        counts, beats = await rows.counts(), await rows.heartbeats()
    assert counts[f"{RATE_WAITED}sms"] >= 15
    assert counts[RATES_LOST] == 2
    assert beats["rate-urgent-sms"] == world.clock.machine()
