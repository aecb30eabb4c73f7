"""Tell somebody on our side what machines told in vain: a nudge that wakes nobody, gathered, once (R0)."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from alertd.domain.policy import Policy
from alertd.ports import ChannelError, Message, OnCall
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Ignored
from alertd.usecases.machine import BY_ITSELF

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
    who = await _tell(deps, on_call, found, now)
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


async def _tell(deps: Deps, on_call: OnCall, found: Sequence[Ignored], now: datetime) -> str | None:
    """Hand it over to the first who can be reached; returns their role."""
    for who in _order(deps.default_policy):
        responder = on_call.responders.get(deps.default_policy.responders.get(who, who))
        pager = on_call.pagers.get(responder.channel) if responder is not None else None
        if responder is None or pager is None:
            continue
        content = on_call.compose_ignored(found, now, responder.zone)
        message = Message(
            to=responder.to,
            title=content.title,
            text=content.text,
            html=None,
            locale="en",
            loud=False,
            delivery=found[0].id,
            attempt=1,
            incident=found[0].id,
            update=0,
            useful_for=_OLD,
        )
        try:
            await pager.send(message)
        except ChannelError as error:
            deps.log.warning("nudge_not_accepted", who=who, code=error.code)
        except Exception as error:
            deps.log.warning(
                "channel_crashed", channel=responder.channel, error=type(error).__name__, exc_info=True
            )
        else:
            return who
    return None


def _order(policy: Policy) -> Iterator[str]:
    """The roles that the policy nudges and pages, in its order."""
    yield from dict.fromkeys(step.who for step in (*policy.escalation.post, *policy.escalation.news))
