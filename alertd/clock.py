"""One clock for the whole cluster: the database's, sampled, and advanced by the monotonic clock."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from alertd.domain.held_clock import STEP, Held, counted_at_start, held

SLOW = 1.0
"""Seconds of round trip beyond which a sample is worth less than an older one: it may be off by half of that."""

_NOT_HELD = Held(timedelta(0), datetime(1970, 1, 1, tzinfo=UTC))


class _Rows(Protocol):
    async def story_clock(self) -> tuple[datetime, datetime, float] | None: ...

    async def heartbeats(self) -> Mapping[str, datetime]: ...

    async def held_clock(self) -> Held | None: ...

    async def hold_clock(self, before: Held | None, held: Held) -> bool: ...


class _Source(Protocol):
    async def now(self) -> datetime: ...

    def reading(self) -> AbstractAsyncContextManager[_Rows]: ...

    def transaction(self) -> AbstractAsyncContextManager[_Rows]: ...


@dataclass(frozen=True, slots=True)
class Stepped:
    """What the database's clock did between two samples, and what became of ours."""

    by: timedelta  # below 0: back
    ahead: timedelta  # so far alertd's clock is ahead of it now


class ClusterClock:
    """Story time and machine time; they are the same unless a demo set a story.

    A host whose wall clock steps does not matter: only the monotonic clock advances a sample, and where it is the
    database's host that went back, what was counted is held for all parts (decision 53).
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._at = self._monotonic()
        self._ahead = -self._at  # seconds since 1970 at which the monotonic clock stood at 0
        self._known = False
        self._story: tuple[datetime, datetime] | None = None
        self.rate = 1.0

    async def sample(self, store: _Source) -> Stepped | None:
        """Read the database's clock and the cluster's story; call at start and every minute or so.

        A slow answer is discarded, unless it is the first; `sampled_ago` goes on, so that it is asked again soon.
        Returns whether the database's clock has stepped since the last time.
        """
        while True:
            before = self._monotonic()
            wall = await store.now()
            after = self._monotonic()
            async with store.reading() as rows:
                story, known = await rows.story_clock(), await rows.held_clock()
                beats = {} if self._known else await rows.heartbeats()
            if story is not None:
                self._story, self.rate = (story[0], story[1]), story[2]
            if after - before > SLOW and self._known:
                return None
            at = before + (after - before) / 2
            followed = wall + (known or _NOT_HELD).at(wall)
            newest = max(beats.values(), default=None)
            counted = self._when(at) if self._known else counted_at_start(known, wall, newest)
            fresh = held(known, wall, counted)
            if fresh is not None:
                async with store.transaction() as rows:
                    if not await rows.hold_clock(known, fresh):
                        continue  # another part was first: what it holds is for all
            ahead = (fresh or known or _NOT_HELD).at(wall)
            self._at, self._known = at, True
            self._ahead = (wall + ahead).timestamp() - at
            stepped = followed - counted
            return Stepped(stepped, ahead) if abs(stepped) > STEP else None

    def machine(self) -> datetime:
        """Machine time: leases, retries, sweeps."""
        return self._when(self._monotonic())

    def _when(self, monotonic: float) -> datetime:
        return datetime.fromtimestamp(self._ahead + monotonic, UTC)  # half the time of adding a timedelta

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
