"""Everything at once: fan-outs, claims, outcomes, imports, new updates, for a few seconds, without a deadlock."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import text

from alertd.domain.errors import Conflict, NotFound
from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Reach, Severity, State
from alertd.ports import Later, Message, Misconfigured, Receipt, Refused, Unknown
from alertd.ports.deps import Deps, Timing
from alertd.store.store import SqlStore
from alertd.store.tables import attempt, delivery, watch
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from alertd.usecases.put_families import delete_family, put_families
from alertd.usecases.sweep import sweep
from tests import make
from tests.contract.books import Books
from tests.served import open_deps

SECONDS = 4.0
FAMILIES = 160
Act = Callable[[Deps, int], Awaitable[object]]
RATE = 400.0  # story seconds a second: windows of 30 minutes pass in 4.5 s, so watches fall due all the time


class QuickClock:
    """Real time for leases, a story that runs ahead of it."""

    rate = RATE

    def __init__(self) -> None:
        self._began = time.monotonic()

    def machine(self) -> datetime:
        return datetime(2026, 11, 4, 20, 0, tzinfo=UTC) + timedelta(seconds=time.monotonic() - self._began)

    def now(self) -> datetime:
        return make.NOON + timedelta(seconds=time.monotonic() - self._began) * RATE


class Moody:
    """A provider with a mood: mostly accepts, now and then says one of everything else."""

    at_once = 50
    deadline = 0.1
    has_callbacks = False

    def __init__(self, name: str, seed: int) -> None:
        self.name, self._dice = name, random.Random(seed)
        self.sunny = False
        self.accepted: list[Message] = []

    async def send(self, message: Message) -> Receipt:
        await asyncio.sleep(self._dice.random() * 0.01)
        mood = 1.0 if self.sunny else self._dice.random()
        if mood < 0.06:
            raise Refused("21211", opted_out=mood < 0.03)
        if mood < 0.14:
            raise Later("20429")
        if mood < 0.20:
            raise Unknown("timeout")
        if mood < 0.22:
            raise Misconfigured("20003")
        self.accepted.append(message)
        return Receipt(f"{self.name}-{len(self.accepted)}")

    async def close(self) -> None:
        """Nothing to give back."""


def town(version: int) -> list[Family]:
    """Families with addresses of their own, and nurses shared by ten; every version is a newer document."""
    dice = random.Random(version)
    families = []
    for number in range(FAMILIES):
        nurse = make.caregiver("nurse", addresses=(make.address("sms", f"+1212555{number // 10:04}"),), order=2)
        channels = dice.sample(("push", "sms", "email"), dice.randint(1, 3))
        addresses = tuple(
            make.address(c, f"m{number}@example.org" if c == "email" else f"{c}-{number}") for c in channels
        )
        parent = make.caregiver("mia", addresses=addresses, preferences=make.preferences(critical=("push", "sms")))
        families.append(
            make.family(
                parent, nurse, id=FamilyId(f"fam-{number:04}"), updated_at=make.after(version),
                services=dice.choice((("follow",), ("follow", "share"), ("share", "follow"))),
            )
        )  # fmt: skip
    dice.shuffle(families)
    return families


async def test_all_of_it_at_once_without_a_deadlock(database_url: str):
    base, _ = open_deps(database_url)
    await base.store.close()
    channels = {name: Moody(name, seed) for seed, name in enumerate(("push", "sms", "email"))}
    stores: list[SqlStore] = []
    clock = QuickClock()

    def process() -> Deps:
        store = SqlStore(database_url)
        stores.append(store)
        timing = Timing(lease=2.0, sweep=0.05, unknown=0.2, unknown_critical=0.2, takes_hints=0.1)
        return replace(
            base, store=store, clock=clock, channels=channels, timing=timing,
            default_policy=make.policy(always=("parent", "nurse"), floor=()),
            policies={}, spread=lambda: 0.05, part=5,
        )  # fmt: skip

    first = process()
    await put_families(first, town(0), who="test")
    numbers = []
    for service in ("follow", "share"):
        opening = Opening((Reach(service),), Severity.CRITICAL, f"{service} is down")
        numbers.append((await open_incident(first, opening, who="test")).incident)

    done: Counter[int] = Counter()
    errors: list[BaseException] = []
    stop = asyncio.Event()

    async def again_and_again(act: Act) -> None:
        deps, turn = process(), 0
        while not stop.is_set():
            turn += 1
            try:
                await act(deps, turn)
                done[id(act)] += 1
            except BaseException as error:  # noqa: BLE001  whatever it is, it fails the test below
                errors.append(error)
                return
            await asyncio.sleep(0.005)

    def work(lane: str) -> Act:
        async def act(deps: Deps, _: int) -> object:
            return await drain(deps, Sender(deps), lane, seconds=0.5, stop=stop.is_set)

        return act

    async def look(deps: Deps, _: int) -> object:
        return await sweep(deps, broker=False)

    async def take_in(deps: Deps, turn: int) -> object:
        return await put_families(deps, town(turn)[: FAMILIES // 2], who="test")

    async def say(deps: Deps, turn: int) -> None:
        await asyncio.sleep(0.1)
        with suppress(Conflict):  # a holding took the number, five times over
            await publish(deps, numbers[turn % 2], News(message={"en": f"News {turn}."}), who="test")

    async def move_out(deps: Deps, turn: int) -> None:
        await asyncio.sleep(0.02)
        with suppress(NotFound):  # out already
            await delete_family(deps, FamilyId(f"fam-{turn % 7:04}"), who="test")

    acts: list[Act] = [
        work("urgent"),
        work("urgent"),
        work("bulk"),
        look,
        take_in,
        partial(take_in),
        say,
        move_out,
    ]
    tasks = [asyncio.create_task(again_and_again(act)) for act in acts]
    await asyncio.wait(tasks, timeout=SECONDS, return_when=asyncio.FIRST_EXCEPTION)
    stop.set()
    await asyncio.wait_for(asyncio.gather(*tasks), 30)
    assert errors == []
    assert len(done) == len(acts)  # every one of them got something done beside the others

    # Then the sun shines: two all-clears, and everything comes to rest.
    for channel in channels.values():
        channel.sunny = True
    await put_families(first, town(10_000), who="test")
    for number in numbers:
        await publish(first, number, News(message={"en": "Over."}, state=State.RESOLVED), who="test")
    sender = Sender(first)
    async with asyncio.timeout(60):
        while await _unfinished(first.store):
            for lane in (await sweep(first, broker=False)).alone:
                await drain(first, sender, lane, seconds=2)
    books = Books(database_url)
    assert set(await books.states()) <= {
        "accepted", "refused", "parked", "superseded", "cancelled", "expired"
    }  # fmt: skip
    assert all(row["reader"] is None for row in await books.table(delivery))
    assert {row["rest"] for row in await books.table(watch)} <= {"closed", "no_address", "muted", "opted_out"}
    _none_was_told_twice(channels, await books.table(delivery), await books.table(attempt))
    assert await _deadlocks(database_url) == 0
    for store in (*stores, books.store):
        await store.close()


async def test_who_stops_waiting_for_the_lock_does_not_keep_it(fresh_database: Callable[[str], str]):
    """A request that is cancelled while it queues must not hold every other process up for ever."""
    url = fresh_database("sqlite")
    holder, impatient, third = (SqlStore(url) for _ in range(3))
    async with holder.transaction():
        waiting = asyncio.create_task(_write(impatient))
        await asyncio.sleep(0.05)
        waiting.cancel()
        assert isinstance((await asyncio.gather(waiting, return_exceptions=True))[0], asyncio.CancelledError)
    async with asyncio.timeout(5):
        await _write(third)
        await _write(impatient)
    for store in (holder, impatient, third):
        await store.close()


async def _write(store: SqlStore) -> None:
    async with store.transaction() as rows:
        await rows.rest_watches(make.incident().id, [])


async def _unfinished(store: Any) -> bool:
    statement = text(
        "SELECT (SELECT count(*) FROM delivery WHERE state IN ('pending', 'leased', 'unknown')) "
        "+ (SELECT count(*) FROM fanout WHERE NOT done) + (SELECT count(*) FROM watch WHERE look_at IS NOT NULL)"
    )
    async with store.reading() as rows:
        return bool((await rows.sql.rows(statement))[0][0])


def _none_was_told_twice(
    channels: dict[str, Moody], deliveries: list[dict[str, Any]], attempts: list[dict[str, Any]]
) -> None:
    """A provider has a message once, and once more for every try whose end was not known in time."""
    accepted = Counter(message.delivery for channel in channels.values() for message in channel.accepted)
    unknown = Counter(row["delivery_id"] for row in attempts if row["outcome"] == "unknown")
    assert {each: count for each, count in accepted.items() if count > 1 + unknown[each]} == {}
    told = {row["id"] for row in deliveries if row["state"] == "accepted"}
    assert told <= set(accepted)
    assert set(accepted) - told <= set(unknown)


async def _deadlocks(url: str) -> int:
    """How often Postgres had to kill somebody, whether or not anybody noticed."""
    if not url.startswith("postgresql"):
        return 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT pg_stat_clear_snapshot()")
        cursor = await connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
