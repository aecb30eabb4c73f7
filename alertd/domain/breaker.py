"""A circuit breaker: whether a provider's account is worth asking now. Pure; whoever asks brings the time."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

WINDOW = timedelta(seconds=10)
"""Machine time over which tries are counted; a call that hangs takes as long (`channels.http.DEADLINE`)."""

ENOUGH = 5
"""So many failures in the window open it, where they are at least half of the tries: two or three are chance."""

ENOUGH_DECLINED = 5
"""So many messages declined for a fault of ours in the window, and none accepted, say that nobody's passes.

One token may be of another project, and one number not verified; the account that all are sent by is not.
"""

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


_Counts = tuple[int, int, int, int]  # accepted, answered otherwise, of these declined, failed
_NONE: _Counts = (0, 0, 0, 0)


@dataclass(slots=True)
class Breaker:
    """Of one channel in one process. `now` is machine time."""

    state: BreakerState = BreakerState.CLOSED
    code: str = ""  # what the provider said last when it failed, or what is wrong with our account
    ours: bool = False  # the fault is ours: the account, the sender, its credentials
    until: datetime | None = None  # while open: when it is tried again
    taken: int = 0  # accepted within the present half of the window; counting one costs an addition
    answered: int = 0  # in another way: refused, declined, later for this one address
    declined: int = 0  # of these, for a fault of ours that may be about the one message
    failed: int = 0
    _before: _Counts = _NONE  # in the half before
    _half_from: datetime | None = None
    _pause: timedelta = field(default=FIRST_PAUSE)
    _asked_to_wait: timedelta = timedelta(0)  # by the provider, within the present half of the window
    _asked_before: timedelta = timedelta(0)  # in the half before
    _probing: int = 0
    _concluded: bool = False  # not closed as too many were declined; one that is accepted shows that we erred

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
        """The provider accepted a message; returns whether that has closed it.

        What set out before it opened says nothing of now, and is counted only; but where it opened as all were
        declined, it says that not all are.
        """
        self.taken += 1
        if self.state is BreakerState.CLOSED or (self.state is BreakerState.OPEN and not self._concluded):
            return False
        self._close()
        self.taken = 1
        return True

    def answer(self) -> bool:
        """The provider answered, and accepted nothing; returns whether that has closed it."""
        self.answered += 1
        if self.state is not BreakerState.HALF_OPEN:
            return False
        if self._concluded:  # another may be accepted; this one says nothing of the account
            self.unsure()
            return False
        self._close()
        return True

    def decline(self, now: datetime, code: str) -> bool:
        """Our account, sender or settings will not do for this message; returns whether that has opened it.

        Where it has not, the provider gave an `answer` all the same, which is for the caller to say.
        """
        self.turn(now)
        self.declined += 1
        if self.state is BreakerState.CLOSED:
            accepted, _, declined, _ = self._counts()
            beyond = not accepted and declined >= ENOUGH_DECLINED
        else:
            beyond = self.state is BreakerState.HALF_OPEN and self._concluded
        if not beyond:
            return False
        self.broken(now, code)
        self._concluded = True
        return True

    def failure(self, now: datetime, code: str, retry_after: timedelta | None = None) -> bool:
        """The provider failed, or does not answer; returns whether that has opened it."""
        self.turn(now)
        self.failed += 1
        self._asked_to_wait = max(self._asked_to_wait, retry_after or self._asked_to_wait)
        if self.state is BreakerState.HALF_OPEN:
            return self._open(now, code, ours=False)
        accepted, answered, _, failed = self._counts()
        tried = accepted + answered + failed
        if self.state is BreakerState.CLOSED and failed >= ENOUGH and 2 * failed >= tried:
            return self._open(now, code, ours=False)
        return False

    def broken(self, now: datetime, code: str) -> bool:
        """Our account is so wrong that nobody's message can pass; returns whether that has opened it."""
        self.turn(now)
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
        self.turn(now)
        accepted, answered, _, failed = self._counts()
        return failed / max(accepted + answered + failed, 1)

    def turn(self, now: datetime) -> None:
        """Forget what is older than the window, half a window at a time; call it now and then while messages pass.

        What is accepted is counted without a look at the time.
        """
        half = WINDOW / 2
        if self._half_from is None or now - self._half_from >= WINDOW:
            self._before, self._half_from, self._asked_before = _NONE, now, timedelta(0)
        elif now - self._half_from >= half:
            self._before = (self.taken, self.answered, self.declined, self.failed)
            self._half_from, self._asked_before = self._half_from + half, self._asked_to_wait
        else:
            return
        self.taken = self.answered = self.declined = self.failed = 0
        self._asked_to_wait = timedelta(0)

    def _counts(self) -> _Counts:
        taken, answered, declined, failed = self._before
        return (taken + self.taken, answered + self.answered, declined + self.declined, failed + self.failed)

    def _close(self) -> None:
        self.state, self.code, self.ours, self.until = BreakerState.CLOSED, "", False, None
        self._pause, self._before, self._concluded = FIRST_PAUSE, _NONE, False
        self.taken = self.answered = self.declined = self.failed = 0

    def _open(self, now: datetime, code: str, *, ours: bool) -> bool:
        if self.state is BreakerState.HALF_OPEN:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self.state, self.code, self.ours, self._concluded = BreakerState.OPEN, code, ours, False
        self.until = now + min(max(self._pause, self._asked_to_wait, self._asked_before), LONGEST_PAUSE)
        self._asked_to_wait = self._asked_before = timedelta(0)
        return True
