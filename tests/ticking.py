"""Doing something again and again beside a test, in a thread of its own."""

import threading
from collections.abc import Callable
from types import TracebackType


class Ticking:
    """Calls `tick` every so many seconds while its block lasts."""

    def __init__(self, every: float, tick: Callable[[], None]) -> None:
        self._every, self._tick = every, tick
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ticking", daemon=True)

    def __enter__(self) -> "Ticking":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._tick()
