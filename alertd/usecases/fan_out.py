"""Carry an update to the next slice of families; cursor and slice move in one transaction."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from alertd import failpoints
from alertd.domain.incident import Incident
from alertd.ports.deps import Deps
from alertd.ports.store import Taken
from alertd.records import Claimed, Fanout, Lease, Unreadable
from alertd.usecases import planning
from alertd.usecases.find_downtimes import find_downtimes

FIRST_SLICE = 100
"""Of an update: it keeps the first hand-over near 30 ms."""

SLICE = 500
"""Where batching stops paying (measured)."""

CURSORS = 8
"""At most so many carry an update: as many workers plan side by side. Two are enough for two cores; eight let a
larger machine use its own (docs/decisions/0013)."""

_mid_fanout, _mid_slice = failpoints.at("mid_fanout"), failpoints.at("mid_slice")


def cursors(deps: Deps, families: int) -> list[UUID]:
    """New ids, one for each cursor that it takes to tell so many families."""
    return [deps.new_id() for _ in range(max(1, min(CURSORS, families // deps.part)))]


@dataclass(slots=True)
class Step:
    """What one step did: whether there was work, and deliveries that were born leased."""

    worked: bool
    batch: list[Claimed] = field(default_factory=list)
    lease: Lease | None = None
    channels: frozenset[str] = frozenset()  # of what was planned, sent or not
    incident: Incident | None = None  # as it was read for the plan, where the batch is all of one
    taken: bool = False  # there was work, and another worker has it in hand


IDLE = Step(worked=False)
TAKEN = Step(worked=False, taken=True)


def new_lease(deps: Deps) -> Lease:
    """A fresh right to hand deliveries over."""
    return Lease(deps.new_id(), deps.clock.machine() + timedelta(seconds=deps.timing.lease))


async def fan_out(
    deps: Deps, lane: str, *, send: bool, room: dict[str, int] | None = None, wait: float = 0.0
) -> Step:
    """Plan the next slice of the oldest open cursor of a lane.

    `send`: deliveries are born leased to the caller, by channel as many as it has `room` for (None: all);
    otherwise they are left pending. `wait`: for so many seconds, where another worker is at a slice.
    """
    async with deps.store.turn(f"fanout-{lane}", wait) as turn:
        if turn is None:
            return TAKEN
        try:
            cursor = await turn.rows.take_fanout(lane, wait)
        except Taken:
            return TAKEN
        if cursor is None:
            return IDLE
        rows = turn.rows
        incident = await rows.incident(cursor.incident)
        if incident is None:
            raise LookupError(f"a cursor points to an incident that does not exist: {cursor.incident}")
        policy = await rows.policy_of(cursor.incident)
        margin = await planning.margin(deps, rows, incident, policy)
        most = SLICE if cursor.slices or cursor.position else FIRST_SLICE
        ids = await rows.slice_ids(cursor, incident.scope, most)
        machine_at = deps.clock.machine()
        if not ids:
            async with turn.write() as write:
                await write.move_fanout(cursor, None, machine_at)
            _done(deps, incident, cursor)
            return Step(worked=True)
        lease = new_lease(deps) if send else None
        unreadable: list[Unreadable] = []
        planned = planning.plan_families(
            deps,
            incident,
            policy,
            await rows.candidates(cursor.incident, ids, unreadable=unreadable),
            unreadable,
            now=deps.clock.now(),
            lane=lane,
            margin=margin,
            downtimes=await find_downtimes(deps, rows, incident.opened_at),
            lease=lease,
            room=room,
        )
        async with turn.write() as write:
            if await write.overtaken(incident):
                raise planning.Overtaken
            # Whoever comes behind the last one later has a watch that is due, from the import.
            last = len(ids) < most or ids[-1] == cursor.until
            if not await write.move_fanout(cursor, None if last else ids[-1], machine_at):
                return Step(worked=True)
            if _mid_slice is not None:
                _mid_slice("")
            inserted = await planning.write(write, planned)
            if inserted is None:
                raise planning.Overtaken
    await planning.tell_failures(deps, planned)
    if last:
        _done(deps, incident, cursor)
    elif _mid_fanout is not None:
        _mid_fanout("")
    channels = planned.channels
    if lease is None:
        return Step(worked=True, channels=channels)
    batch = planning.claimed(planned, inserted)
    return Step(worked=True, batch=batch, lease=lease, channels=channels, incident=incident)


def _done(deps: Deps, incident: Incident, cursor: Fanout) -> None:
    deps.log.info("fanout_done", incident=incident.number, update=cursor.update, until=cursor.until)
