"""How the cluster finds its providers: each process says what its breakers do, and responders hear of it.

Only what is not as it should be is written: while all is well, nobody writes or reads anything for it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from alertd.domain.breaker import LONGEST_PAUSE, Breaker, BreakerState
from alertd.domain.incident import IncidentId
from alertd.domain.paging import CHANNEL
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Provider
from alertd.usecases.tell_trouble import tell_trouble

FRESH = LONGEST_PAUSE + timedelta(seconds=15)
"""Machine time for which a process's word counts: a pause, and the wait of those held back."""

CALM = timedelta(seconds=60)
"""Machine time without trouble after which it is over, and responders are told of the next one anew."""

_AGAIN = timedelta(seconds=5)  # between two words of a process on a breaker that stays open
_MOST = 100_000  # open incidents; more than anybody ever has
_RANK = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class Noting:
    """What one process has said of its breakers, and says again when it has changed."""

    def __init__(self, deps: Deps, breakers: Mapping[str, Breaker]) -> None:
        self._deps, self._breakers = deps, breakers
        self._process = str(deps.new_id())
        self._said: dict[str, Provider] = {}

    async def note(self) -> None:
        """Call often: it costs a look at each breaker. Never raises, as messages go on all the same."""
        if not self._said and all(each.state is BreakerState.CLOSED for each in self._breakers.values()):
            return
        now = self._deps.clock.machine()
        fresh = [found for name, each in self._breakers.items() if (found := self._found(name, each, now))]
        if not fresh:
            return
        try:
            async with self._deps.store.transaction() as rows:
                await rows.note_providers(self._process, fresh)
        except Exception as error:
            self._deps.log.warning("providers_not_noted", error=type(error).__name__, exc_info=True)
            return
        for each in fresh:
            if each.state is BreakerState.CLOSED:
                self._said.pop(each.channel, None)
            else:
                self._said[each.channel] = each

    def _found(self, channel: str, breaker: Breaker, now: datetime) -> Provider | None:
        """What is to be said of a channel now; None: nothing new."""
        before = self._said.get(channel)
        if before is None and breaker.state is BreakerState.CLOSED:
            return None
        if before is not None and before.state is breaker.state and now - before.at < _AGAIN:
            return None
        since = before.since if before is not None and breaker.state is not BreakerState.CLOSED else now
        return Provider(channel, breaker.state, breaker.code, round(breaker.share(now), 3), since, now)


def together(found: Iterable[Provider], now: datetime) -> dict[str, Provider]:
    """By channel, the worst that any process finds now; what none has said anything of lately is left out."""
    worst: dict[str, Provider] = {}
    for each in found:
        if now - each.at > FRESH:
            continue
        known = worst.get(each.channel)
        if known is None or (_RANK[each.state], each.failed) > (_RANK[known.state], known.failed):
            worst[each.channel] = each
    return worst


async def watch_providers(deps: Deps) -> None:
    """Tell responders, once in each open incident, of a provider that is left alone; and end it when that is over.

    Call it every few seconds, in any sweeper: what is known already is told to nobody again.
    """
    async with deps.store.reading() as rows:
        found = await rows.providers()
        if not found:
            return
        open_ = await rows.incidents(open_only=True, limit=_MOST)
    incidents = sorted(each.id for each in open_ if not each.exercise)  # in whose order all lock what is noted
    now = deps.clock.machine()
    down = {name: each for name, each in together(found, now).items() if each.state is not BreakerState.CLOSED}
    if down and incidents:
        await tell_trouble(
            deps, {(id_, f"{CHANNEL}{name}"): each.code for id_ in incidents for name, each in down.items()}
        )
    over = await _over(deps, found, incidents, now)
    if not over:
        return
    async with deps.store.transaction() as rows:
        for name in over:
            for id_ in incidents:
                await rows.end_trouble(id_, f"{CHANNEL}{name}", deps.clock.now())
            await rows.forget_providers(name, now - CALM)
    for name in over:
        deps.log.info("provider_calm", channel=name)


async def _over(
    deps: Deps, found: Iterable[Provider], incidents: Sequence[IncidentId], now: datetime
) -> Sequence[str]:
    """The channels that have been well for a while: the last word on them was so, or a message was taken since.

    That nobody has said anything lately may only mean that nobody has tried.
    """
    newest: dict[str, Provider] = {}
    for each in found:
        known = newest.get(each.channel)
        if known is None or each.at > known.at:
            newest[each.channel] = each
    over: list[str] = []
    async with deps.store.reading() as rows:
        for name, last in sorted(newest.items()):
            if now - last.at <= CALM:
                continue
            since = deps.clock.now() - (now - last.at) * deps.clock.rate
            if last.state is BreakerState.CLOSED or not incidents or await _took(rows, incidents, name, since):
                over.append(name)
    return over


async def _took(rows: Rows, incidents: Sequence[IncidentId], channel: str, since: datetime) -> bool:
    for id_ in incidents:
        if await rows.took_since(id_, channel, since):
            return True
    return False
