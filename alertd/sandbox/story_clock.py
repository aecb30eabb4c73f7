"""Two times for each line of the log: the machine's, and the story's, which may run 1,800 times as fast."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# The sandbox stands outside alertd and its injected clock: its log is evidence, so it reads the machine's own.
machine_time = time.time  # noqa: TID251


def instant(unix: float) -> datetime:
    """Unix seconds as an aware UTC datetime."""
    return datetime.fromtimestamp(unix, UTC)


@dataclass(frozen=True, slots=True)
class StoryClock:
    """Story time = `story_start` + (machine time - `real_start`) x `rate`; with no story the two are one."""

    story_start: datetime
    real_start: float  # Unix seconds
    rate: float = 1.0

    def __post_init__(self) -> None:
        if self.story_start.tzinfo is None:
            raise ValueError("story_start: needs a UTC offset, such as 2019-11-30T07:40:00Z")
        if not 0 < self.rate <= 1_000_000:
            raise ValueError("rate: between 0 and 1,000,000 story seconds per second")

    def at(self, unix: float) -> datetime:
        """Story time, in UTC, at a machine time in Unix seconds."""
        return self.story_start.astimezone(UTC) + timedelta(seconds=(unix - self.real_start) * self.rate)


REAL = StoryClock(story_start=datetime(1970, 1, 1, tzinfo=UTC), real_start=0.0)
"""No story: story time is machine time."""
