"""A responder says "I am on it": each later step waits once, ten minutes, and no deadline moves (R5, R8)."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from alertd.domain.errors import Conflict, NotFound
from alertd.domain.incident import Incident
from alertd.domain.paging import Coming
from alertd.domain.post_by import post_by
from alertd.domain.responders import plan_pages
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.plan_responders import responding
from alertd.usecases.repeat import Repeat, answered, keep

ACT = "ack"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What still stands: the deadline, and who is told next if nobody publishes."""

    incident: int
    post_by: datetime
    next: Coming | None


async def ack_incident(
    deps: Deps, which: int | UUID, *, who: str, page: UUID | None = None, repeat: Repeat | None = None
) -> Acknowledged:
    """Note that a responder knows; `page`: the one whose link they used. Again changes nothing.

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
        now = deps.clock.now()
        detail: dict[str, object] = {"page": str(page)} if page is not None else {}
        await rows.add_act(deps.new_id(), now, who, ACT, incident.id, detail)
        await rows.touch_responders(incident.id, now)
        done = await _done(deps, rows, incident, now)
        await keep(rows, repeat, done, now)
    deps.log.info("incident_acknowledged", incident=incident.number)
    return done


async def whats_next(deps: Deps, rows: Rows, incident: Incident, now: datetime) -> tuple[datetime, Coming | None]:
    """(the time to publish by, who is told next if nobody does)."""
    duty = await responding(deps, rows, incident)
    coming = plan_pages(duty, now).coming
    return post_by(incident, duty.policy), coming[0] if coming else None


async def _done(deps: Deps, rows: Rows, incident: Incident, now: datetime) -> Acknowledged:
    due, coming = await whats_next(deps, rows, incident, now)
    return Acknowledged(incident.number, due, coming)
