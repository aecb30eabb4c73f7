"""Security events at the webhooks of providers, counted for the cluster; each is in the log of whoever met it."""

from collections import Counter
from datetime import datetime, timedelta

from alertd.ports.deps import Deps
from alertd.usecases.take_receipt import CALLBACK_UNKNOWN
from alertd.usecases.take_reply import REPEATED, UNKNOWN

FORGED, OVERSIZED = "callback_forged", "callback_oversized"
"""Not signed by the provider for this URL; larger than any that a provider sends."""

# A status that comes twice is none: providers say a thing at least once, and again where our answer was lost.
# A reply that comes twice may be so too, but would be acted on twice, and somebody may have kept one.
EVENTS = (FORGED, OVERSIZED, CALLBACK_UNKNOWN, UNKNOWN, REPEATED)
"""What is counted, by the names that the log has for it."""

COUNTED_AS = "security_"
"""Their counters in the database begin so."""

_EVERY = timedelta(seconds=5)
"""Machine time between two writes: whoever sends rubbish by the thousand costs us none by the thousand."""


class SecurityEvents:
    """Counts in one process; what is not written yet is written with the next event, or before it is asked for."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._counted: Counter[str] = Counter()
        self._written_at: datetime | None = None

    async def note(self, event: str) -> None:
        """One more of these. Never fails: a request is answered whatever becomes of its count."""
        self._counted[event] += 1
        now = self._deps.clock.machine()
        if self._written_at is not None and now - self._written_at < _EVERY:
            return
        try:
            await self.write()
        except Exception as error:  # noqa: BLE001  whatever the database says, the request is answered
            self._deps.log.warning("not_counted", error=type(error).__name__)

    async def write(self) -> None:
        """Add what was counted to the cluster's. Raises what the database raises, and keeps it then."""
        counted, self._counted = self._counted, Counter()
        self._written_at = self._deps.clock.machine()
        if not counted:
            return
        try:
            async with self._deps.store.transaction() as rows:
                for event, number in sorted(counted.items()):
                    await rows.count(f"{COUNTED_AS}{event}", number)
        except BaseException:
            self._counted.update(counted)
            raise
