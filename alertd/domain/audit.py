"""What the auditor asks of every touched family, and what it found (design.md, "The auditor's question")."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from alertd.domain.family import AddressId, Family, FamilyId
from alertd.domain.incident import Incident
from alertd.domain.policy import Policy

LATE = timedelta(seconds=10)
"""Machine time after `next_by` within which a family must have heard; times the clock's rate in story time."""

SHOWN = 20
"""At most so many families of an incident are named."""

UNACCOUNTED = "families unaccounted for"
"""What responders are paged about, once while it lasts."""


class Excuse(StrEnum):
    """Why a family whose time has passed is accounted for all the same; each is checked, none is believed."""

    QUIET = "quiet"  # nobody in the family may be told at this hour
    NO_ADDRESS = "no_address"  # no address of theirs can be used
    MUTED = "muted"  # they asked not to be told of this severity
    OPTED_OUT = "opted_out"  # every address has opted out
    CAPPED = "capped"  # the policy's holdings by SMS are used up for the day
    PROVIDER_DOWN = "provider_down"  # a message is under way, and was tried within the backoff
    UNDELIVERED = (
        "undelivered"  # the provider gave up on what was sent within the window, and we have not failed since
    )
    JUST_DUE = "just_due"  # could be told only now: the first message since their time is ten seconds old at most
    FAN_OUT = "fan_out"  # an update is on its way to them, and moves


@dataclass(frozen=True, slots=True)
class Suspect:
    """A touched family that is not simply in time; everything is None where it has no watch."""

    family: FamilyId
    next_by: datetime | None = None
    look_at: datetime | None = None
    rest: str | None = None
    epoch: int | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """A cursor that has not arrived: it goes to the families behind `position`, up to `until` (None: all)."""

    position: str
    until: str | None
    scope: bool  # also to families without a watch
    moved_at: datetime  # machine time at which any cursor of its update last moved


class Waiting(NamedTuple):
    """What is under way to one address."""

    at: datetime  # when the newest was planned
    update: int  # the newest that any of it tells


@dataclass(frozen=True, slots=True)
class Tries:
    """What became of a family's messages lately."""

    under_way: bool = False  # a message waits, is in a worker's hands, or may have arrived
    tried: bool = False  # and one was tried, by no fault of ours in vain, no longer ago than the backoff
    given_up: datetime | None = None  # when the newest was planned that a provider gave up, within the window
    stopped: datetime | None = None  # when the newest was planned that our own fault stopped
    fresh: bool = False  # a message that is under way was planned within the last ten seconds
    before: datetime | None = None  # when the newest older message was planned
    capped: int = 0  # holdings by SMS within a day
    waits: Mapping[AddressId, Waiting] = field(default_factory=dict)
    """Where a message is under way."""
    failed: Mapping[AddressId, int] = field(default_factory=dict)
    """Where the newest that is settled failed: which update it told."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the tables say of one suspect, read by the auditor's own statements."""

    family: Family | None = None  # None: not read, or not to be read
    addresses: Mapping[AddressId, tuple[str, bool, bool]] = field(default_factory=dict)
    """By id: (channel, whether it may be used, whether it has opted out)."""
    joined: frozenset[AddressId] = frozenset()
    """Those that a ladder has told, or is about to: whose they are hears every update since."""
    tries: Tries = Tries()


@dataclass(frozen=True, slots=True)
class Case:
    """What is common to all suspects of one incident at one moment."""

    incident: Incident
    policy: Policy
    channels: frozenset[str]  # that have an adapter
    cursors: tuple[Cursor, ...]
    now: datetime  # story time
    machine_at: datetime
    patience: timedelta = timedelta(seconds=40)  # story time in which a message is not to go another way yet


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """Families of one incident for whose silence there is no true excuse; at most 20 are named."""

    incident: int
    count: int
    families: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """One answer to the auditor's question."""

    at: datetime  # story time
    machine_at: datetime
    families: int = 0  # touched by open incidents that families are told of
    accounted: int = 0
    unaccounted: tuple[Unaccounted, ...] = ()
    excuses: Mapping[str, int] = field(default_factory=dict)
    headroom: Mapping[int, float] = field(default_factory=dict)  # incident -> story seconds to its next deadline
    withheld: tuple[str, ...] = ()  # conditions by which the ping is withheld although all are accounted for
    failed: str | None = None  # the error for which the question was not answered
    seconds: float = 0.0  # that the answer took

    @property
    def missing(self) -> int:
        """How many families are unaccounted for."""
        return sum(each.count for each in self.unaccounted)

    @property
    def passed(self) -> bool:
        """Every family is accounted for."""
        return self.failed is None and not self.unaccounted

    @property
    def well(self) -> bool:
        """The dead man's switch may be pinged."""
        return self.passed and not self.withheld


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest audit as kept, with what came before it; machine time."""

    audit: Audit
    passed_at: datetime | None  # when one last passed
    pinged_at: datetime | None  # when the dead man's switch last took a ping
