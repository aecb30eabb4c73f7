"""How long this machine stood still while a test ran: a test that measures time is not to blame alertd for it.

A virtual machine that is saved and resumed wakes with its wall clock half a minute on, and no timer has fired.
"""

import time
from types import TracebackType

from tests.ticking import Ticking

TICK = 0.1  # seconds
STILL = 1.0  # seconds between two ticks: a busy machine's are late by a tenth of that


class Standstill:
    """Counts the seconds in which nothing ran. A context manager; `seconds` may be read at any time."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._last: float | None = None
        # The wall's clock, as what providers log is.
        self._ticking = Ticking(TICK, lambda: self.tick(time.time()))  # noqa: TID251

    def __enter__(self) -> "Standstill":
        self._ticking.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ticking.__exit__(kind, error, trace)

    def tick(self, at: float) -> None:
        """It runs at this moment, Unix seconds."""
        if self._last is not None and at - self._last > STILL:
            self.seconds += at - self._last - TICK
        self._last = at
