"""Who is told what, when and over what in an outage that nobody does anything about: rehearsed, role by role."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from alertd.domain.incident import Severity
from alertd.domain.policy import Policy
from alertd.usecases.rehearse import (
    ANYBODY,
    Rehearsal,
    Summoned,
    Told,
    household,
    outage,
    people,
    rehearse,
    roles_of,
    summon,
)


@dataclass(frozen=True, slots=True)
class Role:
    """What a caregiver of one role is told."""

    name: str
    channels: tuple[str, ...]  # that the policy lists for them; empty: they are not told of this severity
    quiet_until: datetime | None  # at the opening
    off_duty_until: datetime | None
    told: tuple[Told, ...]
    family: Rehearsal  # what everybody in their family was told, and how its ladder ended


@dataclass(frozen=True, slots=True)
class Explained:
    """An outage as it would go."""

    policy: Policy
    severity: Severity
    at: datetime
    until: datetime
    roles: tuple[Role, ...]
    responders: tuple[Summoned, ...]


def explain_policy(
    policy: Policy,
    service: str,
    severity: Severity,
    at: datetime,
    until: datetime,
    *,
    zone: str,
    channels: Collection[str],
) -> Explained:
    """Rehearse one made-up family for each role: those who hear every update, and beside them the one in question.

    So each role is the next in order that a ladder can bring in. `zone` is where they live.
    """
    incident = outage(policy, service, severity, at)
    always = policy.always or (ANYBODY,)
    roles = []
    for name in roles_of(policy):
        members = tuple(dict.fromkeys((*always, name)))
        family = household(members, service, zone, channels)
        person = next(p for p in people(policy, incident, family, channels) if p.caregiver.role == name)
        heard = rehearse(policy, incident, family, channels, until)
        roles.append(
            Role(
                name=name,
                channels=person.choice.channels,
                quiet_until=person.asleep_until(at),
                off_duty_until=person.off_until(at),
                told=tuple(each for each in heard.told if each.role == name),
                family=heard,
            )
        )
    return Explained(policy, severity, at, until, tuple(roles), tuple(summon(policy, incident, until)))
