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

GRACE = 2.0
"""Seconds to read what has come meanwhile, once; a connection that stood still, too, sends again by then."""


def late(until: float) -> bool:
    """Whether what was due at `until`, by the loop's clock, comes so late that this process stood still."""
    return asyncio.get_running_loop().time() - until > LATE


class Patience:
    """As `asyncio.timeout_at`, and for `GRACE` longer where this process stood still.

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
        loop = asyncio.get_running_loop()
        if late(self._until):
            self._timer = loop.call_later(GRACE, self._end)
        else:
            self._end()

    def _end(self) -> None:
        self._timer = None
        self._timeout.reschedule(asyncio.get_running_loop().time())
