"""Who waits for whom on Postgres: a publication for the slice under way, and nobody in a ring."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Executable, Insert, text
from sqlalchemy.exc import InternalError

from alertd.domain.family import FamilyId
from alertd.domain.inbox import Correspondent
from alertd.domain.incident import IncidentId, Kind, Reach, Severity, State
from alertd.ports.deps import Deps
from alertd.records import Plan
from alertd.store.database import SESSION
from alertd.store.families import FamilyRows
from alertd.store.ids import uuid7
from alertd.store.locks import lock_watches
from alertd.store.store import Rows
from alertd.store.tables import delivery, fanout
from alertd.usecases.choose_holdings import choose_holdings
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, Published, publish
from alertd.usecases.put_families import _touch, put_families
from tests import make
from tests.contract.books import Books, crowd
from tests.fakes import FakeClock
from tests.served import open_deps


@pytest.fixture
async def deps(fresh_database: Callable[[str], str]) -> AsyncIterator[Deps]:
    """A cluster with an outage that no worker has begun to tell."""
    made, _ = open_deps(fresh_database("postgresql"))
    await put_families(made, crowd(3), who="test")
    await open_incident(made, Opening((Reach("follow"),), Severity.CRITICAL, "Follow is down"), who="test")
    yield made
    await made.store.close()


async def until_blocked(store: Any, task: asyncio.Task[Any]) -> None:
    """Return when a session of this database waits for a lock."""
    waiting = text("SELECT 1 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid() LIMIT 1")
    async with asyncio.timeout(10):
        while not task.done():
            async with store.reading() as rows:
                if await rows.sql.rows(waiting):
                    return
            await asyncio.sleep(0.01)
    raise AssertionError("it waited for nobody")


def news(deps: Deps, state: State | None = None) -> Coroutine[Any, Any, Published]:
    return publish(deps, 1, News(message={"en": "News."}, state=state), who="test")


async def test_an_update_begins_behind_the_slice_of_the_opening_that_is_under_way(deps: Deps):
    """Its cursor walks watches; those that the slice is about to make must be there when it begins."""
    async with deps.store.turn("fanout-urgent") as turn:
        assert turn is not None
        cursor = await turn.rows.take_fanout("urgent")
        assert cursor is not None
        assert cursor.scope
        task = asyncio.create_task(news(deps, State.RESOLVED))
        await until_blocked(deps.store, task)
        async with turn.write() as rows:
            assert await rows.move_fanout(cursor, None, deps.clock.machine())
    assert (await asyncio.wait_for(task, 10)).update == 2


async def test_an_update_begins_behind_the_slices_of_every_cursor(deps: Deps):
    async with deps.store.transaction() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        ids = [uuid7(), uuid7()]
        await rows.add_fanout(ids, incident.id, 1, "bulk", deps.clock.machine(), scope=incident.scope)
    async with deps.store.turn("fanout-bulk") as one, deps.store.turn("fanout-bulk") as another:
        assert one is not None
        assert another is not None
        first, second = await one.rows.take_fanout("bulk"), await another.rows.take_fanout("bulk")
        assert first is not None
        assert second is not None
        assert (first.until, second.position) == ("fam-0001", "fam-0001")
        task = asyncio.create_task(news(deps))
        await until_blocked(deps.store, task)
    assert (await asyncio.wait_for(task, 10)).update == 2


async def test_a_slice_that_writes_a_holding_and_a_publication_do_not_wait_in_a_ring(deps: Deps):
    """The publication locks the cursors before it takes a number, and reads the holding when it has them."""
    await news(deps)
    async with deps.store.turn("fanout-urgent") as turn:
        assert turn is not None
        cursor = await turn.rows.take_fanout("urgent")
        assert cursor is not None
        task = asyncio.create_task(news(deps, State.IDENTIFIED))
        await until_blocked(deps.store, task)
        async with turn.write() as rows:
            assert await rows.add_update(cursor.incident, make.update(3, Kind.HOLDING, deps.clock.now()))
    await asyncio.wait_for(task, 10)
    async with deps.store.reading() as rows:
        found = await rows.incident(1)
    assert found is not None
    assert [each.number for each in found.updates] == [1, 2, 3, 4]
    assert found.newest.human_number == 3


async def test_a_cursor_of_another_incident_is_nobodys_concern(pages: Books):
    other = await pages.open(replace(make.incident(), id=IncidentId(uuid7()), number=2))
    async with pages.store.transaction() as rows:
        await rows.add_fanout([uuid7()], other.id, 1, "bulk", make.NOON, scope=other.scope)
    async with pages.store.turn("fanout-bulk") as turn:
        assert turn is not None
        assert await turn.rows.take_fanout("bulk") is not None
        async with asyncio.timeout(5), pages.store.transaction() as rows:
            await rows.add_fanout([uuid7()], pages.incident.id, 2, "bulk", make.NOON, scope=None)
    assert len(await pages.table(fanout)) == 2


class Slow:
    """A connection that waits after its first insert of a delivery."""

    dialect = "postgresql"

    def __init__(self, sql: Any, wait: Callable[[], Awaitable[None]]) -> None:
        self._sql, self._wait, self._waited = sql, wait, False
        self.rows, self.driver = sql.rows, sql.driver

    async def run(self, statement: Executable, params: Any = None) -> int:
        done: int = await self._sql.run(statement, params)
        if not self._waited and isinstance(statement, Insert) and statement.table is delivery:
            self._waited = True
            await self._wait()
        return done


async def test_two_planners_of_families_that_share_two_addresses_do_not_wait_in_a_ring(pages: Books):
    """Each inserts its first and lets the other come; one waits for the other, and both get done."""
    nurses = [make.caregiver(f"nurse-{n}", addresses=(make.address("sms", f"+1415555010{n}"),)) for n in (1, 2)]
    families = await pages.families(*(make.family(nurses[n % 2], id=FamilyId(f"fam-{n}")) for n in (0, 1, 2, 3)))
    began = [asyncio.Event(), asyncio.Event()]

    async def plan(mine: int, first: int, second: int) -> None:
        async def wait() -> None:
            began[mine].set()
            await asyncio.wait({asyncio.ensure_future(began[1 - mine].wait())}, timeout=0.5)

        two = [families[first], families[second]]
        made = Plan(pages.incident.id, pages.incident.scope, make.NOON, make.NOON)
        made.watches = [pages.watch(each) for each in two]
        made.deliveries = [pages.owed(each) for each in two]
        made.shared = frozenset(each.owed.address for each in made.deliveries)
        async with pages.store.transaction() as rows:
            slow: Any = Slow(rows.sql, wait)
            await Rows(slow).write_plan(made)

    await asyncio.wait_for(asyncio.gather(plan(0, 0, 1), plan(1, 3, 2)), 10)
    assert await pages.states() == {"pending": 2}


async def test_who_stands_still_with_a_lock_loses_it(
    fresh_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
):
    """A process that was stopped between two statements keeps nobody waiting, and cannot go on as if nothing had been."""
    monkeypatch.setitem(SESSION, "idle_in_transaction_session_timeout", "'500ms'")
    made, _ = open_deps(fresh_database("postgresql"))
    await put_families(made, crowd(1), who="test")
    await open_incident(made, Opening((Reach("follow"),), Severity.CRITICAL, "Follow is down"), who="test")

    async def frozen() -> None:
        async with made.store.transaction() as rows:
            await rows.lock_incidents()
            assert (await asyncio.wait_for(news(made), 10)).incident == 1
            await rows.lock_incidents()

    with pytest.raises(InternalError):
        await frozen()
    await made.store.close()


async def test_less_of_a_phone_of_two_families_waits_with_nothing_in_hand_that_comes_later(pages: Books):
    """By outage, then by family, as everybody does: a worker that writes outcomes of both would wait in a ring."""
    sms = make.address("sms", "+14155550123")
    nan = make.caregiver("nan", addresses=(sms,))
    one, two = await pages.families(make.family(nan), make.family(nan, id=FamilyId("fam-2")))
    other = await pages.open(replace(make.incident(), id=IncidentId(uuid7()), number=2))
    for each in (pages.incident, other):
        await pages.write([pages.watch(one), pages.watch(two)], incident=each)
    first, second = sorted((pages.incident.id, other.id))
    who = Correspondent(one.caregivers[0].addresses[0].id, False, (one, two))

    async def less() -> int:
        async with pages.store.transaction() as rows:
            return (await choose_holdings(rows, who, make.NOON, more=False)).due

    async with pages.store.transaction() as rows:
        await lock_watches(rows.sql, [(first, two.id)])
        task = asyncio.create_task(less())
        await until_blocked(pages.store, task)
        await rows.sql.run(text("SET LOCAL lock_timeout = '2s'"))
        await lock_watches(rows.sql, [(second, one.id)])
    assert await asyncio.wait_for(task, 10) == 4


async def test_an_import_locks_by_incident_also_where_one_has_ended(
    fresh_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ended one is the older: whoever locks the watches of both, an opt-out or a batch of outcomes, begins there."""
    books = Books(fresh_database("postgresql"))
    older, newer = IncidentId(UUID(int=1)), IncidentId(UUID(int=2))
    ended = replace(make.incident(), id=older, number=1, state=State.RESOLVED, ended_at=make.after(1))
    await books.open(ended)
    await books.open(replace(make.incident(), id=newer, number=2))
    [family] = await books.families(make.family())
    for incident in (ended, replace(ended, id=newer)):
        await books.write([books.watch(family)], incident=incident)
    holds, other, touch = asyncio.Event(), asyncio.Event(), FamilyRows.touch_families

    async def slowly(rows: FamilyRows, ids: Sequence[str], incident_id: IncidentId, now: datetime) -> int:
        touched = await touch(rows, ids, incident_id, now)
        if not holds.is_set():
            holds.set()
            await other.wait()
        return touched

    monkeypatch.setattr(FamilyRows, "touch_families", slowly)

    async def opts_out() -> None:
        await holds.wait()
        async with books.store.transaction() as rows:
            asyncio.get_running_loop().call_later(0.3, other.set)
            await lock_watches(rows.sql, {(older, family.id), (newer, family.id)})

    deps: Any = SimpleNamespace(store=books.store, clock=FakeClock(make.after(2)))
    await asyncio.gather(_touch(deps, [family], ()), opts_out())  # Postgres ends a ring with an error
    await books.store.close()
