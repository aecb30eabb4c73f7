"""A deadline that passes while this process stands still: the answer may be here, and only not read yet.

A virtual machine that is moved, a starved container: for seconds nothing of ours runs. Afterwards the loop's
timers come before its sockets (libuv's order), and each answer that had come in time would be a timeout: a doubt,
a message sent twice, a breaker opened on a provider who did nothing wrong (measured on a sweeper that stood still
for 12 s under a holding: 150 pushes in doubt and 520 held back, all families told 11 s after it; now none, 2 s).
"""

import asyncio
from types import TracebackType

LATE = 0.5
"""Seconds by which a timer is late when nothing ran; planning a slice of families holds the loop for 0.2."""

GRACE = 1.0
"""Seconds to read what has come meanwhile, once; a connection that stood still, too, sends again by then. What
outlasts its lease so is not written, as anything else that does: `alertd.usecases.deliver`."""

READ = 0.05
"""Seconds that everybody is given: we may have stood still, and woken just after the deadline."""


def grace(until: float) -> float:
    """How many seconds more what was due at `until`, by the loop's clock, is given: for it was not us who ran."""
    return GRACE if asyncio.get_running_loop().time() - until > LATE else READ


class Patience:
    """As `asyncio.timeout_at`, and longer by `grace`, for what had come by then.

    An asynchronous context manager; raises TimeoutError at its end.
    """

    def __init__(self, until: float) -> None:
        self._timeout = asyncio.timeout(None)
        self._until = until
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "Patience":
        await self._timeout.__aenter__()
        self.until(self._until)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        await self._timeout.__aexit__(kind, error, trace)

    def until(self, until: float) -> None:
        """Have it end then, by the loop's clock, instead."""
        if self._timer is not None:
            self._timer.cancel()
        self._timeout.reschedule(None)
        self._until = until
        self._timer = asyncio.get_running_loop().call_at(until, self._passed)

    def _passed(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(grace(self._until), self._end)

    def _end(self) -> None:
        self._timer = None
        self._timeout.reschedule(asyncio.get_running_loop().time())
