"""Plan the watches whose time has come."""

from alertd.domain.delivery import Lane
from alertd.ports.deps import Deps
from alertd.records import Claimed, Unreadable
from alertd.usecases import planning
from alertd.usecases.fan_out import IDLE, SLICE, Step, new_lease
from alertd.usecases.find_downtimes import find_downtimes


async def plan_due(deps: Deps, *, send: bool, limit: int = SLICE, room: dict[str, int] | None = None) -> Step:
    """Plan up to `limit` due watches, the longest due first; `send` and `room` as in fan_out."""
    async with deps.store.turn("due") as turn:
        if turn is None:
            return IDLE
        rows = turn.rows
        now = deps.clock.now()
        due = await rows.due_watches(now, limit)
        if not due:
            return IDLE
        lease = new_lease(deps) if send else None
        # First notices among few are urgent; a full slice is the beginning of a crowd (a morning, an import).
        lane = Lane.URGENT if sum(len(ids) for ids in due.values()) < limit else Lane.BULK
        plans = []
        for incident_id, ids in due.items():
            incident = await rows.incident(incident_id)
            if incident is None:
                raise LookupError(f"a watch points to an incident that does not exist: {incident_id}")
            policy = await rows.policy_of(incident.id)
            unreadable: list[Unreadable] = []
            plans.append(
                planning.plan_families(
                    deps,
                    incident,
                    policy,
                    await rows.candidates(incident.id, ids, unreadable=unreadable),
                    unreadable,
                    now=now,
                    lane=lane.value,
                    margin=await planning.margin(deps, rows, incident, policy),
                    downtimes=await find_downtimes(deps, rows, incident.opened_at),
                    lease=lease,
                    room=room,
                )
            )
        batch: list[Claimed] = []
        async with turn.write() as write:
            for (incident_id, ids), planned in zip(due.items(), plans, strict=True):
                gone = set(ids) - {watch.family for watch in planned.plan.watches}
                if gone:
                    await write.rest_watches(incident_id, sorted(gone))
                inserted = await planning.write(write, planned)
                if inserted is None:
                    raise planning.Overtaken
                if lease is not None:
                    batch += planning.claimed(planned, inserted)
    for planned in plans:
        await planning.tell_failures(deps, planned)
    channels = frozenset[str]().union(*(planned.channels for planned in plans))
    return Step(worked=True, batch=batch, lease=lease, channels=channels)
