"""The auditor's own tasks in the sweeper's process: they share its loop, and nothing of its work."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from alertd.ports import DeadMan
from alertd.ports.deps import Deps
from alertd.usecases.audit import audit
from alertd.usecases.census import Counting
from alertd.usecases.conditions import CONDITIONS
from alertd.usecases.outgrown import Outgrown
from alertd.usecases.ping import Pinger
from alertd.usecases.watch_receipts import watch_receipts


class Auditor:
    """Runs from `start` to `close`; two of them in a cluster ask the same question twice, and harm nothing."""

    def __init__(self, deps: Deps, dead_man: DeadMan | None, every: float, outgrown: Outgrown) -> None:
        self._deps, self._dead_man, self._outgrown = deps, dead_man, outgrown
        self._pinger = Pinger(deps, dead_man, every) if dead_man is not None else None
        self._counting = Counting(deps)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """The first question comes after one interval: who was down begins by telling families."""
        self._tasks = [
            asyncio.create_task(self._again(self._ask, self._deps.timing.audit)),
            asyncio.create_task(self._again(self._count, self._deps.timing.census)),
            asyncio.create_task(self._again(self._receipts, self._deps.timing.census)),
        ]

    async def close(self) -> None:
        """Stop at once; what was not written is rolled back."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        if self._dead_man is not None:
            await self._dead_man.close()

    async def _ask(self) -> None:
        answer = await audit(self._deps, CONDITIONS)
        if self._pinger is not None:
            await self._pinger.after(answer)

    async def _count(self) -> None:
        await self._counting.count()

    async def _receipts(self) -> None:
        await watch_receipts(self._deps)

    async def _again(self, work: Callable[[], Awaitable[None]], every: float) -> None:
        """Do it every so many seconds for ever; what it raises is told, and stops nothing."""
        clock = asyncio.get_running_loop().time
        due = clock() + every
        while True:
            await asyncio.sleep(max(due - clock(), 0.0))
            due = max(due + every, clock())
            if self._outgrown.so:
                continue  # a newer one asks, of a schema that it knows
            try:
                await work()
            except Exception as error:
                self._deps.log.error("auditor_failed", error=type(error).__name__, exc_info=True)
