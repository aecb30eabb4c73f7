"""Tell the cluster that this part gets things done; readiness is progress, not life."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from alertd.domain.downtime import Downtime
from alertd.domain.held_clock import MOST
from alertd.ports.deps import Deps
from alertd.usecases.senders import SENDS, Senders

EVERY = timedelta(seconds=5)
"""Machine time between two beats: far below the 30 s after which readiness is lost, and next to no writes."""

SWEEPER = "sweeper"
"""All sweepers of the cluster have one heartbeat: while any of them looks, nobody is forgotten."""

DOWN_AFTER = timedelta(seconds=30)
"""Machine time without a sweep after which we were down: as long as readiness lasts without one."""

HINTS_LOST = "hints_lost"
"""Each process counts its own; the database adds them up."""


RATES_LOST = "rates_lost"
"""The same for questions after a rate that Redis did not answer."""

RATE_WAITED = "rate_waited_ms_"
"""Before a channel's name: milliseconds for which messages in hand waited for its rate, in all processes."""

_RATE_BINDS = "rate-"  # before "LANE-CHANNEL", among the heartbeats: something of both has just waited for a rate


async def beat(
    deps: Deps,
    name: str,
    last: datetime | None,
    waited: Callable[[], Mapping[tuple[str, str], float]] = dict,
    senders: Senders | None = None,
) -> datetime:
    """Write a heartbeat unless the last one is younger than 5 s; returns when the newest was written.

    `waited`: takes for how many seconds messages in hand have waited for a rate, by channel and lane.
    `senders`: of a process that hands over.

    The first sweep after an outage of our own keeps for how long there was none (R13).
    """
    now = deps.clock.machine()
    if last is not None and last <= now < last + EVERY:  # not while a beat lies in the future: the clock went back
        return last
    lost, rates_lost = deps.doorbell.take_lost(), deps.pace.take_lost() if deps.pace is not None else 0
    held_up = waited()
    async with deps.store.transaction() as rows:
        before = (await rows.heartbeats()).get(name) if name == SWEEPER else None
        down = unswept(deps, before)
        if before is not None and down is not None:
            await rows.keep_downtime(before, down)
        # Who stood still and has not looked at the clock yet is not the newest to be heard of.
        if before is None or not now < before <= now + MOST:
            await rows.beat(name, now)
        if senders is not None:
            await senders.tell(rows, now)
        if lost:
            await rows.count(HINTS_LOST, lost)
        if rates_lost:
            await rows.count(RATES_LOST, rates_lost)
        for (channel, _), seconds in held_up.items():
            await rows.count(f"{RATE_WAITED}{channel}", round(seconds * 1000))
        for channel, lane in sorted(held_up):
            await rows.beat(f"{_RATE_BINDS}{lane}-{channel}", now)
    if before is not None and down is not None:
        deps.log.warning("we_were_down", seconds=round((now - before).total_seconds()))
    return now


def parts(beats: Mapping[str, datetime]) -> dict[str, datetime]:
    """Of the heartbeats those of the cluster's parts."""
    return {name: at for name, at in beats.items() if not name.startswith((_RATE_BINDS, SENDS))}


def bound_by_rates(beats: Mapping[str, datetime], now: datetime) -> set[tuple[str, str]]:
    """(lane, channel) of which something has waited for its rate within the last 30 s: it is taken, one by one.

    That says nothing of the lane's other channels: what waits there may have been left lying by everybody.
    """
    bound = set()
    for name, at in beats.items():
        if name.startswith(_RATE_BINDS) and now - at < DOWN_AFTER:
            lane, _, channel = name.removeprefix(_RATE_BINDS).partition("-")
            bound.add((lane, channel))  # a worker of an older version names no channel: "" stands for all
    return bound


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
