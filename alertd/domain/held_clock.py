"""The database's clock went back: alertd's goes on, and comes back to it slowly. Pure.

What is held follows from the database alone, whoever asks: no part goes by what it has counted itself.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

STEP = timedelta(seconds=30)
"""A clock that differs by more has stepped; with less nobody waits beyond the margin of their deadline."""

NEARLY = timedelta(minutes=1)
"""A clock that is put right may still lack as much: it is held, and no more."""

MOST = timedelta(hours=2, minutes=30)
"""Nothing is held further ahead: every time that families read is wrong by as much until it has come back."""

SLOWER = 50
"""It comes back by one second in so many: a window of half an hour lasts 36 s longer, within its margin."""

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Held:
    """How far alertd's clock is ahead of the database's."""

    ahead: timedelta
    since: datetime  # by the database's clock

    def at(self, wall: datetime) -> timedelta:
        """What is left of it when the database's clock shows `wall`."""
        return max(self.ahead - max(wall - self.since, _NONE) / SLOWER, _NONE)


def told(before: Held | None, wall: datetime) -> datetime:
    """What time it is for alertd when the database's clock shows `wall`."""
    return wall + before.at(wall) if before is not None else wall


def held(before: Held | None, wall: datetime, beat: datetime | None) -> Held | None:
    """What is to be held from now on; None: nothing else than before.

    `beat`: when a sweeper was heard of last, which is each five seconds, read before `wall`: it is no earlier. So
    a step back is not followed, but for the seconds since: who was to hear within half an hour would hear nothing
    for as long as it was. A step ahead is: mostly the machine stood still, and then time has passed.
    """
    if beat is None:
        return None
    now = told(before, wall)
    if beat - now > STEP:
        ahead = now - wall + (beat - now)
        return Held(ahead, wall) if ahead <= MOST else None
    if now > wall and now - beat > STEP and wall >= beat - NEARLY:  # it was put right, or nobody ran for long
        return Held(max(beat - wall, _NONE), wall)
    return None
