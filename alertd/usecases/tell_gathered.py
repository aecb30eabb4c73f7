"""Tell somebody on our side of what has gathered and belongs to no incident: a nudge that wakes nobody, once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from alertd.ports import Content, OnCall
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.machine import BY_ITSELF
from alertd.usecases.nudge import nudge

OLD = timedelta(days=1)
"""Story time after which what nobody could be told of is no news."""

_GATHER = timedelta(minutes=10)  # after one telling, before the next
_HAND_OVER = timedelta(minutes=1)  # real time, after which whoever was at it counts as dead, and it is tried again


@dataclass(frozen=True, slots=True)
class Gathered:
    """What there is to tell."""

    count: int
    about: UUID  # the one of them that the nudge is named by
    upto: datetime  # it is told up to here
    content: Callable[[str | None], Content]  # in words for a clock in that zone; None: UTC
    detail: Mapping[str, object] = field(default_factory=dict)  # kept with the telling beside the count


class Gathers(Protocol):
    """One kind of things that gather."""

    name: str  # "inbox": of its acts, and of its lines in the log
    unit: str  # "messages"

    async def waits(self, rows: Rows, now: datetime) -> bool:
        """Whether there is any that nobody has been told of."""

    async def gather(self, rows: Rows, now: datetime, on_call: OnCall) -> Gathered | None:
        """All of them that nobody has been told of; None: there is none."""


def telling_of(name: str) -> str:
    """The act by which sweepers agree on who tells."""
    return f"telling of {name}"


def told_of(name: str) -> str:
    """The act that holds up to when it was told."""
    return f"told of {name}"


async def told_since(rows: Rows, name: str, now: datetime) -> datetime:
    """Up to when somebody was told, a day ago at the earliest."""
    return await rows.last_act(told_of(name), now - OLD) or now - OLD


async def tell_gathered(deps: Deps, kind: Gathers) -> int:
    """Nudge the owner, else the next in the default policy's order; returns how many it was about.

    Better twice than never: whoever dies in the middle of it has it done again a minute later.
    """
    on_call, event = deps.on_call, kind.name.replace(" ", "_")
    if on_call is None:
        return 0
    async with deps.store.reading() as rows:  # nobody takes the right to write for nothing
        if not await _due(deps, rows, kind):
            return 0
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # so that one of several sweepers does it
        if not await _due(deps, rows, kind):
            return 0
        now = deps.clock.now()
        found = await kind.gather(rows, now, on_call)
        if found is None:
            return 0
        counted: dict[str, object] = {kind.unit: found.count}
        await rows.add_act(deps.new_id(), now, BY_ITSELF, telling_of(kind.name), None, counted)
    who = await nudge(deps, on_call, found.content, found.about, OLD)
    if who is None:
        deps.log.warning(f"{event}_untold", **counted)
        return 0
    async with deps.store.transaction() as rows:
        detail = {"who": who, **counted, **found.detail}
        await rows.add_act(deps.new_id(), found.upto, BY_ITSELF, told_of(kind.name), None, detail)
    deps.log.info(f"{event}_told", who=who, **counted)
    return found.count


async def _due(deps: Deps, rows: Rows, kind: Gathers) -> bool:
    """Whether anything waits, and the last telling is a while ago."""
    now = deps.clock.now()
    if not await kind.waits(rows, now):
        return False
    told = await rows.last_act(told_of(kind.name), now - OLD)
    telling = await rows.last_act(telling_of(kind.name), now - _HAND_OVER * deps.clock.rate)
    return telling is None and (told is None or now >= told + _GATHER)
