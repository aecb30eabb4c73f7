"""Quiet hours and duty read off the clock minute by minute: slow, obvious, and sharing no code with `hours`.

Times are whole minutes; a stretch is the UTC minutes from the first one whose wall clock has reached its start
to the first one whose wall clock has reached its end.
"""

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@cache
def first_minute(zone: str, wall: datetime) -> datetime:
    """The first minute at which the wall clock of `zone` has reached `wall`."""
    tz = ZoneInfo(zone)
    as_utc = wall.replace(tzinfo=UTC)
    around = (as_utc - timedelta(hours=15), as_utc + timedelta(hours=15))
    at = as_utc - max(edge.astimezone(tz).utcoffset() or timedelta(0) for edge in around)
    while at.astimezone(tz).replace(tzinfo=None) < wall:
        at += MINUTE
    return at


@cache
def stretch(text: str, zone: str, day: date) -> tuple[datetime, datetime]:
    """The stretch "22:00-06:30" that begins on a day."""
    start, end = (datetime.combine(day, datetime.min.time()) + _clock(part) for part in text.split("-"))
    if end <= start:
        end += DAY
    return first_minute(zone, start), first_minute(zone, end)


def _clock(text: str) -> timedelta:
    hours, minutes = text.strip().split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


@cache
def nights(text: str, zone: str, around: date) -> list[tuple[datetime, datetime]]:
    """The quiet stretches that begin within the days around a date."""
    return [stretch(text, zone, around + offset * DAY) for offset in range(-2, 10)]


@cache
def shifts(text: str, zone: str, around: date) -> list[tuple[datetime, datetime]]:
    """The duty stretches of "mon-fri 08:00-15:00" that begin within the days around a date."""
    days, hours = text.split(" ", 1)
    wanted: set[int] = set()
    for part in days.split(","):
        first, _, last = part.partition("-")
        day = WEEKDAYS.index(first)
        wanted.add(day)
        while day != WEEKDAYS.index(last or first):
            day = (day + 1) % 7
            wanted.add(day)
    dates = [around + offset * DAY for offset in range(-2, 10)]
    return [stretch(hours, zone, day) for day in dates if day.weekday() in wanted]


def inside(stretches: list[tuple[datetime, datetime]], at: datetime) -> bool:
    """Whether an instant lies within one of the stretches."""
    return any(start <= at < end for start, end in stretches)


def asleep(text: str | None, zone: str, at: datetime) -> bool:
    """Whether quiet hours hold at an instant; no text or "none" = never."""
    return bool(text) and text != "none" and inside(nights(str(text), zone, day_of(zone, at)), at)


def off_duty(text: str | None, zone: str, at: datetime) -> bool:
    """Whether an instant lies outside the duty hours; no text = always on duty."""
    return bool(text) and not inside(shifts(str(text), zone, day_of(zone, at)), at)


def edges(text: str | None, zone: str, at: datetime) -> list[datetime]:
    """Every moment of the days around an instant at which the stretches of `text` begin or end."""
    if not text or text == "none":
        return []
    read = shifts if text[0].isalpha() else nights
    return [edge for pair in read(text, zone, day_of(zone, at)) for edge in pair]


def day_of(zone: str, at: datetime) -> date:
    """The date on the wall of a zone."""
    return at.astimezone(ZoneInfo(zone)).date()
