"""An outage of our own: a stretch in which no sweep ran, so that nobody's deadline was looked at (R13)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

LATE = timedelta(seconds=60)
"""How long after its deadline a message must be planned to say that it is late."""


@dataclass(frozen=True, slots=True)
class Downtime:
    """From the last sweep before it to the first one after it, in story time."""

    began_at: datetime
    ended_at: datetime

    def hid(self, due_at: datetime, deadline: datetime) -> bool:
        """Whether it covers some of the time in which a sweep should have found a family due."""
        return self.began_at <= deadline and self.ended_at >= due_at


def is_late(
    downtimes: Iterable[Downtime],
    planned: Iterable[datetime],
    *,
    due_at: datetime,
    deadline: datetime,
    now: datetime,
) -> bool:
    """Whether a message planned now is late because no sweep ran when it was due.

    `planned`: when messages to this family were planned before. One that was planned in time after all, once
    sweeps ran again, was held up by something else: by a provider or a rate, which we do not apologise for.
    """
    over = deadline + LATE
    if now <= over:
        return False
    hidden = [each for each in downtimes if each.hid(due_at, deadline)]
    return bool(hidden) and not any(each.ended_at <= at <= over for at in planned for each in hidden)
