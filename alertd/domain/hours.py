"""Quiet hours and duty hours: stretches of instants, each wall time resolved once.

A wall time that does not exist (spring) is the first instant after the gap; one that exists twice (autumn)
is its first occurrence. All answers are aware UTC.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count
from zoneinfo import ZoneInfo

from alertd.domain.errors import Invalid

_SPAN = re.compile(r"^(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})$")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A nightly stretch of wall time; an end at or before the start lies on the next day."""

    start: time
    end: time


@dataclass(frozen=True, slots=True)
class DutyHours:
    """Wall time on given weekdays (0 = Monday) during which a caregiver is on duty."""

    days: frozenset[int]
    start: time
    end: time


def parse_quiet_hours(text: str) -> QuietHours | None:
    """Read "22:00-06:30"; "none" means no quiet hours.

    Raises Invalid for anything else, and for a stretch of 24 hours.
    """
    if text.strip().lower() == "none":
        return None
    start, end = _span(text)
    if start == end:
        raise Invalid(f'"{text}" would be quiet for 24 hours; write a shorter stretch, or "none"')
    return QuietHours(start, end)


def parse_on_duty(text: str) -> DutyHours:
    """Read "mon-fri 08:00-15:00" or "sat,sun 09:00-12:00". Raises Invalid."""
    days_text, _, span_text = text.strip().lower().partition(" ")
    days: set[int] = set()
    for part in days_text.split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last and last not in _DAYS):
            raise Invalid(f'"{text}" is no duty time; write for example "mon-fri 08:00-15:00"')
        begin, stop = _DAYS.index(first), _DAYS.index(last or first)
        days.update((begin + i) % 7 for i in range((stop - begin) % 7 + 1))
    start, end = _span(span_text)
    return DutyHours(frozenset(days), start, end)


def _span(text: str) -> tuple[time, time]:
    found = _SPAN.match(text.strip())
    if found is None:
        raise Invalid(f'"{text}" is no stretch of hours; write for example "22:00-06:30"')
    h1, m1, h2, m2 = map(int, found.groups())
    if h1 > 23 or h2 > 24 or m1 > 59 or m2 > 59 or (h2 == 24 and m2):
        raise Invalid(f'"{text}" has a time that does not exist; hours run from 00:00 to 24:00')
    return time(h1, m1), time(h2 % 24, m2)


@lru_cache(maxsize=4096)
def quiet_until(text: str, zone: str, at: datetime) -> datetime | None:
    """When the quiet hours that hold at `at` end; None when they do not hold."""
    hours = _quiet(text)
    if hours is None:
        return None
    today = at.astimezone(_zone(zone)).date()
    for day in (today - _DAY, today):
        start, end = _stretch(hours.start, hours.end, day, zone)
        if start <= at < end:
            return end
    return None


@lru_cache(maxsize=4096)
def quiet_from(text: str, zone: str, at: datetime) -> datetime | None:
    """When the next quiet hours begin after `at`; None when there are none."""
    hours = _quiet(text)
    if hours is None:
        return None
    today = at.astimezone(_zone(zone)).date()
    for offset in range(4):
        start, end = _stretch(hours.start, hours.end, today + offset * _DAY, zone)
        if at < start < end:  # a gap may swallow a whole stretch
            return start
    return None


@lru_cache(maxsize=4096)
def off_duty_until(text: str, zone: str, at: datetime) -> datetime | None:
    """When duty next begins; None while on duty at `at`."""
    hours = _duty(text)
    today = at.astimezone(_zone(zone)).date()
    for offset in count(-1):
        day = today + offset * _DAY
        if day.weekday() not in hours.days:
            continue
        start, end = _stretch(hours.start, hours.end, day, zone)
        if start <= at < end:
            return None
        if at < start < end:  # a gap may swallow a whole stretch
            return start
    raise AssertionError("a week has a day of duty")


@lru_cache(maxsize=4096)
def on_duty_until(text: str, zone: str, at: datetime) -> datetime | None:
    """When the duty that holds at `at` ends; None while off duty."""
    hours = _duty(text)
    today = at.astimezone(_zone(zone)).date()
    for day in (today - _DAY, today):
        if day.weekday() in hours.days:
            start, end = _stretch(hours.start, hours.end, day, zone)
            if start <= at < end:
                return end
    return None


@lru_cache(maxsize=1024)
def _quiet(text: str) -> QuietHours | None:
    return parse_quiet_hours(text)


@lru_cache(maxsize=1024)
def _duty(text: str) -> DutyHours:
    return parse_on_duty(text)


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=8192)
def _stretch(start: time, end: time, day: date, zone: str) -> tuple[datetime, datetime]:
    last = day if end > start else day + _DAY
    return _instant(datetime.combine(day, start), zone), _instant(datetime.combine(last, end), zone)


def _instant(wall: datetime, zone: str) -> datetime:
    tz = _zone(zone)
    first = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if first.astimezone(tz).replace(tzinfo=None) == wall:
        return first
    # The wall time lies in a gap: between the readings with the offsets after and before it, the clock jumps.
    low, high = wall.replace(tzinfo=tz, fold=1).astimezone(UTC), first
    before = low.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(tz).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)
