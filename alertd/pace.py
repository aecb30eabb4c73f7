"""The rates of channels within one process: without Redis, and while it does not answer."""

import time
from collections.abc import Callable, Mapping

from alertd.domain.bucket import Bucket, Grant


class OwnPace:
    """Keeps to a part of each channel's rate by itself.

    `rates`: channel -> units a second. `share`: of these, what is this process's own, above 0 and at most 1.
    """

    def __init__(
        self, rates: Mapping[str, float], *, share: float = 1.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buckets = {channel: Bucket(rate * share) for channel, rate in rates.items()}
        self._clock = clock

    def limits(self, channel: str) -> bool:
        """Whether a channel has a rate."""
        return channel in self._buckets

    async def take(self, channel: str, lane: str, units: int) -> Grant:
        """Up to so many units, at once."""
        return self.grant(channel, lane, units)

    def grant(self, channel: str, lane: str, units: int) -> Grant:
        """The same, for those who need not wait for it."""
        return self._buckets[channel].take(lane, units, self._clock())

    async def warm(self) -> None:
        """There is nothing to get ready."""

    def take_lost(self) -> int:
        """Nobody is asked, so nobody fails to answer."""
        return 0

    def close(self) -> None:
        """There is nothing to give back."""
