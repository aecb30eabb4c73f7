"""A responder says "I am on it": each later step waits once, ten minutes, and no deadline moves (R5, R8)."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alertd.domain.errors import Conflict, NotFound
from alertd.domain.incident import Incident
from alertd.domain.paging import Coming
from alertd.domain.post_by import explain_by, post_by
from alertd.domain.responders import plan_pages
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import ACK
from alertd.usecases.plan_responders import responding
from alertd.usecases.repeat import Repeat, answered, keep


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What still stands: the deadline, and who is told next if nobody publishes."""

    incident: int
    post_by: datetime
    next: Coming | None


async def ack_incident(
    deps: Deps,
    which: int | UUID,
    *,
    who: str,
    page: UUID | None = None,
    dry_run: bool = False,
    repeat: Repeat | None = None,
) -> Acknowledged:
    """Note that a responder knows; `page`: the one that they answered, which counts once.

    Raises NotFound, and Conflict for an incident that has ended.
    """
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
        before = await answered(rows, repeat, Acknowledged)
        if before is not None:
            return before
        incident = await rows.incident(which)
        if incident is None:
            raise NotFound(f"there is no incident {which}; alertd incident list shows them")
        if incident.state.ended:
            raise Conflict(
                f"incident {incident.number} is {incident.state}; nobody is paged for it", incident=incident.number
            )
        if incident.exercise:
            raise Conflict(
                f"incident {incident.number} is an exercise; nobody is paged for it", incident=incident.number
            )
        now = deps.clock.now()
        fresh = not dry_run and await note_ack(deps, rows, incident, now, who=who, page=page)
        due, coming = await whats_next(deps, rows, incident, now)
        done = Acknowledged(incident.number, due, coming)
        await keep(rows, repeat, done, now)
    if fresh:
        deps.log.info("incident_acknowledged", incident=incident.number)
    return done


async def note_ack(
    deps: Deps, rows: Rows, incident: Incident, now: datetime, *, who: str, page: UUID | None
) -> bool:
    """Note that a responder knows; False where that page has been answered before. The caller holds the lock."""
    if await _used(rows, incident, page):
        return False
    detail: dict[str, object] = {"page": str(page)} if page is not None else {}
    await rows.add_act(deps.new_id(), now, who, ACK, incident.id, detail)
    await rows.touch_responders(incident.id, now)
    return True


async def _used(rows: Rows, incident: Incident, page: UUID | None) -> bool:
    """Whether this page has been answered before, by its link or by a reply."""
    if page is None:
        return False
    acts = await rows.acts(incident.id)
    return any(what == ACK and json.loads(detail).get("page") == str(page) for _, _, what, detail in acts)


async def whats_next(deps: Deps, rows: Rows, incident: Incident, now: datetime) -> tuple[datetime, Coming | None]:
    """(the time to publish by, an update or what happened; who is told next if nobody does)."""
    duty = await responding(deps, rows, incident)
    coming = plan_pages(duty, now).coming
    due = explain_by(incident) or post_by(incident, duty.policy)
    return due, coming[0] if coming else None
