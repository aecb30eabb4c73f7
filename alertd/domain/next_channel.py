"""What no provider has taken in time goes over the person's next channel too (design section 5, decision 46)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from alertd.domain.delivery import Framing, Owed, Reason
from alertd.domain.family import Address, AddressId
from alertd.domain.holdings import PHONE, freed_at, goes_soft
from alertd.domain.incident import Severity
from alertd.domain.knowledge import Known
from alertd.domain.people import soft
from alertd.domain.quiet import Person
from alertd.domain.silence import patience
from alertd.domain.targets import left
from alertd.domain.turn import Turn
from alertd.domain.watch import Duty


def when(
    turn: Turn, person: Person, known: Known, *, planned_at: datetime, tried_at: datetime | None
) -> datetime | None:
    """When to look whether a message of this person has been taken; not after now: it is to go another way too.

    None: nobody is to hear by any time. What was tried in vain has so much time before the limit as any message
    needs; what only waits for its turn has all of it, as another channel would but add to what waits.
    """
    by = _limit(turn, person, known)
    return by and _when(turn.duty, turn.now, person, by, planned_at, tried_at)


def when_over(
    duty: Duty, now: datetime, person: Person, known: Known, planned_at: datetime, *, wakes: bool
) -> datetime:
    """The same for the end, which is to be known by when this person was told that they hear again.

    Whoever was told nothing has slept through it: they are to have that one word as soon as a first notice. So are
    those whom it is to wake: they were told that we wake them for it.
    """
    soon = planned_at + duty.policy.first_notice[duty.incident.severity]
    by = soon if known.next_by is None else min(known.next_by, soon) if wakes else known.next_by
    return _when(duty, now, person, by, planned_at, known.flying_tried)


def _when(
    duty: Duty, now: datetime, person: Person, by: datetime, planned_at: datetime, tried_at: datetime | None
) -> datetime:
    wait = _wait(duty, person)
    first = max(by - duty.margin, planned_at + wait)
    if now < first:
        return first
    return max(by if tried_at is None else min(by, tried_at + wait), planned_at + wait)


def _wait(duty: Duty, person: Person) -> timedelta:
    """How long each way of a person has: a lease, or half of one where all are to have their turn in a margin."""
    longest = patience(duty)
    return max(longest / 2, min(longest, duty.margin / len(person.usable)))


def _limit(turn: Turn, person: Person, known: Known) -> datetime | None:
    """By when this person is to hear what is on its way to them.

    That is what the family was promised, and what they were themselves; and what deserves waking people (it began,
    it is critical now, it came back) is to be known as soon as a first notice.
    """
    by, touched = turn.deadline, turn.touched
    if by is None or touched is None:
        return None
    if known.next_by is not None and known.next_by < by:
        by = person.first_told(known.next_by) or by
    duty = turn.duty
    if known.told and duty.incident.epoch == 1:
        return by
    began = duty.incident.began
    if known.told < began.number:
        by = min(by, max(began.at, touched) + duty.policy.first_notice[duty.incident.severity])
    return by


def over_next(turn: Turn, person: Person, known: Known, *, wakes: bool) -> tuple[list[Owed], datetime | None]:
    """The same message over the next address that does not have it; or when it may go there.

    `wakes`: what they lack deserves waking them. A holding goes where holdings may go now (R3).
    """
    now = turn.now
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None:
        return [], off
    ways = idle(turn, person, known)
    if not ways:
        return [], None
    if asleep is not None and not wakes:
        silent = soft(ways, person.choice.channels) if person.soft_at_night else []
        if not silent:
            return [], person.first_loud(now)
        softly = _message(turn, person, known, silent[0], loud=False, asleep=True, wakes=False)
        # For the loud copy at wake-up, where nothing that wakes them is on its way.
        return [softly], person.first_loud(now) if known.covered_awake < turn.update else None
    if asleep is None and turn.framing(person, known, asleep=False) is Framing.HOLDING:
        return _holding(turn, person, known, ways)
    duty = turn.duty
    floor = duty.policy.floor if wakes and duty.incident.severity is Severity.CRITICAL else ()
    address = listed_first(person, ways, floor)
    return [_message(turn, person, known, address, loud=True, asleep=asleep is not None, wakes=wakes)], None


def listed_first(person: Person, ways: list[Address], floor: tuple[str, ...] = ()) -> Address:
    """Of these ways, none of which has it, the one that is next: a floor channel, one that is listed, any."""
    return _first(ways, floor) or _first(ways, person.choice.channels) or ways[0]


def idle(turn: Turn, person: Person, known: Known, owed: Collection[AddressId] = ()) -> list[Address]:
    """The addresses to which nothing is on its way that this person does not know yet; `owed`: they get it now."""
    at, told = turn.knowledge.at, known.told
    return [
        a
        for a in left(person, turn.knowledge, turn.update)
        if at(a.id).covered <= told and (not owed or a.id not in owed)
    ]


def _holding(turn: Turn, person: Person, known: Known, ways: list[Address]) -> tuple[list[Owed], datetime | None]:
    """Or when it may go by phone, where those of the day are used up."""
    rules = turn.knowledge, turn.duty.family, turn.duty.policy
    silent = soft(ways, person.choice.channels)
    if silent and goes_soft(person, *rules, news=turn.news.number):
        return [_message(turn, person, known, silent[0], loud=False, asleep=False, wakes=False)], None
    again_at = freed_at(person, *rules, now=turn.now)
    if again_at is not None:
        ways = [a for a in ways if a.channel not in PHONE]
    if not ways:
        return [], again_at
    return [_message(turn, person, known, listed_first(person, ways), loud=True, asleep=False, wakes=False)], None


def _message(
    turn: Turn, person: Person, known: Known, address: Address, *, loud: bool, asleep: bool, wakes: bool
) -> Owed:
    loud = loud and address.channel != "email"
    return turn.message(person, known, address, Reason.NOT_TAKEN, loud=loud, asleep=asleep, wakes=wakes)


def _first(ways: list[Address], channels: tuple[str, ...]) -> Address | None:
    return next((a for a in ways if a.channel in channels), None)
