"""Deliveries: one update owed to one address for one reason, and the states it passes through."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from alertd.domain.family import AddressId, FamilyId
from alertd.domain.incident import Severity

DeliveryId = NewType("DeliveryId", UUID)


class DeliveryState(StrEnum):
    """Each with the sentence that says when it holds."""

    PENDING = "pending"  # owed, waiting for a worker or for its next try
    LEASED = "leased"  # a worker holds it until `lease_until`
    ACCEPTED = "accepted"  # the provider took it
    DELIVERED = "delivered"  # the provider says that it reached the phone or mailbox
    READ = "read"  # the provider or the app says that it was seen
    UNKNOWN = "unknown"  # the provider may have it; its answer was lost
    REFUSED = "refused"  # never, at this address
    UNDELIVERED = "undelivered"  # the provider gave up; the address stays
    SUPERSEDED = "superseded"  # something newer took its place, or it may not be said now
    CANCELLED = "cancelled"  # nobody is owed it any more
    EXPIRED = "expired"  # its time is over
    PARKED = "parked"  # our own fault: five crashes or render errors; an account, sender or text that is not right


OPEN = frozenset({DeliveryState.PENDING, DeliveryState.LEASED, DeliveryState.UNKNOWN})
"""States in which a message may still leave, or may have left."""

TOLD = frozenset({DeliveryState.ACCEPTED, DeliveryState.DELIVERED, DeliveryState.READ})
"""States that count as told."""

FAILED = frozenset({DeliveryState.REFUSED, DeliveryState.UNDELIVERED, DeliveryState.PARKED})
"""States after which the caregiver's next address is owed the same update."""

VOID = frozenset({DeliveryState.SUPERSEDED, DeliveryState.CANCELLED, DeliveryState.EXPIRED, DeliveryState.PARKED})
"""States that leave the unique key (incident, update, address, epoch, step) free again."""

DEAD = VOID - {DeliveryState.PARKED}
"""States that say nothing about what was told, or what failed; but for what may have arrived before."""

CRASHES = 5
"""So many crashes or render errors of our own park a delivery; "later" never does (design.md section 3)."""

SUSPECT = 2
"""What has been in so many crashes is handed over alone: it may be what crashes, or only have been beside it."""

_NEXT: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.LEASED, DeliveryState.ACCEPTED}) | VOID,  # late word of a try
    DeliveryState.LEASED: frozenset(
        {DeliveryState.PENDING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN, DeliveryState.REFUSED}
    )
    | VOID,
    DeliveryState.UNKNOWN: frozenset({DeliveryState.PENDING, DeliveryState.UNDELIVERED, DeliveryState.REFUSED})
    | TOLD
    | VOID,
    DeliveryState.ACCEPTED: frozenset({DeliveryState.DELIVERED, DeliveryState.READ}) | FAILED,
    DeliveryState.DELIVERED: frozenset({DeliveryState.READ}),
    DeliveryState.UNDELIVERED: frozenset({DeliveryState.DELIVERED, DeliveryState.READ}),  # late truth
    DeliveryState.REFUSED: frozenset({DeliveryState.SUPERSEDED}),  # a person says that the provider was wrong
}


def may_move(before: DeliveryState, after: DeliveryState) -> bool:
    """Whether a delivery may go from one state to the other; states only move forward.

    The law of the design in one place: the model world of the property tests moves by it. The store's statements
    each name the states they move from, and no test holds them to this table yet.
    """
    return after in _NEXT.get(before, frozenset())


class Reason(StrEnum):
    """Why this delivery is owed; stored with it, logged once, shown by explain and timeline."""

    FIRST_NOTICE = "first_notice"  # the family had heard nothing in this epoch
    NEWS = "news"  # a human wrote an update that the caregiver lacked
    SILENCE = "silence"  # the silence window was about to pass without news
    WAKE_UP = "wake_up"  # quiet hours or time off duty ended
    FALLBACK = "fallback"  # every address of the preferred channels failed or is missing
    NOT_TAKEN = "not_taken"  # no provider has taken it in time: over the next channel too
    FLOOR = "floor"  # a critical message that wakes needs a floor channel
    LADDER = "ladder"  # nobody has answered: told again, or told as the next one
    ALL_CLEAR = "all_clear"  # they were told, so they are told that it is over
    NOT_AFFECTED = "not_affected"  # told, and no longer touched
    POSTMORTEM = "postmortem"  # they were told that it is over, so they are told what happened
    TEST = "test"  # somebody of ours tries a channel: no family is owed it


class Framing(StrEnum):
    """In which words the newest state is told to this reader."""

    NOTICE = "notice"  # as a first notice
    UPDATE = "update"  # as news
    HOLDING = "holding"  # no news yet
    WAKE_UP = "wake_up"  # one loud message after the night, with the number of updates missed
    RESOLUTION = "resolution"
    CANCELLATION = "cancellation"
    WAS_DOWN = "was_down"  # slept through all of it: was down from .. to .., works again
    NOT_AFFECTED = "not_affected"
    POSTMORTEM = "postmortem"  # what happened, told when it has long been over


ALL_CLEARS = frozenset({Framing.RESOLUTION, Framing.CANCELLATION, Framing.WAS_DOWN})
"""What is said when it is over."""

OVER = ALL_CLEARS | {Framing.POSTMORTEM}
"""Whoever was told one of these knows that it is over, and nothing newer; none is true once it comes back."""

ENDS = ALL_CLEARS | {Framing.NOT_AFFECTED}
"""Framings after which nothing is expected of us until it comes back."""

AFTERWARDS = ENDS | {Framing.POSTMORTEM}
"""What may be said to a family for which it is over."""

STEP_MESSAGE = 0
"""The message itself; ladder steps count from 1, at most 20 of them (`policy_file.escalation`)."""

STEP_WAKE_UP = -1
"""The loud copy at wake-up of what was told softly at night."""


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Telling:
    """A delivery as the planner sees it."""

    address: AddressId
    update: int
    epoch: int
    step: int
    framing: Framing
    loud: bool
    state: DeliveryState
    planned_at: datetime
    next_by: datetime | None
    accepted_at: datetime | None = None
    in_quiet: bool = False  # planned while its reader was in quiet hours
    maybe: bool = False  # some outcome was unknown, whatever became of it since: it may have arrived
    tried_at: datetime | None = None  # when it was first handed to a provider, story time
    caregiver: str = ""  # who of the family had the address then; empty: it was written for another family


class Ask(StrEnum):
    """Whether a message asks its reader to say that they know (R7)."""

    NONE = ""
    ANSWER = "answer"  # please say that you know
    REMIND = "remind"  # nobody has said so yet


class Change(StrEnum):
    """What has changed for a reader since they were last told something."""

    NONE = ""
    WORSE = "worse"  # graver
    BETTER = "better"  # milder
    SCOPE = "scope"  # other services of theirs fail
    FEWER = "fewer"  # some of those that failed work, and no other fails
    AGAIN = "again"  # it came back: they were told that it works
    ANEW = "anew"  # it fails after all: they were told that it never had


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Reader:
    """Whom a delivery is for, as far as the words and the provider need it; blanked when final."""

    to: str
    locale: str
    zone: str
    services: tuple[str, ...]  # the failing ones that this reader's families use
    hears_by: datetime | None = None  # when this person hears again, if nothing happens
    quiet: bool = False  # they are in quiet hours then, and woken only if it gets worse
    missed: int = 0  # human updates missed while asleep
    since: datetime | None = None  # since when something failed for them; None: since the outage began
    end_wakes: bool = False  # where `quiet`: woken if it is fixed, too
    change: Change = Change.NONE  # in a message that tells news; elsewhere only AGAIN: it came back, or did not
    asks: Ask = Ask.NONE
    released: tuple[str, ...] = ()  # services of theirs that they were told fail, and that do no more
    late: bool = False  # it says that it comes late, through an outage of our own
    corrects: int = 0  # the number they saw of a wrong update that they have, and are put right about now
    all_since: datetime | None = None  # since when all of it fails, where that is later than something did
    by_list: bool = (
        False  # it goes on, and only their own data no longer say that it concerns them; those may be wrong
    )
    worst: Severity | None = None  # told that it was down: how bad it was at its worst while it touched them


class Lane(StrEnum):
    """A queue with workers of its own."""

    URGENT = "urgent"
    BULK = "bulk"


@dataclass(slots=True)  # by the million: frozen ones take three times as long to make
class Owed:
    """A delivery that the planner wants written."""

    family: FamilyId
    caregiver: str
    address: AddressId
    channel: str
    update: int
    epoch: int
    step: int
    framing: Framing
    reason: Reason
    loud: bool
    next_by: datetime | None
    stale_after: datetime | None  # story time after which it is planned anew (R2); None: never
    loud_until: datetime | None  # story time at which its reader's quiet hours begin; None: no such hour
    reader: Reader
    in_quiet: bool = False


_LONGEST = {each: timedelta(seconds=60 if each is Severity.CRITICAL else 300) for each in Severity}


def longest_backoff(severity: Severity) -> timedelta:
    """How long at most until the next try of what a reader lacks (design.md section 3)."""
    return _LONGEST[severity]


def backoff(attempt: int, severity: Severity, spread: float, retry_after: timedelta | None = None) -> timedelta:
    """How long to wait before try `attempt + 1`: full jitter, and not before Retry-After, up to the longest.

    `attempt` counts from 1; `spread` is a random share of [0, 1). Starts from 2 s, capped at the longest, which no
    provider stretches: one that asks for an hour is mostly back long before (decision 58).
    """
    cap = longest_backoff(severity).total_seconds()
    ceiling = min(cap, 2.0 * 2.0 ** min(attempt - 1, 10))
    wait = timedelta(seconds=0.5 + spread * (ceiling - 0.5))
    return max(wait, min(retry_after, longest_backoff(severity))) if retry_after else wait
