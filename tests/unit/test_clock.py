"""The cluster's clock: a sample of the database's, as good as the round trip was short."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alertd.clock import ClusterClock, Stepped, cluster_time
from alertd.domain.held_clock import MOST, Held

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
MINUTE = 60.0


class Cluster:
    """Parts that sample each minute, but for those that are idle; a sweeper that is heard of each five seconds."""

    def __init__(self) -> None:
        self.host = Host()
        self.parts = {name: ClusterClock(self.host.monotonic) for name in ("sweeper", "api", "idle")}
        self.stepped: list[Stepped] = []

    async def sample(self, *names: str) -> None:
        for name in names:
            if (stepped := await self.parts[name].sample(self.host)) is not None:
                self.stepped.append(stepped)

    async def runs(self, minutes: float) -> None:
        for _ in range(round(minutes * 12)):
            self.host.seconds += 5.0
            for name in ("sweeper", "api"):
                if self.parts[name].sampled_ago() > MINUTE:
                    await self.sample(name)
            self.host.beats = {"sweeper": self.parts["sweeper"].machine()}

    def ahead(self, name: str) -> float:
        """Seconds that a part's clock is ahead of the true time."""
        return (self.parts[name].machine() - self.host.true()).total_seconds()

    def apart(self, *names: str) -> float:
        found = [self.ahead(name) for name in names or self.parts]
        return max(found) - min(found)


@pytest.fixture
async def cluster() -> Cluster:
    made = Cluster()
    await made.sample(*made.parts)
    await made.runs(2)
    return made


async def test_a_database_whose_clock_goes_back_is_not_followed_by_any_part(cluster: Cluster):
    """Else nobody would be told anything for an hour."""
    cluster.host.off = -HOUR
    await cluster.runs(3)
    late = cluster.parts["late"] = ClusterClock(cluster.host.monotonic)
    assert await late.sample(cluster.host) is None
    await cluster.sample("idle")
    assert -15 < cluster.ahead("late") <= 0
    assert cluster.apart() < 2.5
    assert [round(each.by.total_seconds(), -1) for each in cluster.stepped] == [-3600]


async def test_it_comes_back_by_a_fiftieth_and_nobody_sees_a_step_in_that(cluster: Cluster):
    """Also not whoever was idle for hours: they do not go by what they have counted meanwhile."""
    cluster.host.off = -HOUR
    await cluster.runs(120)
    first = cluster.host.held
    await cluster.sample("idle", "sweeper", "api")
    assert cluster.host.held == first
    assert cluster.apart() < 0.1
    assert cluster.ahead("api") == pytest.approx(-7200 / 50, abs=15)
    assert len(cluster.stepped) == 1


async def test_a_clock_that_is_put_right_is_followed_by_all(cluster: Cluster):
    cluster.host.off = -HOUR
    await cluster.runs(10)
    cluster.host.off = timedelta(0)
    await cluster.runs(3)
    await cluster.sample("idle")
    assert cluster.host.held is not None
    assert cluster.host.held.ahead == timedelta(0)
    assert cluster.apart() == 0
    assert cluster.ahead("api") == 0
    assert [round(each.by / HOUR) for each in cluster.stepped] == [-1, 1]


async def test_one_that_was_wrong_for_less_than_a_minute_splits_nobody(cluster: Cluster):
    cluster.host.off = HOUR
    await cluster.sample("api")
    cluster.host.off = timedelta(0)
    await cluster.runs(3)
    await cluster.sample("idle")
    assert cluster.apart() == 0
    assert cluster.ahead("idle") == 0


async def test_one_that_goes_back_and_forth_splits_nobody(cluster: Cluster):
    for off in (-HOUR, -HOUR / 2, -HOUR, timedelta(0), HOUR, timedelta(0), -HOUR):
        cluster.host.off = off
        await cluster.runs(7)
    await cluster.sample("idle", "sweeper", "api")
    assert cluster.apart() == 0
    held = cluster.host.held
    await cluster.runs(30)
    assert cluster.host.held == held


async def test_many_small_steps_split_nobody(cluster: Cluster):
    for number in range(1, 11):
        cluster.host.off = timedelta(seconds=-1.5) * number
        await cluster.runs(5)
    await cluster.sample("idle", "sweeper", "api")
    assert cluster.host.held is None
    assert cluster.apart() == 0


async def test_a_step_that_is_too_long_to_be_held_is_followed_by_all(cluster: Cluster):
    """And whoever starts later goes by no beat of the time before."""
    for over in (1, 6):
        cluster.host.off -= MOST + timedelta(seconds=over)
        await cluster.runs(3)
        late = cluster.parts["late"] = ClusterClock(cluster.host.monotonic)
        await late.sample(cluster.host)
        await cluster.sample("idle", "sweeper", "api")
        assert cluster.apart() == 0, over


async def test_a_part_that_starts_when_all_others_are_gone_knows_what_time_it_was(cluster: Cluster):
    cluster.host.seconds += 30
    cluster.host.off = -HOUR
    late = ClusterClock(cluster.host.monotonic)
    stepped = await late.sample(cluster.host)
    assert stepped is not None
    assert cluster.host.true() - late.machine() == timedelta(seconds=30)


async def test_of_two_parts_that_see_it_at_once_one_is_believed(cluster: Cluster):
    cluster.host.off = -HOUR
    other = Held(HOUR, cluster.host.true() - HOUR)
    cluster.host.first = other
    await cluster.sample("api")
    assert cluster.host.held == other
    assert cluster.ahead("api") == 0
    assert not cluster.stepped


async def test_a_step_ahead_is_followed(cluster: Cluster):
    """A machine that stood still for an hour owes its families an hour."""
    cluster.host.off = HOUR
    await cluster.runs(2)
    assert cluster.ahead("api") == cluster.ahead("sweeper") == 3600
    assert cluster.host.held is None
    assert {each.ahead for each in cluster.stepped} == {timedelta(0)}


async def test_who_looks_from_outside_sees_the_same_and_judges_nothing(cluster: Cluster):
    cluster.host.off = -HOUR
    await cluster.runs(2)
    await cluster.sample("sweeper")
    assert await cluster_time(cluster.host) == cluster.parts["sweeper"].machine()


async def test_by_an_answer_that_took_long_nothing_is_held_for_others():
    """The clock that it shows is off by half of that. But whoever starts with it goes back no further than others."""
    host = Host()
    host.beats = {"sweeper": host.true()}
    host.takes = 18.0
    clock = ClusterClock(host.monotonic)
    host.off = timedelta(seconds=-60)
    assert await clock.sample(host) is None
    assert host.held is None
    assert abs(clock.machine() - host.true()) < timedelta(seconds=30)


async def test_a_sweeper_that_starts_slowly_takes_nobody_back(cluster: Cluster):
    """Its first beat is what others go by."""
    cluster.host.off = -HOUR
    cluster.host.takes = 1.5
    cluster.parts["sweeper"] = ClusterClock(cluster.host.monotonic)
    await cluster.sample("sweeper")
    cluster.host.takes = 0.0
    await cluster.runs(3)
    await cluster.sample("idle", "sweeper", "api")
    assert cluster.apart() < 0.1
    assert cluster.ahead("api") > -30


async def test_one_that_swings_is_not_driven_ahead(cluster: Cluster):
    """As where a virtual machine's host sets it, and NTP sets it back."""
    for seconds in (20, 40):
        for _ in range(12):
            for off in (seconds, 0):
                cluster.host.off = timedelta(seconds=off)
                await cluster.runs(2.5)
    await cluster.runs(60)
    await cluster.sample("idle", "sweeper", "api")
    assert cluster.apart() < 2
    assert abs(cluster.ahead("api")) < 41


async def test_one_that_is_nearly_put_right_is_followed(cluster: Cluster):
    cluster.host.off = -HOUR
    await cluster.runs(2)
    for off in (-15, 0):
        cluster.host.off = timedelta(seconds=off)
        await cluster.runs(3)
        assert abs(cluster.ahead("api")) < 30
