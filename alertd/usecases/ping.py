"""Tell the switch outside that every family is accounted for; say nothing when that is not so."""

from datetime import timedelta

from alertd.domain.audit import Audit
from alertd.ports import DeadMan, NotPinged
from alertd.ports.deps import Deps


class Pinger:
    """Pings after audits that are well, at most every so many seconds; tells each change of state once."""

    def __init__(self, deps: Deps, dead_man: DeadMan, every: float) -> None:
        self._deps, self._dead_man = deps, dead_man
        # An audit comes a moment sooner or later than the last one: half of its interval is no reason to skip.
        self._pause = timedelta(seconds=every - deps.timing.audit / 2)
        self._pinged_at = deps.clock.machine() - timedelta(seconds=every)
        self._told = ""

    async def after(self, answer: Audit) -> bool:
        """Ping, or withhold the ping; whether one was taken."""
        deps = self._deps
        if not answer.well:
            why = answer.failed or ("families_unaccounted" if answer.unaccounted else ", ".join(answer.withheld))
            self._tell("ping_withheld", why)
            return False
        now = deps.clock.machine()
        if now - self._pinged_at < self._pause:
            return False
        try:
            await self._dead_man.ping()
        except NotPinged as error:
            self._tell("ping_failed", error.code)
            async with deps.store.transaction() as rows:
                await rows.count("pings_failed")
            return False
        self._pinged_at = now
        self._tell("ping_taken", "")
        async with deps.store.transaction() as rows:
            await rows.keep_ping(now)
            await rows.count("pings_taken")
        return True

    def _tell(self, event: str, why: str) -> None:
        state = f"{event} {why}"
        if state == self._told:
            return
        self._told = state
        if why:
            self._deps.log.warning(event, why=why)
        else:
            self._deps.log.info(event)
