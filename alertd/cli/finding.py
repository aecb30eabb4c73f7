"""What `alertd doctor` says of one thing, and what it looks at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from alertd.settings import Settings
from alertd.stand_ins import StandIns

PATIENCE = 5.0
"""Seconds that anything asked may take."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `mark` is ok, note (worth knowing) or wrong (families could not be told)."""

    mark: str
    what: str
    text: str
    mend: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to look at: settings that could be read, where they came from, stand-ins that run."""

    settings: Settings
    env: Mapping[str, str]
    stand_ins: StandIns | None


Look: TypeAlias = Callable[[Seen], list[Finding]]
"""One question: asks whoever must be asked, changes nothing, sends nothing."""


def lasting(seconds: float) -> str:
    """A length of time as people say it: 850 ms, 12 s, 7 min, 3 h, 2 days."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for most, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < most:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"
