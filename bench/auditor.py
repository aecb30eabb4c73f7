"""What the auditor and a scrape of /metrics cost: `python -m bench.auditor [families] [deliveries a family]`.

One open incident; every family has a watch and its messages, written straight into the tables. Asked: an audit in
which everybody is in time, one in which a tenth rests with an excuse, one in which half is forgotten, and a
scrape; each on SQLite and on Postgres. Prints a table, and checks what was found.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Table, func, insert, select, text, update

from alertd.api.exposition import render
from alertd.api.scrape import read
from alertd.domain.incident import Severity
from alertd.ports.deps import Deps, Timing
from alertd.store.codec import encode
from alertd.store.migrate import upgrade
from alertd.store.tables import address, delivery, family, family_address, family_service, watch
from alertd.usecases import audit as auditing
from alertd.usecases.audit import audit
from alertd.usecases.census import SLICE
from bench.servers import rig
from tests import make
from tests.served import open_deps

_BATCH = 5_000
CHOSEN = make.preferences(minor=())


def name(number: int) -> str:
    """A family's id; they are spread as real ones are."""
    return f"fam-{number:07}"


async def fill(deps: Deps, families: int, deliveries: int) -> None:
    """An open incident, its families, and what they were sent."""
    incident = make.incident(make.update(1, severity=Severity.MINOR))
    async with deps.store.transaction() as rows:
        await rows.add_incident(incident, make.policy())
    person = make.caregiver("mia", "push", preferences=CHOSEN)
    pattern, own = encode(make.family(person)), str(person.addresses[0].id)
    ids = [uuid4() for _ in range(families)]

    def watches(n: int) -> Iterator[dict[str, Any]]:
        yield {
            "incident_id": incident.id, "family_id": name(n), "touched_at": make.NOON, "next_by": make.after(240),
            "heard_at": make.NOON, "told": 1, "owed": 1, "epoch": 1, "waiting": "[]", "look_at": make.after(239),
            "rest": None, "version": 1,
        }  # fmt: skip

    def messages(n: int) -> Iterator[dict[str, Any]]:
        for update_no in range(1, deliveries + 1):
            yield {
                "id": uuid4(), "incident_id": incident.id, "update_no": update_no, "family_id": name(n),
                "caregiver": "mia", "address_id": ids[n], "epoch": 1, "step": 0, "channel": "push", "lane": "bulk",
                "priority": 3, "framing": "holding", "reason": "silence", "loud": True, "in_quiet": False,
                "state": "accepted", "due_at": make.NOON, "lease_until": None, "lease_token": None, "attempts": 1,
                "planned_at": make.NOON, "next_by": make.after(240), "stale_after": None, "loud_until": None,
                "reader": None, "provider_id": None, "accepted_at": make.NOON, "code": None,
            }  # fmt: skip

    tables: list[tuple[Table, Callable[[int], Iterator[dict[str, Any]]]]] = [
        (family, lambda n: iter([{"id": name(n), "updated_at": make.NOON,
                                  "doc": pattern.replace(own, str(ids[n]))}])),
        (family_service, lambda n: iter([{"service": "follow", "family_id": name(n), "region": "us-west"}])),
        (address, lambda n: iter([{"id": ids[n], "channel": "push", "dest": f"t{n}", "verified": True,
                                   "suspended_at": None, "suspended_code": None, "opted_out_at": None,
                                   "shared": False, "notable": False}])),
        (family_address, lambda n: iter([{"family_id": name(n), "address_id": ids[n]}])),
        (watch, watches),
        (delivery, messages),
    ]  # fmt: skip
    for table, made in tables:
        for start in range(0, families, _BATCH):
            values = [row for n in range(start, min(start + _BATCH, families)) for row in made(n)]
            async with deps.store.transaction() as rows:
                await rows.sql.many(insert(table), values)  # type: ignore[attr-defined]


async def change(deps: Deps, values: Mapping[str, Any], below: int) -> None:
    """Change the watches of the first so many families."""
    async with deps.store.transaction() as rows:
        await rows.sql.run(update(watch).where(watch.c.family_id < name(below)).values(**values))  # type: ignore[attr-defined]


async def timed(work: Callable[[], Awaitable[Any]], rounds: int = 5) -> tuple[float, Any]:
    """The quickest of some rounds in milliseconds, and the last result: a machine has other things to do."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        found = await work()
        took.append((time.perf_counter() - began) * 1000)
    return min(took), found


async def measure(url: str, families: int, deliveries: int) -> list[tuple[str, float]]:
    """Milliseconds of each question."""
    deps, _ = open_deps(url)
    deps = replace(deps, timing=Timing(look_twice=0.0))
    await fill(deps, families, deliveries)
    if deps.store.dialect == "postgresql":
        async with deps.store.transaction() as rows:
            await rows.sql.run(text("ANALYZE"))  # type: ignore[attr-defined]
    deps.clock.advance(minutes=1)  # type: ignore[attr-defined]
    found = []

    async def scrape() -> int:
        return len(render(await read(deps)))

    async def count() -> Any:
        async with deps.store.reading() as rows:
            return await rows.count_slice(make.incident().id, name(families // 2), SLICE)

    async def count_all() -> Any:
        async with deps.store.reading() as rows:
            return await rows.sql.rows(select(delivery.c.state, func.count()).group_by(delivery.c.state))  # type: ignore[attr-defined]

    took, answer = await timed(lambda: audit(deps))
    assert answer.passed, answer
    assert answer.families == families
    found.append(("audit, all in time", took))
    took, _ = await timed(scrape)
    found.append(("scrape of /metrics", took))
    took, _ = await timed(count)
    found.append((f"one slice of the census ({SLICE} families)", took))
    took, _ = await timed(count_all, 1)
    found.append(("(for comparison: counting all deliveries at once)", took))
    tenth = families // 10
    await change(deps, {"rest": "muted", "look_at": None, "next_by": make.NOON - timedelta(hours=1)}, tenth)
    took, answer = await timed(lambda: audit(deps))
    assert answer.excuses == {"muted": tenth}, answer
    assert answer.passed
    found.append(("audit, a tenth muted and past its time", took))
    await change(deps, {"rest": None}, families // 2)
    await change(deps, {"next_by": make.NOON - timedelta(hours=1)}, families // 2)
    took, looks = await timed(lambda: auditing._look(deps), 1)
    assert len(looks[0].missing) == families // 2
    found.append(("one look, half unaccounted for", took))
    took, answer = await timed(lambda: audit(deps), 1)
    assert answer.missing == families // 2
    found.append(("audit, half unaccounted for: two looks, and mended", took))
    await deps.store.close()
    return found


def main() -> None:
    """Fill, ask, print."""
    families = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    deliveries = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    random.seed(7)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        path = f"sqlite:///{Path(folder)}/alertd.db"
        upgrade(path)
        figures["SQLite"] = asyncio.run(measure(path, families, deliveries))
    with rig() as servers:
        url = servers.fresh_database("auditor")
        upgrade(url)
        figures["Postgres"] = asyncio.run(measure(url, families, deliveries))
    print(f"{families:,} families, {families * deliveries:,} deliveries; milliseconds\n")
    print("| question | SQLite | Postgres |\n|---|---:|---:|")
    for (what, lite), (_, big) in zip(figures["SQLite"], figures["Postgres"], strict=True):
        print(f"| {what} | {lite:.0f} | {big:.0f} |")


if __name__ == "__main__":
    main()
