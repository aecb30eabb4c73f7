"""Whether a newer alertd has changed the database so that this version must not work on it any more.

What only adds to the schema outgrows nobody: during an upgrade the parts of both versions work side by side.
"""

from datetime import datetime, timedelta

from alertd.ports.deps import Deps

_ASK_AGAIN = timedelta(seconds=5)  # machine time: as often as a part beats
_SAY_AGAIN = timedelta(minutes=1)


class Outgrown:
    """Of one process; ask before each piece of work."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._asked_at: datetime | None = None
        self._said_at: datetime | None = None
        self.so = False  # as of the last look

    async def look(self) -> bool:
        """Ask the database every few seconds; whether nothing may be claimed, planned or audited here."""
        now = self._deps.clock.machine()
        if self._asked_at is not None and now - self._asked_at < _ASK_AGAIN:
            return self.so
        async with self._deps.store.reading() as rows:
            required = await rows.unknown_schema()
        self._asked_at, self.so = now, required is not None
        if required is None:
            self._said_at = None
        elif self._said_at is None or now - self._said_at >= _SAY_AGAIN:
            self._said_at = now
            self._deps.log.error("outgrown", required=required, way_out="replace this part by the newer version")
        return self.so
