"""Why a caregiver is told over what: the chain of preferences (R12), asked of the planner's own rules."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from alertd.domain import preferences
from alertd.domain.delivery import Reason
from alertd.domain.family import Address, AddressId, AddressStatus, Caregiver, Family
from alertd.domain.incident import Facts, Incident, IncidentId, Kind, Reach, Scope, Severity, State, Update
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.people import audience, listeners, meet
from alertd.domain.policy import Policy
from alertd.domain.preferences import Choice
from alertd.domain.quiet import Person, hours_of
from alertd.domain.targets import loud_targets, soft_targets
from alertd.domain.watch import Duty, Watch

Carried = tuple[Address, Reason]
"""An address that carries a message, and why: listed (first_notice), the next one (fallback), or the floor."""

_UPDATE = 1  # of an outage that nobody has: its only one


class Hears(StrEnum):
    """Which messages reach a caregiver at all (R7)."""

    ALWAYS = "always"  # every update, by their role; where nobody has such a role, as the first in order
    STANDS_IN = "stands_in"  # every update now: nobody of those who hear always has an address that works
    LADDER = "ladder"  # from the moment a ladder tells them
    IF_NEEDED = "if_needed"  # only where nobody before them can be told


class AtNight(StrEnum):
    """What becomes of a first notice in their quiet hours (R10)."""

    WAKES = "wakes"
    SOFTLY = "softly"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Told:
    """One caregiver, one service, one severity."""

    service: str
    severity: Severity
    choice: Choice  # the channels that apply, and the rule that decided; no channels: muted
    chain: tuple[tuple[str, tuple[str, ...] | None], ...]  # every rule in order with what it says
    over: tuple[Carried, ...]  # all at once
    then: tuple[Carried, ...]  # once these have failed, one after the other
    at_night: AtNight
    softly: tuple[Address, ...] = ()  # over which it goes silently at night


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours as written, and whose word they are: caregiver, role or policy; None: none."""

    text: str | None
    rule: str | None


@dataclass(frozen=True, slots=True)
class Caring:
    """One caregiver under one policy."""

    caregiver: Caregiver
    hears: Hears
    zone: str
    quiet_hours: Hours
    on_duty: Hours
    usable: tuple[Address, ...]
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What one policy means for a family."""

    policy: Policy
    services: tuple[str, ...]
    people: tuple[Caring, ...]  # in order
    no_loud_channel: bool  # nobody has a floor address that works: told over what they have, and listed


def explain(
    family: Family,
    policy: Policy,
    services: tuple[str, ...],
    addresses: Mapping[AddressId, AddressStatus],
    channels: frozenset[str],
    now: datetime,
) -> Explained:
    """What a policy means for a family that uses these services of it.

    `addresses`: the noteworthy ones, as the planner has them; `channels`: those that have an adapter.
    """
    duties = {
        (service, severity): _outage(family, policy, service, severity, addresses, channels, now)
        for service in services
        for severity in reversed(Severity)
    }
    people = tuple(
        _caring(caregiver, family, policy, duties)
        for caregiver in sorted(family.caregivers, key=lambda caregiver: caregiver.order)
    )
    loud = any(address.channel in policy.floor for person in people for address in person.usable)
    return Explained(policy, services, people, no_loud_channel=bool(policy.floor) and not loud)


def _outage(
    family: Family,
    policy: Policy,
    service: str,
    severity: Severity,
    addresses: Mapping[AddressId, AddressStatus],
    channels: frozenset[str],
    now: datetime,
) -> Duty:
    """The duty to this family if that service began to fail at this moment."""
    scope = Scope((Reach(service),))
    facts = Facts("", severity, State.INVESTIGATING, scope, now)
    incident = Incident(
        id=IncidentId(UUID(int=0)),
        number=0,
        opened_at=now,
        state=facts.state,
        severity=severity,
        scope=scope,
        epoch=1,
        policy=policy.name,
        updates=(Update(_UPDATE, Kind.NOTICE, now, facts),),
    )
    watch = Watch(incident.id, family.id, touched_at=now, next_by=now + policy.first_notice[severity])
    return Duty(incident, policy, family, watch, addresses=addresses, channels=channels)


def _caring(
    caregiver: Caregiver, family: Family, policy: Policy, duties: Mapping[tuple[str, Severity], Duty]
) -> Caring:
    met = {key: meet(caregiver, duty, (key[0],)) for key, duty in duties.items()}
    (service, _), duty = next(iter(duties.items()))
    person = next(iter(met.values()))
    quiet_hours, on_duty = hours_of(caregiver, policy)
    role, general = policy.defaults_of(caregiver.role)
    own = caregiver.preferences.quiet_hours, caregiver.on_duty
    return Caring(
        caregiver=caregiver,
        hears=_hears(caregiver, duty, service),
        zone=person.zone,
        quiet_hours=_whose(quiet_hours, own[0], role.quiet_hours, general.quiet_hours),
        on_duty=_whose(on_duty, own[1], role.on_duty, general.on_duty),
        usable=person.usable,
        told=tuple(_told(met[key], family, policy, *key) for key in duties),
    )


def _told(person: Person, family: Family, policy: Policy, service: str, severity: Severity) -> Told:
    wakes = Kind.NOTICE in policy.wakes.get(severity, frozenset())
    floor = policy.floor if wakes and severity is Severity.CRITICAL else ()
    knowledge = Knowledge(forgiven=datetime.min)  # noqa: DTZ901  compared with nothing: nothing was stopped by us
    over = loud_targets(person, knowledge, _UPDATE, Reason.FIRST_NOTICE, floor)
    softly = [a for a, _ in soft_targets(person, knowledge, _UPDATE, Reason.FIRST_NOTICE)]
    at_night = AtNight.WAKES if wakes else AtNight.SOFTLY if person.soft_at_night else AtNight.WAITS
    return Told(
        service=service,
        severity=severity,
        choice=person.choice,
        chain=tuple(preferences.chain(person.caregiver, family, policy, service, severity)),
        over=tuple(over),
        then=tuple(_then(person, knowledge, over, floor)),
        at_night=at_night,
        softly=tuple(softly) if at_night is AtNight.SOFTLY else (),
    )


def _then(person: Person, knowledge: Knowledge, over: list[Carried], floor: tuple[str, ...]) -> list[Carried]:
    """What follows, one after the other, while whatever was used fails."""
    order: list[Carried] = []
    while over:
        knowledge.failed = _UPDATE
        knowledge.by_number |= {address.id.int: Known(failed=_UPDATE, lost=_UPDATE) for address, _ in over}
        over = loud_targets(person, knowledge, _UPDATE, Reason.FALLBACK, floor)
        order += over
    return order


def _hears(caregiver: Caregiver, duty: Duty, service: str) -> Hears:
    if caregiver in audience(duty.family, duty.policy):
        return Hears.ALWAYS
    if any(person.caregiver == caregiver for person in listeners(duty, (service,))):
        return Hears.STANDS_IN
    words = {
        word for each in duty.policy.escalation.families.values() for step in each.steps for word in step.tell
    }
    return Hears.LADDER if words & {"next", "all", caregiver.role} else Hears.IF_NEEDED


def _whose(decided: str | None, own: str | None, role: str | None, general: str | None) -> Hours:
    """Whose word the hours are that hold: the first to say them."""
    said = {"policy": general, "role": role, "caregiver": own}
    rule = {text: name for name, text in said.items()}.get(decided) if decided else None
    return Hours(decided, rule)
