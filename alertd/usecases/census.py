"""Count the deliveries of open incidents, a few at a time: who asks for metrics waits for no million rows."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

from alertd.ports.deps import Deps
from alertd.records import Census, Counted

SLICE = 2_000
"""Families to a statement: some 20 ms on SQLite, which runs it where messages are sent."""

SELDOM = timedelta(minutes=5)
"""Machine time between two counts, at the most, where nothing has changed."""

_MOST = 100_000  # open incidents; more than anybody ever has
_PACE = 100  # pauses a hundred times as long as it counts: one percent of a core, however much there is


async def take_census(deps: Deps) -> Census:
    """Count them all, slice by slice, and keep the result."""
    counts: Counter[tuple[str, str, str]] = Counter()
    ladders: Counter[str] = Counter()
    async with deps.store.reading() as rows:
        open_ = [incident.id for incident in await rows.incidents(open_only=True, limit=_MOST)]
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


class Counting:
    """Counts while something happens; what has stayed the same is counted ever more seldom."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._last: Census | None = None
        self._pause = timedelta(0)
        self._due: datetime | None = None
        self._open: object = None

    async def count(self) -> Census | None:
        """Call every `timing.census` seconds. None: all is calm, and the last count is young enough."""
        deps = self._deps
        async with deps.store.reading() as rows:
            calm = await rows.calm(deps.clock.now(), deps.clock.machine())
            # An incident may open, and all of its messages be sent or stopped, between two looks.
            open_ = [(i.id, i.newest.number) for i in await rows.incidents(open_only=True, limit=_MOST)]
        before, self._open = self._open, open_
        if self._due is not None and deps.clock.machine() < self._due and calm and open_ == before:
            return None
        census = await take_census(deps)
        same = self._last is not None and replace(self._last, at=census.at) == census
        every = timedelta(seconds=deps.timing.census)
        self._pause = min(max(2 * self._pause, every), SELDOM) if same else timedelta(0)
        self._last, self._due = census, census.at + self._pause
        return census
