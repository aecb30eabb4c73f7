"""What a family is told by a person of ours who has them on the phone (R7)."""

from dataclasses import dataclass
from datetime import datetime

from alertd.domain import silence
from alertd.domain.family import CaregiverId
from alertd.domain.holdings import hold_after_call
from alertd.domain.people import audience, listeners, unreachable
from alertd.domain.plan import known
from alertd.domain.watch import Duty, Rest


@dataclass(frozen=True, slots=True)
class Said:
    """The number that counts as told, and by when they hear again."""

    update: int
    holding: bool  # nothing is newer than what they know: it is the next holding, to be written first
    next_by: datetime | None  # None: they asked to be told nothing of this, and hear if it gets worse or is over
    who: tuple[CaregiverId, ...]  # who knows since: those who hear every update


def say(duty: Duty, now: datetime) -> Said | None:
    """What they are told now, as a message would tell it; None: the incident does not touch them.

    Only something newer buys time (R4): who knows the newest update is told that there is no news, which is the
    next holding, whoever says it.
    """
    incident, family = duty.incident, duty.family
    services = incident.scope.touching(family.services, family.region)
    if incident.state.ended or not services:
        return None
    knowledge = known(duty, now)
    newest = silence.newest_to_tell(incident).number
    holding = knowledge.told >= newest
    closing = holding and silence.closes_promise(incident, now, duty.margin)
    people = listeners(duty, services, knowledge)
    for person in people:
        hold_after_call(person, knowledge, family, duty.policy, now)
    muted = not people and unreachable(duty, services) is Rest.MUTED
    by = None if muted else silence.next_by(duty, people, now, closes_promise=closing)
    who = tuple(caregiver.id for caregiver in audience(family, duty.policy))
    return Said(incident.newest.number + 1 if holding else newest, holding, by, who)
