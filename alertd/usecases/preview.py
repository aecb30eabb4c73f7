"""Whom a message would reach, over what, and how long handing it over takes at the configured rates."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alertd.domain.delivery import Framing, Owed
from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Incident, IncidentId, Kind, Scope
from alertd.domain.plan import plan
from alertd.domain.policy import Policy
from alertd.domain.silence import open_promise, window
from alertd.domain.watch import Duty, Watch
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Candidate, Fanout, Unreadable
from alertd.usecases.message import saying
from alertd.usecases.plan_anyway import failed_to_read
from alertd.usecases.told import Telling
from alertd.usecases.unpeopled import Unpeopled, unpeopled

_SAMPLE = 200
_BEGIN = (Kind.NOTICE, Kind.REOPENING)


@dataclass(frozen=True, slots=True)
class Preview:
    """What telling takes; `messages` are extrapolated from the first 200 families."""

    families: int
    messages: Mapping[str, int] = field(default_factory=dict)  # channel -> messages
    seconds: float = 0.0  # to hand all over at the configured rates, an SMS as long as any of ours
    exact: bool = True
    window: timedelta | None = None  # what families read for "next update", where the promise lies beyond it
    unread: Mapping[str, int] = field(default_factory=dict)  # language that the message lacks -> families
    scope: Scope | None = None  # what it is about; None: kept by a version that did not say
    leaving: int = 0  # families that it touches no more, and that are told so: not among `families`
    cut: Mapping[str, int] = field(default_factory=dict)  # channel -> messages without some of the human's words
    unpeopled: tuple[Unpeopled, ...] = ()  # regions of its scope that no family has
    since: datetime | None = None  # when it began, where families are now told so for the first time, and not: now
    ago: float = 0.0  # ... seconds before now


async def preview(deps: Deps, rows: Rows, incident: Incident, policy: Policy, now: datetime) -> Preview:
    """Plan a sample as if the incident's newest update were told now."""
    families = await rows.count_touched(incident.scope)
    ids, factor = await sample(rows, incident)
    bounds = _window(incident, policy, now) if incident.newest.notify else None
    since = _begun(incident, now)
    ago = (now - since).total_seconds() if since is not None else 0.0
    nobody_in = () if incident.state.ended else await unpeopled(rows, incident.scope)
    if not ids:
        return Preview(families, window=bounds, scope=incident.scope, unpeopled=nobody_in, since=since, ago=ago)
    counts: Counter[str] = Counter()
    unread: Counter[str] = Counter()
    lacking = _lacking(deps, incident)
    seen: set[object] = set()
    leaving = 0
    cut: Counter[str] = Counter()
    fits = _fits(deps, incident, now)
    unreadable: list[Unreadable] = []
    for candidate in await rows.candidates(incident.id, ids, lock=False, unreadable=unreadable):
        duty = duty_of(deps, incident, policy, candidate, now)
        touched = bool(incident.scope.touching(candidate.family.services, candidate.family.region))
        if touched:
            unread.update(lacking & _languages(candidate.family))
        try:
            verdict = plan(duty, now)
            whole = [fits(owed) for owed in verdict.owed]
        except Exception as error:  # noqa: BLE001 - one family keeps nobody from telling the others
            deps.log.warning("plan_failed", family=str(candidate.family.id), error=type(error).__name__)
            continue
        for owed, fit in zip(verdict.owed, whole, strict=True):
            if owed.address not in seen:
                seen.add(owed.address)
                counts[owed.channel] += 1
                cut[owed.channel] += not fit
        leaving += any(owed.framing is Framing.NOT_AFFECTED for owed in verdict.owed)
    for each in unreadable:
        failed_to_read(deps.log, each)
    messages = {channel: round(count * factor) for channel, count in sorted(counts.items())}
    slowest = max(
        (n * _units(deps, c) / deps.rates[c] for c, n in messages.items() if c in deps.rates), default=0.0
    )
    return Preview(
        families,
        messages,
        round(slowest, 1),
        exact=factor == 1,
        window=bounds,
        unread={language: round(count * factor) for language, count in sorted(unread.items())},
        scope=incident.scope,
        leaving=round(leaving * factor),
        cut={channel: round(count * factor) for channel, count in sorted(cut.items()) if count},
        unpeopled=nobody_in,
        since=since,
        ago=ago,
    )


def _begun(incident: Incident, now: datetime) -> datetime | None:
    """The beginning that the newest update tells first, where it lies before now."""
    *before, newest = incident.updates
    since = newest.facts.since
    told = bool(before) and newest.kind not in _BEGIN and before[-1].facts.since == since
    return since if since < now and not told else None


def _units(deps: Deps, channel: str) -> int:
    return deps.units[channel].most if channel in deps.units else 1


async def sample(rows: Rows, incident: Incident) -> tuple[list[str], float]:
    """The first families that news would come by, and of how many each stands for: 1, where these are all.

    Who was touched once is among them: they may be owed that they are touched no more.
    """
    cursor = Fanout(incident.id, incident.id, incident.newest.number, "", 0, "bulk", scope=True)
    ids = await rows.slice_ids(cursor, incident.scope, _SAMPLE)
    if len(ids) < _SAMPLE:
        return ids, 1.0
    return ids, await rows.count_concerned(incident.id, incident.scope) / len(ids)


def _window(incident: Incident, policy: Policy, now: datetime) -> timedelta | None:
    """The window, where it ends before the promise (R2)."""
    promise = None if incident.state.ended else open_promise(incident, now)
    length = window(policy, incident.severity, incident.state, asleep=False)
    return length if promise is not None and promise > now + length else None


def _fits(deps: Deps, incident: Incident, now: datetime) -> Callable[[Owed], bool]:
    """Whether a message has room for the human's words.

    Composed once for readers whose messages differ in times alone: these are of one length, or nearly.
    """
    telling, known = Telling(incident), dict[object, bool]()

    def fits(owed: Owed) -> bool:
        reader = owed.reader
        alike = (
            owed.channel,
            owed.framing,
            reader.locale,
            reader.services,
            reader.asks,
            reader.quiet,
            reader.change,
        )
        if alike not in known:
            known[alike] = deps.compose(saying(deps, owed, telling, {}, now)).whole
        return known[alike]

    return fits


def _lacking(deps: Deps, incident: Incident) -> set[str]:
    """Languages that alertd speaks and the newest human sentence is not in; none where there is no sentence."""
    said = {locale.partition("-")[0] for locale in incident.newest.facts.message}
    return {locale.partition("-")[0] for locale in deps.locales} - said if said else set()


def _languages(family: Family) -> set[str]:
    return {(caregiver.locale or family.locale).partition("-")[0] for caregiver in family.caregivers}


def duty_of(deps: Deps, incident: Incident, policy: Policy, candidate: Candidate, now: datetime) -> Duty:
    """The duty to a family, with the watch that it has or would have from now on."""
    return Duty(
        incident,
        policy,
        candidate.family,
        candidate.watch or fresh_watch(incident, policy, str(candidate.family.id), now),
        candidate.tellings,
        candidate.addresses,
        frozenset(deps.channels),
        answers=candidate.answers,
    )


def fresh_watch(incident: Incident, policy: Policy, family: str, touched_at: datetime) -> Watch:
    """The watch of a family that the incident begins to touch at this moment."""

    return Watch(
        incident=IncidentId(incident.id),
        family=FamilyId(family),
        touched_at=touched_at,
        next_by=touched_at + policy.first_notice[incident.severity],
        epoch=incident.epoch,
    )
