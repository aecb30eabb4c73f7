"""Which addresses carry a message to one caregiver: the list, the fallback, the floor (R12)."""

from alertd.domain.delivery import Reason
from alertd.domain.family import Address
from alertd.domain.people import NOTHING_KNOWN, Knowledge, Known, soft
from alertd.domain.quiet import LOUD_CHANNELS, Person


def loud_targets(
    person: Person, knowledge: Knowledge, update: int, reason: Reason, floor: tuple[str, ...]
) -> list[tuple[Address, Reason]]:
    """All listed addresses; where none is left, the next usable one; and a floor channel if one is demanded.

    `floor` is empty where the message needs none. Addresses that failed for this update are passed over.
    """
    failed = {a.id for a in person.usable if _known(knowledge, a).failed == update}
    left = [a for a in person.usable if a.id not in failed]
    chosen = [(a, reason) for a in left if a.channel in person.choice.channels]
    if not chosen and left and person.choice.channels:
        chosen = [(left[0], Reason.FALLBACK)]
    if floor and not any(a.channel in floor for a, _ in chosen):
        extra = next((a for a in left if a.channel in floor), None)
        if extra is not None:
            chosen.append((extra, Reason.FLOOR))
    return chosen


def soft_targets(
    person: Person, knowledge: Knowledge, update: int, reason: Reason
) -> list[tuple[Address, Reason]]:
    """The addresses that can be told without waking anybody."""
    return [
        (a, reason)
        for a in soft(person.usable, person.choice.channels)
        if _known(knowledge, a).failed != update
    ]


def copy_targets(person: Person, knowledge: Knowledge, update: int) -> list[Address]:
    """Where a loud copy at wake-up goes: the listed addresses that can wake and have not failed."""
    return [
        a
        for a in person.usable
        if a.channel in person.choice.channels
        and a.channel in LOUD_CHANNELS
        and _known(knowledge, a).failed != update
    ]


def _known(knowledge: Knowledge, address: Address) -> Known:
    return knowledge.by_address.get(address.id, NOTHING_KNOWN)
