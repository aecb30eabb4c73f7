"""What one person is sent when it ends for them: what they were told, or one word where they slept (R11)."""

from dataclasses import dataclass
from datetime import datetime

from alertd.domain.delivery import OVER, STEP_MESSAGE, Framing, Owed, Reader, Reason
from alertd.domain.failing import failing_since, left_by_list
from alertd.domain.family import Address
from alertd.domain.incident import Kind, Severity
from alertd.domain.knowledge import STEP_NOT_AFFECTED, Knowledge, Known
from alertd.domain.next_channel import listed_first, when_over
from alertd.domain.people import soft
from alertd.domain.quiet import Person
from alertd.domain.silence import newest_to_tell
from alertd.domain.targets import left, loud_targets, soft_targets, told_targets
from alertd.domain.watch import Duty, Rest


@dataclass(frozen=True, slots=True)
class End:
    """One way for a family's outage to end."""

    framing: Framing
    kind: Kind  # the kind that the policy's `wakes` must list
    reason: Reason
    rest: Rest
    first: int = 1  # messages of an earlier end, with a lower number, do not count
    worst: Severity = Severity.CRITICAL  # the end is as loud as the outage was, however mild it was at last
    late: bool = False  # told after the moment that was promised, as alertd itself was down (R13)


def tell(
    duty: Duty,
    now: datetime,
    person: Person,
    knowledge: Knowledge,
    known: Known,
    services: tuple[str, ...],
    end: End,
    *,
    told: bool,
) -> tuple[list[Owed], datetime | None]:
    """The deliveries for one person, or when they may hear."""
    update = newest_to_tell(duty.incident).number
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None:
        return [], off
    worst = end.worst
    wakes = known.woken and end.kind in duty.policy.wakes.get(worst, frozenset())
    loud = asleep is None or wakes
    if not loud and not (told and person.soft_at_night):
        return [], asleep
    if not loud:
        targets = soft_targets(person, knowledge, update, end.reason)
    elif person.choice.channels:
        floor = duty.policy.floor if asleep is not None and worst is Severity.CRITICAL else ()
        targets = loud_targets(person, knowledge, update, end.reason, floor)
    else:
        targets = told_targets(person, knowledge, update, end.reason)
    framing = end.framing if told else Framing.WAS_DOWN
    at_night = asleep is not None
    deliveries = [
        _owed(duty, now, person, knowledge, a, why, services, framing, loud=loud, at_night=at_night, late=end.late)
        for a, why in targets
    ]
    return deliveries, asleep if at_night and not deliveries else None


def over_next(
    duty: Duty,
    now: datetime,
    person: Person,
    knowledge: Knowledge,
    known: Known,
    services: tuple[str, ...],
    end: End,
    *,
    told: bool,
) -> tuple[list[Owed], datetime | None]:
    """What is on its way and nobody takes, over the next channel too when its time has come; or when to look."""
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None or known.flying_at is None:
        return [], off
    number = newest_to_tell(duty.incident).number
    ways = [a for a in left(person, knowledge, number) if not _has(knowledge.at(a.id), end)]
    wakes = known.woken and end.kind in duty.policy.wakes.get(end.worst, frozenset())
    loud = asleep is None or wakes
    if not loud:
        ways = soft(ways, person.choice.channels) if told and person.soft_at_night else []
    if not ways:
        return [], asleep if not loud else None
    at = when_over(duty, now, person, known, known.flying_at, wakes=asleep is not None and wakes)
    if at > now:
        return [], at
    floor = duty.policy.floor if asleep is not None and end.worst is Severity.CRITICAL else ()
    address = listed_first(person, ways, floor if loud else ())
    return [
        _owed(
            duty, now, person, knowledge, address, Reason.NOT_TAKEN, services,
            end.framing if told else Framing.WAS_DOWN, loud=loud, at_night=asleep is not None, late=end.late,
        )
    ], None  # fmt: skip


def _has(known: Known, end: End) -> bool:
    """Whether this end is on its way to an address, or was told there."""
    return known.ending >= end.first or (known.framing in OVER and known.told >= end.first)


def _owed(
    duty: Duty,
    now: datetime,
    person: Person,
    knowledge: Knowledge,
    address: Address,
    reason: Reason,
    services: tuple[str, ...],
    framing: Framing,
    *,
    loud: bool,
    at_night: bool,
    late: bool,
) -> Owed:
    loud = loud and address.channel != "email"
    step = STEP_NOT_AFFECTED if framing is Framing.NOT_AFFECTED else STEP_MESSAGE
    return Owed(
        family=duty.family.id,
        caregiver=person.caregiver.id,
        address=address.id,
        channel=address.channel,
        update=newest_to_tell(duty.incident).number,
        epoch=duty.incident.epoch,
        step=knowledge.step(person, step),
        framing=framing,
        reason=reason,
        loud=loud,
        next_by=None,
        stale_after=None,
        loud_until=person.said_until(now, loud=loud, wakes=at_night),
        reader=Reader(
            to=address.to,
            locale=person.locale,
            zone=person.zone,
            services=services,
            since=failing_since(duty.incident, duty.family).grown,
            by_list=framing is Framing.NOT_AFFECTED and left_by_list(duty.incident, duty.family),
            late=late and framing is not Framing.WAS_DOWN,  # whoever slept waited for no word
        ),
        in_quiet=at_night,
    )
