"""The planner: what is owed to one family now, why, and when to look again. Pure."""

from datetime import datetime

from alertd.domain.all_clear import all_clear, not_affected, rested
from alertd.domain.correction import without_wrong_words
from alertd.domain.delivery import longest_backoff
from alertd.domain.exercise import rehearse
from alertd.domain.knowledge import Knowledge, former_addresses, know, since_touched
from alertd.domain.postmortem import with_postmortem
from alertd.domain.silence import touched_at
from alertd.domain.speak import speak
from alertd.domain.watch import Duty, Verdict


def plan(duty: Duty, now: datetime) -> Verdict:
    """Compare what is true with what was told; planning twice at one instant owes nothing twice.

    `now` is story time. Every case of quiet hours, news, silence, failure, scope and end comes through here:
    the daemon, the simulator and the tests all call this one function.
    """
    incident, family = duty.incident, duty.family
    if incident.stands_from:
        duty = without_wrong_words(duty)
    knowledge = known(duty, now)
    if incident.state.ended:
        return with_postmortem(duty, now, knowledge, all_clear(duty, now, knowledge))
    services = incident.scope.touching(family.services, family.region)
    if not services:
        return not_affected(duty, now, knowledge)
    if incident.exercise:
        return rehearse(duty, now, services, knowledge)
    return speak(duty, now, services, knowledge)


def known(duty: Duty, now: datetime) -> Knowledge:
    """What a family has been told of an incident, as far as it counts at `now`."""
    incident = duty.incident
    wait = longest_backoff(incident.severity)
    if incident.state.ended:
        wait = max(wait, rested(incident, now))
    calls = [answer for answer in duty.answers if answer.told]
    knowledge = know(duty.tellings, incident.epoch, now - wait, calls=calls)
    knowledge.former = former_addresses(duty, knowledge)
    if knowledge.released:
        knowledge = since_touched(duty, knowledge, touched_at(duty, now), calls)
    knowledge.mended = incident.retried_at
    return knowledge
