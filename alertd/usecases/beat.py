"""Tell the cluster that this part gets things done; readiness is progress, not life."""

from datetime import datetime, timedelta

from alertd.ports.deps import Deps

EVERY = timedelta(seconds=5)
"""Machine time between two beats: far below the 30 s after which readiness is lost, and next to no writes."""

HINTS_LOST = "hints_lost"
"""Each process counts its own; the database adds them up."""


async def beat(deps: Deps, name: str, last: datetime | None) -> datetime:
    """Write a heartbeat unless the last one is younger than 5 s; returns when the newest was written."""
    now = deps.clock.machine()
    if last is not None and now - last < EVERY:
        return last
    lost = deps.doorbell.take_lost()
    async with deps.store.transaction() as rows:
        await rows.beat(name, now)
        if lost:
            await rows.count(HINTS_LOST, lost)
    return now


async def tell_lost_hints(deps: Deps) -> None:
    """Add the rings that nobody heard to the cluster's count, where this process has no heart that beats."""
    lost = deps.doorbell.take_lost()
    if lost:
        async with deps.store.transaction() as rows:
            await rows.count(HINTS_LOST, lost)
