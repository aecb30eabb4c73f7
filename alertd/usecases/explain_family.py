"""Explains a family: who is told over what, by which rule, and how they stand in what concerns them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from alertd.domain import silence
from alertd.domain.errors import NotFound, quote
from alertd.domain.explain import Explained, explain
from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Incident, IncidentId
from alertd.domain.plan import known
from alertd.domain.policy import Policy
from alertd.domain.watch import Duty, Rest, Watch
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import AddressState, Candidate, DeliveryRow
from alertd.usecases.foresee import Foreseen, foresee
from alertd.usecases.planning import margin
from alertd.usecases.preview import fresh_watch

_NOWHERE = IncidentId(UUID(int=0))  # an incident that nobody has a watch in
_MESSAGES = 20


class Due(StrEnum):
    """Why a family hears again by the moment that is said."""

    FIRST_NOTICE = "first_notice"  # they have heard nothing of it yet
    PROMISE = "promise"  # a person promised the next update by then
    SILENCE = "silence"  # the silence window is over then
    QUIET = "quiet"  # the first moment at which somebody may be told


@dataclass(frozen=True, slots=True)
class Knows:
    """What one caregiver has been told of an incident: the newest update, and the newest one told while awake."""

    caregiver: str
    update: int
    awake: int
    waits: bool  # something waits for their wake-up or duty


@dataclass(frozen=True, slots=True)
class Standing:
    """How a family stands in one incident."""

    incident: Incident
    services: tuple[str, ...]  # of theirs that fail; empty: it does not touch them (any more)
    watch: Watch
    told: bool  # families are told of it: it is no suspicion that nobody has confirmed
    knows: tuple[Knows, ...] = ()
    messages: tuple[DeliveryRow, ...] = ()  # newest first
    foreseen: Foreseen | None = None  # None: their data cannot be planned with
    rest: Rest | None = None
    next_by: datetime | None = None  # None: they are owed nothing by any time
    due: Due | None = None
    by_phone_at: datetime | None = None  # when a person of ours last told them by phone


@dataclass(frozen=True, slots=True)
class FamilyExplained:
    """A family as the planner sees it."""

    family: Family
    states: dict[UUID, AddressState]  # of the addresses that were stopped
    unverified: frozenset[UUID]
    policies: tuple[Explained, ...]  # in the order in which the family names its services
    incidents: tuple[Standing, ...]  # newest first


async def explain_family(deps: Deps, family_id: FamilyId) -> FamilyExplained:
    """Walk the chain of preferences for everybody, and plan what is open. Raises NotFound."""
    now = deps.clock.now()
    async with deps.store.reading() as rows:
        found = next(await rows.candidates(_NOWHERE, [family_id], lock=False), None)
        if found is None:
            raise NotFound(f'there is no family "{quote(family_id)}"')
        family, channels = found.family, frozenset(deps.channels)
        states = dict(await rows.address_states(family_id))
        standings = [await _standing(deps, rows, each, family, now) for each in await _concerning(rows, family)]
    own: dict[str, list[str]] = {}
    for service in family.services:
        own.setdefault(deps.policy_for(service).name, []).append(service)
    policies = tuple(
        explain(family, deps.policy_for(services[0]), tuple(services), found.addresses, channels, now)
        for services in own.values()
    )
    return FamilyExplained(family, states, _unverified(found), policies, tuple(standings))


def _unverified(found: Candidate) -> frozenset[UUID]:
    addresses = [address for caregiver in found.family.caregivers for address in caregiver.addresses]
    return frozenset(
        a.id for a in addresses if not (found.addresses[a.id].verified if a.id in found.addresses else a.verified)
    )


async def _concerning(rows: Rows, family: Family) -> list[Incident]:
    """Open incidents that touch a family, and all in which it may still be owed something, newest first."""
    watched = set(await rows.watched_incidents(family.id))
    concerning = {
        each.id: each
        for each in await rows.incidents(open_only=True, limit=1000)
        if each.id in watched or each.scope.touching(family.services, family.region)
    }
    for which in watched - set(concerning):
        ended = await rows.incident(which)
        if ended is not None:
            concerning[ended.id] = ended
    return sorted(concerning.values(), key=lambda incident: -incident.number)


async def _standing(deps: Deps, rows: Rows, incident: Incident, family: Family, now: datetime) -> Standing:
    policy = await rows.policy_of(incident.id)
    candidate = next(await rows.candidates(incident.id, [family.id], lock=False))
    watch = candidate.watch or fresh_watch(incident, policy, family.id, now)
    services = incident.scope.touching(family.services, family.region)
    if incident.held:
        return Standing(incident, services, watch, told=False)
    duty = Duty(
        incident, policy, family, watch, candidate.tellings, candidate.addresses, frozenset(deps.channels),
        await margin(deps, rows, incident, policy), timedelta(seconds=deps.timing.lease * deps.clock.rate),
        candidate.answers,
    )  # fmt: skip
    messages = await rows.deliveries(incident.id, family_id=family.id, states=(), limit=_MESSAGES)
    try:
        foreseen = foresee(duty, now)
        knows = _knows(duty, now)
    except Exception as error:  # noqa: BLE001 - as in plan_anyway: they are told plainly, and this says so
        deps.log.warning("plan_failed", family=str(family.id), error=type(error).__name__)
        return Standing(incident, services, watch, told=True, messages=tuple(messages))
    next_by = _next_by(incident, foreseen)
    return Standing(
        incident=incident,
        services=services,
        watch=watch,
        told=True,
        knows=knows,
        messages=tuple(messages),
        foreseen=foreseen,
        rest=foreseen.now.rest,
        next_by=next_by,
        due=_due(incident, policy, watch, next_by, now) if next_by is not None else None,
        by_phone_at=max((answer.at for answer in candidate.answers if answer.told), default=None),
    )


def _knows(duty: Duty, now: datetime) -> tuple[Knows, ...]:
    knowledge = known(duty, now)
    return tuple(
        Knows(str(caregiver.id), of.told, of.told_awake, caregiver.id in duty.watch.waiting)
        for caregiver in sorted(duty.family.caregivers, key=lambda caregiver: caregiver.order)
        for of in (knowledge.of_caregiver(caregiver),)
    )


def _next_by(incident: Incident, foreseen: Foreseen) -> datetime | None:
    """By when they hear: what is owed now will say when again; nothing binds us where nobody can be told."""
    verdict = foreseen.now
    if incident.state.ended or verdict.rest not in (None, Rest.QUIET):
        return None
    return verdict.next_by


def _due(incident: Incident, policy: Policy, watch: Watch, next_by: datetime, now: datetime) -> Due:
    if watch.heard_at is None:
        return Due.FIRST_NOTICE
    if silence.open_promise(incident, now) == next_by:
        return Due.PROMISE
    longest = max(
        silence.window(policy, incident.severity, incident.state, asleep=asleep) for asleep in (False, True)
    )
    return Due.QUIET if next_by > watch.heard_at + longest else Due.SILENCE
