"""Rehearse an outage with made-up families: the real planner over simulated time, nothing stored, nobody told.

Every message is accepted the moment it is planned, nobody answers and nobody writes an update. So what comes out
is what a policy does by itself, and no second reading of its rules.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from alertd.domain import silence
from alertd.domain.delivery import DeliveryState, Framing, Owed, Reason, Telling
from alertd.domain.family import Address, AddressId, Caregiver, CaregiverId, Family, FamilyId
from alertd.domain.incident import Facts, Incident, IncidentId, Kind, Reach, Scope, Severity, State, Update
from alertd.domain.knowledge import ladder_step
from alertd.domain.paging import Paged, ResponderLadder, Responding
from alertd.domain.people import meet
from alertd.domain.plan import plan
from alertd.domain.policy import Policy
from alertd.domain.quiet import Person
from alertd.domain.responders import plan_pages
from alertd.domain.watch import Duty, LadderState, Watch
from alertd.usecases.foresee import taken
from alertd.usecases.planning import holding
from alertd.usecases.preview import fresh_watch

ANYBODY = "other"
"""The role of a made-up caregiver whom the policy does not name: for them `default` holds."""

MOST = 2000
"""So many turns of a rehearsal at most; the shortest window is a minute, and a day has 1,440."""

_FLOOR = timedelta(seconds=40)  # what a margin is at least with the usual lease and sweep


@dataclass(frozen=True, slots=True)
class Told:
    """A message that somebody would get."""

    at: datetime
    role: str
    channel: str
    loud: bool
    framing: Framing
    reason: Reason
    update: int
    step: int  # of the ladder, from 1; 0: none
    next_by: datetime | None  # when the next one is due
    reads: datetime | None  # ... and when it says so: later, where that would be in their sleep


@dataclass(frozen=True, slots=True)
class Summoned:
    """A nudge or page that a responder would get."""

    at: datetime
    who: str
    page: bool
    ladder: ResponderLadder


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a family would hear, oldest first, and how its ladder ended."""

    told: tuple[Told, ...]
    ladder: LadderState | None = None
    ended_at: datetime | None = None  # when the ladder was over
    waited: tuple[str, ...] = ()  # roles for whom the first that they hear waited for their waking or duty


def outage(
    policy: Policy, service: str, severity: Severity, at: datetime, state: State = State.INVESTIGATING
) -> Incident:
    """An incident that a person opens at this moment, everywhere, without a promise."""
    scope = Scope((Reach(service),))
    facts = Facts(title="", severity=severity, state=state, scope=scope, since=at, last_news_at=at)
    notice = Update(1, Kind.NOTICE, at, facts, human_number=1)
    return Incident(IncidentId(UUID(int=1)), 1, at, state, severity, scope, 1, policy.name, (notice,))


def household(roles: Collection[str], service: str, zone: str, channels: Collection[str]) -> Family:
    """A made-up family with one caregiver for each role, in this order, who has an address on every channel."""
    ordered = sorted(channels)
    caregivers = tuple(
        Caregiver(
            id=CaregiverId(role),
            name=role,
            role=role,
            order=order,
            addresses=tuple(
                Address(channel, f"{role}-{channel}", AddressId(UUID(int=100 * order + n)))
                for n, channel in enumerate(ordered)
            ),
        )
        for order, role in enumerate(roles, start=1)
    )
    long_ago = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return Family(FamilyId("made-up"), long_ago, (service,), zone, "en", caregivers)


def roles_of(policy: Policy) -> tuple[str, ...]:
    """The roles that a policy knows: those that hear every update, the others that it names, and anybody else."""
    named = [*policy.caregivers]
    for ladder in policy.escalation.families.values():
        named += [*ladder.by, *(word for step in ladder.steps for word in step.tell)]
    words = {"default", "always", "first", "next", "all", ANYBODY}
    return tuple(dict.fromkeys((*policy.always, *(role for role in named if role not in words), ANYBODY)))


def people(policy: Policy, incident: Incident, family: Family, channels: Collection[str]) -> list[Person]:
    """The caregivers of a family as the planner meets them."""
    duty = _duty(
        policy, incident, family, fresh_watch(incident, policy, family.id, incident.opened_at), (), channels
    )
    return [meet(caregiver, duty, incident.scope.services) for caregiver in family.caregivers]


def rehearse(
    policy: Policy, incident: Incident, family: Family, channels: Collection[str], until: datetime
) -> Rehearsal:
    """What a family would be told from the opening of an incident until a moment, that moment included."""
    now: datetime | None = incident.opened_at
    watch = fresh_watch(incident, policy, family.id, incident.opened_at)
    tellings: list[Telling] = []
    told: list[Told] = []
    waited: dict[str, None] = {}
    ended_at: datetime | None = None
    for _ in range(MOST):
        if now is None or now > until:
            break
        duty = _duty(policy, incident, family, watch, tellings, channels)
        verdict = plan(duty, now)
        if verdict.holding:
            written = holding(incident, now, duty.margin)
            incident = replace(incident, updates=(*incident.updates, written))
        over = verdict.ladder in (LadderState.UNANSWERED, LadderState.UNREACHABLE)
        ended_at = ended_at or (now if over else None)
        waited |= dict.fromkeys(role for role in verdict.waiting if all(each.role != role for each in told))
        tellings += [taken(owed, now) for owed in verdict.owed]
        told += [_told(owed, now) for owed in verdict.owed]
        watch = replace(
            watch,
            next_by=verdict.next_by or watch.next_by,
            touched_at=verdict.touched_at or watch.touched_at,
            heard_at=now if verdict.owed else watch.heard_at,
            told=max(verdict.update, watch.told),
            owed=max(verdict.update, watch.owed),
            epoch=incident.epoch,
            waiting=verdict.waiting,
            look_at=verdict.look_at,
            rest=verdict.rest,
            version=watch.version + 1,
            ladder=verdict.ladder,
            step=verdict.step,
        )
        now = verdict.look_at
    return Rehearsal(tuple(told), watch.ladder, ended_at, tuple(waited))


def summon(policy: Policy, incident: Incident, until: datetime) -> Iterator[Summoned]:
    """Whom the responders' ladder would nudge and page until a moment, that moment included."""
    now: datetime | None = incident.opened_at
    paged: list[Paged] = []
    for _ in range(MOST):
        if now is None or now > until:
            return
        orders = plan_pages(Responding(incident, policy, _margin(policy, incident), paged), now)
        for owed in orders.owed:
            yield Summoned(now, owed.who, owed.page, owed.key.ladder)
            paged.append(Paged(owed.key, DeliveryState.ACCEPTED))
        now = orders.look_at


def _margin(policy: Policy, incident: Incident) -> timedelta:
    return silence.margin(None, policy, incident.severity, _FLOOR)


def _duty(
    policy: Policy,
    incident: Incident,
    family: Family,
    watch: Watch,
    tellings: Sequence[Telling],
    channels: Collection[str],
) -> Duty:
    return Duty(
        incident,
        policy,
        family,
        watch,
        tuple(tellings),
        channels=frozenset(channels),
        margin=_margin(policy, incident),
    )


def _told(owed: Owed, now: datetime) -> Told:
    return Told(
        at=now,
        role=owed.caregiver,
        channel=owed.channel,
        loud=owed.loud,
        framing=owed.framing,
        reason=owed.reason,
        update=owed.update,
        step=max(ladder_step(owed.step), 0),
        next_by=owed.next_by,
        reads=owed.reader.hears_by,
    )
