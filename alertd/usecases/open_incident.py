"""Open an incident: one transaction, then a ring at the doorbell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alertd.domain.delivery import Lane
from alertd.domain.errors import Conflict, Invalid
from alertd.domain.incident import Facts, Incident, IncidentId, Kind, Reach, Severity, State, Update
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases import wording
from alertd.usecases.fan_out import cursors
from alertd.usecases.preview import Preview, preview
from alertd.usecases.repeat import Repeat, answered, keep

URGENT_BELOW = 1000
"""First notices that touch fewer families take the urgent lane, all else the bulk lane."""


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


@dataclass(frozen=True, slots=True)
class Opened:
    """The new incident's number, and what telling it takes."""

    incident: int
    update: int
    preview: Preview
    dry_run: bool = False


async def open_incident(
    deps: Deps, opening: Opening, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> Opened:
    """Open an incident and have every touched family told.

    Raises Invalid for what cannot be, Conflict where an open incident covers the scope already.
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
    """Open an incident within a transaction; returns it and the lane to ring.

    `alert`: the one whose event opens it; None where a person does it by hand.
    """
    now = deps.clock.now()
    scope = wording.scope(deps, opening.reaches)
    policy = deps.policy_for(scope.services[0])
    if opening.since is not None and opening.since > now:
        raise Invalid("lies in the future", field="since")
    facts = Facts(
        title=wording.title(opening.title),
        severity=opening.severity,
        state=State.INVESTIGATING,
        scope=scope,
        since=opening.since or now,
        works=wording.lines(opening.works, "works", deps.phrases),
        do=wording.advice(deps, opening.do, opening.severity),
        message=wording.message(deps, opening.message),
        last_news_at=now,
    )
    promise = wording.promise(policy, opening.severity, now, opening.next_by, opening.next_in)
    await rows.lock_incidents()
    for other in await rows.incidents(open_only=True, limit=1000):
        if other.scope.covers(scope):
            raise Conflict(
                f"incident {other.number} ({other.newest.facts.title}) covers this already; update it with: "
                f"alertd incident update {other.number}",
                incident=other.number,
            )
    notice = Update(1, Kind.NOTICE, now, facts, promise=promise, human_number=1)
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
    seen = await preview(deps, rows, incident, policy, now)
    if not seen.families:
        names = ", ".join(scope.services)
        raise Invalid(f"nobody uses {names} there: import families, or name other regions", field="services")
    lane = lane_of_notices(seen.families)
    if not dry_run:
        await rows.add_incident(incident, policy)
        await rows.add_fanout(
            cursors(deps, seen.families), incident.id, 1, lane, deps.clock.machine(), scope=scope
        )
        detail: dict[str, object] = {"severity": facts.severity.value, "services": scope.services}
        if alert is not None:
            detail["alert"] = alert
        await rows.add_act(deps.new_id(), now, who, "open", incident.id, detail)
    return Opened(incident.number, 1, seen, dry_run), lane


def lane_of_notices(families: int) -> str:
    """The lane of a cursor that carries first notices to so many families."""
    return (Lane.URGENT if families < URGENT_BELOW else Lane.BULK).value
