"""One clock for the whole cluster: the database's, sampled, and advanced by the monotonic clock."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

SLOW = 1.0
"""Seconds of round trip beyond which a sample is worth less than an older one: it may be off by half of that."""


class _Source(Protocol):
    async def now(self) -> datetime: ...

    def reading(self) -> object: ...


class ClusterClock:
    """Story time and machine time; they are the same unless a demo set a story.

    A host whose wall clock steps does not matter: only the monotonic clock advances a sample.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._at = self._monotonic()
        self._ahead = -self._at  # seconds since 1970 at which the monotonic clock stood at 0
        self._known = False
        self._story: tuple[datetime, datetime] | None = None
        self.rate = 1.0

    async def sample(self, store: "_Source") -> None:
        """Read the database's clock and the cluster's story; call at start and every minute or so.

        A slow answer is discarded, unless it is the first; `sampled_ago` goes on, so that it is asked again soon.
        """
        before = self._monotonic()
        sampled = await store.now()
        after = self._monotonic()
        if after - before <= SLOW or not self._known:
            self._at, self._known = before + (after - before) / 2, True
            self._ahead = sampled.timestamp() - self._at
        async with store.reading() as rows:  # type: ignore[attr-defined]
            story = await rows.story_clock()
        if story is not None:
            self._story, self.rate = (story[0], story[1]), story[2]

    def machine(self) -> datetime:
        """Machine time: leases, retries, sweeps."""
        return datetime.fromtimestamp(self._ahead + self._monotonic(), UTC)  # half the time of adding a timedelta

    def now(self) -> datetime:
        """Story time: windows, promises, quiet hours."""
        machine = self.machine()
        if self._story is None:
            return machine
        story_at, machine_at = self._story
        return story_at + (machine - machine_at) * self.rate

    @property
    def waits(self) -> bool:
        """Whether there is a story that has not begun; until then its beginning may be moved."""
        return self._story is not None and self.machine() < self._story[1]

    def sampled_ago(self) -> float:
        """Seconds since the last sample; endless while the story waits, so that its beginning is not missed."""
        return math.inf if self.waits else self._monotonic() - self._at
