"""Tell somebody on our side what machines told in vain (R0)."""

from datetime import datetime

from alertd.ports import OnCall
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.tell_gathered import OLD, Gathered, tell_gathered, told_of, told_since

_NAME = "ignored events"
TOLD = told_of(_NAME)
"""The act that holds up to which event it was told."""

_MOST = 1000  # events in one telling


class _Ignored:
    name, unit = _NAME, "events"

    async def waits(self, rows: Rows, now: datetime) -> bool:
        return await rows.ignored_wait(now - OLD, TOLD)

    async def gather(self, rows: Rows, now: datetime, on_call: OnCall) -> Gathered | None:
        found = await rows.ignored_events(await told_since(rows, self.name, now), _MOST)
        if not found:
            return None
        return Gathered(
            len(found),
            found[0].id,
            found[-1].at,
            lambda zone: on_call.compose_ignored(found, now, zone),
            {"since": found[0].at},
        )


async def tell_ignored(deps: Deps) -> int:
    """See `alertd.usecases.tell_gathered`; returns how many events it was about."""
    return await tell_gathered(deps, _Ignored())
