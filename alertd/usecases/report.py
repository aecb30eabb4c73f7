"""Report on an incident: what families were promised, what became of it, and how long anybody waited (R13)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd.domain import silence
from alertd.domain.downtime import Downtime
from alertd.domain.incident import Incident, Update
from alertd.domain.promises import Kept, judge, promises, unheard
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Notices, Progress, Reach, Silences
from alertd.usecases.find_downtimes import find_downtimes
from alertd.usecases.planning import margin


@dataclass(frozen=True, slots=True)
class IncidentReport:
    """All that is to be said when people ask how families fared."""

    at: datetime  # story time
    notices: Notices
    silences: Silences
    promises: tuple[Kept, ...]
    reach: Reach
    progress: Progress
    downtimes: tuple[Downtime, ...]  # our own, while the incident was open


async def report(deps: Deps, rows: Rows, incident: Incident, *, limit: int) -> IncidentReport:
    """Count it all, within the caller's snapshot; nothing is locked. The lists of families hold `limit` each."""
    now = deps.clock.now()
    policy = await rows.policy_of(incident.id)
    ended = incident.ended_at or now
    found = await find_downtimes(deps, rows, incident.opened_at)
    downtimes = tuple(each for each in found if each.began_at <= ended)

    def window(update: Update) -> timedelta:
        return silence.window(policy, update.facts.severity, update.facts.state, asleep=False)

    return IncidentReport(
        at=now,
        notices=await rows.first_notices(
            incident.id, _since(incident, lambda update: policy.first_notice[update.facts.severity]), downtimes
        ),
        silences=await rows.silences(
            incident.id, _since(incident, window), now, going_on=not incident.state.ended
        ),
        promises=await ledger(deps, rows, incident, downtimes, now),
        reach=await rows.reach(incident.id, limit, now),
        progress=await rows.progress(incident.id, silence.newest_to_tell(incident).number),
        downtimes=downtimes,
    )


async def ledger(
    deps: Deps, rows: Rows, incident: Incident, downtimes: tuple[Downtime, ...], now: datetime
) -> tuple[Kept, ...]:
    """Every promise of an incident and its fate, oldest first."""
    begin = await margin(deps, rows, incident, await rows.policy_of(incident.id))
    recalled = incident.recalled
    never = unheard(incident, await rows.had(incident.id, min(recalled))) if recalled else frozenset[int]()
    kept = []
    for promise in promises(incident, never):
        at = min(promise.due, now)
        if promise.explains:
            keeper = promise.kept_by.number if promise.kept_by is not None else None
            telling = await rows.told_why(incident.id, promise.made_by.number, keeper, at)
        else:
            telling = await rows.told_by(incident.id, promise, at)
        kept.append(judge(promise, telling, downtimes, begin, now))
    return tuple(kept)


def _since(incident: Incident, what: Callable[[Update], timedelta]) -> list[tuple[datetime, timedelta]]:
    """What held from each update on, where it changed."""
    held: list[tuple[datetime, timedelta]] = []
    for update in incident.updates:
        length = what(update)
        if not held or held[-1][1] != length:
            held.append((update.at, length))
    return held
