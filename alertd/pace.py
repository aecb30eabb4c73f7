"""The rates of channels within one process: without Redis, and while it does not answer."""

import time
from collections.abc import Callable, Mapping

from alertd.domain.bucket import Bucket, Grant

COUNTED_FOR = 30.0
"""Seconds for which a process trusts that it knows how many there are: whoever works counts every five."""


class OwnPace:
    """Keeps to a part of each channel's rate by itself.

    `rates`: channel -> units a second. `share`: of these, what is this process's own, above 0 and at most 1, while
    nobody has said lately how many there are.
    """

    alone = True

    def __init__(
        self, rates: Mapping[str, float], *, share: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates, self._share, self._kept = dict(rates), share, share
        self._buckets = {channel: Bucket(rate * share) for channel, rate in rates.items()}
        self._clock = clock
        self._counted_until = 0.0

    def limits(self, channel: str) -> bool:
        """Whether a channel has a rate."""
        return channel in self._buckets

    async def take(self, channel: str, lane: str, units: int) -> Grant:
        """Up to so many units, at once."""
        return self.grant(channel, lane, units)

    def grant(self, channel: str, lane: str, units: int) -> Grant:
        """The same, for those who need not wait for it."""
        now = self._clock()
        if now >= self._counted_until:
            self._keep_to(self._share, now)
        return self._buckets[channel].take(lane, units, now)

    def among(self, processes: int) -> None:
        """So many hand over, this one too: each keeps to an equal part."""
        now = self._clock()
        self._counted_until = now + COUNTED_FOR
        self._keep_to(1 / max(processes, 1), now)

    async def warm(self) -> None:
        """There is nothing to get ready."""

    def take_lost(self) -> int:
        """Nobody is asked, so nobody fails to answer."""
        return 0

    def close(self) -> None:
        """There is nothing to give back."""

    def _keep_to(self, share: float, now: float) -> None:
        if share == self._kept:
            return
        self._kept = share
        for channel, bucket in self._buckets.items():
            bucket.change(self._rates[channel] * share, now)
