"""By which rules each person hears that it is better than they were told, and who hears that alone (R15)."""

from collections.abc import Collection
from dataclasses import replace
from typing import NamedTuple

from alertd.domain.failing import told_failing
from alertd.domain.family import Caregiver
from alertd.domain.incident import Incident, Severity
from alertd.domain.knowledge import Knowledge
from alertd.domain.people import listeners, meet
from alertd.domain.quiet import Person
from alertd.domain.watch import Duty


class _Left(NamedTuple):
    """What somebody was told, and is no more."""

    severity: Severity | None  # a graver one; None: it was not
    services: tuple[str, ...]  # those that failed then


def as_they_know(
    duty: Duty,
    services: tuple[str, ...],
    knowledge: Knowledge,
    people: list[Person],
    brought: Collection[str] = (),
) -> list[Person]:
    """`people`, those who hear every update now, by the rules of what each was told last; and who else was told.

    A fall is told by the quiet rules of the severity it leaves, and also to who asked to be told nothing of what
    is left: they hear of that alone. Each by what they know themselves: others may have heard of it before.
    """
    if not _has_changed(duty.incident):
        return people
    found: list[Person] = []
    for person in people:
        left = _left(duty, services, knowledge, person.caregiver)
        if left is not None and left.severity is not None:
            found.append(meet(person.caregiver, duty, services, quiet_as=left.severity))
        else:
            found.append(person)
    there = {person.caregiver.id for person in people}
    last: list[Person] = []
    for caregiver in duty.family.caregivers:
        left = _left(duty, services, knowledge, caregiver) if caregiver.id not in there else None
        if left is None:
            continue
        rules = left.severity
        then = listeners(duty, left.services, knowledge, quiet_as=rules, told_as=rules, brought=brought)
        last += [replace(person, last_word=True) for person in then if person.caregiver is caregiver]
    return sorted([*found, *last], key=lambda person: person.caregiver.order) if last else found


def _has_changed(incident: Incident) -> bool:
    severity, scope = incident.severity, incident.scope
    return any(u.facts.severity is not severity or u.facts.scope != scope for u in incident.updates)


def _left(duty: Duty, services: tuple[str, ...], knowledge: Knowledge, caregiver: Caregiver) -> _Left | None:
    incident, told = duty.incident, knowledge.of_caregiver(caregiver).told
    facts = incident.upto(told).facts
    if not told or facts.state.ended:
        return None
    severity = facts.severity if facts.severity.rank > incident.severity.rank else None
    failed = told_failing(incident, duty.family, told)
    if severity is None and set(failed) <= set(services):
        return None
    return _Left(severity, failed or services)
