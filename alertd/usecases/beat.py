"""Tell the cluster that this part gets things done; readiness is progress, not life."""

from datetime import datetime, timedelta

from alertd.domain.downtime import Downtime
from alertd.ports.deps import Deps

EVERY = timedelta(seconds=5)
"""Machine time between two beats: far below the 30 s after which readiness is lost, and next to no writes."""

SWEEPER = "sweeper"
"""All sweepers of the cluster have one heartbeat: while any of them looks, nobody is forgotten."""

DOWN_AFTER = timedelta(seconds=30)
"""Machine time without a sweep after which we were down: as long as readiness lasts without one."""

HINTS_LOST = "hints_lost"
"""Each process counts its own; the database adds them up."""


async def beat(deps: Deps, name: str, last: datetime | None) -> datetime:
    """Write a heartbeat unless the last one is younger than 5 s; returns when the newest was written.

    The first sweep after an outage of our own keeps for how long there was none (R13).
    """
    now = deps.clock.machine()
    if last is not None and now - last < EVERY:
        return last
    lost = deps.doorbell.take_lost()
    async with deps.store.transaction() as rows:
        before = (await rows.heartbeats()).get(name) if name == SWEEPER else None
        down = unswept(deps, before)
        if before is not None and down is not None:
            await rows.keep_downtime(before, down)
        await rows.beat(name, now)
        if lost:
            await rows.count(HINTS_LOST, lost)
    if before is not None and down is not None:
        deps.log.warning("we_were_down", seconds=round((now - before).total_seconds()))
    return now


def unswept(deps: Deps, before: datetime | None) -> Downtime | None:
    """The outage of our own, in story time, since the last sweep, which was at `before`, machine time; None: none.

    None as well where no sweep ever ran: a cluster that has just begun has kept nobody waiting.
    """
    if before is None:
        return None
    gap = deps.clock.machine() - before
    if gap <= DOWN_AFTER:
        return None
    now = deps.clock.now()
    return Downtime(now - gap * deps.clock.rate, now)


async def tell_lost_hints(deps: Deps) -> None:
    """Add the rings that nobody heard to the cluster's count, where this process has no heart that beats."""
    lost = deps.doorbell.take_lost()
    if lost:
        async with deps.store.transaction() as rows:
            await rows.count(HINTS_LOST, lost)
