"""Nudges and pages to responders: what names them, what became of them, what the planner looks at (R8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from alertd.domain.delivery import TOLD, DeliveryState
from alertd.domain.incident import Incident
from alertd.domain.policy import Policy

TRIES = 2
"""After so many failed tries the next step is due, though this page goes on being tried."""

HOPE = timedelta(minutes=1)
"""How long after a failure the pages that take its place may yet be handed over."""


CHANNEL = "channel "
"""How the name of a trouble begins that is a whole channel's; the channel's name follows."""

RECEIPTS = "receipts of "
"""... that is about what a provider reports, or does not; the channel's name follows."""

TEXTS, PLANS, MESSAGES = "texts", "family data", "messages"
"""Troubles for which families are told all the same: in other words, at other hours, another way (R14)."""

FAILING = {
    TEXTS: "a text fails",
    PLANS: "a family's data fails",
    MESSAGES: "a message crashes whoever sends it",
}
"""What people read of them."""

NUDGED = frozenset(FAILING)
"""Troubles that wake nobody."""


def trouble_words(subject: str, *, over: bool = False) -> str:
    """What people read of a trouble, or of its end: "channel sms fails", "channel sms works again"."""
    if subject.startswith(CHANNEL):
        return f"{subject} {'works again' if over else 'fails'}"
    if subject.startswith(RECEIPTS):
        return f"{subject} {'come again' if over else 'are missing'}"
    return FAILING.get(subject, subject)


class ResponderLadder(StrEnum):
    """Why a responder is told."""

    OPENED = "opened"  # a machine opened it, and nobody has spoken yet
    POST = "post"  # an update is due
    NEWS = "news"  # families have waited for news for too long
    POSTMORTEM = "postmortem"  # it is over, and what happened was promised by a time
    TROUBLE = "trouble"  # something of ours keeps families from being told
    OVER = "over"  # ... and does no more


@dataclass(frozen=True, slots=True)
class PageKey:
    """Names one nudge or page within its incident, for ever."""

    ladder: ResponderLadder
    base: datetime  # the instant that the run of the ladder belongs to: for `post` the time to publish by
    step: int
    repeat: int = 0
    subject: str = ""  # of trouble: what it is about


@dataclass(frozen=True, slots=True)
class Paged:
    """A nudge or page as it stands."""

    key: PageKey
    state: DeliveryState
    attempts: int = 0

    @property
    def failed(self) -> bool:
        """Whether it came to nothing: for good, or for so long that somebody else must know."""
        match self.state:
            case DeliveryState.REFUSED | DeliveryState.PARKED | DeliveryState.UNDELIVERED:
                return True
            case DeliveryState.PENDING | DeliveryState.UNKNOWN:
                return self.attempts >= TRIES
            case DeliveryState.LEASED:
                return self.attempts > TRIES
        return False

    @property
    def waits(self) -> bool:
        """Whether it may still be sent, and nobody is at it now."""
        return self.state in (DeliveryState.PENDING, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class OwedPage:
    """A nudge or page that is to be sent now."""

    key: PageKey
    who: str  # the role in the policy: owner, lead, duty-manager
    page: bool  # False: nudge


@dataclass(frozen=True, slots=True)
class Coming:
    """A step that falls due if nothing happens."""

    at: datetime
    who: str
    page: bool
    ladder: ResponderLadder


@dataclass(frozen=True, slots=True)
class Over:
    """A trouble that has ended; story time."""

    subject: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Responding:
    """All that the planner may look at for one incident."""

    incident: Incident
    policy: Policy
    margin: timedelta
    paged: Sequence[Paged] = ()
    acknowledged: Sequence[datetime] = ()
    trouble: Mapping[str, datetime] = field(default_factory=dict)  # subject -> since when
    over: Sequence[Over] = ()  # what was trouble before


@dataclass(frozen=True, slots=True)
class Orders:
    """What the planner wants: sent, taken back, and looked at again."""

    owed: tuple[OwedPage, ...] = ()
    stale: tuple[PageKey, ...] = ()  # nobody needs to read them any more
    coming: tuple[Coming, ...] = ()  # earliest first

    @property
    def look_at(self) -> datetime | None:
        """When to look again; None: nothing will fall due by itself."""
        return self.coming[0].at if self.coming else None


def unreachable(pages: Sequence[tuple[datetime, Paged]], now: datetime) -> bool:
    """Whether none of an open incident's pages, each with when it was planned, could be handed over.

    What failed counts if it is newer than all that was handed over. One that is tried for the first time may yet
    save it, but only so soon after the first failure: a new round does not count as hope.
    """
    told = max((at for at, paged in pages if paged.state in TOLD), default=None)
    failed = [at for at, paged in pages if paged.failed and (told is None or at > told)]
    if not failed:
        return False
    trying = any((paged.waits or paged.state is DeliveryState.LEASED) and not paged.failed for _, paged in pages)
    return not trying or now - min(failed) > HOPE
