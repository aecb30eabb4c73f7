"""The cluster's clock: a sample of the database's, as good as the round trip was short."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from alertd.clock import ClusterClock

NOON = datetime(2026, 11, 4, 12, tzinfo=UTC)


class Host:
    """A monotonic clock that the test moves, and a database that answers after a while."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.takes = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def true(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    async def now(self) -> datetime:
        self.seconds += self.takes
        return self.true()  # read at the very end: the middle is half a round trip earlier

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        yield self

    async def story_clock(self) -> None:
        return None


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
