"""How many processes hand over, as each of them knows it: what rates are shared by where there is no Redis."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import pytest

from alertd.ports.deps import Deps
from alertd.usecases.beat import SWEEPER, beat, parts
from alertd.usecases.senders import SENDS, Senders
from tests.contract.books import Books
from tests.fakes import FakeClock, FakePace
from tests.served import open_deps


class Process:
    """One that hands over, with a pace of its own."""

    def __init__(self, deps: Deps, clock: FakeClock) -> None:
        self.pace = FakePace("sms")
        self.deps = replace(deps, pace=self.pace, clock=clock)
        self.senders = Senders(self.deps)

    async def beat(self, name: str = SWEEPER) -> int:
        """Say that it is there; returns how many it knows of."""
        await beat(self.deps, name, None, senders=self.senders)
        return self.pace.processes


@pytest.fixture
async def process(books: Books) -> AsyncIterator[Callable[[], Process]]:
    """Opens one of the cluster's processes; they all have one clock."""
    clock = FakeClock()
    async with AsyncExitStack() as stack:

        def opened() -> Process:
            deps, _ = open_deps(books.url)
            stack.push_async_callback(deps.store.close)
            return Process(deps, clock)

        yield opened


def later(process: Process, seconds: float) -> None:
    clock = process.deps.clock
    assert isinstance(clock, FakeClock)
    clock.advance(seconds=seconds)


async def test_each_counts_those_that_are_there(process: Callable[[], Process]) -> None:
    """Sweepers and workers of any machine alike, whatever the settings of each say."""
    one, two, three = process(), process(), process()
    assert [await one.beat(), await two.beat(), await three.beat("bulk")] == [1, 2, 3]
    later(one, 5)
    assert [await one.beat(), await two.beat()] == [3, 3]


async def test_who_is_silent_for_three_beats_has_ended_or_nothing_to_do(process: Callable[[], Process]) -> None:
    one, two = process(), process()
    await two.beat("bulk")
    later(one, 14)
    assert await one.beat() == 2
    later(one, 1)
    assert await one.beat() == 1


async def test_who_begins_to_work_after_a_rest_tells_the_others_at_once_where_nothing_is_shared(
    process: Callable[[], Process],
) -> None:
    one, two = process(), process()
    await two.beat("bulk")
    later(one, 60)
    assert await one.beat() == 1
    await two.senders.join()
    assert await one.beat() == 1, "Redis shares the rates: nobody has to know"
    two.pace.alone = True
    await two.senders.join()
    assert (two.pace.processes, await one.beat()) == (2, 2)


async def test_who_has_told_of_itself_lately_writes_nothing_for_the_next_hint(
    process: Callable[[], Process],
) -> None:
    """Nobody may ask Redis for long, so that it is not known to be back: each hint would write a heartbeat."""
    one, two = process(), process()
    one.pace.alone = True
    await one.senders.join()
    later(one, 4)
    await two.beat("bulk")
    await one.senders.join()
    assert one.pace.processes == 1, "it did not look either"
    later(one, 1)
    await one.senders.join()
    assert one.pace.processes == 2


async def test_they_are_no_parts_of_the_cluster_and_are_forgotten(process: Callable[[], Process]) -> None:
    """Processes come and go: their heartbeats do not pile up, and nobody else's is touched."""
    one, two = process(), process()
    await two.beat("bulk")
    later(one, timedelta(hours=2).total_seconds())
    await one.beat()
    async with one.deps.store.reading() as rows:
        beats = await rows.heartbeats()
    assert set(parts(beats)) == {SWEEPER, "bulk"}
    assert sum(name.startswith(SENDS) for name in beats) == 1
