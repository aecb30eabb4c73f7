"""Letters that were handed over and not answered yet: whoever tries again first waits on for that answer.

A client waits ten minutes for that answer: giving up before would mostly have the letter read twice
(https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.2.6). No try may take so long, as its lease ends before. So
the connection is kept beyond the try, and the next try of the same delivery listens to it again.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from channels.smtp_connection import SmtpConnection

LONGEST = 600.0
"""Seconds (RFC 5321 4.5.3.2.6)."""

_SHARE = 0.5
"""Of the time in which a message is of use: after that there is still time to send it again."""


@dataclass(frozen=True, slots=True)
class Handed:
    """A letter that the server has, and the connection on which it is to say so."""

    connection: SmtpConnection
    until: float  # loop.time(): as long as its answer is waited for


def wait_until(handed_at: float, useful_for: timedelta) -> float:
    """How long to wait for an answer, as `loop.time()`."""
    return handed_at + min(LONGEST, useful_for.total_seconds() * _SHARE)


class Unanswered:
    """Keeps at most `limit` of them; what has been waited for long enough is hung up."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: dict[UUID, tuple[Handed, asyncio.TimerHandle]] = {}

    def keep(self, delivery: UUID, handed: Handed) -> None:
        """Listen on; without room for one more, or when its time is over, its connection is closed."""
        if len(self._kept) >= self._limit or handed.until <= asyncio.get_running_loop().time():
            handed.connection.abort()
            return
        timer = asyncio.get_running_loop().call_at(handed.until, self._give_up, delivery)
        self._kept[delivery] = handed, timer

    def take(self, delivery: UUID) -> Handed | None:
        """The earlier try of this delivery whose answer may still come; the caller listens to it now."""
        handed, timer = self._kept.pop(delivery, (None, None))
        if timer is not None:
            timer.cancel()
        return handed

    def close(self) -> None:
        """Hang up on all of them."""
        for delivery in list(self._kept):
            self._give_up(delivery)

    def _give_up(self, delivery: UUID) -> None:
        handed = self.take(delivery)
        if handed is not None:
            handed.connection.abort()
