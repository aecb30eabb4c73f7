"""Outage events: one telling by a source, normalised, never changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from alertd.domain.incident import Reach, Scope, Severity

FIRST = datetime(2000, 1, 1, tzinfo=UTC)
"""Nothing that anybody tells of began earlier: what says so is a program's zero."""


class EventStatus(StrEnum):
    """What the source says of its alert."""

    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class OutageEvent:
    """`alert` names what fires or is resolved, `id` is this telling; unique by (source, id)."""

    source: str
    id: str
    alert: str
    service: str
    severity: Severity
    status: EventStatus
    title: str
    message: Mapping[str, str] = field(default_factory=dict)  # locale -> sentence
    regions: tuple[str, ...] = ()  # none: everywhere
    detected_at: datetime | None = None  # aware UTC

    @property
    def scope(self) -> Scope:
        """What the source says is failing."""
        return Scope((Reach(self.service, self.regions),))


@dataclass(frozen=True, slots=True)
class Told:
    """One telling by a machine as it came, and what it says; `event` is None where it maps to nothing."""

    id: str
    alert: str
    status: EventStatus
    title: str  # what fires, in the source's words
    digest: bytes
    body: str
    event: OutageEvent | None = None
    why: str | None = None  # why it maps to nothing; else what was assumed
