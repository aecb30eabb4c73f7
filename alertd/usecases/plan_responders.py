"""Plan whom to nudge or page in the incidents whose own watch is due (R8)."""

from alertd.domain.incident import Incident
from alertd.domain.paging import Orders, Responding
from alertd.domain.responders import plan_pages
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.planning import margin


async def plan_responders(deps: Deps, limit: int = 100) -> int:
    """Plan up to so many due watches, each in a transaction of its own; returns how many there were."""
    for planned in range(limit):
        async with deps.store.transaction() as rows:
            now = deps.clock.now()
            incident_id = await rows.take_responders(now)
            if incident_id is None:
                return planned
            incident = await rows.incident(incident_id)
            if incident is None:
                raise LookupError(f"a responder's watch points to an incident that does not exist: {incident_id}")
            duty = await responding(deps, rows, incident)
            orders = plan_pages(duty, now)
            await _write(deps, rows, incident, orders)
        for owed in orders.owed:
            deps.log.info(
                "responder_told" if not owed.page else "responder_paged",
                incident=incident.number,
                who=owed.who,
                why=owed.key.ladder.value,
            )
    return limit


async def responding(deps: Deps, rows: Rows, incident: Incident) -> Responding:
    """All that the planner looks at for one incident."""
    policy = await rows.policy_of(incident.id)
    return Responding(
        incident=incident,
        policy=policy,
        margin=await margin(deps, rows, incident, policy),
        paged=[row.paged for row in await rows.pages(incident.id)],
        acknowledged=await rows.acknowledgements(incident.id),
        over=await rows.troubles_over(incident.id),
        trouble={subject: at for subject, (at, _) in (await rows.troubles(incident.id)).items()},
    )


async def _write(deps: Deps, rows: Rows, incident: Incident, orders: Orders) -> None:
    machine_at, now = deps.clock.machine(), deps.clock.now()
    if orders.stale:
        stale = set(orders.stale)
        await rows.cancel_pages([row.id for row in await rows.pages(incident.id) if row.key in stale])
    await rows.add_pages(incident.id, orders.owed, incident.newest.number, now, machine_at)
    await rows.look_again(incident.id, orders.look_at)
