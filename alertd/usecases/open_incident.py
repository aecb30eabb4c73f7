"""Open an incident: one transaction, then a ring at the doorbell."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alertd.domain.delivery import Lane
from alertd.domain.errors import Conflict, Invalid
from alertd.domain.incident import Facts, Incident, IncidentId, Kind, Reach, Scope, Severity, State, Update
from alertd.domain.policy import Policy
from alertd.domain.suspicion import confirmed, confirmed_by, confirmed_scope
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases import wording
from alertd.usecases.fan_out import cursors
from alertd.usecases.gathering import Gathering
from alertd.usecases.preview import Preview, preview
from alertd.usecases.repeat import Repeat, answered, keep
from alertd.usecases.write_update import lane_of, lane_of_notices, write_update


@dataclass(frozen=True, slots=True)
class Opening:
    """What a human says when they open an incident."""

    reaches: tuple[Reach, ...]
    severity: Severity
    title: str
    message: Mapping[str, str] = field(default_factory=dict)
    works: tuple[str, ...] = ()
    do: tuple[str, ...] | None = None  # None: nothing was said of it; (): there is nothing to do
    next_by: datetime | None = None
    next_in: timedelta | None = None
    since: datetime | None = None  # when it began, if earlier than now
    exercise: bool = False  # a test: nothing is down, and every text says so
    regions: tuple[str, ...] = ()  # those of `reaches` that were given for all services at once


@dataclass(frozen=True, slots=True)
class Opened:
    """The new incident's number, and what telling it takes."""

    incident: int
    update: int
    preview: Preview
    dry_run: bool = False
    confirmed: bool | None = None  # a machine had suspected it


async def open_incident(
    deps: Deps, opening: Opening, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> Opened:
    """Open an incident and have every touched family told.

    Where a machine suspects it already, that is confirmed instead. Raises Invalid for what cannot be, Conflict
    where an open incident covers the scope already.
    """
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
        before = await answered(rows, repeat, Opened)
        if before is not None:
            return before
        opened, lane = await add_incident(deps, rows, opening, who=who, dry_run=dry_run)
        if dry_run:
            return opened
        await keep(rows, repeat, opened, deps.clock.now())
    deps.log.info("incident_opened", incident=opened.incident, families=opened.preview.families, lane=lane)
    deps.doorbell.ring(lane)
    return opened


async def add_incident(
    deps: Deps, rows: Rows, opening: Opening, *, who: str, dry_run: bool = False, alert: str | None = None
) -> tuple[Opened, str]:
    """Open an incident within a transaction that holds `lock_incidents`; returns it and the lane to ring.

    What a machine only suspects of this scope is confirmed instead: the opening becomes its next update.
    `alert`: the one whose event opens it; None where a person does it by hand.
    """
    now = deps.clock.now()
    said = read_opening(deps, opening, now, typed=alert is None)
    scope = said.scope
    open_ = [i for i in await rows.incidents(open_only=True, limit=1000) if i.exercise is opening.exercise]
    suspected = None if opening.exercise else confirmed_by(open_, scope)
    for other in open_:
        if other.scope.covers(scope) and other.state is not State.SUSPECTED:
            raise Conflict(
                f"incident {other.number} ({other.newest.facts.title}) covers this already; "
                + (
                    f"end that exercise first: alertd incident resolve {other.number}"
                    if opening.exercise
                    else f"update it with: alertd incident update {other.number}"
                ),
                incident=other.number,
            )
    if suspected is not None:
        if not dry_run:
            await rows.lock_cursors(suspected.number)  # before anything is read or written: see alertd.store.locks
            suspected = await rows.incident(suspected.id) or suspected
        policy, scope = await rows.policy_of(suspected.id), confirmed_scope(suspected, scope)
    else:
        policy = deps.policy_for(scope.services[0])
    facts = replace(said, scope=scope)
    if suspected is not None and opening.since is None:
        facts = replace(facts, since=suspected.facts_so_far.since)
    promise = wording.promise(policy, opening.severity, now, opening.next_by, opening.next_in)
    if suspected is None:
        kind = Kind.EXERCISE if opening.exercise else Kind.NOTICE
        notice = Update(1, kind, now, facts, promise=promise, human_number=1)
        incident = Incident(
            id=IncidentId(deps.new_id()),
            number=await rows.next_incident_number(),
            opened_at=now,
            state=facts.state,
            severity=facts.severity,
            scope=scope,
            epoch=1,
            policy=policy.name,
            updates=(notice,),
        )
    else:
        incident = confirmed(suspected, facts, promise, now)
    seen = await preview(deps, rows, incident, policy, now)
    if not seen.families:
        names = ", ".join(scope.services)
        near = dict.fromkeys(each.near for each in seen.unpeopled if each.near)
        meant = f'; did you mean "{next(iter(near))}"?' if near else ""
        raise Invalid(
            f"nobody uses {names} there: import families, or name other regions{meant}", field="services"
        )
    opened = Opened(
        incident.number, incident.newest.human_number or 1, seen, dry_run, confirmed=suspected is not None or None
    )
    detail = {"alert": alert} if alert is not None else {}
    if suspected is not None:
        lane = lane_of(suspected, incident, seen.families)
        if not dry_run and not await write_update(
            deps, rows, suspected, incident, who=who, families=seen.families, what="open", **detail
        ):
            raise Conflict("this incident changes faster than it could be confirmed; try again")
        return opened, lane
    lane = lane_of_opening(incident, seen.families)
    if not dry_run:
        await add_opened(deps, rows, incident, policy, who=who, families=seen.families, **detail)
    return opened, lane


async def add_opened(
    deps: Deps, rows: Rows, incident: Incident, policy: Policy, *, who: str, families: int, **detail: object
) -> None:
    """Write a new incident, and the cursors that carry its first update unless it is held."""
    await rows.add_incident(incident, policy)
    if not incident.held:
        lane = lane_of_opening(incident, families)
        ids = cursors(deps, families)
        await rows.add_fanout(ids, incident.id, 1, lane, deps.clock.machine(), scope=incident.scope)
    detail = {"severity": incident.severity.value, "services": incident.scope.services, **detail}
    await rows.add_act(deps.new_id(), incident.opened_at, who, "open", incident.id, detail)


def lane_of_opening(incident: Incident, families: int) -> str:
    """An exercise is in no hurry."""
    return Lane.BULK.value if incident.exercise else lane_of_notices(families)


def read_opening(deps: Deps, opening: Opening, now: datetime, *, typed: bool = True) -> Facts:
    """What is said, fit to be told: of all services named, and since now where nothing else was said.

    `typed`: by a person; an alert may have fired for months. Raises Invalid with all that is wrong, as far as no
    other incident decides it. A promise may be another's: it is looked at here only where something else is wrong.
    """
    gathering = Gathering()
    take = gathering.take
    scope = take(lambda: wording.scope(deps, opening.reaches, regions=opening.regions), None)
    facts = Facts(
        title=take(lambda: wording.title(opening.title), ""),
        severity=opening.severity,
        state=State.INVESTIGATING,
        scope=scope or Scope(()),
        since=opening.since or now,
        message=take(lambda: wording.message(deps, opening.message), {}),
        works=take(lambda: wording.lines(opening.works, "works", deps.phrases), ()),
        do=take(lambda: wording.advice(deps, opening.do, opening.severity), ()),
        last_news_at=now,
    )
    take(lambda: wording.began(opening.since, now, typed=typed), None)
    promised = opening.next_by, opening.next_in
    if opening.exercise and any(promised):
        gathering.wrong("an exercise promises nothing: families hear again when it is over", "next_in")
    elif scope is not None and gathering.found:
        policy = deps.policy_for(scope.services[0])
        take(lambda: wording.promise(policy, opening.severity, now, *promised), None)
    gathering.finish()
    return facts
