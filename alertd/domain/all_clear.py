"""What families are owed when it is over, or no longer concerns them (R11, R15)."""

from datetime import datetime

from alertd.domain.delivery import STEP_MESSAGE, Framing, Owed, Reader, Reason
from alertd.domain.family import Address
from alertd.domain.incident import Kind, State
from alertd.domain.people import NOTHING_KNOWN, Knowledge, meet
from alertd.domain.quiet import Person
from alertd.domain.targets import loud_targets, soft_targets
from alertd.domain.watch import Duty, Rest, Verdict

_ENDS = frozenset({Framing.RESOLUTION, Framing.CANCELLATION, Framing.WAS_DOWN, Framing.NOT_AFFECTED})


def all_clear(duty: Duty, now: datetime, knowledge: Knowledge) -> Verdict:
    """The end, for exactly those who were told; one word at wake-up for those who waited."""
    cancelled = duty.incident.state is State.CANCELLED
    kind = Kind.CANCELLATION if cancelled else Kind.RESOLUTION
    framing = Framing.CANCELLATION if cancelled else Framing.RESOLUTION
    return _end(duty, now, knowledge, framing, kind, Reason.ALL_CLEAR, Rest.CLOSED)


def not_affected(duty: Duty, now: datetime, knowledge: Knowledge) -> Verdict:
    """ "Not affected after all", for those who were told and whom the incident no longer touches."""
    return _end(duty, now, knowledge, Framing.NOT_AFFECTED, Kind.SCOPE, Reason.NOT_AFFECTED, Rest.NOT_TOUCHED)


def _end(
    duty: Duty, now: datetime, knowledge: Knowledge, framing: Framing, kind: Kind, reason: Reason, rest: Rest
) -> Verdict:
    services = duty.incident.scope.touching(duty.family.services, duty.family.region)
    if framing is Framing.NOT_AFFECTED or not services:
        services = _told_services(duty)
    update = duty.incident.newest.number
    owed: list[Owed] = []
    waiting: list[str] = []
    wake_at: list[datetime] = []
    for caregiver in duty.family.caregivers:
        person = meet(caregiver, duty, services)
        known = knowledge.of(person)
        told = any(k.told or k.maybe for k in known)
        waited = caregiver.id in duty.watch.waiting and framing is not Framing.NOT_AFFECTED
        ended = any(k.framing in _ENDS for k in known) or any(
            k.covered >= update and not k.told for k in known
        )
        if not person.usable or ended or not (told or waited):
            continue
        words = framing if told else Framing.WAS_DOWN
        deliveries, later = _tell(duty, now, person, knowledge, services, words, kind, reason, told=told)
        owed += deliveries
        if later is not None:
            waiting.append(caregiver.id)
            wake_at.append(later)
    look_at = min(wake_at, default=None)
    if owed or knowledge.in_flight:
        poll = now + duty.lease
        look_at = min(look_at, poll) if look_at is not None else poll
    return Verdict(
        owed=tuple(owed),
        update=update,
        look_at=look_at,
        rest=None if look_at is not None else rest,
        waiting=tuple(waiting),
        cancel=True,
    )


def _tell(
    duty: Duty,
    now: datetime,
    person: Person,
    knowledge: Knowledge,
    services: tuple[str, ...],
    framing: Framing,
    kind: Kind,
    reason: Reason,
    *,
    told: bool,
) -> tuple[list[Owed], datetime | None]:
    """The deliveries for one person, or when they may hear."""
    update = duty.incident.newest.number
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None:
        return [], off
    wakes = kind in duty.policy.wakes.get(duty.incident.severity, frozenset())
    woken = any(k.woken for k in knowledge.of(person))
    if asleep is None or (wakes and woken):
        targets, loud = loud_targets(person, knowledge, update, reason, ()), True
    elif told and person.soft_at_night:
        targets, loud = soft_targets(person, knowledge, update, reason), False
    else:
        return [], asleep
    return [
        _owed(
            duty,
            now,
            person,
            a,
            why,
            services,
            framing,
            loud=loud and a.channel != "email",
            in_quiet=asleep is not None,
        )
        for a, why in targets
        if knowledge.by_address.get(a.id, NOTHING_KNOWN).covered < update
    ], None


def _owed(
    duty: Duty,
    now: datetime,
    person: Person,
    address: Address,
    reason: Reason,
    services: tuple[str, ...],
    framing: Framing,
    *,
    loud: bool,
    in_quiet: bool,
) -> Owed:
    return Owed(
        family=duty.family.id,
        caregiver=person.caregiver.id,
        address=address.id,
        channel=address.channel,
        update=duty.incident.newest.number,
        epoch=duty.incident.epoch,
        step=STEP_MESSAGE,
        framing=framing,
        reason=reason,
        loud=loud,
        next_by=None,
        stale_after=None,
        loud_until=person.loud_until(now) if loud and not in_quiet else None,
        reader=Reader(
            to=address.to,
            locale=person.locale,
            zone=person.zone,
            services=services,
            since=duty.watch.touched_at,
        ),
        in_quiet=in_quiet,
    )


def _told_services(duty: Duty) -> tuple[str, ...]:
    """The services that failed for this family before the scope shrank, newest scope first."""
    for update in reversed(duty.incident.updates):
        touched = update.facts.scope.touching(duty.family.services, duty.family.region)
        if touched:
            return touched
    return duty.incident.scope.services
