"""Drain a lane: plan and hand over, a few batches in flight, until there is nothing left or time is up.

What is urgent never waits behind what is bulk: on the urgent lane, what waits to be sent comes before what is due
to be planned, and of that a little at a time; what comes of it is sent by whoever drains its own lane.
"""

import asyncio
import time
from collections.abc import Callable

from alertd.domain.delivery import Lane
from alertd.ports.deps import Deps
from alertd.usecases.deliver import Sender
from alertd.usecases.fan_out import FIRST_SLICE, IDLE, SLICE, Step, fan_out, new_lease
from alertd.usecases.plan_due import plan_due
from alertd.usecases.planning import Overtaken

_AHEAD = 3  # batches in flight per process: more gained nothing, fewer let the connection idle
_WAIT_FOR_ROOM = 0.25  # seconds after which a slice is planned without being sent
_PROBES = 4  # empty looks, 5 to 40 ms apart, before a drain returns


async def drain(
    deps: Deps, sender: Sender, lane: str, *, seconds: float, stop: Callable[[], bool] = lambda: False
) -> int:
    """Work on a lane for at most `seconds`; returns how many messages were accepted.

    Stops claiming when `stop()` says so, then awaits what is in flight: connections outlive their batches.
    """
    until = time.monotonic() + seconds
    flights: set[asyncio.Task[int]] = set()
    accepted = 0
    empty = 0
    try:
        while not stop() and time.monotonic() < until:
            step = await _next(deps, lane, room=len(flights) < _AHEAD)
            if step.batch and step.lease is not None:
                flights.add(asyncio.create_task(sender.hand_over(step.batch, step.lease)))
            if step.worked:
                empty = 0
            elif not flights:
                empty += 1
                if empty > _PROBES:
                    break
                await asyncio.sleep(0.005 * 2 ** (empty - 1))
            if flights and (len(flights) >= _AHEAD or not step.worked):
                done, flights = await asyncio.wait(
                    flights, timeout=_WAIT_FOR_ROOM, return_when=asyncio.FIRST_COMPLETED
                )
                accepted += sum(task.result() for task in done)
    finally:
        # Also when the database fails: what a provider takes now is to be written, or it is sent twice.
        if flights:
            await asyncio.wait(flights)
    return accepted + sum(task.result() for task in flights)


async def _next(deps: Deps, lane: str, *, room: bool) -> Step:
    """One piece of work: a slice of a fan-out, due watches, or a claim; where it is urgent, claims come first."""
    try:
        step = await fan_out(deps, lane, send=room)
        if not step.worked and lane == Lane.URGENT and room:
            step = await claim(deps, lane)
        if not step.worked and lane == Lane.URGENT:
            # So that whoever is refused hears otherwise at once, also while the bulk lane is busy.
            return await plan_due(deps, send=False, limit=FIRST_SLICE)
        if not step.worked:
            step = await plan_due(deps, send=room)
    except Overtaken:
        return Step(worked=True)
    if step.worked or not room:
        return step
    return await claim(deps, lane)


async def claim(deps: Deps, lane: str, limit: int = SLICE) -> Step:
    """Lease what is due on a lane; what may not be said any more goes back to the planner."""
    lease = new_lease(deps)
    now = deps.clock.now()
    async with deps.store.transaction() as rows:
        batch, stale = await rows.claim(lane, now, deps.clock.machine(), lease, limit)
    if stale:
        # In a transaction of its own: watches are locked before deliveries, everywhere.
        async with deps.store.transaction() as rows:
            await rows.give_back(stale, now)
    if not batch and not stale:
        return IDLE
    return Step(worked=True, batch=batch, lease=lease)
