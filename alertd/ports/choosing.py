"""The page on which a caregiver chooses how they are told: what it holds, and who puts it into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from alertd.domain.delivery import Reason
from alertd.domain.family import Address
from alertd.domain.incident import Severity
from alertd.domain.offer import Filled, Offer


class Showing(StrEnum):
    """What the page is for at this moment."""

    CLOSED = "closed"  # one button; nothing about anybody, as scanners open links and others look on
    FORM = "form"
    STOPPING = "stopping"  # asks whether really nothing is to be sent any more, and says what that means
    SAVED = "saved"  # and what happens now


@dataclass(frozen=True, slots=True)
class Happens:
    """What becomes of a first notice of one severity."""

    severity: Severity
    muted: bool  # they asked to be told nothing of it
    over: tuple[tuple[Address, Reason], ...]  # all at once; empty: nothing of theirs can be used
    at_night: str  # wakes, softly, waits: as `explain` has it
    softly: tuple[Address, ...]  # over which it goes silently at night


@dataclass(frozen=True, slots=True)
class Chooser:
    """The caregiver, and what holds for them."""

    offer: Offer
    filled: Filled
    happens: tuple[Happens, ...]  # what the planner makes of it, the gravest first
    hears: str  # always, stands_in, ladder, if_needed: as `explain` has it
    floor: tuple[Address, ...]  # of theirs that work: one of them is added to what wakes at critical (R12)
    stopped_floor: tuple[Address, ...]  # ... and those that would, had they not been stopped here
    wakes: tuple[Severity, ...]  # of which something may wake them in quiet hours, whichever policy it falls under
    others: bool  # somebody else of the family can be told
    name: str


@dataclass(frozen=True, slots=True)
class ChoosingPage:
    """All that its words depend on."""

    showing: Showing
    locale: str
    chooser: Chooser | None = None  # None: closed
    mistakes: Mapping[str, str] = field(default_factory=dict)  # by field; see `offer.judge`
    overtaken: bool = False  # what holds has changed since they opened it


class ComposeChoosing(Protocol):
    """Puts the page into its reader's language."""

    def __call__(self, page: ChoosingPage) -> str:
        """HTML. Never fails: where the texts do, it says in plain words that the page cannot be shown."""
