"""Families: the people we owe a duty to, decoded straight from their stored document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType
from uuid import UUID

from alertd.domain.incident import Severity

FamilyId = NewType("FamilyId", str)
CaregiverId = NewType("CaregiverId", str)
AddressId = NewType("AddressId", UUID)

_CRITICAL, _MAJOR = Severity.CRITICAL, Severity.MAJOR  # Python 3.11 is slow to find them

CHANNELS = ("push", "sms", "email", "voice", "console")
"""Every channel name a document or a policy may use; one without an adapter has no usable address."""


@dataclass(frozen=True, slots=True)
class Address:
    """A number, token or mailbox as one family wrote it; `id` is its one row in the whole system."""

    channel: str
    to: str  # normalised: E.164, token as given, mailbox in lower case
    id: AddressId
    verified: bool = True


@dataclass(frozen=True, slots=True)
class AddressStatus:
    """What the whole system knows of an address; only the noteworthy ones are loaded."""

    suspended: bool = False
    opted_out: bool = False
    verified: bool = True
    shared: bool = False
    here: bool = False  # opted out on our own page, where it can be taken back

    @property
    def usable(self) -> bool:
        """Whether anything may be sent there."""
        return self.verified and not self.suspended and not self.opted_out


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a person or a family asks for: lists of channels, by severity, narrowed by service."""

    critical: tuple[str, ...] | None = None
    major: tuple[str, ...] | None = None
    minor: tuple[str, ...] | None = None
    default: tuple[str, ...] | None = None
    services: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    holdings: str | None = None  # "all" or "few"
    quiet_hours: str | None = None  # "22:00-06:30", "none" for none

    def by_severity(self, severity: Severity) -> tuple[str, ...] | None:
        """The list for this severity alone, None when nothing was said."""
        if severity is _CRITICAL:
            return self.critical
        return self.major if severity is _MAJOR else self.minor


NO_PREFERENCES = Preferences()


@dataclass(frozen=True, slots=True)
class Caregiver:
    """A person of the family."""

    id: CaregiverId
    name: str
    role: str
    order: int
    addresses: tuple[Address, ...] = ()
    preferences: Preferences = NO_PREFERENCES
    locale: str | None = None
    time_zone: str | None = None
    on_duty: str | None = None  # "mon-fri 08:00-15:00"; None: always
    chosen: Mapping[str, datetime] | None = None  # what they chose on our own page, and when (R17)


@dataclass(frozen=True, slots=True)
class Family:
    """One household: its services, where it lives, and its caregivers in order."""

    id: FamilyId
    updated_at: datetime
    services: tuple[str, ...]
    time_zone: str
    locale: str
    caregivers: tuple[Caregiver, ...]
    region: str | None = None
    preferences: Preferences = NO_PREFERENCES
