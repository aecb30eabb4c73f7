"""Whether providers that report do: one that takes messages and says nothing of any may deliver all, or none.

Nothing is sent otherwise for it: from here both look the same, and people find out which it is (decision 47).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from alertd.domain.incident import IncidentId
from alertd.domain.paging import RECEIPTS
from alertd.ports.deps import Deps
from alertd.records import Lag
from alertd.usecases.tell_trouble import tell_trouble

LATE = timedelta(minutes=2)
"""Machine time after which a receipt is late: most come within seconds, those of a call once it was taken."""

WINDOW = timedelta(minutes=10)
"""Machine time that is looked at: what was taken before it says nothing of now."""

ENOUGH = 10
"""So many messages say something of a provider; a phone that is off has no receipt either."""

NEARLY_ALL = 0.9
"""Which part of them must lack a receipt. Some countries' networks never send one, and they are not all."""

WELL = 0.5
"""Less than this part of them lacks one once it is well again: else it comes and goes at one limit all night."""

FRESH = timedelta(minutes=2)
"""Machine time for which a count is told: two counts may have been missed."""

_NEWEST = 5_000  # messages of an incident that are looked at: some 10 ms on SQLite
_MOST = 100_000  # open incidents; more than anybody ever has


async def watch_receipts(deps: Deps) -> None:
    """Count, keep what was counted, and tell responders when it begins and when it ends.

    Call it every half minute, in any sweeper. While no incident is open nothing is counted or written.
    """
    reporting = [name for name, channel in deps.channels.items() if channel.has_callbacks]
    if not reporting:
        return
    now, machine_at = deps.clock.now(), deps.clock.machine()
    async with deps.store.reading() as rows:
        incidents = [each.id for each in await rows.incidents(open_only=True, limit=_MOST) if not each.exercise]
        if not incidents:
            return
        before = {lag.channel: lag for lag in await rows.lags()}
        after, until = now - WINDOW * deps.clock.rate, now - LATE * deps.clock.rate
        counted = [await rows.unreported(each, after, until, _NEWEST) for each in incidents]
        troubles = {each: await rows.troubles(each) for each in incidents}
    lags = [lag_of(name, counted, before.get(name), now, machine_at, deps.clock.rate) for name in reporting]
    news = [lag for lag in lags if lag.taken or lag.channel in before]
    if news:
        async with deps.store.transaction() as rows:
            for lag in news:
                await rows.keep_lag(lag)
    await _tell(deps, news, troubles)


def silent(lag: Lag, machine_at: datetime) -> bool:
    """Whether nearly all receipts are missing, as last counted."""
    return lag.since is not None and lag.taken > 0 and machine_at - lag.at <= FRESH


def lag_of(
    channel: str,
    counted: list[Mapping[str, tuple[int, int, datetime | None]]],
    before: Lag | None,
    now: datetime,
    machine_at: datetime,
    rate: float,
) -> Lag:
    """What is counted of a channel in all open incidents. Too few messages say nothing: what was known stands."""
    mine = [each[channel] for each in counted if channel in each]
    taken, missing = sum(each[0] for each in mine), sum(each[1] for each in mine)
    oldest = min((each[2] for each in mine if each[2] is not None), default=None)
    known = before.since if before is not None and machine_at - before.at <= WINDOW else None
    if taken >= ENOUGH and missing >= NEARLY_ALL * taken:
        known = known or machine_at
    elif missing < WELL * taken:
        known = None
    age = (now - oldest).total_seconds() / rate if oldest is not None else 0.0
    return Lag(channel, taken, missing, round(age, 1), known, machine_at)


async def _tell(
    deps: Deps, lags: list[Lag], troubles: Mapping[IncidentId, Mapping[str, tuple[datetime, str]]]
) -> None:
    began = {
        (incident, f"{RECEIPTS}{lag.channel}"): f"{lag.channel} took {lag.taken} messages within ten minutes and "
        f"has reported nothing of {'any' if lag.missing == lag.taken else lag.missing}"
        for lag in lags
        for incident, known in troubles.items()
        if lag.since is not None and lag.taken >= ENOUGH and f"{RECEIPTS}{lag.channel}" not in known
    }
    if began and await tell_trouble(deps, began):
        for channel in sorted({subject.removeprefix(RECEIPTS) for _, subject in began}):
            deps.log.warning("receipts_missing", channel=channel)
    ended = [
        (incident, f"{RECEIPTS}{lag.channel}")
        for lag in lags
        for incident, known in troubles.items()
        if lag.since is None and lag.missing < lag.taken and f"{RECEIPTS}{lag.channel}" in known
    ]
    if ended:
        async with deps.store.transaction() as rows:
            for incident, subject in sorted(ended):
                await rows.end_trouble(incident, subject, deps.clock.now())
        for channel in sorted({subject.removeprefix(RECEIPTS) for _, subject in ended}):
            deps.log.info("receipts_come_again", channel=channel)
