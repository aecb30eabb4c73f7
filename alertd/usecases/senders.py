"""How many processes hand over at this moment: each tells the database that it does, and counts the others.

Only where rates are not shared in Redis does it matter: there each keeps to its part of them by itself, and a part
of what the settings say should run would be too much where more of them do, or on several machines.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from alertd.ports.deps import Deps
from alertd.ports.store import Rows

SENDS = "sends-"  # before what tells a process from all others, among the heartbeats
_ALIVE = timedelta(seconds=15)  # three beats, machine time: one that is silent has ended, or has nothing to do
_KNOWN = timedelta(seconds=5)  # one beat: whoever was told so lately need not be told again
_FORGOTTEN = timedelta(hours=1)


class Senders:
    """One of them. It counts whenever its part of the cluster beats, every five seconds while there is work."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._name = f"{SENDS}{deps.new_id().hex[-20:]}"  # its column is short; so much is random
        self._told_at: datetime | None = None

    async def tell(self, rows: Rows, now: datetime) -> None:
        """Within a transaction of the caller's: here I am; `now` is machine time."""
        if self._deps.pace is None:
            return
        await rows.beat(self._name, now)
        await rows.forget_beats(SENDS, now - _FORGOTTEN)
        self._deps.pace.among(alive(await rows.heartbeats(), now))
        self._told_at = now

    async def join(self) -> None:
        """The same, before work begins after a rest: where rates are not shared, the others have to know of it."""
        deps = self._deps
        if deps.pace is None or not deps.pace.alone:
            return
        now = deps.clock.machine()
        if self._told_at is None or now - self._told_at >= _KNOWN:  # hints may come by the dozen
            async with deps.store.transaction() as rows:
                await self.tell(rows, now)


def alive(beats: Mapping[str, datetime], now: datetime) -> int:
    """How many processes hand over, by the heartbeats."""
    return sum(name.startswith(SENDS) and now - at < _ALIVE for name, at in beats.items())
