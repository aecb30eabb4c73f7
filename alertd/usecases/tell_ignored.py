"""Tell somebody on our side what machines told in vain: a nudge that wakes nobody, gathered, once (R0)."""

from datetime import timedelta

from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.machine import BY_ITSELF
from alertd.usecases.nudge import nudge

TELLING, TOLD = "telling of ignored events", "told of ignored events"
"""Names of the acts by which sweepers agree on who tells, and up to which event it was told."""

_GATHER = timedelta(minutes=10)  # after one telling, before the next
_OLD = timedelta(days=1)  # what nobody could be told of by then is no news
_MOST = 1000  # events in one telling
_HAND_OVER = timedelta(minutes=1)  # real time, after which whoever was at it counts as dead, and it is tried again


async def tell_ignored(deps: Deps) -> int:
    """Nudge the owner, else the next in the default policy's order; returns how many events were told.

    Better twice than never: whoever dies in the middle of it has it done again a minute later.
    """
    on_call = deps.on_call
    if on_call is None:
        return 0
    async with deps.store.reading() as rows:  # nobody takes the right to write for nothing
        if not await _waits(deps, rows):
            return 0
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # so that one of several sweepers does it
        if not await _waits(deps, rows):
            return 0
        now = deps.clock.now()
        told = await rows.last_act(TOLD, now - _OLD)
        found = await rows.ignored_events(told or now - _OLD, _MOST)
        if not found:
            return 0
        await rows.add_act(deps.new_id(), now, BY_ITSELF, TELLING, None, {"events": len(found)})
    who = await nudge(deps, on_call, lambda zone: on_call.compose_ignored(found, now, zone), found[0].id, _OLD)
    if who is None:
        deps.log.warning("ignored_events_untold", events=len(found))
        return 0
    async with deps.store.transaction() as rows:
        detail: dict[str, object] = {"who": who, "events": len(found), "since": found[0].at}
        await rows.add_act(deps.new_id(), found[-1].at, BY_ITSELF, TOLD, None, detail)
    deps.log.info("ignored_events_told", who=who, events=len(found))
    return len(found)


async def _waits(deps: Deps, rows: Rows) -> bool:
    """Whether anything that machines told in vain is to be told on now."""
    now = deps.clock.now()
    if not await rows.ignored_wait(now - _OLD, TOLD):
        return False
    told = await rows.last_act(TOLD, now - _OLD)
    telling = await rows.last_act(TELLING, now - _HAND_OVER * deps.clock.rate)
    return telling is None and (told is None or now >= told + _GATHER)
