"""What families are owed when it is over, or no longer concerns them (R11, R15)."""

from dataclasses import replace
from datetime import datetime, timedelta

from alertd.domain.correction import worst_told
from alertd.domain.delivery import OVER, Framing, Owed, Reason, longest_backoff
from alertd.domain.downtime import is_late
from alertd.domain.end import End, Listener
from alertd.domain.failing import failed_services, told_failing
from alertd.domain.family import Caregiver
from alertd.domain.incident import Incident, Kind, State
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.people import left, meet
from alertd.domain.quiet import Person, first_told
from alertd.domain.silence import newest_to_tell, patience
from alertd.domain.watch import NO_WAY, Duty, Rest, Verdict

_RESOLVED = End(Framing.RESOLUTION, Kind.RESOLUTION, Reason.ALL_CLEAR, Rest.CLOSED)
_CANCELLED = End(Framing.CANCELLATION, Kind.CANCELLATION, Reason.ALL_CLEAR, Rest.CLOSED)
_NOT_AFFECTED = End(Framing.NOT_AFFECTED, Kind.SCOPE, Reason.NOT_AFFECTED, Rest.NOT_TOUCHED)


TRIED_FOR = timedelta(hours=50)
"""How long after the end an all-clear that our own fault stopped is tried again (design R11 sets no bound), and
how long it waits for somebody who was told and cannot be reached any more.

More than two days, and by more than the hour that a change of the clocks can add: whoever can be told at one
hour of the day alone may get the first try nearly a day after the end, and gets a second one on the next day.
"""


def rested(incident: Incident, now: datetime) -> timedelta:
    """How long an all-clear rests that our own fault stopped: half the time since the end, so each rest doubles.

    A text that a carrier filters is filtered each time: tried each minute, it would keep what other incidents
    have to say waiting.
    """
    gone = now - _ended(incident)
    return gone / 2 if gone < TRIED_FOR else gone + timedelta.resolution  # longer than any of them lies back


def _ended(incident: Incident) -> datetime:
    return incident.ended_at or incident.newest.at


def _again_at(incident: Incident, now: datetime, again: timedelta | None, end: End) -> datetime | None:
    """When to try again, if in `again` by the measure of `now`; None: never, it is given up."""
    if again is None:
        return None
    if end.rest is not Rest.CLOSED:
        return now + again
    growing = rested(incident, now) >= longest_backoff(incident.severity)
    at = now + (2 * again if growing else again)  # while we wait, the measure grows half as fast as time
    return at if at - _ended(incident) < TRIED_FOR else None


def all_clear(duty: Duty, now: datetime, knowledge: Knowledge) -> Verdict:
    """The end, for exactly those who were told; one word at wake-up for those who waited."""
    incident = duty.incident
    end = _CANCELLED if incident.state is State.CANCELLED else _RESOLVED
    first = next((u.number for u in reversed(incident.updates) if u.kind is end.kind), incident.newest.number)
    return _end(duty, now, knowledge, replace(end, first=first))


def not_affected(duty: Duty, now: datetime, knowledge: Knowledge) -> Verdict:
    """ "Not affected after all", for those who were told and whom the incident no longer touches."""
    return _end(duty, now, knowledge, _NOT_AFFECTED)


def _end(duty: Duty, now: datetime, knowledge: Knowledge, end: End) -> Verdict:
    services = failed_services(duty.incident, duty.family)
    update = newest_to_tell(duty.incident).number
    flying = update  # the oldest number under which this end is under way to anybody: nothing newer may stop it
    owed: list[Owed] = []
    waiting: list[str] = []
    wake_at: list[datetime] = []
    again = knowledge.again_in(update)  # what our own fault stopped is tried again
    again_at = _again_at(duty.incident, now, again, end)
    worst = worst_told(duty)
    people = [
        meet(caregiver, duty, services, quiet_as=worst, told_as=worst) for caregiver in duty.family.caregivers
    ]
    end = replace(end, worst=worst, late=_late(duty, now, knowledge, people))
    for person in people:
        caregiver, known = person.caregiver, knowledge.ever_of(person.caregiver)
        # Whoever waited, or was owed this very end and could not be told it.
        waits = end.rest is Rest.CLOSED and caregiver.id in duty.watch.waiting
        waited = waits or (end.rest is Rest.CLOSED and known.failed >= end.first)
        over = known.framing in OVER
        # Whoever knows of an end may since have got that it is back, from a provider that did not say so.
        told = known.maybe > known.told if over else known.told > 0 or known.maybe > 0
        under_way = known.ending >= end.first
        if under_way:
            flying = min(flying, known.ending)
        if under_way and waits and not told:
            waiting.append(caregiver.id)  # until a provider takes it: their duty may end before
        knows = over and known.told >= end.first and not told
        if knows or not (told or waited):
            continue
        if not person.usable:
            wake_at += _kept_for(caregiver, duty, now, end)
            continue
        named = _named(duty, known, services) if told else services
        listener = Listener(duty, now, person, knowledge, known, named, end, told)
        if under_way:
            deliveries, look = listener.over_next()
            owed += deliveries
            if look is not None:
                wake_at.append(look)
            continue
        deliveries, later = listener.tell()
        owed += deliveries
        if later is not None or (deliveries and waits and not told):
            waiting.append(caregiver.id)
        if later is not None:
            wake_at.append(later)
        if not deliveries and again_at is not None:
            wake_at.append(again_at)
    look_at = min(wake_at, default=None)
    if owed or knowledge.in_flight:
        poll = now + patience(duty)
        look_at = min(look_at, poll) if look_at is not None else poll
    # Not touched is true at once, and an excuse; closed only when everyone told has the all-clear.
    resting = look_at is None or end.rest is Rest.NOT_TOUCHED
    return Verdict(
        owed=tuple(owed),
        update=flying,
        look_at=look_at,
        rest=end.rest if resting else None,
        waiting=tuple(waiting),
        cancel=True,
        # How the last ladder ended is still asked for when all is over.
        ladder=duty.watch.ladder if end.rest is Rest.CLOSED else None,
        step=duty.watch.step if end.rest is Rest.CLOSED else 0,
    )


def _kept_for(caregiver: Caregiver, duty: Duty, now: datetime, end: End) -> list[datetime]:
    """Until when a number that is put right brings the end to who cannot be reached now, if it still does."""
    until = _ended(duty.incident) + TRIED_FOR
    waits = end.rest is Rest.CLOSED and until > now and not left(caregiver, duty)
    return [until] if waits else []


def _named(duty: Duty, known: Known, services: tuple[str, ...]) -> tuple[str, ...]:
    """What an end is about: what this person was told fails, and what failed last (R15)."""
    told = told_failing(duty.incident, duty.family, known.told) if known.told else ()
    return services if not set(told) - set(services) else tuple(dict.fromkeys(told + services))


def _late(duty: Duty, now: datetime, knowledge: Knowledge, people: list[Person]) -> bool:
    """Whether the end is told so late after the moment that was promised because alertd itself was down (R13)."""
    if not duty.downtimes or knowledge.next_by is None or duty.watch.rest in NO_WAY:
        return False
    deadline = first_told(people, knowledge.next_by) or knowledge.next_by
    planned = (telling.planned_at for telling in duty.tellings)
    return is_late(duty.downtimes, planned, due_at=deadline - duty.margin, deadline=deadline, now=now)
