"""Moments on this machine's clock."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import typer

_WEEKDAY = re.compile(r"(mon|tue|wed|thu|fri|sat|sun)[a-z]*\s+([0-9]{1,2}):([0-9]{2})", re.IGNORECASE)
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 86400  # seconds


def local(moment: str | None) -> str:
    """`Sat 30 Nov 08:03`; a hyphen where there is none."""
    return datetime.fromisoformat(moment).astimezone().strftime("%a %d %b %H:%M") if moment else "-"


def day(moment: str) -> str:
    """`26 Nov 2026`."""
    return datetime.fromisoformat(moment).astimezone().strftime("%d %b %Y").lstrip("0")


def zone(moment: str) -> str:
    """The name of this machine's zone at a moment."""
    return datetime.fromisoformat(moment).astimezone().tzname() or "local time"


def lasting(seconds: float) -> str:
    """`40 s`, `3 min`, `2 h 5 min`: as people say it."""
    if seconds < 1:
        return "under a second"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def lasting_days(seconds: float) -> str:
    """`47 h 5 min`, then `3 d`."""
    return lasting(seconds) if seconds < 2 * _DAY else f"{seconds / _DAY:.0f} d"


def coming(text: str, zone: ZoneInfo | None, option: str = "--at") -> datetime:
    """The coming `Sun 02:00` in a zone (None: our own), or a date and time in it; in UTC. Raises BadParameter."""
    found = _WEEKDAY.fullmatch(text.strip())
    try:
        moment = _weekday(found, zone) if found else datetime.fromisoformat(text.strip())
    except ValueError:
        moment = None
    if moment is None or not 1970 <= moment.year <= 2200:
        example = 'write for example "Sun 02:00" or 2026-11-29T02:00'
        raise typer.BadParameter(f'"{text}" is no moment; {example}', param_hint=option)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).astimezone(UTC)


def _weekday(found: "re.Match[str]", zone: ZoneInfo | None) -> datetime:
    now = datetime.now(zone)  # noqa: TID251  which Sunday is the coming one
    wall = now.replace(hour=int(found[2]), minute=int(found[3]), second=0, microsecond=0, fold=0)
    wall += timedelta(days=(_DAYS.index(found[1].lower()) - wall.weekday()) % 7)
    return wall if wall >= now else wall + timedelta(days=7)
