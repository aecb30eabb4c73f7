"""Tell somebody on our side that people wrote to us: how many, and never what. A nudge that wakes nobody."""

from datetime import datetime, timedelta

from alertd.ports import Content
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.machine import BY_ITSELF
from alertd.usecases.nudge import nudge

TELLING, TOLD = "telling of the inbox", "told of the inbox"
"""Names of the acts by which sweepers agree on who tells, and up to which message it was told."""

_GATHER = timedelta(minutes=10)  # after one telling, before the next
_OLD = timedelta(days=1)  # what nobody could be told of by then is no news
_HAND_OVER = timedelta(minutes=1)  # real time, after which whoever was at it counts as dead, and it is tried again


async def tell_inbox(deps: Deps) -> int:
    """Nudge the owner, else the next in the default policy's order; returns how many messages it was about.

    Better twice than never: whoever dies in the middle of it has it done again a minute later.
    """
    on_call = deps.on_call
    if on_call is None or deps.replies is None:
        return 0
    async with deps.store.reading() as rows:  # nobody takes the right to write for nothing
        if not await _waits(deps, rows):
            return 0
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # so that one of several sweepers does it
        if not await _waits(deps, rows):
            return 0
        now = deps.clock.now()
        count, newest, at = await rows.inbox_since(await _since(rows, now))
        if newest is None or at is None:
            return 0
        await rows.add_act(deps.new_id(), now, BY_ITSELF, TELLING, None, {"messages": count})
    who = await nudge(deps, on_call, lambda _zone: _content(count), newest, _OLD)
    if who is None:
        deps.log.warning("inbox_untold", messages=count)
        return 0
    async with deps.store.transaction() as rows:
        await rows.add_act(deps.new_id(), at, BY_ITSELF, TOLD, None, {"who": who, "messages": count})
    deps.log.info("inbox_told", who=who, messages=count)
    return count


async def _waits(deps: Deps, rows: Rows) -> bool:
    """Whether anything came that nobody has been told of, and the last telling is a while ago."""
    now = deps.clock.now()
    count, _, _ = await rows.inbox_since(await _since(rows, now))
    if not count:
        return False
    told = await rows.last_act(TOLD, now - _OLD)
    telling = await rows.last_act(TELLING, now - _HAND_OVER * deps.clock.rate)
    return telling is None and (told is None or now >= told + _GATHER)


async def _since(rows: Rows, now: datetime) -> datetime:
    return await rows.last_act(TOLD, now - _OLD) or now - _OLD


def _content(count: int) -> Content:
    what = "1 reply from a family waits" if count == 1 else f"{count} replies from families wait"
    return Content("Nudge: replies from families", f"{what} to be read: alertd inbox list")
