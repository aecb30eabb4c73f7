"""A bound on requests under way: taken at once where one is free, else waited for in turn.

`asyncio.Semaphore` bounds as well, by two looks through its waiters and a coroutine for each request: 4 % of what
a push costs, measured. A slot that is free costs a comparison here.
"""

import asyncio
from collections import deque
from contextlib import suppress

from channels.standstill import Patience


class Slots:
    """So many may be taken at a time; a slot given back goes to whoever has waited longest."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiters: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Take a slot if one is free; False: wait for one."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def wait(self, seconds: float) -> None:
        """Take a slot as soon as there is one. Raises TimeoutError if there is none within `seconds`."""
        if self.take():
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            async with Patience(asyncio.get_running_loop().time() + seconds):
                await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled():
                self.give_back()  # it came at the very moment at which nobody waited for it any more
            else:
                with suppress(ValueError):  # passed over already
                    self._waiters.remove(waiter)
            raise

    def give_back(self) -> None:
        """Let the next one have it."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
