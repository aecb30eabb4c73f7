"""The watch: our duty to one family in one incident."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alertd.domain.delivery import Owed, Telling
from alertd.domain.downtime import Downtime
from alertd.domain.family import AddressId, AddressStatus, CaregiverId, Family, FamilyId
from alertd.domain.incident import Incident, IncidentId
from alertd.domain.policy import Policy


class Rest(StrEnum):
    """Why nothing is planned now; an excuse that the auditor checks, or the end."""

    CLOSED = "closed"  # everyone told has the all-clear, nothing is in flight
    QUIET = "quiet"  # nobody in the family may be told now
    CAPPED = "capped"  # nobody may: the holdings by phone that they may get in a day are used up (R3)
    NO_ADDRESS = "no_address"  # nobody has a usable address
    MUTED = "muted"  # they asked not to be told of this
    OPTED_OUT = "opted_out"  # every address has opted out
    NOT_TOUCHED = "not_touched"  # the incident no longer touches them


NO_WAY = frozenset({Rest.NO_ADDRESS, Rest.MUTED, Rest.OPTED_OUT})


class LadderState(StrEnum):
    """How the ladder of an epoch stands for a family (R7)."""

    CLIMBING = "climbing"  # begun, and a step or the time to answer is still to come
    ANSWERED = "answered"  # by somebody whose answer is enough
    UNANSWERED = "unanswered"  # over: something loud was accepted, and nobody answered
    UNREACHABLE = "unreachable"  # over: nothing loud was accepted


BY_PHONE = CaregiverId("by phone")
"""Who answers where a person of ours has told the family by phone (R7); no caregiver's id holds a blank."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A caregiver has said "I know"; it belongs to an epoch (R9)."""

    caregiver: CaregiverId
    epoch: int
    at: datetime
    told: int = 0  # by phone: the update that they were told; 0: nothing was told with this
    next_by: datetime | None = None  # ... by when they were told they hear again
    who: tuple[CaregiverId, ...] = ()  # ... and who in the family knows since


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Watch:
    """One row per incident and family."""

    incident: IncidentId
    family: FamilyId
    touched_at: datetime  # when the incident began to touch the family
    next_by: datetime  # when we said they would hear; before the first acceptance touched_at + first_notice
    heard_at: datetime | None = None
    told: int = 0  # newest update that a provider accepted for anyone in the family
    owed: int = 0  # newest update that was planned for anyone in the family
    epoch: int = 0  # the epoch of the last plan
    waiting: tuple[str, ...] = ()  # caregivers with something waiting for their wake-up or duty
    look_at: datetime | None = None
    rest: Rest | None = None
    version: int = 0
    ladder: LadderState | None = None  # None: this epoch has no ladder for them, or it has not begun
    step: int = 0  # the last step of the ladder that has fallen due, from 1


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Duty:
    """All that `plan` may look at for one family."""

    incident: Incident
    policy: Policy
    family: Family
    watch: Watch
    tellings: Sequence[Telling] = ()
    addresses: Mapping[AddressId, AddressStatus] | None = None  # the noteworthy ones; absent = usable
    channels: frozenset[str] = frozenset()  # channels that have an adapter
    margin: timedelta = timedelta(seconds=60)
    lease: timedelta = timedelta(seconds=30)  # machine time in story seconds: how long a message may be in flight
    answers: Sequence[Answer] = ()
    downtimes: Sequence[Downtime] = ()  # our own, since the incident began


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Verdict:
    """What is owed to this family now, why, and when to look again."""

    owed: tuple[Owed, ...] = ()
    holding: bool = False  # the deliveries carry the next holding, which is to be written first
    update: int = 0  # the newest update that anyone in the family is owed; older ones on their way are stale
    next_by: datetime | None = None  # the family's deadline as it stands, until the next acceptance
    touched_at: datetime | None = None  # when the incident began to touch them, for the watch; None: as before
    look_at: datetime | None = None  # always later than now; None = closed or resting
    rest: Rest | None = None
    waiting: tuple[str, ...] = ()
    cancel: bool = False  # whatever is still pending is no longer owed
    ladder: LadderState | None = None
    step: int = 0
