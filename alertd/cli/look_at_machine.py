"""What `alertd doctor` looks at on this machine: the data folder, its disk, the time zones."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from alertd.cli.finding import Finding, Seen

_FULL = 100 * 2**20  # bytes; a database, its log and the parts' logs need more within an hour of an outage
_TIGHT = 2**30
_ZONES = ("UTC", "America/Los_Angeles", "America/New_York", "Europe/Madrid", "America/Mexico_City")


class _Usage(Protocol):
    @property
    def free(self) -> int: ...


def data_folder(seen: Seen) -> list[Finding]:
    """Whether it is there, or can be made, and is ours to write to."""
    folder = seen.settings.data_dir
    nearest = _nearest(folder)
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return []
    text = f"{folder} cannot be {'written to' if nearest == folder else 'made'} by this user"
    return [Finding("wrong", "data folder", text, ("set ALERTD_DATA_DIR to a folder of your own",))]


def disk(seen: Seen, usage: Callable[[Path], _Usage] = shutil.disk_usage) -> list[Finding]:
    """Whether there is room for what an outage writes."""
    folder = seen.settings.data_dir
    free = usage(_nearest(folder)).free
    if free >= _TIGHT:
        return []
    text = f"{free // 2**20} MB are left for {folder}"
    mend = ("make room, or set ALERTD_DATA_DIR to a larger disk",)
    # Postgres has a disk of its own; here are logs and sockets then.
    here = seen.settings.database_url.get_secret_value().startswith("sqlite")
    return [Finding("wrong" if here and free < _FULL else "note", "disk", text, mend)]


def zones(_seen: Seen, names: Iterable[str] = _ZONES) -> list[Finding]:
    """Whether quiet hours can be kept anywhere: Python's zone data, of the system or of its package tzdata."""
    missing = [name for name in names if not _known(name)]
    if not missing:
        return []
    text = f"no time zone data for {', '.join(missing)}: quiet hours and times in messages would be wrong"
    return [Finding("wrong", "time zones", text, ("install the Python package tzdata where alertd runs",))]


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return False
    return True


def _nearest(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())
