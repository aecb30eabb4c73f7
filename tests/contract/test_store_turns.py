"""Turns at planning: who finds another worker at a slice waits for it, or is told so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from alertd.ports.store import Store, Taken
from alertd.store.ids import uuid7
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.fan_out import fan_out
from alertd.usecases.put_families import put_families
from tests import make
from tests.contract.books import Books, crowd
from tests.contract.test_store_workers import Crew, crew

__all__ = ["crew"]


@asynccontextmanager
async def at_a_slice(store: Store) -> AsyncIterator[None]:
    """Another worker has its turn, and the cursor, for the length of the block."""
    async with store.turn("fanout-bulk") as turn:
        assert turn is not None
        assert await turn.rows.take_fanout("bulk") is not None
        yield


class Asking:
    """A store that tells when a turn at a fan-out has been asked for often."""

    def __init__(self, store: Store) -> None:
        self._store, self._turns, self.often = store, 0, asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def turn(self, name: str, wait: float = 0.0) -> Any:
        self._turns += name.startswith("fanout")
        if self._turns > 5:  # a drain returns after that many empty looks
            self.often.set()
        return self._store.turn(name, wait)


async def take(books: Books, wait: float) -> bool:
    """Whether the cursor could be had."""
    try:
        async with books.store.turn("fanout-bulk", wait) as turn:
            return turn is not None and await turn.rows.take_fanout("bulk", wait) is not None
    except Taken:
        return False


@pytest.fixture
async def opened(books: Books) -> Books:
    async with books.store.transaction() as rows:
        await rows.add_fanout([uuid7()], books.incident.id, 1, "bulk", make.NOON, scope=books.incident.scope)
    return books


async def test_a_cursor_that_another_worker_moves_is_taken(opened: Books):
    async with at_a_slice(opened.store):
        assert not await take(opened, 0.0)
        assert not await take(opened, 0.1)
    assert await take(opened, 0.0)


async def test_of_several_cursors_each_worker_takes_one(books: Books):
    """On SQLite they take turns: it has one writer, and who planned beside it would only wait for that."""
    await books.families(*crowd(4))
    async with books.store.transaction() as rows:
        ids = [uuid7(), uuid7()]
        await rows.add_fanout(ids, books.incident.id, 1, "bulk", make.NOON, scope=books.incident.scope)
    async with at_a_slice(books.store):
        assert await take(books, 0.0) == (books.store.dialect == "postgresql")


async def test_who_waits_has_it_as_soon_as_the_other_lets_go(opened: Books):
    loop = asyncio.get_running_loop()
    async with at_a_slice(opened.store):
        waiting = asyncio.create_task(take(opened, 30.0))
        await asyncio.sleep(0.1)
        assert not waiting.done()
    began = loop.time()
    assert await waiting
    assert loop.time() - began < 15.0


async def test_the_wait_for_a_turn_limits_no_wait_after_it(opened: Books):
    """Only the cursor is waited for so briefly: the rows that a slice locks then are worth any wait."""
    async with at_a_slice(opened.store):
        waiting = asyncio.create_task(_timeout_after(opened))
        await asyncio.sleep(0.1)
    assert await waiting in ("0", None)


async def _timeout_after(books: Books) -> str | None:
    """Postgres' lock timeout once the cursor is had."""
    from sqlalchemy import func, select

    async with books.store.turn("fanout-bulk", 30.0) as turn:
        assert turn is not None
        assert await turn.rows.take_fanout("bulk", 30.0) is not None
        if books.store.dialect == "sqlite":
            return None
        [row] = await turn.rows.sql.rows(select(func.current_setting("lock_timeout")))
        return str(row[0])


async def test_where_nothing_is_to_be_done_nothing_is_taken(books: Books):
    assert not await take(books, 0.1)
    async with books.store.turn("fanout-bulk", 0.1) as turn:
        assert turn is not None
        assert await turn.rows.take_fanout("bulk", 0.1) is None


async def one_cursor_for(crew: Crew, families: int) -> None:
    """An outage whose families no other worker can have a part of."""
    crew.deps = replace(crew.deps, part=families)
    await put_families(crew.deps, crowd(families), who="test")
    await crew.outage()


async def test_a_worker_does_not_leave_while_another_is_at_a_slice(crew: Crew):
    """What the other is at now is not the last slice: who left would be missed until the next ring."""
    await one_cursor_for(crew, 1100)
    asking = Asking(crew.deps.store)
    deps = replace(crew.deps, store=asking)
    async with at_a_slice(crew.worker().store):
        work = asyncio.create_task(drain(deps, Sender(deps), "bulk", seconds=30))
        async with asyncio.timeout(20):
            await asking.often.wait()
        assert not work.done()
        assert not crew.phones
    assert await work == 1100


async def test_a_step_says_that_another_has_it(crew: Crew):
    await one_cursor_for(crew, 1100)
    async with at_a_slice(crew.worker().store):
        step = await fan_out(crew.deps, "bulk", send=True)
        assert (step.worked, step.taken) == (False, True)
    step = await fan_out(crew.deps, "bulk", send=True)
    assert (step.worked, step.taken) == (True, False)
