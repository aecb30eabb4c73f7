"""What a family is owed now, and what they hear next if nobody does anything. Asks the planner; writes nothing."""

from dataclasses import dataclass, replace
from datetime import datetime

from alertd.domain.delivery import OPEN, DeliveryState, Owed, Telling
from alertd.domain.plan import plan
from alertd.domain.watch import Duty, Verdict, Watch
from alertd.usecases.planning import holding

_LOOKS = 50  # ahead at most: after each a message is due, or a step, or somebody wakes


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The verdict of this moment, and the next one that owes a message; None: nothing comes by itself."""

    now: Verdict
    at: datetime | None = None
    next: Verdict | None = None


def foresee(duty: Duty, now: datetime) -> Foreseen:
    """Look ahead as if nobody published, nobody answered, and providers took whatever they are given.

    Raises what `plan` raises.
    """
    verdict = first = plan(duty, now)
    duty = replace(duty, tellings=[_arrived(telling, now) for telling in duty.tellings])
    at = now
    for _ in range(_LOOKS):
        if verdict.look_at is None:
            break
        duty, at = _after(duty, verdict, at), verdict.look_at
        verdict = plan(duty, at)
        if verdict.owed:
            return Foreseen(first, at, verdict)
    return Foreseen(first)


def _arrived(telling: Telling, now: datetime) -> Telling:
    """A message that is on its way has arrived."""
    if telling.state not in OPEN:
        return telling
    return replace(telling, state=DeliveryState.ACCEPTED, accepted_at=now, tried_at=telling.tried_at or now)


def _after(duty: Duty, verdict: Verdict, at: datetime) -> Duty:
    """The duty once what a verdict owes has been handed over."""
    incident = duty.incident
    if verdict.holding:
        written = holding(incident, at, duty.margin)
        incident = replace(incident, updates=(*incident.updates, written))
    tellings = [*duty.tellings, *(taken(owed, at) for owed in verdict.owed)]
    return replace(duty, incident=incident, tellings=tellings, watch=_watch(duty.watch, verdict))


def taken(owed: Owed, at: datetime) -> Telling:
    """What is owed, as if its provider had taken it at that moment."""
    return Telling(
        address=owed.address,
        update=owed.update,
        epoch=owed.epoch,
        step=owed.step,
        framing=owed.framing,
        loud=owed.loud,
        state=DeliveryState.ACCEPTED,
        planned_at=at,
        next_by=owed.next_by,
        accepted_at=at,
        in_quiet=owed.in_quiet,
        tried_at=at,
        caregiver=owed.caregiver,
    )


def _watch(watch: Watch, verdict: Verdict) -> Watch:
    return replace(
        watch,
        touched_at=verdict.touched_at or watch.touched_at,
        next_by=verdict.next_by or watch.next_by,
        waiting=verdict.waiting,
        look_at=verdict.look_at,
        rest=verdict.rest,
        ladder=verdict.ladder,
        step=verdict.step,
    )
