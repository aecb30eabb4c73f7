"""The cluster's clock: a sample of the database's, as good as the round trip was short."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from alertd.clock import ClusterClock, Stepped
from alertd.domain.held_clock import Held

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)


class Host:
    """A monotonic clock that the test moves, and a database that answers after a while."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.takes = 0.0
        self.off = timedelta(0)  # the database's clock is wrong by so much
        self.held: Held | None = None
        self.beats: dict[str, datetime] = {}
        self.first: Held | None = None  # what another part holds just before us

    def monotonic(self) -> float:
        return self.seconds

    def true(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    async def now(self) -> datetime:
        self.seconds += self.takes
        return self.true() + self.off  # read at the very end: the middle is half a round trip earlier

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        yield self

    transaction = reading

    async def story_clock(self) -> None:
        return None

    async def heartbeats(self) -> dict[str, datetime]:
        return self.beats

    async def held_clock(self) -> Held | None:
        return self.held

    async def hold_clock(self, before: Held | None, held: Held) -> bool:
        if self.first is not None:
            self.held, self.first = self.first, None
        if before != self.held:
            return False
        self.held = held
        return True


async def test_a_slow_sample_does_not_take_the_place_of_a_good_one():
    host = Host()
    clock = ClusterClock(host.monotonic)
    await clock.sample(host)
    host.seconds, host.takes = host.seconds + 90, 8.0
    await clock.sample(host)
    assert clock.machine() == host.true()
    assert clock.sampled_ago() == 98  # so the next beat asks again
    host.takes = 0.2
    await clock.sample(host)
    assert host.true() - clock.machine() == timedelta(seconds=-0.1)


async def test_a_slow_first_sample_is_better_than_none():
    host = Host()
    clock = ClusterClock(host.monotonic)
    host.takes = 8.0
    await clock.sample(host)
    assert abs(clock.machine() - host.true()) <= timedelta(seconds=4)


HOUR = timedelta(hours=1)


async def test_a_database_whose_clock_goes_back_is_not_followed_by_any_part():
    """Else nobody would be told anything for an hour."""
    host = Host()
    clock, other = ClusterClock(host.monotonic), ClusterClock(host.monotonic)
    assert await clock.sample(host) is None
    assert await other.sample(host) is None
    host.seconds, host.off = host.seconds + 60, -HOUR
    assert await clock.sample(host) == Stepped(-HOUR, HOUR)
    assert await other.sample(host) is None
    late = ClusterClock(host.monotonic)
    assert await late.sample(host) is None
    assert clock.machine() == other.machine() == late.machine() == host.true()


async def test_of_two_parts_that_see_it_at_once_one_is_believed():
    host = Host()
    clock = ClusterClock(host.monotonic)
    await clock.sample(host)
    host.off = -HOUR
    host.first = Held(HOUR, host.true() - HOUR)
    assert await clock.sample(host) is None
    assert host.held == Held(HOUR, host.true() - HOUR)
    assert clock.machine() == host.true()


async def test_it_comes_back_by_a_hundredth_and_at_once_when_the_clock_is_put_right():
    host = Host()
    clock = ClusterClock(host.monotonic)
    await clock.sample(host)
    host.off = -HOUR
    await clock.sample(host)
    for _ in range(100):
        host.seconds += 60
        assert await clock.sample(host) is None
    assert host.true() - clock.machine() == timedelta(seconds=60)
    host.off = timedelta(0)
    stepped = await clock.sample(host)
    assert stepped is not None
    assert stepped.by > HOUR - timedelta(minutes=2)
    assert abs(clock.machine() - host.true()) < timedelta(seconds=61)


async def test_a_part_that_starts_when_all_others_are_gone_knows_what_time_it_was():
    host = Host()
    host.beats = {"sweeper": host.true() - timedelta(seconds=30)}
    host.off = -HOUR
    clock = ClusterClock(host.monotonic)
    stepped = await clock.sample(host)
    assert stepped is not None
    assert host.true() - clock.machine() == timedelta(seconds=30)


async def test_a_step_ahead_is_followed():
    """A machine that stood still for an hour owes its families an hour."""
    host = Host()
    clock = ClusterClock(host.monotonic)
    await clock.sample(host)
    host.off = HOUR
    assert await clock.sample(host) == Stepped(HOUR, timedelta(0))
    assert clock.machine() == host.true() + HOUR
    assert host.held is None
