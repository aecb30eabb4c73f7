"""Workers over a real store: what several of them do at once, or leave undone, reaches every phone once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.family import FamilyId
from alertd.domain.incident import Reach, Severity, State
from alertd.ports.deps import Deps
from alertd.store.store import SqlStore
from alertd.store.tables import delivery, fanout, watch
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.fan_out import fan_out
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.plan_due import plan_due
from alertd.usecases.planning import Overtaken
from alertd.usecases.publish import News, publish
from alertd.usecases.put_families import put_families
from alertd.usecases.sweep import sweep
from tests import make
from tests.contract.books import Books, crowd
from tests.fakes import FakeChannel, FakeClock
from tests.served import open_deps


class Crew:
    """Workers of one cluster: each has a store of its own, all share the clock and the providers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.deps, _ = open_deps(url)
        self.books = Books(url)
        self._stores = [self.deps.store, self.books.store]

    @property
    def clock(self) -> FakeClock:
        assert isinstance(self.deps.clock, FakeClock)
        return self.deps.clock

    @property
    def phones(self) -> Counter[str]:
        """How often each address heard something."""
        channels = [each for each in self.deps.channels.values() if isinstance(each, FakeChannel)]
        return Counter(message.to for channel in channels for message in channel.accepted)

    def worker(self) -> Deps:
        """One more process."""
        store = SqlStore(self.url)
        self._stores.append(store)
        return replace(self.deps, store=store)

    async def outage(self) -> None:
        """`follow` fails for everybody."""
        await open_incident(
            self.deps, Opening((Reach("follow"),), Severity.CRITICAL, "Follow is down"), who="test"
        )

    async def work(self, lane: str = "urgent", deps: Deps | None = None) -> int:
        """Drain a lane until there is nothing left."""
        deps = deps or self.deps
        return await drain(deps, Sender(deps), lane, seconds=30)

    async def close(self) -> None:
        for store in self._stores:
            await store.close()


@pytest.fixture
async def crew(database_url: str) -> AsyncIterator[Crew]:
    made = Crew(database_url)
    yield made
    await made.close()


async def test_two_workers_tell_every_family_once(crew: Crew):
    families = crowd(320, "push", "sms")
    await put_families(crew.deps, families, who="test")
    await crew.outage()
    counts = await asyncio.gather(*(crew.work(deps=crew.worker()) for _ in range(2)))
    assert sum(counts) == 640
    assert crew.phones == Counter(a.to for f in families for c in f.caregivers for a in c.addresses)
    assert await crew.books.states() == {"accepted": 640}
    assert (await crew.books.row(fanout))["done"]


async def test_what_a_dead_worker_held_is_told_by_another_after_its_lease(crew: Crew):
    """The first slice was born leased to a worker that died before it sent anything."""
    families = crowd(250)
    await put_families(crew.deps, families, who="test")
    await crew.outage()
    dead = crew.worker()
    step = await fan_out(dead, "urgent", send=True)
    assert len(step.batch) == 100

    assert await crew.work() == 150
    assert (await sweep(crew.deps, broker=False)).expired == 0
    crew.clock.advance(seconds=31)
    swept = await sweep(crew.deps, broker=False)
    assert swept.expired == 100
    crew.clock.advance(seconds=2)
    assert (await sweep(crew.deps, broker=False)).retried == 100
    assert (await sweep(crew.deps, broker=False)).alone == ("urgent",)
    await crew.work()
    assert crew.phones == Counter(a.to for f in families for c in f.caregivers for a in c.addresses)
    assert await crew.books.states() == {"accepted": 250}


async def test_a_worker_that_dies_in_a_slice_leaves_it_whole_to_the_next(crew: Crew):
    await put_families(crew.deps, crowd(130), who="test")
    await crew.outage()
    dying = replace(crew.deps, new_id=_dies_after(40, crew.deps.new_id))
    with pytest.raises(ConnectionError):
        await fan_out(dying, "urgent", send=True)
    assert (await crew.books.row(fanout))["position"] == ""
    assert await crew.books.table(watch) == []
    assert await crew.work() == 130
    assert set(crew.phones.values()) == {1}


class Interrupted:
    """A store of which something happens between the reads of a turn and its transaction."""

    def __init__(self, store: Any, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._store, self._meanwhile = store, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def turn(self, *given: Any) -> AsyncIterator[Any]:
        async with self._store.turn(*given) as turn:
            self.rows, self._write = turn.rows, turn.write
            yield self

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        await self._meanwhile()
        async with self._write() as rows:
            yield rows


async def test_a_slice_that_was_planned_before_an_update_is_planned_anew(
    fresh_database: Callable[[str], str],
):
    """SQLite reads before it locks: of an outage that has ended meanwhile, nobody hears that it begins.

    The cursor of the update is on another lane, and has passed by before the slice writes its watches.
    """
    crew = Crew(fresh_database("sqlite"))
    await put_families(crew.deps, crowd(3), who="test")
    await crew.outage()

    async def over() -> None:
        await publish(crew.worker(), 1, News(message={"en": "It works."}, state=State.RESOLVED), who="test")
        await crew.work("bulk", crew.worker())

    with pytest.raises(Overtaken):
        await fan_out(replace(crew.deps, store=Interrupted(crew.deps.store, over)), "urgent", send=True)
    await crew.work()
    assert crew.phones == Counter()
    assert await crew.books.table(delivery) == []
    await crew.close()


async def test_two_caregivers_with_one_mailbox_are_told_once(crew: Crew):
    """The address has one row, so one delivery serves both; and the slice it is in goes through."""
    home = make.address("email", "home@example.org")
    people = [
        make.caregiver(name, addresses=(home, make.own(name, "sms")), order=order)
        for order, name in enumerate(("mia", "pa"), 1)
    ]
    ask = make.preferences(critical=("email", "sms"))
    family = make.family(*(replace(each, preferences=ask) for each in people))
    await put_families(crew.deps, [family, *crowd(3)], who="test")
    await crew.outage()
    await crew.work()
    assert set(crew.phones.values()) == {1}
    assert len(crew.phones) == 6


async def test_when_the_database_fails_what_is_in_flight_is_still_finished(crew: Crew):
    """A worker's connections outlive its batches: what a provider accepts meanwhile is written."""
    await put_families(crew.deps, crowd(20), who="test")
    await crew.outage()
    slow = _Slow("push")
    store = _FailsAfterOne(crew.deps.store)
    deps = replace(crew.deps, channels={"push": slow}, store=store)
    with pytest.raises(ConnectionError):
        await drain(deps, Sender(deps), "urgent", seconds=30)
    assert len(slow.accepted) == 20
    assert await crew.books.states() == {"accepted": 20}


async def test_the_watch_of_a_family_that_is_gone_is_looked_at_once(crew: Crew):
    """Whatever way it was left behind, it must not keep every worker busy for ever."""
    [family] = crowd(1)
    await put_families(crew.deps, [family], who="test")
    await crew.outage()
    await crew.work()
    incident = (await crew.books.row(watch))["incident_id"]
    ghost = replace(make.incident(), id=incident)
    await crew.books.write(
        [crew.books.watch(make.family(id=FamilyId("ghost")), look_at=make.NOON)], incident=ghost
    )
    assert (await plan_due(crew.deps, send=True)).worked
    assert not (await plan_due(crew.deps, send=True)).worked
    row = await crew.books.row(watch, family_id="ghost")
    assert row["look_at"] is None
    assert row["rest"] is not None


async def test_who_moves_in_while_others_are_told_is_told_too(crew: Crew):
    first, second = crowd(120)[:60], crowd(120)[60:]
    await put_families(crew.deps, first, who="test")
    await crew.outage()
    await asyncio.gather(put_families(crew.worker(), second, who="test"), crew.work())
    await crew.work()
    assert crew.phones == Counter(f"push-{n:04}" for n in range(120))
    assert len(await crew.books.table(delivery)) == 120


def _dies_after(count: int, new_id: Any) -> Any:
    left = iter(range(count))

    def made() -> Any:
        if next(left, None) is None:
            raise ConnectionError("the worker died")
        return new_id()

    return made


class _Slow(FakeChannel):
    """A provider that takes a while."""

    async def send(self, message: Any) -> Any:
        await asyncio.sleep(0.3)
        return await super().send(message)


class _FailsAfterOne:
    """A store in which the second look for work finds the database gone; what is in flight can be written."""

    def __init__(self, store: Any) -> None:
        self._store, self._turns, self._readings = store, 0, 0
        self.dialect = store.dialect

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def turn(self, name: str, wait: float = 0.0) -> AsyncIterator[Any]:
        self._turns += 1
        if self._turns > 1:
            raise ConnectionError("the database is gone")
        async with self._store.turn(name, wait) as turn:
            yield turn

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        self._readings += 1
        if self._readings > 1:  # the first loads what is sent
            raise ConnectionError("the database is gone")
        async with self._store.reading() as rows:
            yield rows
