"""What one process may hand over of one channel and lane: granted for a batch, spent message by message."""

import asyncio
from collections import deque
from collections.abc import Container
from math import ceil

from alertd.domain.bucket import STEP, Grant
from alertd.ports.deps import Log
from alertd.ports.pace import Pace, Units

GOOD_FOR = 2.0
"""Seconds after which what was granted and not spent is lost: many purses could be saved up, and spent at once."""


class Purse:
    """Asks for as much as waits in hand; whoever finds it empty waits for the next grant, in order.

    A message is paid before it is composed, with what any takes at the most, and the rest is given back: so nobody
    waits between words and hand-over. Where it took more after all, the purse owes that, and pays it first.
    """

    def __init__(self, pace: Pace, channel: str, lane: str, units: Units | None, log: Log) -> None:
        self._pace, self._channel, self._lane, self._log = pace, channel, lane, log
        self.units = units
        self.price = units.most if units is not None else 1
        self.behind = 0  # messages in hand whose turn has not come
        self._left = 0.0
        self._good_until = 0.0
        self._waiting: deque[tuple[asyncio.Future[None], str]] = deque()
        self._asking: asyncio.Task[None] | None = None
        self._time = asyncio.get_running_loop().time
        self._waited = 0.0
        self._waiting_since: float | None = None

    def expect(self, count: int) -> None:
        """So many messages were taken in hand: ask for what they need while they are got ready."""
        self.behind += count
        if self._wanted(self._time()) > 0:
            self._ask()

    async def first_grant(self) -> None:
        """Wait a moment for what was asked for, if there is nothing to spend: else each of a batch waits alone."""
        if self._asking is not None and self._left <= 0:
            await asyncio.wait((self._asking,), timeout=STEP)

    def pays(self, now: float) -> bool:
        """Pay for a message if that can be done at once; `now` is the loop's time."""
        if self._left <= 0 or now > self._good_until:
            return False
        self._left -= self.price
        return True

    async def paid(self, seconds: float, drain: str, over: Container[str]) -> bool:
        """Wait to pay for a message, so long at the most; False: it is not paid, perhaps as its drain is over."""
        if seconds <= 0 or drain in over:
            return False
        turn = asyncio.get_running_loop().create_future(), drain
        if not self._waiting:
            self._waiting_since = self._time()
        self._waiting.append(turn)
        self._ask()
        try:
            await asyncio.wait((turn[0],), timeout=seconds)
        finally:
            if turn in self._waiting:
                self._waiting.remove(turn)
            self._all_served()
        return turn[0].done() and not turn[0].cancelled()

    def took(self, text: str) -> None:
        """A paid message is this text: it may take less than was paid, or more."""
        if self.units is not None:
            self._left += self.price - self.units.of(text)
            self._serve()

    def release(self, drain: str) -> None:
        """Whoever waits on behalf of a drain waits no longer, unpaid."""
        for turn in [turn for turn in self._waiting if turn[1] == drain]:
            self._waiting.remove(turn)
            turn[0].cancel()
        self._all_served()

    def rest(self) -> None:
        """Nothing is in hand any more, perhaps: then nobody asks, and what is left is lost."""
        if self.behind or self._waiting:
            return
        self._left = min(self._left, 0.0)
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def take_waited(self) -> float:
        """Seconds for which somebody waited here since this was last asked."""
        now = self._time()
        if self._waiting_since is not None:
            self._waited += now - self._waiting_since
            self._waiting_since = now
        waited, self._waited = self._waited, 0.0
        return waited

    def _wanted(self, now: float) -> int:
        left = self._left if now <= self._good_until else min(self._left, 0.0)
        return ceil((self.behind + len(self._waiting)) * self.price - left)

    def _ask(self) -> None:
        if self._asking is None:
            self._asking = asyncio.create_task(self._fill())

    async def _fill(self) -> None:
        try:
            while (wanted := self._wanted(self._time())) > 0:
                grant = await self._granted(wanted)
                self._share_out(grant.units)
                if self._waiting:
                    await asyncio.sleep(grant.wait)
                if not self._waiting:  # those behind ask again when their turn has come
                    break
        finally:
            if self._asking is asyncio.current_task():
                self._asking = None

    async def _granted(self, wanted: int) -> Grant:
        try:
            return await self._pace.take(self._channel, self._lane, wanted)
        except Exception as error:  # noqa: BLE001  a fault of ours holds nobody up: the provider says "too fast"
            self._log.error("rate_failed", channel=self._channel, error=type(error).__name__)
            return Grant(wanted, STEP)

    def _share_out(self, units: int) -> None:
        now = self._time()
        if now > self._good_until:
            self._left = min(self._left, 0.0)
        self._left += units
        self._good_until = now + GOOD_FOR
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._left > 0:
            self._left -= self.price
            self._waiting.popleft()[0].set_result(None)
        self._all_served()

    def _all_served(self) -> None:
        if not self._waiting and self._waiting_since is not None:
            self._waited += self._time() - self._waiting_since
            self._waiting_since = None
