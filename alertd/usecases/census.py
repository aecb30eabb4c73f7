"""Count the deliveries of open incidents, a few at a time: who asks for metrics waits for no million rows."""

import asyncio
import time
from collections import Counter

from alertd.ports.deps import Deps
from alertd.records import Census, Counted

SLICE = 2_000
"""Families to a statement: some 20 ms on SQLite, which runs it where messages are sent."""

_PACE = 100  # pauses a hundred times as long as it counts: one percent of a core, however much there is


async def take_census(deps: Deps) -> Census:
    """Count them all, slice by slice, and keep the result."""
    counts: Counter[tuple[str, str, str]] = Counter()
    ladders: Counter[str] = Counter()
    async with deps.store.reading() as rows:
        open_ = [incident.id for incident in await rows.incidents(open_only=True, limit=100_000)]
    for incident_id in open_:
        position: str | None = ""
        while position is not None:
            began = time.monotonic()
            async with deps.store.reading() as rows:
                found, end = await rows.count_slice(incident_id, position, SLICE)
                ladders.update(await rows.count_ladders(incident_id, position, end))
            counts.update(found)
            position = end
            if position is not None:
                await asyncio.sleep((time.monotonic() - began) * _PACE)
    counted = tuple(Counted(*key, deliveries=number) for key, number in sorted(counts.items()))
    census = Census(deps.clock.machine(), counted, dict(sorted(ladders.items())))
    async with deps.store.transaction() as rows:
        await rows.keep_census(census)
    return census
