"""What the planner knows of the past: which update reached which address, loud or soft, in which words."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from alertd.domain.delivery import (
    AFTERWARDS,
    DEAD,
    ENDS,
    FAILED,
    OPEN,
    STEP_MESSAGE,
    TOLD,
    DeliveryState,
    Framing,
    Telling,
)
from alertd.domain.family import AddressId, Caregiver, CaregiverId
from alertd.domain.quiet import Person, sooner
from alertd.domain.watch import Answer, Duty

STEP_NOT_AFFECTED = -2
""" "Not affected after all" may name the very update that was told before: it needs a step of its own."""

STEPS = 32  # "not affected", the copy at wake-up, the message, and 20 ladder steps; see Knowledge.step


# Python 3.11 takes a tenth of a microsecond to find a member of an enum, and there are many deliveries.
_PENDING, _PARKED = DeliveryState.PENDING, DeliveryState.PARKED
_NOT_AFFECTED, _HOLDING = Framing.NOT_AFFECTED, Framing.HOLDING


def ladder_step(step: int) -> int:
    """The step of the ladder under which a delivery was written, from 1; 0 or less: under none."""
    return (step - STEP_NOT_AFFECTED) % STEPS + STEP_NOT_AFFECTED


class Sent(NamedTuple):
    """A holding on its way to an address, or there."""

    at: datetime  # when it was planned
    told: bool  # a provider took it
    waits: bool  # it is in nobody's hands: whatever newer is planned takes its place


@dataclass(slots=True)
class Known:
    """What is known of one address in this incident, or of all addresses of one person together."""

    told: int = 0  # newest update that a provider took
    told_awake: int = 0  # ... other than silently in quiet hours
    covered: int = 0  # newest update taken or still in flight
    covered_awake: int = 0  # ... other than silently in quiet hours
    failed: int = 0  # newest update that failed here
    failed_as: Framing | None = None  # in which words that one would have been told
    failed_at: datetime | None = None  # when that one was planned
    lost: int = 0  # ... by the provider's word
    parked: int = 0  # ... by our own fault
    parked_at: datetime | None = None  # when that one was last planned
    maybe: int = 0  # newest update of which an outcome is or was unknown: for the all-clear that counts as told
    framing: Framing | None = None  # of the newest update taken
    framed_at: datetime | None = None  # when that one was planned
    next_by: datetime | None = None  # what that one said
    released_at: datetime | None = None  # when the newest "not affected" that was taken was planned
    flying_at: datetime | None = None  # when the newest of what is in flight was planned
    flying_tried: datetime | None = None  # ... and first tried; of a person: None while any of theirs was not
    ending: int = 0  # newest update whose all-clear (or "not affected") is in flight
    woken: bool = False  # told loudly in quiet hours, in this epoch
    roused: int = 0  # newest update that was meant to wake
    soft_in_quiet: int = 0  # newest update told or sent softly because of quiet hours
    sent_at: datetime | None = None  # when something was last planned for it, in this epoch
    arrived_at: datetime | None = None  # when a provider first took something, in this epoch
    taken: bool = False  # something of this epoch was
    untold: bool = False  # something of this epoch waits for it, and nothing of it has been taken
    steps: int = 0  # the ladder steps of this epoch that it was sent, as bits
    steps_failed: int = 0  # ... that failed here
    holdings: dict[int, Sent] | None = None  # those told here, or on their way

    def kept(self, update: int) -> bool:
        """Whether only our own fault kept this update from the address."""
        return self.parked == update and self.lost < update


NOTHING_KNOWN = Known()


@dataclass(slots=True)
class Knowledge:
    """What the family has been told, by address."""

    forgiven: datetime  # what our own fault stopped and was planned by then may be tried again: it moves with time
    mended: datetime | None = None  # ... and by then: a person says that it is mended, and this stands still
    by_number: dict[int, Known] = field(default_factory=dict)  # of addresses: a UUID is slow to look up
    in_flight: bool = False
    told: int = 0  # newest update that a provider took for anybody in the family
    next_by: datetime | None = None  # what that update said
    said_at: datetime | None = None  # when that was first planned
    flying_say: frozenset[datetime] = frozenset()  # what the messages still in flight say, unless they are old
    newer_by: datetime | None = None  # the earliest of those that they have not been told at all
    flying: frozenset[int] = frozenset()  # the numbers of those
    planned_at: datetime | None = None  # when anything was last planned that was not our own fault's end
    failed: int = 0  # newest update that failed anywhere
    released: dict[AddressId, int] = field(default_factory=dict)  # how often it was owed "not affected"
    joined: set[AddressId] = field(default_factory=set)  # those that a ladder has told, in any epoch, ...
    rung: set[str] = field(default_factory=set)  # ... and whom, where that was for this family
    first_planned: datetime | None = None  # the family's first message of this epoch
    first_tried: datetime | None = None  # ... when a provider was first asked to take one
    loud: bool = False  # something loud was accepted in this epoch
    called: dict[CaregiverId, list[Known]] = field(default_factory=dict)  # what they were told by phone
    former: dict[str, list[AddressId]] = field(default_factory=dict)  # where people were told, and are no more

    def at(self, address: AddressId) -> Known:
        """What is known of an address."""
        return self.by_number.get(address.int, NOTHING_KNOWN)

    def again(self, address: AddressId, update: int) -> bool:
        """Whether an update that only our own fault kept from this address may be tried there again."""
        known = self.at(address)
        return known.kept(update) and known.parked_at is not None and not self._rests(known.parked_at)

    def again_in(self, update: int) -> timedelta | None:
        """How long until the first address may be tried again from which our own fault keeps this update."""
        waits = [
            known.parked_at - self.forgiven
            for known in self.by_number.values()
            if known.parked_at is not None and known.kept(update) and self._rests(known.parked_at)
        ]
        return min(waits, default=None)

    def _rests(self, parked_at: datetime) -> bool:
        return parked_at > self.forgiven and (self.mended is None or parked_at > self.mended)

    def of(self, person: Person) -> Known:
        """What is known of all addresses of a person together, usable or not."""
        return self.of_caregiver(person.caregiver)

    def of_caregiver(self, caregiver: Caregiver) -> Known:
        """The same, of a caregiver whom nobody has met yet."""
        get = self.by_number.get
        mine = [known for a in caregiver.addresses if (known := get(a.id.int)) is not None]
        if self.called and caregiver.id in self.called:
            return _made_good(mine, self.called[caregiver.id])
        if not mine:
            return NOTHING_KNOWN
        return mine[0] if len(mine) == 1 else _merge(mine)

    def ever_of(self, caregiver: Caregiver) -> Known:
        """What is known of them also at the addresses that they had before: it was told to them (R11).

        While an outage goes on that does not count: the number that was put right may have been a stranger's.
        """
        known = self.of_caregiver(caregiver)
        former = self.former.get(caregiver.id)
        return _merge([known, *map(self.at, former)]) if former else known

    def ever_had(self, caregiver: Caregiver) -> list[AddressId]:
        """The addresses at which they are told, and those at which they were."""
        return [*(a.id for a in caregiver.addresses), *self.former.get(caregiver.id, ())]

    def step(self, person: Person, step: int) -> int:
        """The step under which a person hears an update that they heard before they were not affected."""
        if not self.released:
            return step
        return step - STEPS * sum(self.released.get(a.id, 0) for a in person.caregiver.addresses)


def know(  # noqa: PLR0915  one loop: a call for each delivery of each family would cost more than all the rest
    tellings: Iterable[Telling],
    epoch: int,
    forgiven: datetime,
    since: datetime | None = None,
    calls: Iterable[Answer] = (),
) -> Knowledge:
    """Fold the deliveries of one family (and those on addresses it shares), in any order, into what is known.

    `forgiven`: what our own fault stopped and was planned by then may be tried again; `since`: what was
    planned before binds the family's clock no more; `calls`: told by phone is told as by a message that arrived.
    """
    knowledge = Knowledge(forgiven=forgiven)
    by_number, released = knowledge.by_number, knowledge.released
    flying: list[Telling] = []
    newest, next_by, said_at = 0, None, None
    planned_at: datetime | None = None
    first_planned: datetime | None = None
    first_tried: datetime | None = None
    loud = False
    for telling in tellings:
        number = telling.address.int
        known = by_number.get(number)
        if known is None:
            known = by_number[number] = Known()
        state, update, at, framing = telling.state, telling.update, telling.planned_at, telling.framing
        here, quiet = telling.epoch >= epoch, telling.in_quiet  # a later epoch was taken back into this one
        if telling.maybe and framing not in AFTERWARDS and update > known.maybe:
            known.maybe = update
        if here:  # a try is one, whatever came of it
            tried = telling.tried_at
            if tried is not None and (first_tried is None or tried < first_tried):
                first_tried = tried
        told = state in TOLD
        if not told and state in DEAD:
            continue
        if (planned_at is None or at > planned_at) and state is not _PARKED:
            planned_at = at
        if framing is _NOT_AFFECTED:
            released[telling.address] = released.get(telling.address, 0) + 1
        if quiet and telling.loud and update > known.roused:
            known.roused = update
        step = 0 if telling.step == STEP_MESSAGE else ladder_step(telling.step)
        if here:
            if first_planned is None or at < first_planned:
                first_planned = at
            if known.sent_at is None or at > known.sent_at:
                known.sent_at = at
            if told:
                known.taken, known.untold = True, False
                if telling.loud:
                    loud = True
                arrived = telling.accepted_at
                if arrived is not None and (known.arrived_at is None or arrived < known.arrived_at):
                    known.arrived_at = arrived
            elif not known.taken and state in OPEN:
                known.untold = True
            if step > 0:
                _climb(known, step, failed=not told and state in FAILED)
        if told or state in OPEN:
            if update > known.covered:  # noqa: PLR1730  a call of max() costs three times as much
                known.covered = update
            if quiet and not telling.loud:
                known.soft_in_quiet = max(known.soft_in_quiet, update)
            elif update > known.covered_awake:
                known.covered_awake = update
            if step > 0:
                knowledge.joined.add(telling.address)
                if telling.caregiver:
                    knowledge.rung.add(telling.caregiver)
            elif framing is _HOLDING:
                if known.holdings is None:
                    known.holdings = {}
                known.holdings[update] = Sent(at, told, state is _PENDING)
        elif state in FAILED:
            _fail(known, telling, update, at)
            knowledge.failed = max(knowledge.failed, update)
        if told:
            if update > known.told:
                known.told, known.framing, known.framed_at, known.next_by = update, framing, at, telling.next_by
            elif update == known.told:
                _repeat(known, telling, at)
            if framing is _NOT_AFFECTED:
                known.released_at = max(known.released_at or at, at)
            if not quiet or telling.loud:
                if update > known.told_awake:  # noqa: PLR1730
                    known.told_awake = update
                if quiet and here:
                    known.woken = True
            if since is not None and at < since:
                continue
            if update > newest:
                newest, next_by, said_at = update, telling.next_by, at
            elif update == newest:
                said = telling.next_by
                if said is not None and (next_by is None or said < next_by):
                    next_by = said
                if said_at is None or at < said_at:
                    said_at = at
        elif state in OPEN:
            flying.append(telling)
            if known.flying_at is None or at > known.flying_at:
                known.flying_at, known.flying_tried = at, telling.tried_at
            if framing in ENDS:
                known.ending = max(known.ending, update)
            elif state is DeliveryState.UNKNOWN and framing not in AFTERWARDS:
                known.maybe = max(known.maybe, update)
    knowledge.told, knowledge.next_by, knowledge.said_at = newest, next_by, said_at
    knowledge.planned_at, knowledge.first_planned, knowledge.first_tried = planned_at, first_planned, first_tried
    knowledge.loud = loud
    _ring(knowledge, calls, epoch, since)
    if flying:
        names = [t.next_by for t in flying if t.next_by is not None and t.update >= knowledge.told]
        knowledge.in_flight, knowledge.flying_say = True, frozenset(names)
        newer = [t.next_by for t in flying if t.next_by is not None and t.update > knowledge.told]
        knowledge.flying = frozenset([t.update for t in flying if t.update > knowledge.told])
        knowledge.newer_by = min(newer, default=None)
    return knowledge


def since_touched(duty: Duty, knowledge: Knowledge, touched: datetime, calls: Iterable[Answer] = ()) -> Knowledge:
    """What is known of a family that was told "not affected after all", and is touched again since `touched`.

    The clock starts anew (R2), and everything is forgotten that a person heard before "not affected after
    all": touched again, they get a first notice; not touched or all over, they are owed nothing more.
    """
    gone: dict[AddressId, datetime] = {}
    freed_at: dict[CaregiverId, datetime] = {}
    for caregiver in duty.family.caregivers:
        mine = knowledge.ever_had(caregiver)
        freed = [at for each in mine if (at := knowledge.at(each).released_at) is not None]
        if freed:
            gone |= dict.fromkeys(mine, max(freed))
            freed_at[caregiver.id] = max(freed)
    left = (t for t in duty.tellings if t.address not in gone or t.planned_at > gone[t.address])
    heard = [
        replace(call, who=tuple(name for name in call.who if name not in freed_at or call.at > freed_at[name]))
        for call in calls
    ]
    anew = know(left, duty.incident.epoch, knowledge.forgiven, since=touched, calls=heard)
    anew.released, anew.former = knowledge.released, knowledge.former
    return anew


def former_addresses(duty: Duty, knowledge: Knowledge) -> dict[str, list[AddressId]]:
    """By caregiver: where they were told something, and are told no more, as their token or number is another."""
    owned = {a.id.int for caregiver in duty.family.caregivers for a in caregiver.addresses}
    if knowledge.by_number.keys() <= owned:
        return {}  # as nearly always
    former: dict[str, list[AddressId]] = {}
    for telling in duty.tellings:
        mine = former.setdefault(telling.caregiver, []) if telling.address.int not in owned else None
        if mine is not None and telling.address not in mine:
            mine.append(telling.address)
    former.pop("", None)
    return former


def _climb(known: Known, step: int, *, failed: bool) -> None:
    """A step of this epoch's ladder was sent to an address."""
    bit = 1 << step
    if failed:
        known.steps_failed |= bit
    else:
        known.steps |= bit


def _fail(known: Known, telling: Telling, update: int, at: datetime) -> None:
    if (update, at) > (known.failed, known.failed_at or at):
        known.failed, known.failed_as, known.failed_at = update, telling.framing, at
    if telling.state is not DeliveryState.PARKED:
        known.lost = max(known.lost, update)
    elif known.parked_at is None or (update, at) > (known.parked, known.parked_at):
        known.parked, known.parked_at = update, at


def _fly(merged: Known, known: Known) -> None:
    """What is on its way to several addresses: tried where each was, else one of them may yet be quick."""
    at, tried = known.flying_at, known.flying_tried
    if merged.flying_at is None or at is None:
        merged.flying_at, merged.flying_tried = at, tried
        return
    merged.flying_at = max(merged.flying_at, at)
    if merged.flying_tried is not None:
        merged.flying_tried = max(merged.flying_tried, tried) if tried is not None else None


def _repeat(known: Known, telling: Telling, at: datetime) -> None:
    """An update that the address has already: the newer words, and the earlier promise."""
    if known.framed_at is None or at > known.framed_at:
        known.framing, known.framed_at = telling.framing, at
    known.next_by = sooner(known.next_by, telling.next_by)


def _ring(knowledge: Knowledge, calls: Iterable[Answer], epoch: int, since: datetime | None) -> None:
    """What was told by phone, added to what messages told."""
    for call in calls:
        for name in call.who:
            knowledge.called.setdefault(name, []).append(_by_phone(call))
        knowledge.loud = knowledge.loud or call.epoch >= epoch
        if since is not None and call.at < since:
            continue
        if call.told > knowledge.told:
            knowledge.told, knowledge.next_by, knowledge.said_at = call.told, call.next_by, call.at
        elif call.told == knowledge.told:
            knowledge.next_by = sooner(knowledge.next_by, call.next_by)
            knowledge.said_at = sooner(knowledge.said_at, call.at)


def _by_phone(call: Answer) -> Known:
    """As a message that woke nobody: who was rung up at night is not promised to be woken for the end."""
    told = call.told
    return Known(
        told=told,
        told_awake=told,
        covered=told,
        covered_awake=told,
        framing=Framing.UPDATE,
        framed_at=call.at,
        next_by=call.next_by,
    )


def _made_good(mine: list[Known], called: list[Known]) -> Known:
    """What is known of a person whom somebody has told by phone: whatever had failed until then was told so."""
    known = _merge([*mine, *called])
    if known.failed <= max(each.told for each in called):
        known.failed, known.failed_as, known.failed_at = 0, None, None
    return known


def _merge(mine: list[Known]) -> Known:
    merged = Known()
    for known in mine:
        if known.framed_at is not None and known.told >= merged.told:
            same = known.told == merged.told
            merged.next_by = sooner(merged.next_by, known.next_by) if same else known.next_by
            if not same or merged.framed_at is None or known.framed_at > merged.framed_at:
                merged.told, merged.framing, merged.framed_at = known.told, known.framing, known.framed_at
        merged.told_awake = max(merged.told_awake, known.told_awake)
        merged.covered = max(merged.covered, known.covered)
        merged.covered_awake = max(merged.covered_awake, known.covered_awake)
        if known.failed_at is not None and (known.failed, known.failed_at) > (
            merged.failed,
            merged.failed_at or known.failed_at,
        ):
            merged.failed, merged.failed_as, merged.failed_at = known.failed, known.failed_as, known.failed_at
        if known.flying_at is not None:
            _fly(merged, known)
        merged.ending = max(merged.ending, known.ending)
        merged.roused = max(merged.roused, known.roused)
        merged.soft_in_quiet = max(merged.soft_in_quiet, known.soft_in_quiet)
        merged.maybe = max(merged.maybe, known.maybe)
        merged.woken = merged.woken or known.woken
    return merged
