"""The database's clock went back: alertd's goes on, and comes back to it slowly. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

STEP = timedelta(seconds=2)
"""A clock that differs by more from what was counted has stepped: a sample is off by half a second at most."""

MOST = timedelta(hours=2)
"""Nothing is held further ahead: every time that families read is wrong by as much, until it has come back."""

ALIVE = timedelta(seconds=30)
"""Some part is heard of every five seconds; later than that none ran, or the clock that says so is not right."""

SLOWER = 100
"""It comes back by one second in so many: a window of half an hour lasts 18 s longer, well within its margin."""

_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Held:
    """How far alertd's clock is ahead of the database's."""

    ahead: timedelta
    since: datetime  # by the database's clock

    def at(self, wall: datetime) -> timedelta:
        """What is left of it when the database's clock shows `wall`."""
        return max(self.ahead - max(wall - self.since, _NONE) / SLOWER, _NONE)


def counted_at_start(before: Held | None, wall: datetime, beat: datetime | None) -> datetime:
    """What time it is for a part that has counted nothing yet; `beat`: when any part was last heard of.

    It is no earlier than that. Where the clock was put right while no part looked, or nobody ran for long, the
    database's is right, unless that would be earlier.
    """
    followed = wall + (before.at(wall) if before is not None else _NONE)
    if beat is None:
        return followed
    if followed - beat > ALIVE and wall >= beat - STEP:
        return wall
    return max(followed, beat)


def held(before: Held | None, wall: datetime, counted: datetime) -> Held | None:
    """What is to be held from now on; None: nothing else than before.

    `wall`: what the database's clock shows. `counted`: alertd's own time, by a clock that cannot step. A step back
    is not followed: who was to hear within half an hour would hear nothing for as long as it was. A step ahead is:
    mostly the machine stood still, and then time has passed.
    """
    ahead = before.at(wall) if before is not None else _NONE
    back = counted - (wall + ahead)
    if back > STEP and ahead + back <= MOST:
        return Held(ahead + back, wall)
    if back < -STEP and ahead:  # it is put right again
        return Held(max(ahead + back, _NONE), wall)
    return None
