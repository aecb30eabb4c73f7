"""The auditor's tasks in the sweeper: they go on whatever happens, and end when they are told to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from alertd.ports.deps import Deps, Timing
from alertd.records import Census
from alertd.usecases.outgrown import Outgrown
from tests.fakes import FakeLog
from tests.served import open_deps
from workers.auditor import Auditor

PATIENCE = 20.0  # seconds for what takes a fraction of one


class Switch:
    """Breaks at first, and takes pings then."""

    def __init__(self) -> None:
        self.asked = 0
        self.closed = False

    async def ping(self) -> None:
        self.asked += 1
        if self.asked == 1:
            raise RuntimeError("nobody expected this")

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
async def deps(fresh_database: Callable[[str], str]) -> AsyncIterator[Deps]:
    made, _ = open_deps(fresh_database("sqlite"))
    yield replace(made, timing=Timing(audit=0.02, census=0.02))
    await made.store.close()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for it."""
    for _ in range(round(PATIENCE / 0.01)):
        if await true():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came")


async def test_it_asks_again_and_again_also_after_an_error_that_nobody_foresaw(deps: Deps) -> None:
    switch = Switch()
    made = Auditor(deps, switch, 30.0, Outgrown(deps))
    made.start()

    async def pinged() -> bool:
        return switch.asked >= 2

    await until(pinged)
    await made.close()
    assert switch.closed
    assert isinstance(deps.log, FakeLog)
    assert [line["error"] for line in deps.log.named("auditor_failed")] == ["RuntimeError"]
    assert deps.log.named("ping_taken") == [{}]
    async with deps.store.reading() as rows:
        kept, counts = await rows.last_audit(), await rows.counts()
    assert kept is not None
    assert kept.pinged_at == deps.clock.machine()
    assert counts["audits_passed"] >= 2
    assert counts["pings_taken"] == 1


async def test_it_asks_after_one_interval_and_without_anybody_outside_too(deps: Deps) -> None:
    """Who was down begins by telling families, not by accusing itself."""
    slow = Auditor(replace(deps, timing=Timing(audit=3600)), None, 30.0, Outgrown(deps))
    slow.start()
    quick = Auditor(deps, None, 30.0, Outgrown(deps))
    quick.start()
    await asyncio.sleep(0)
    async with deps.store.reading() as rows:
        assert await rows.last_audit() is None

    async def asked() -> bool:
        async with deps.store.reading() as rows:
            return await rows.last_audit() is not None

    await until(asked)
    await quick.close()
    await slow.close()


async def test_it_counts_the_deliveries(deps: Deps) -> None:
    made = Auditor(deps, None, 30.0, Outgrown(deps))
    made.start()
    found: list[Census | None] = []

    async def counted() -> bool:
        async with deps.store.reading() as rows:
            found.append(await rows.last_census())
        return found[-1] is not None

    await until(counted)
    await made.close()
    assert found[-1] == Census(deps.clock.machine())
