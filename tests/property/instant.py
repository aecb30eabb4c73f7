"""A loop without waiting."""

import asyncio
import selectors
from typing import Any


class InstantLoop(asyncio.SelectorEventLoop):
    """Where nothing can happen but a timer, it is that timer's time at once: no test waits, and each run is alike."""

    def __init__(self) -> None:
        self.at = 0.0
        super().__init__(_Jumping(self))
        self.set_exception_handler(lambda *_: None)  # the dead leave tasks behind whose end nobody asks for

    def time(self) -> float:
        return self.at


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop: InstantLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        alone = len(self.get_map()) <= 1  # the loop's own pipe: no socket is waited for
        if alone and timeout is None:
            raise AssertionError("nothing will ever happen: a task waits for what nobody does")
        if alone and timeout:
            self._loop.at += timeout
            timeout = 0
        return super().select(timeout)
