"""Lengths of time as people write them: 90s, 10m, 2h, 1h30m, 1d."""

import re
from datetime import timedelta

from alertd.domain.durations import spell_duration
from alertd.domain.errors import Invalid, quote
from alertd.ingest.reading import kind

__all__ = ["parse_duration", "spell_duration"]

_DURATION = re.compile(r"(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,7})s)?")
_CLOCK = re.compile(r"([0-9]{1,3}):([0-5]?[0-9])(?::([0-5]?[0-9]))?")
_EXAMPLES = "write for example 90s, 10m, 2h, 1h30m or 1d"


def parse_duration(value: object) -> timedelta:
    """Read a duration: whole days, hours, minutes and seconds, in this order, each with its unit.

    Raises Invalid for anything else: a bare number, whose unit nobody knows, and clock times such as 1:30:00,
    which YAML itself would silently turn into 5400.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise Invalid(f"{value} has no unit; write {value}s, {value}m or {value}h")
    if not isinstance(value, str):
        raise Invalid(f"must be a duration, not {kind(value)}; {_EXAMPLES}")
    text = value.strip().lower()
    found = _DURATION.fullmatch(text)
    if found and text:
        days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if text.isdigit():
        raise Invalid(f"{quote(text)} has no unit; write {quote(text)}s, {quote(text)}m or {quote(text)}h")
    clock = _CLOCK.fullmatch(text)
    if clock:
        first, second, third = (int(part or 0) for part in clock.groups())
        if clock.group(3) is None:
            raise Invalid(f'"{text}" may be minutes or hours; write {first}h{second}m or {first}m{second}s')
        meant = timedelta(hours=first, minutes=second, seconds=third)
        raise Invalid(f'"{text}" is a time of day, not a duration; write {spell_duration(meant)}')
    raise Invalid(f'"{quote(value)}" is no duration; {_EXAMPLES}')
