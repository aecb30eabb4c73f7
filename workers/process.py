"""What one worker process keeps for its whole life: an event loop, connections, a sender."""

import asyncio
import gc
import os
from collections.abc import Coroutine
from datetime import datetime
from typing import Any, TypeVar

from alertd import logs
from alertd.domain.delivery import Lane
from alertd.event_loop import new_loop
from alertd.ports.deps import Deps
from alertd.settings import load
from alertd.usecases.beat import beat
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.link_keys import FreshKey
from alertd.usecases.outgrown import Outgrown
from alertd.usecases.senders import Senders
from alertd.wiring import close_deps, open_deps, sample_clock

T = TypeVar("T")


class Process:
    """Opened at the first hint; each hint runs on the same loop, over the same connections."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._deps: Deps | None = None
        self._sender: Sender | None = None
        self._senders: Senders | None = None
        self._outgrown: Outgrown | None = None
        self._fresh_key: FreshKey | None = None
        self._beat_at: datetime | None = None
        self._lane: str | None = None

    def drain(self, lane: str, seconds: float) -> int:
        """Work on a lane; rings again if time ran out before the work did."""
        return self._run(self._drain(lane, seconds))

    def warm(self, lane: str) -> None:
        """Open everything now, so that the first hint finds it open; this process keeps to that lane."""
        self._lane = lane
        self._run(self._warm(lane))

    def close(self) -> None:
        """Give the connections back; nothing is in flight between two hints."""
        if self._deps is not None and self._loop is not None:
            self._loop.run_until_complete(close_deps(self._deps))
            self._loop.close()
            self._deps = None

    async def _drain(self, lane: str, seconds: float) -> int:
        deps = await self._opened()
        await sample_clock(deps)
        assert self._sender is not None
        assert self._outgrown is not None
        if await self._outgrown.look():
            return 0  # and no beat: this part gets nothing done
        assert self._fresh_key is not None
        await self._fresh_key.look()
        assert self._senders is not None
        await self._senders.join()
        started = deps.clock.machine()
        accepted = await drain(deps, self._sender, lane, seconds=seconds)
        self._beat_at = await beat(deps, lane, self._beat_at, self._sender.take_waited, self._senders)
        if (deps.clock.machine() - started).total_seconds() >= seconds:
            deps.doorbell.ring(lane)
        return accepted

    async def _warm(self, lane: str) -> None:
        deps = await self._opened()
        assert self._sender is not None
        await self._sender.warm()
        self._beat_at = await beat(deps, lane, None, senders=self._senders)

    async def _opened(self) -> Deps:
        if self._deps is None:
            settings = load(os.environ)
            logs.configure(settings.log.level, settings.log.json_)
            self._deps = await open_deps(settings, patient=self._lane == Lane.BULK, worker=True)
            self._sender, self._senders = Sender(self._deps), Senders(self._deps)
            self._outgrown, self._fresh_key = Outgrown(self._deps), FreshKey(self._deps)
            # Half of decoding is the garbage collector walking objects that never die (measured).
            gc.collect()
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
        return self._deps

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = new_loop()
            asyncio.set_event_loop(self._loop)
        return self._loop.run_until_complete(work)


PROCESS = Process()
"""One per process: Celery's children and nothing else use it."""
