"""Stretches of time as sorted lists of (start, end) that do not touch; the judge's, so standard library only."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

Span = tuple[datetime, datetime]
Spans = list[Span]

_DAY = timedelta(days=1)
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


def union(*many: Iterable[Span]) -> Spans:
    """What lies in any of them."""
    joined: Spans = []
    for start, end in sorted(span for spans in many for span in spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def within(spans: Iterable[Span], start: datetime, end: datetime) -> Spans:
    """What of them lies between two moments."""
    return [(max(a, start), min(b, end)) for a, b in spans if a < end and b > start]


def both(first: Iterable[Span], second: Spans) -> Spans:
    """What lies in both."""
    return [span for start, end in first for span in within(second, start, end)]


def outside(spans: Iterable[Span], start: datetime, end: datetime) -> Spans:
    """What between two moments lies in none of them."""
    left: Spans = []
    for a, b in within(union(spans), start, end):
        if start < a:
            left.append((start, a))
        start = b
    return [*left, (start, end)] if start < end else left


def length(spans: Iterable[Span]) -> timedelta:
    """How long they are together."""
    return sum((end - start for start, end in spans), timedelta())


def at(spans: Iterable[Span], moment: datetime) -> bool:
    """Whether a moment lies in one of them."""
    return any(start <= moment < end for start, end in spans)


def first_in(spans: Iterable[Span], moment: datetime) -> datetime | None:
    """The first moment at or after `moment` that lies in one of them; None: never again."""
    return next((max(start, moment) for start, end in spans if end > moment), None)


def hours(text: str | None, zone: str, start: datetime, end: datetime) -> Spans:
    """The nights of "22:00-06:30" (or "none"), or the duty of "mon-fri 08:00-15:00", that touch a time.

    Wall times that a change of the clocks skips or repeats are taken as Python takes them: the weekends that are
    played have none. Raises ValueError for another writing.
    """
    if text is None or text == "none":
        return []
    days, _, span = text.rpartition(" ")
    found = _HOURS.fullmatch(span)
    if found is None:
        raise ValueError(f"no hours: {text}")
    first, last = time(int(found[1]), int(found[2])), time(int(found[3]) % 24, int(found[4]))
    return union(_each_day(_weekdays(days), first, last, ZoneInfo(zone), start, end))


def _weekdays(text: str) -> set[int]:
    if not text:
        return set(range(7))
    days: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        begin, stop = _WEEK.index(first), _WEEK.index(last or first)
        days |= {(begin + n) % 7 for n in range((stop - begin) % 7 + 1)}
    return days


def _each_day(
    days: set[int], first: time, last: time, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[Span]:
    day = start.astimezone(zone).date() - _DAY
    while day <= end.astimezone(zone).date():
        if day.weekday() in days:
            until = day if last > first else day + _DAY
            yield (
                datetime.combine(day, first, zone).astimezone(start.tzinfo),
                datetime.combine(until, last, zone).astimezone(start.tzinfo),
            )
        day += _DAY
