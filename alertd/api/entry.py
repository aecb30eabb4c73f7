"""One line of an incident's story."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

Told = Mapping[str, Mapping[str, int]]
"""channel -> state of deliveries -> number"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, readable as text."""

    at: datetime
    what: str  # an update's kind, a human act, or what a provider did: refused, undelivered, parked
    text: str
    who: str | None = None
    update: int | None = None
    human_number: int | None = None
    promise: datetime | None = None
    told: Told | None = None  # by deliveries of this update
    last_accepted_at: datetime | None = None
    channel: str | None = None
    code: str | None = None
    families: tuple[str, ...] = ()
