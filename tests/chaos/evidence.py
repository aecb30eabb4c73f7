"""What the oracle is given: the providers' books, ours, and what was done to us when. Nothing of it is judged here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alertd.sandbox.log import Accepted

Address = tuple[str, str]
"""(channel, number or token)"""

Key = tuple[int, int, Address, int, int]
"""What may be owed once: (incident, update, address, epoch, step)."""


@dataclass(frozen=True)
class Booked:
    """A delivery as our database has it."""

    key: Key
    family: str
    state: str
    next_by: float | None = None  # Unix seconds
    unknown: int = 0  # tries that ended without the provider's word
    slow: int = 0  # of those the calls that took longer than they may: no fault of a row's, but of a busy machine

    @property
    def update(self) -> int:
        return self.key[1]

    @property
    def step(self) -> int:
        """Of the ladder; 0: none."""
        return self.key[4]


@dataclass(frozen=True)
class Word:
    """What a human said: an update that its families are owed."""

    incident: int
    update: int  # its number
    phase: str
    at: float  # Unix seconds at which the command was sent
    until: float | None = None  # ... and the next one


@dataclass(frozen=True)
class Allowed:
    """What a row may cost. Seconds are real ones."""

    window: float  # the longest that a family may hear nothing
    recovery: float  # after a fault: lease, wait for an unknown outcome, sweep, backoff
    machine: float  # that a busy machine is late, whatever it does
    crashes: int | None = 0  # each may repeat what it hits once; None: as many as outcomes were unknown


@dataclass(frozen=True)
class Evidence:
    """All of it."""

    homes: Mapping[str, set[Address]]  # family -> its addresses
    touched: Mapping[int, Sequence[str]]  # incident -> families
    words: Sequence[Word]
    accepted: Sequence[Accepted]  # families' messages, in order
    booked: Mapping[str, Booked]  # by delivery id
    moves: Sequence[tuple[str, str, str]]  # (delivery, state before, state after)
    faults: Sequence[tuple[float, float]]  # Unix seconds: began, healed
    answered: Mapping[str, float] = field(
        default_factory=dict
    )  # family -> when somebody was first told that it is noted
    left: Sequence[str] = field(default=())  # what was still to be done when all was over
    leaks: Sequence[str] = field(default=())  # where personal data was found
    said: Sequence[str] = field(default=())  # what else a row found wrong, a sentence each
