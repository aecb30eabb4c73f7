"""How soon, not how many: `python -m bench.moments [--quick]`; writes MOMENTS.md.

Through real processes: API, sweeper, an urgent worker and a bulk worker with two children, Redis, and Postgres or
SQLite. Measured are an opening until the provider has the first message, an urgent message behind 20,000 bulk
ones, a ladder's step and a silence deadline that fall on 50,000 families at once, and what an idle daemon uses.
"""

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

from alertd.domain.incident import State
from alertd.event_loop import new_loop
from alertd.usecases.publish import News
from bench.daemon import Daemon, token
from bench.processes import require_proc
from bench.servers import NotReady, Rig, rig

RESULTS = Path(__file__).parent / "MOMENTS.md"
FULL, QUICK = 50_000, 2_000
CROWD_IDLE = 100_000
CALM_SECONDS = 120.0
IDLE_SECONDS = 60.0  # two questions of the auditor
CLOSED = (10, 1_000)
PARTS = ("openings", "urgent", "crowds", "idle", "closed")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    what: str
    database: str
    found: str
    goal: str
    met: bool | None  # None: only told


async def openings(rig: Rig, database: str, crowd: int, times: int) -> list[Row]:
    """Ten openings by a human and ten by a machine: from the request to the provider's first message."""
    found: dict[str, list[float]] = {"human": [], "machine": []}
    async with Daemon(rig, f"openings-{database}", 4, _database(rig, database)) as daemon:
        await daemon.families("follow", crowd)
        await daemon.start()
        for number in range(times):
            for who, values in found.items():
                rig.provider.reset()
                began = time.perf_counter()
                opened = daemon.open("follow") if who == "human" else daemon.fire("follow", f"alert-{number}")
                incident = await opened
                await daemon.count(1)
                values.append(time.perf_counter() - began)
                await daemon.end(incident)
    return [
        Row(
            f"opened by a {who}, {crowd:,} families: the first message",
            database,
            _spread(values),
            "median at most 500 ms",
            _median(values) <= 0.5,
        )
        for who, values in found.items()
    ]


async def urgent(rig: Rig, database: str, crowd: int, rounds: int) -> list[Row]:
    """One message to one family: on an idle daemon, and behind a crowd's on the bulk lane, in turns."""
    idle: list[float] = []
    busy: list[list[float]] = []
    each = 40
    async with Daemon(rig, f"urgent-{database}", 5, _database(rig, database)) as daemon:
        await daemon.families("follow", crowd)
        for number in range(rounds * each * 3 // 2):
            await daemon.families("share", 1, first=number, region=f"r{number}")
        await daemon.start()
        number = 0

        opened: list[int] = []

        async def one() -> float:
            nonlocal number
            began = time.perf_counter()
            opened.append(await daemon.open("share", f"r{number}"))
            await daemon.heard(token("share", number))
            number += 1
            return time.perf_counter() - began

        async def end_all() -> None:
            """So that no more are open at once than on the worst of days."""
            while opened:
                await daemon.tell(opened.pop(), News(state=State.RESOLVED))
            await daemon.settled()

        for _ in range(rounds):
            await daemon.settled()
            idle += [await one() for _ in range(each // 2)]
            await end_all()
            rig.provider.reset()
            incident = await daemon.open("follow")
            await daemon.count(100)
            within: list[float] = []
            while len(within) < each and rig.provider.count() < crowd * 0.9:
                within.append(await one())
            busy.append(within)
            await daemon.settled()
            opened.append(incident)
            await end_all()
    all_busy = [value for round_ in busy for value in round_]
    ratio = _median(all_busy) / _median(idle)
    late = sorted(_p95(round_) for round_ in busy)[len(busy) // 2]
    return [
        Row("one message on an idle daemon", database, _spread(idle), "", None),
        Row(
            f"the same behind {crowd:,} bulk messages ({len(all_busy)} measured)",
            database,
            f"{_spread(all_busy)}; {ratio:.1f} x",
            "median at most 3 x idle",
            ratio <= 3,
        ),
        Row("p95 of it (median of the rounds)", database, f"{late * 1000:.0f} ms", "at most 100 ms", late <= 0.1),
    ]


async def crowds(rig: Rig, database: str, crowd: int, rounds: int) -> list[Row]:
    """A plain update, a ladder's step and a silence deadline for everybody at once; rates within one round."""
    rates: dict[str, list[float]] = {"update": [], "step": [], "deadline": []}
    async with Daemon(rig, f"crowds-{database}", 6, _database(rig, database)) as daemon:
        await daemon.families("follow", crowd)
        await daemon.start()
        for _ in range(rounds):
            rig.provider.reset()
            incident = await daemon.open("follow")
            await daemon.count(crowd)
            await daemon.settled()
            rates["update"].append(
                await _rate(daemon, crowd, daemon.tell(incident, News(message={"en": "News."})))
            )
            # An hour hand moved by hand: what was planned and told lies ten minutes, then a whole window, back.
            rates["step"].append(await _rate(daemon, crowd, later(daemon, incident, timedelta(minutes=10))))
            rates["deadline"].append(await _rate(daemon, crowd, later(daemon, incident, timedelta(minutes=30))))
            await daemon.end(incident)
    rows = [
        Row(
            f"a plain update to {crowd:,} families",
            database,
            f"{_median(rates['update']):,.0f} messages/s",
            "",
            None,
        )
    ]
    for name, what in (("step", "a ladder's step"), ("deadline", "a silence deadline")):
        shares = [rate / plain for rate, plain in zip(rates[name], rates["update"], strict=True)]
        rows.append(
            Row(
                f"{what} that falls on all of them at once",
                database,
                f"{_median(rates[name]):,.0f} messages/s, {_median(shares):.2f} of the update",
                "at least 0.70 of it",
                _median(shares) >= 0.7,
            )
        )
    return rows


async def idle(rig: Rig, database: str, crowd: int) -> list[Row]:
    """What everything together uses while so many watches are open and none is due."""
    async with Daemon(rig, f"idle-{database}", 7, _database(rig, database)) as daemon:
        await daemon.families("follow", crowd)
        await daemon.start()
        rig.provider.reset()
        await daemon.open("follow")
        await daemon.count(crowd)
        await daemon.settled()
        await asyncio.sleep(10)  # autovacuum of what was just written is no idleness
        rig.vacuum(daemon.url)
        await asyncio.sleep(CALM_SECONDS)  # nor is what the census counts while numbers still change
        before, began = daemon.cpu_seconds(), time.perf_counter()
        await asyncio.sleep(IDLE_SECONDS)
        share = (daemon.cpu_seconds() - before) / (time.perf_counter() - began)
    what = f"idle, {crowd:,} open watches of which none is due: of a core"
    return [Row(what, database, f"{share:.1%}", "under 2 %", share < 0.02)]


async def closed(rig: Rig, crowd: int) -> list[Row]:
    """What the sweeper reads, and the rows of the family tables, after ten and a thousand incidents (Postgres)."""
    rows = []
    async with Daemon(rig, "closed", 8, _database(rig, "postgres")) as daemon:
        await daemon.families("follow", crowd)
        await daemon.start()
        for number in range(CLOSED[0]):
            await daemon.open("follow")
            rig.provider.reset()
            await daemon.settled()
            await daemon.end(number + 2)
        for wanted in CLOSED:
            await _copy_closed(daemon, wanted)
            rig.vacuum(daemon.url)
            took = [await _looks(daemon) for _ in range(200)]
            async with daemon.deps.store.reading() as reading:
                counts = [
                    (await reading.sql.rows(text(f"SELECT count(*) FROM {table}")))[0][0]  # type: ignore[attr-defined]
                    for table in ("family", "family_service", "family_address", "address")
                ]
            found = f"{_median(took) * 1000:.2f} ms; family tables {' + '.join(map(str, counts))} rows"
            rows.append(
                Row(f"a look of the sweeper after {wanted:,} closed incidents", "postgres", found, "", None)
            )
    return rows


async def later(daemon: Daemon, incident: int, by: timedelta) -> None:
    """So much time has passed, in which Postgres has cleared away what is dead, as it does every minute."""
    with daemon.sweeper_held():
        await age(daemon, incident, by)
        daemon.rig.vacuum(daemon.url)


async def age(daemon: Daemon, incident: int, by: timedelta) -> None:
    """Let everything in an incident lie so much further back, in one transaction."""
    back = int(by.total_seconds() * 1_000_000)
    mine = "(SELECT id FROM incident WHERE number = :number)"
    statements = (
        f"UPDATE incident SET opened_at = opened_at - :back WHERE id = {mine}",
        f"UPDATE incident_update SET at = at - :back, promise = promise - :back WHERE incident_id = {mine}",
        "UPDATE delivery SET planned_at = planned_at - :back, accepted_at = accepted_at - :back, "
        f"next_by = next_by - :back, tried_at = tried_at - :back WHERE incident_id = {mine}",
        "UPDATE watch SET touched_at = touched_at - :back, next_by = next_by - :back, "
        f"heard_at = heard_at - :back, look_at = look_at - :back WHERE incident_id = {mine}",
        f"UPDATE responder_watch SET look_at = look_at - :back WHERE incident_id = {mine}",
    )
    async with daemon.deps.store.transaction() as rows:
        for statement in statements:
            await rows.sql.run(text(statement), {"back": back, "number": incident})  # type: ignore[attr-defined]


async def _rate(daemon: Daemon, crowd: int, begins: object) -> float:
    daemon.rig.provider.reset()
    await begins  # type: ignore[misc]
    began = time.perf_counter()
    await daemon.count(crowd)
    took = time.perf_counter() - began
    await daemon.settled()
    return crowd / took


async def _copy_closed(daemon: Daemon, wanted: int) -> None:
    """More closed incidents, each with its watches and deliveries, by copying the first."""
    async with daemon.deps.store.transaction() as rows:
        sql = rows.sql  # type: ignore[attr-defined]
        there = (await sql.rows(text("SELECT count(*) FROM incident")))[0][0]
        columns = {
            table: [
                row[0]
                for row in await sql.rows(
                    text("SELECT column_name FROM information_schema.columns WHERE table_name = :table"),
                    {"table": table},
                )
            ]
            for table in ("incident", "incident_update", "watch", "delivery")
        }
        for number in range(there + 1, wanted + 1):
            fresh = {"incident": str(uuid4()), "number": number + 10_000}
            for table, key in (
                ("incident", "id"),
                ("incident_update", "incident_id"),
                ("watch", "incident_id"),
                ("delivery", "incident_id"),
            ):
                values = [
                    "CAST(:incident AS uuid)" if c == key
                    else ":number" if c == "number" and table == "incident"
                    else "gen_random_uuid()" if c == "id"
                    else c
                    for c in columns[table]
                ]  # fmt: skip
                source = "(SELECT id FROM incident WHERE number = 2)"
                names, picked = ", ".join(columns[table]), ", ".join(values)
                copy = f"INSERT INTO {table} ({names}) SELECT {picked} FROM {table} WHERE {key} = {source}"
                await sql.run(
                    text(copy),
                    {name: value for name, value in fresh.items() if f":{name}" in " ".join(values)},
                )


async def _looks(daemon: Daemon) -> float:
    """Everything that a look of the sweeper may ask, where nothing is found: seconds."""
    now, machine_at = daemon.deps.clock.now(), daemon.deps.clock.machine()
    began = time.perf_counter()
    async with daemon.deps.store.reading() as rows:
        await rows.calm(now, machine_at)
        await rows.backlog(now, machine_at)
        await rows.lapsed(machine_at)
        await rows.due_watches(now, 500)
    return time.perf_counter() - began


def _database(rig: Rig, name: str) -> str:
    if name == "postgres":
        return rig.fresh_database("moments")
    for old in rig.folder.glob("moments.sqlite*"):
        old.unlink()
    return f"sqlite:///{rig.folder / 'moments.sqlite'}"


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def _p95(values: Sequence[float]) -> float:
    """The nearest rank: 95 of a hundred took no longer."""
    return sorted(values)[ceil(0.95 * len(values)) - 1]


def _spread(values: Sequence[float]) -> str:
    ordered = [value * 1000 for value in sorted(values)]
    return f"{_median(ordered):.0f} ms ({ordered[0]:.0f} to {ordered[-1]:.0f})"


async def measure(rig: Rig, *, quick: bool, only: Sequence[str]) -> list[Row]:
    """Everything, or what is named, on both databases."""
    crowd = QUICK if quick else FULL
    found: list[Row] = []
    for database in ("postgres", "sqlite"):
        if not only or "openings" in only:
            found += await openings(rig, database, 1_000, 3 if quick else 10)
            found += [] if quick else await openings(rig, database, crowd, 10)
        if not only or "urgent" in only:
            found += await urgent(rig, database, crowd if quick else 20_000, 2 if quick else 5)
        if not only or "crowds" in only:
            found += await crowds(rig, database, crowd, 1 if quick else 3)
        if not only or "idle" in only:
            found += await idle(rig, database, crowd if quick else CROWD_IDLE)
    if not only or "closed" in only:
        found += await closed(rig, 100)
    return found


def page(rows: Sequence[Row], seconds: float) -> str:
    """The report in Markdown."""
    lines = [
        "# Moments",
        "",
        f"`python -m bench.moments`, {seconds:.0f} s. Two bulk children, one urgent, a sweeper and an API.",
        "",
        "| what | database | found | goal | |",
        "|---|---|---|---|---|",
    ]
    marks = {True: "met", False: "**missed**", None: ""}
    lines += [f"| {row.what} | {row.database} | {row.found} | {row.goal} | {marks[row.met]} |" for row in rows]
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Run it; 0 when it was measured, whatever was found; 1 when it could not be."""
    parser = argparse.ArgumentParser(prog="python -m bench.moments", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few families and rounds; only prints")
    parser.add_argument(
        "--only", action="append", default=[], choices=("openings", "urgent", "crowds", "idle", "closed")
    )
    arguments = parser.parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    began = time.monotonic()
    try:
        require_proc()
        with rig() as servers, asyncio.Runner(loop_factory=new_loop) as runner:  # as the API has it
            found = runner.run(measure(servers, quick=arguments.quick, only=arguments.only))
    except NotReady as error:
        print(f"moments not measured: {error}", file=sys.stderr)
        return 1
    told = page(found, time.monotonic() - began)
    if not arguments.quick and not arguments.only:
        RESULTS.write_text(told)
    print(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
