"""What a scrape asks of the database; nothing is counted while somebody waits.

Deliveries are counted beforehand (`usecases/census.py`), families by the auditor, and what is asked here walks
partial indexes. An answer is kept for some seconds.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd.domain.audit import Kept
from alertd.ports.deps import Deps
from alertd.records import Backlog, Census, Lag, Provider
from alertd.usecases.beat import parts
from alertd.usecases.providers import together
from alertd.usecases.watch_receipts import FRESH

KEPT = timedelta(seconds=5)
"""Of machine time, for which an answer is given again: two Prometheus servers cost no more than one."""

_PATIENCE = 5.0  # seconds in which the database must answer


@dataclass(frozen=True, slots=True)
class State:
    """What the database says, read within one snapshot."""

    now: datetime  # machine time
    rate: float  # of story time
    open: Mapping[tuple[str, bool], int]  # (severity, held) -> incidents
    backlog: Backlog
    beats: Mapping[str, datetime]
    audit: Kept | None
    census: Census | None
    counts: Mapping[str, int]
    providers: Mapping[str, Provider]  # by channel, of those that are left alone or were lately
    lags: Mapping[str, Lag]  # by channel, of those whose provider reports, counted lately
    channels: tuple[str, ...]
    pages: Mapping[tuple[str, str], int]  # (nudge or page, state) -> number, of open incidents


async def read(deps: Deps) -> State:
    """Ask the database. Raises what it raises, and TimeoutError after some seconds."""
    async with asyncio.timeout(_PATIENCE), deps.store.reading() as rows:
        now = deps.clock.machine()
        return State(
            now=now,
            rate=deps.clock.rate,
            open=await rows.count_open(),
            backlog=await rows.backlog(deps.clock.now(), now),
            beats=parts(await rows.heartbeats()),
            audit=await rows.last_audit(),
            census=await rows.last_census(),
            counts=await rows.counts(),
            providers=together(await rows.providers(), now),
            lags={lag.channel: lag for lag in await rows.lags() if now - lag.at <= FRESH},
            channels=tuple(deps.channels),
            pages=await rows.count_pages(),
        )


class Scrapes:
    """The last answer of this process; whoever asks while the next one is made waits for it."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._at: datetime | None = None
        self._text = b""

    async def text(self, deps: Deps, render: Callable[[State], bytes]) -> bytes:
        """The newest answer, at most some seconds old. Raises as `read` does."""
        async with self._lock:
            now = deps.clock.machine()
            if self._at is None or not timedelta() <= now - self._at < KEPT:
                self._text = render(await read(deps))
                self._at = now
            return self._text
