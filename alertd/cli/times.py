"""Moments on this machine's clock."""

from datetime import datetime


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
