"""When one caregiver hears again, for whoever is asked that between two messages (R2, R3, R10). Pure."""

from datetime import datetime

from alertd.domain.family import CaregiverId
from alertd.domain.holdings import hold
from alertd.domain.last_word import as_they_know
from alertd.domain.people import listeners
from alertd.domain.plan import known
from alertd.domain.watch import NO_WAY, Duty


def hears_again(duty: Duty, caregiver: CaregiverId, now: datetime) -> datetime | None:
    """The moment at the latest, as a message to them would name it; None: nothing is promised to them.

    The family's own time, or later: when they wake or come on duty, or, where the holdings of a day are used up,
    when the next one may go to them. Nothing is promised to whoever asked not to be told of this, or hears only
    when a ladder comes to them.
    """
    services = duty.incident.scope.touching(duty.family.services, duty.family.region)
    if not services or duty.watch.rest in NO_WAY:
        return None
    knowledge = known(duty, now)
    people = as_they_know(duty, services, knowledge, listeners(duty, services, knowledge))
    person = next((each for each in people if each.caregiver.id == caregiver), None)
    if person is None:
        return None
    hold(person, knowledge, duty.family, duty.policy, now)
    by = duty.watch.next_by
    return person.first_told(by) if person.asleep_until(by) is None else person.first_loud(by)
