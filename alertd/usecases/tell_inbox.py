"""Tell somebody on our side that people wrote to us: how many, and never what."""

from datetime import datetime

from alertd.ports import Content, OnCall
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.tell_gathered import Gathered, tell_gathered, told_since


class _Inbox:
    name, unit = "inbox", "messages"

    async def waits(self, rows: Rows, now: datetime) -> bool:
        count, _, _ = await rows.inbox_since(await told_since(rows, self.name, now))
        return count > 0

    async def gather(self, rows: Rows, now: datetime, on_call: OnCall) -> Gathered | None:
        count, newest, at = await rows.inbox_since(await told_since(rows, self.name, now))
        if newest is None or at is None:
            return None
        return Gathered(count, newest, at, lambda _zone: _content(count))


async def tell_inbox(deps: Deps) -> int:
    """See `alertd.usecases.tell_gathered`; returns how many messages it was about."""
    return await tell_gathered(deps, _Inbox()) if deps.replies is not None else 0


def _content(count: int) -> Content:
    what = "1 reply from a family waits" if count == 1 else f"{count} replies from families wait"
    return Content("Nudge: replies from families", f"{what} to be read: alertd inbox list")
