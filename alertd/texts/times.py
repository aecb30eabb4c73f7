"""Instants as a reader's own clock shows them: "8:00 AM", "Sat 8:00 AM", "sáb 08:00"."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class When:
    """A moment: `day` is empty when it is the reader's today."""

    day: str
    clock: str
    hour: int  # as the clock shows it, for languages in which one o'clock is singular

    def __str__(self) -> str:
        return f"{self.day} {self.clock}" if self.day else self.clock


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A length of time in whole minutes, split for a phrase to choose from."""

    days: int
    hours: int  # beyond the days
    minutes: int  # beyond the hours


@dataclass(frozen=True, slots=True)
class Calendar:
    """How a language writes days and hours."""

    weekdays: Sequence[str]  # Monday first
    months: Sequence[str]
    day_first: bool  # "29 nov" rather than "Nov 29"
    half_days: Sequence[str]  # AM and PM; empty: the clock has 24 hours
    padded: bool = True  # "04:20" rather than "4:20", where it has


class Wall:
    """The wall clock of one reader at one moment.

    Raises ZoneInfoNotFoundError or ValueError for an unknown zone. Minutes are cut, not rounded: a promise made
    "by 2:05" is kept while the reader's clock still shows 2:05.
    """

    def __init__(self, calendar: Calendar, zone: str, now: datetime) -> None:
        self._calendar = calendar
        self._zone = ZoneInfo(zone)
        self._today = local(now, self._zone).date()

    def when(self, moment: datetime) -> When:
        """A moment, with its day unless that is today."""
        here = local(moment, self._zone)
        shown = clock(self._calendar, here.time())
        if here.utcoffset() != here.replace(fold=1 - here.fold).utcoffset():
            shown = f"{shown} {here.tzname()}"  # this wall time comes twice tonight
        return When(self._day(here), shown, here.hour)

    def span(self, start: datetime, end: datetime) -> str:
        """From one moment to a later one: "1:10-4:20 AM", "Fri 11:40 PM - 4:20 AM"."""
        first, last = self.when(start), self.when(end)
        if first.day != last.day:
            if not last.day and end - start >= _DAY:  # else it would read as the morning after
                last = replace(last, day=self._calendar.weekdays[local(end, self._zone).weekday()])
            return f"{first} - {last}"
        begin = first.clock
        if first == last:
            return str(first)  # less than a minute
        half, other = begin.rpartition(" ")[2], last.clock.rpartition(" ")[2]
        if half == other and half in self._calendar.half_days:
            begin = begin.rpartition(" ")[0]
        return f"{first.day} {begin}-{last.clock}".lstrip()

    def _day(self, local: datetime) -> str:
        away = (local.date() - self._today).days
        if away == 0:
            return ""
        if abs(away) < 7:
            return self._calendar.weekdays[local.weekday()]
        month = self._calendar.months[local.month - 1]
        return f"{local.day} {month}" if self._calendar.day_first else f"{month} {local.day}"


def clock(calendar: Calendar, at: time) -> str:
    """A wall time: "8:00 AM", "08:00"; "8:00" where a clock of 24 hours is not padded."""
    halves = calendar.half_days
    if not halves:
        return f"{at:%H:%M}" if calendar.padded else f"{at.hour}:{at:%M}"
    return f"{at.hour % 12 or 12}:{at:%M} {halves[at.hour // 12]}"


def local(moment: datetime, zone: tzinfo) -> datetime:
    """A moment as a zone's clocks show it; in UTC where they cannot, as they cannot show all of year 1."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment


def elapsed(start: datetime, end: datetime) -> Elapsed:
    """The time between two moments; nothing when the end comes first."""
    minutes = max(0, int((end - start).total_seconds()) // 60)
    return Elapsed(minutes // 1440, minutes // 60 % 24, minutes % 60)


def minute(moment: datetime) -> datetime:
    """The moment cut to its minute, in UTC."""
    return moment.astimezone(UTC).replace(second=0, microsecond=0)


def minute_number(moment: datetime | None) -> int:
    """Minutes since 1970; -1 for none. Equal for moments that read alike."""
    return -1 if moment is None else (moment - _EPOCH) // _MINUTE


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
