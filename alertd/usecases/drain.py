"""Drain a lane: plan and hand over, a few batches in flight, until there is nothing left or time is up.

What is urgent never waits behind what is bulk: on the urgent lane, what waits to be sent comes before what is due
to be planned, and of that a little at a time; what comes of it is sent by whoever drains its own lane.
"""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from alertd.domain.delivery import Lane
from alertd.domain.family import CHANNELS
from alertd.ports.deps import Deps
from alertd.records import Claimed
from alertd.usecases.deliver import Sender
from alertd.usecases.fan_out import FIRST_SLICE, IDLE, SLICE, Step, fan_out, new_lease
from alertd.usecases.plan_due import plan_due
from alertd.usecases.planning import Overtaken

_WAIT_FOR_ROOM = 0.25  # seconds after which a slice is planned without being sent
_HEAD_START = 0.01  # seconds that a few messages are given before the next look
_LOOK_AGAIN = 0.25  # seconds between two looks while messages are under way
_WAIT_FOR_TURN = 0.25  # seconds to wait for another worker's slice before looking for other work
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
    much = True
    sender.begin(lane)
    try:
        while not stop() and time.monotonic() < until:
            step = await _next(deps, lane, sender.room(lane)) if much or await _anything(deps, lane) else IDLE
            much = len(step.batch) >= FIRST_SLICE
            fresh = _launch(sender, step, lane)
            flights |= fresh
            if fresh and not much:
                # A few messages are with the provider before there is time to look for more.
                await asyncio.wait(fresh, timeout=_HEAD_START)
            if step.worked:
                empty = 0
                # What was just planned sets out before the next slice is planned, and nobody holds too much.
                await asyncio.sleep(0)
                # Where the last slice went, the next goes too, and what is planned without being sent costs twice.
                await sender.freed(step.channels, _WAIT_FOR_ROOM, lane)
            elif step.taken:
                empty = 0  # what another worker is at now may leave something for us
            elif not flights:
                empty += 1
                if empty > _PROBES:
                    break
                await asyncio.sleep(0.005 * 2 ** (empty - 1))
            else:
                await asyncio.wait(flights, timeout=_LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
            landed = {flight for flight in flights if flight.done()}
            flights -= landed
            accepted += sum(flight.result() for flight in landed)
    finally:
        sender.end(lane)
        # Also when the database fails: what a provider takes now is to be written, or it is sent twice.
        if flights:
            await asyncio.wait(flights)
    return accepted + sum(flight.result() for flight in flights)


def _launch(sender: Sender, step: Step, lane: str) -> "set[asyncio.Task[int]]":
    """A flight for each channel: one that hangs is not waited for by the others."""
    by_channel: dict[str, list[Claimed]] = {}
    for delivery in step.batch:
        by_channel.setdefault(delivery.channel, []).append(delivery)
    lease = step.lease
    if step.incident is not None:
        sender.know(step.incident)
    assert lease is not None or not by_channel
    return {
        asyncio.create_task(sender.hand_over(part, lease, lane))
        for part in by_channel.values()
        if lease is not None
    }


async def _anything(deps: Deps, lane: str) -> bool:
    """Behind a few messages there is mostly nothing: to see that costs a fifth of a look for each kind."""
    async with deps.store.reading() as rows:
        return await rows.anything(lane, deps.clock.now(), deps.clock.machine())


async def _next(deps: Deps, lane: str, room: dict[str, int]) -> Step:
    """One piece of work: a slice of a fan-out, due watches, or a claim; where it is urgent, claims come first."""
    send = bool(room)
    wait = _WAIT_FOR_TURN if lane == Lane.BULK else 0.0
    try:
        step = fanned = await fan_out(deps, lane, send=send, room=room, wait=wait)
        if not step.worked and lane == Lane.URGENT:
            step = await claim(deps, lane, room=room)
        if not step.worked and lane == Lane.URGENT:
            # So that whoever is refused hears otherwise at once, also while the bulk lane is busy.
            return await plan_due(deps, send=False, limit=FIRST_SLICE)
        if not step.worked:
            step = await plan_due(deps, send=send, room=room)
    except Overtaken:
        return Step(worked=True)
    if not step.worked:
        step = await claim(deps, lane, room=room)
    return step if step.worked else fanned


async def claim(deps: Deps, lane: str, limit: int = SLICE, room: dict[str, int] | None = None) -> Step:
    """Lease what is due on a lane; what may not be said any more goes back to the planner.

    `room`: how many more messages may be taken in hand by channel; none of a channel that it does not name.
    A channel without an adapter takes all: its deliveries are parked.
    """
    wanted = {channel: limit for channel in CHANNELS if room is None or channel not in deps.channels}
    if room is not None:
        wanted |= {channel: min(limit, most) for channel, most in room.items()}
    now, machine_at = deps.clock.now(), deps.clock.machine()
    async with deps.store.reading() as rows:  # mostly there is nothing, and then nobody is kept waiting by a lock
        waiting = await rows.waiting(lane, machine_at)
    wanted = {channel: most for channel, most in wanted.items() if channel in waiting}
    if not wanted:
        return IDLE
    lease = new_lease(deps)
    batch: list[Claimed] = []
    stale: list[UUID] = []
    async with deps.store.transaction() as rows:
        for channel, most in wanted.items():
            good, bad = await rows.claim(lane, now, machine_at, lease, most, channel=channel)
            batch += good
            stale += bad
    if stale:
        # In a transaction of its own: watches are locked before deliveries, everywhere.
        async with deps.store.transaction() as rows:
            await rows.give_back(stale, now)
    if not batch and not stale:
        return IDLE
    return Step(worked=True, batch=batch, lease=lease)
