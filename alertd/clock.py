"""One clock for the whole cluster: the database's, sampled, and advanced by the monotonic clock."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from alertd.domain.held_clock import SLOWER, STEP, Held, held, told
from alertd.usecases.beat import SWEEPER

SLOW = 1.0
"""Seconds of round trip beyond which a sample is worth less than an older one: it may be off by half of that."""

_NONE = timedelta(0)


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
    """What the database's clock did, and what became of ours."""

    by: timedelta  # below 0: back
    ahead: timedelta  # so far alertd's clock is ahead of it now


class ClusterClock:
    """Story time and machine time; they are the same unless a demo set a story.

    A host whose wall clock steps does not matter: only the monotonic clock advances a sample, and where it is the
    database's host that went back, all parts go on from when a sweeper was heard of last (decision 53).
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
        Returns what the database's clock did, where this part was the first to see it, or follows it.
        """
        while True:
            async with store.reading() as rows:  # before the clock: nobody beats in the future
                story, known = await rows.story_clock(), await rows.held_clock()
                beat = (await rows.heartbeats()).get(SWEEPER)
            before = self._monotonic()
            wall = await store.now()
            after = self._monotonic()
            if story is not None:
                self._story, self.rate = (story[0], story[1]), story[2]
            slow = after - before > SLOW
            if slow and self._known:
                return None
            fresh = held(known, wall, beat)
            # A slow answer is off by half of that: it is judged for us alone.
            if fresh is not None and not slow:
                async with store.transaction() as rows:
                    if not await rows.hold_clock(known, fresh):
                        continue  # another part was first: what it holds is for all
            at, now = before + (after - before) / 2, told(fresh or known, wall)
            counted = datetime.fromtimestamp(self._ahead + at, UTC)
            stepped = now - counted if self._known else _NONE
            slewed = timedelta(seconds=(at - self._at) / SLOWER)  # at the most, since we looked last
            self._at, self._known = at, True
            self._ahead = now.timestamp() - at
            if fresh is not None and beat is not None and not slow:
                return Stepped(told(known, wall) - beat, fresh.ahead)
            return Stepped(stepped, now - wall) if abs(stepped) > STEP + slewed else None

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


async def cluster_time(store: _Source) -> datetime:
    """What time it is for all parts, for whoever looks from outside and judges nothing."""
    async with store.reading() as rows:
        known = await rows.held_clock()
    return told(known, await store.now())
