"""A circuit breaker: whether a provider's account is worth asking now. Pure; whoever asks brings the time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(seconds=10)
"""Machine time over which tries are counted; a call that hangs takes as long (`channels.http.DEADLINE`)."""

ENOUGH = 5
"""So many failures in the window open it, where they are at least half of the tries: two or three are chance."""

FIRST_PAUSE = timedelta(seconds=5)
"""Until it is tried again: a wrong password tried for every message gets a mail server's ban."""

LONGEST_PAUSE = timedelta(seconds=30)
"""No pause is longer, whatever a provider asks for: half of the longest backoff of a critical message."""

PROBES = 2
"""So many messages may be under way while it is not known whether the provider is well again."""


class BreakerState(StrEnum):
    """Each with the sentence that says when it holds."""

    CLOSED = "closed"  # messages pass
    HALF_OPEN = "half_open"  # a pause is over, and a few messages try whether they pass
    OPEN = "open"  # nothing is asked of the provider


@dataclass(slots=True)
class Breaker:
    """Of one channel in one process. `now` is machine time."""

    state: BreakerState = BreakerState.CLOSED
    code: str = ""  # what the provider said last when it failed, or what is wrong with our account
    ours: bool = False  # the fault is ours: the account, the sender, its credentials
    until: datetime | None = None  # while open: when it is tried again
    taken: int = 0  # within the present half of the window; counting one costs an addition
    failed: int = 0
    _before: tuple[int, int] = (0, 0)  # taken and failed in the half before
    _half_from: datetime | None = None
    _pause: timedelta = field(default=FIRST_PAUSE)
    _asked_to_wait: timedelta = timedelta(0)
    _probing: int = 0

    def lets_through(self, now: datetime) -> bool:
        """Whether a message may be handed over now; call it for each while this is not closed."""
        if self.state is BreakerState.OPEN and self.until is not None and now >= self.until:
            self.state, self._probing = BreakerState.HALF_OPEN, 0
        if self.state is BreakerState.HALF_OPEN:
            if self._probing == PROBES:
                return False
            self._probing += 1
            return True
        return self.state is BreakerState.CLOSED

    def took(self) -> bool:
        """The provider answered, whatever it said of the one message; returns whether that has closed it.

        What set out before it opened says nothing of now, and is counted only.
        """
        self.taken += 1
        if self.state is not BreakerState.HALF_OPEN:
            return False
        self.state, self.code, self.ours, self.until = BreakerState.CLOSED, "", False, None
        self._pause, self._before, self.taken, self.failed = FIRST_PAUSE, (0, 0), 0, 0
        return True

    def failure(self, now: datetime, code: str, retry_after: timedelta | None = None) -> bool:
        """The provider failed, or does not answer; returns whether that has opened it."""
        self._turn(now)
        self.failed += 1
        self._asked_to_wait = max(self._asked_to_wait, retry_after or self._asked_to_wait)
        if self.state is BreakerState.HALF_OPEN:
            return self._open(now, code, ours=False)
        failed = self.failed + self._before[1]
        tried = self.taken + self._before[0] + failed
        if self.state is BreakerState.CLOSED and failed >= ENOUGH and 2 * failed >= tried:
            return self._open(now, code, ours=False)
        return False

    def broken(self, now: datetime, code: str) -> bool:
        """Our account is so wrong that nobody's message can pass; returns whether that has opened it."""
        self._turn(now)
        self.failed += 1
        if self.state is BreakerState.OPEN:
            return False
        return self._open(now, code, ours=True)

    def unsure(self) -> None:
        """What was let through ended by a fault of our own, which says nothing of the provider."""
        if self._probing:
            self._probing -= 1

    def share(self, now: datetime) -> float:
        """Of the tries within the window, which part failed: 0 to 1."""
        self._turn(now)
        failed = self.failed + self._before[1]
        return failed / max(self.taken + self._before[0] + failed, 1)

    def _open(self, now: datetime, code: str, *, ours: bool) -> bool:
        if self.state is BreakerState.HALF_OPEN:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self.state, self.code, self.ours = BreakerState.OPEN, code, ours
        self.until = now + min(max(self._pause, self._asked_to_wait), LONGEST_PAUSE)
        self._asked_to_wait = timedelta(0)
        return True

    def _turn(self, now: datetime) -> None:
        """Forget what is older than the window, half a window at a time."""
        half = WINDOW / 2
        if self._half_from is None or now - self._half_from >= WINDOW:
            self._before, self.taken, self.failed, self._half_from = (0, 0), 0, 0, now
        elif now - self._half_from >= half:
            self._before, self.taken, self.failed = (self.taken, self.failed), 0, 0
            self._half_from += half
