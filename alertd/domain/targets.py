"""Which addresses carry a message to one caregiver: the list, the fallback, the floor (R12)."""

from datetime import datetime

from alertd.domain.delivery import Reason
from alertd.domain.family import Address
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.people import soft
from alertd.domain.quiet import LOUD_CHANNELS, Person


def loud_targets(
    person: Person, knowledge: Knowledge, update: int, reason: Reason, floor: tuple[str, ...]
) -> list[tuple[Address, Reason]]:
    """All listed addresses; where none is left, the next usable one; and a floor channel if one is demanded.

    `floor` is empty where the message needs none. Addresses that failed for this update are passed over; where
    all did, those are tried again that only our own fault stopped.
    """
    left, again = _left(person, knowledge, update)
    extra = next((a for a in (*left, *again) if a.channel in floor), None)
    left = left or again
    chosen = [(a, reason) for a in left if a.channel in person.choice.channels]
    if not chosen and left and person.choice.channels:
        chosen = [(left[0], Reason.FALLBACK)]
    if extra is not None and not any(a.channel in floor for a, _ in chosen):
        chosen.append((extra, Reason.FLOOR))
    return chosen


def soft_targets(
    person: Person, knowledge: Knowledge, update: int, reason: Reason
) -> list[tuple[Address, Reason]]:
    """The addresses that can be told without waking anybody; what failed for this update is passed over."""
    left, again = _left(person, knowledge, update)
    chosen = soft(left, person.choice.channels) or soft(again, person.choice.channels)
    return [(a, reason) for a in chosen]


def copy_targets(person: Person, knowledge: Knowledge, update: int) -> list[Address]:
    """Where a loud copy at wake-up goes: those addresses that carry messages by day and can wake."""
    by_day = loud_targets(person, knowledge, update, Reason.WAKE_UP, ())
    return [a for a, _ in by_day if a.channel in LOUD_CHANNELS]


def ways(person: Person, now: datetime) -> list[Address]:
    """Every address over which this person could be told now; in quiet hours only silent ones."""
    if person.asleep_until(now) is None:
        return list(person.usable)
    return soft(person.usable, person.choice.channels)


def told_targets(
    person: Person, knowledge: Knowledge, update: int, reason: Reason
) -> list[tuple[Address, Reason]]:
    """Where the list that applies now is empty: the addresses over which they were told, else the next (R11)."""
    left, again = _left(person, knowledge, update)
    left = left or again
    told = [(a, reason) for a in left if _known(knowledge, a).told or _known(knowledge, a).maybe]
    return told or [(a, Reason.FALLBACK) for a in left[:1]]


def floor_target(person: Person, knowledge: Knowledge, update: int, floor: tuple[str, ...]) -> Address | None:
    """The floor address that takes the place of one that failed after the message had been sent (R12)."""
    held = [a for a in person.caregiver.addresses if a.channel in floor]
    if not any(_known(knowledge, a).failed == update for a in held):
        return None
    left, again = _left(person, knowledge, update)
    chosen = [a for a in left if a.channel in floor] or [a for a in again if a.channel in floor]
    if any(_known(knowledge, a).covered >= update for a in chosen):
        return None
    return chosen[0] if chosen else None


def left(person: Person, knowledge: Knowledge, update: int) -> list[Address]:
    """Every address over which this update may be told: usable, and it has not failed there.

    Last those where only our own fault stopped it, a backoff ago: it may be mended (decision 5).
    """
    left, again = _left(person, knowledge, update)
    return left + again


def _left(person: Person, knowledge: Knowledge, update: int) -> tuple[list[Address], list[Address]]:
    """Usable addresses where this update has not failed; and those where it may be tried again."""
    if not knowledge.failed:
        return list(person.usable), []
    left = [a for a in person.usable if _known(knowledge, a).failed != update]
    if len(left) == len(person.usable):
        return left, []
    return left, [a for a in person.usable if knowledge.again(a.id, update)]


def _known(knowledge: Knowledge, address: Address) -> Known:
    return knowledge.at(address.id)
