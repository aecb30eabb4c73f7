"""Give an open incident another policy: shorter windows bind at once, longer ones from the next message on."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alertd.domain.durations import spell_duration
from alertd.domain.errors import Conflict, Invalid, NotFound
from alertd.domain.incident import Incident, Kind, Severity
from alertd.domain.plan import plan
from alertd.domain.policy import Policy
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import POLICY, Candidate, Unreadable
from alertd.usecases.fan_out import cursors
from alertd.usecases.plan_anyway import failed_to_read
from alertd.usecases.preview import duty_of, sample
from alertd.usecases.repeat import Repeat, answered, keep
from alertd.usecases.write_update import lane_of

_WORD = {"confirm": "human", "silence.quiet": "wait"}
_WHOLE = ("wakes", "always", "floor", "caregivers", "sources", "escalation", "responders", "resolve_hold")


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is another under the new policy, as a policy file spells it; empty: it says nothing."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class PolicyChanged:
    """What changes for whom; counts are extrapolated from the first 200 families."""

    incident: int
    before: str  # the policy's name
    after: str
    families: int  # that the incident touches
    sooner: int  # of them those whose next message is due sooner
    later: int  # ... later: not than they were told, but where the new policy says `wait` in quiet hours
    windows: tuple[Change, ...] = ()
    others: tuple[str, ...] = ()  # keys that say something else
    messages_before: Mapping[str, int] = field(default_factory=dict)  # channel -> messages, if there were news now
    messages_after: Mapping[str, int] = field(default_factory=dict)
    exact: bool = True
    dry_run: bool = False
    unset: tuple[str, ...] = ()  # whom it would page and the settings lack: the next in line is paged instead


async def change_policy(
    deps: Deps, number: int, policy: Policy, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> PolicyChanged:
    """Replace the policy that an incident was opened with. `policy` may be of any file.

    Raises NotFound; Conflict for an incident that has ended; Invalid for a policy that changes nothing, or that is
    for other services.
    """
    async with deps.store.transaction() as rows:
        await rows.lock_incidents()  # first: the same command twice at once waits for its own answer
        known = await answered(rows, repeat, PolicyChanged)
        if known is not None:
            return known
        if not dry_run:
            await rows.lock_cursors(number)  # no slice is planned by the old one beyond this moment
        incident = await rows.incident(number)
        if incident is None:
            raise NotFound(f"there is no incident {number}; alertd incident list shows them")
        if incident.state.ended:
            raise Conflict(f"incident {number} is {incident.state}; no policy binds it", incident=number)
        now = deps.clock.now()
        before = await rows.policy_of(incident.id)
        after = replace(policy, since=now)
        _may_take(incident, before, after)
        unset = _unset(deps, before, after)
        seen = await _measure(deps, rows, incident, before, after, now)
        changed = replace(seen, dry_run=dry_run, unset=unset)
        lane = lane_of(incident, incident, seen.families)
        if not dry_run:
            await rows.touch_responders(incident.id, now)
            await rows.change_policy(incident.id, after)
            if not incident.held:  # nobody was told anything yet
                ids = cursors(deps, seen.families)
                newest = incident.newest.number
                await rows.add_fanout(ids, incident.id, newest, lane, deps.clock.machine(), scope=None)
            windows = {each.key: [each.before, each.after] for each in changed.windows}
            detail: dict[str, object] = {
                "before": before.name,
                "after": after.name,
                "windows": windows,
                "others": changed.others,
            }
            await rows.add_act(deps.new_id(), now, who, POLICY, incident.id, detail)
            await keep(rows, repeat, changed, now)
    if not dry_run:
        deps.log.info(
            "policy_changed", incident=number, before=before.name, after=after.name, sooner=changed.sooner
        )
        deps.doorbell.ring(lane)
    return changed


def _may_take(incident: Incident, before: Policy, after: Policy) -> None:
    services = incident.scope.services
    if after.services and not set(after.services) & set(services):
        raise Invalid(
            f"is for {', '.join(after.services)}, and this incident is about {', '.join(services)};"
            f" add {services[0]} to its services",
            field="services",
        )
    if replace(after, since=before.since) == before:
        raise Invalid("is the policy that this incident has already; nothing would change", field="policy")


def _unset(deps: Deps, before: Policy, after: Policy) -> tuple[str, ...]:
    """Whom a policy would page and the settings lack. Raises Invalid where that is everybody, and was not."""
    known = deps.on_call.responders if deps.on_call is not None else {}
    unset = tuple(name for name in after.pages if name not in known)
    if len(unset) == len(after.pages) and any(name in known for name in before.pages):
        raise Invalid(
            f"would page {', '.join(unset) or 'nobody'}, and the settings say how to reach none of them: nobody "
            f"could be paged; name others (there are {', '.join(sorted(known))}), or set them first",
            field="responders",
        )
    return unset


def _windows(policy: Policy) -> Iterator[tuple[str, Mapping[Severity, timedelta | None]]]:
    silence = policy.silence
    yield "first_notice", policy.first_notice
    yield "confirm", policy.confirm
    yield "silence.window", silence.window
    yield "silence.quiet", silence.quiet
    yield "silence.promise_at_most", silence.promise_at_most
    yield "silence.news", silence.news


def changes(before: Policy, after: Policy) -> tuple[Change, ...]:
    """Every length of time that is another, gravest severity first within each key."""
    return tuple(
        Change(f"{key}.{severity.value}", _spelled(key, old, severity), _spelled(key, new, severity))
        for (key, old), (_, new) in zip(_windows(before), _windows(after), strict=True)
        for severity in Severity
        if old.get(severity) != new.get(severity) or (severity in old) != (severity in new)
    )


def _spelled(key: str, lengths: Mapping[Severity, timedelta | None], severity: Severity) -> str:
    length = lengths.get(severity)
    if length is None:
        return _WORD.get(key, "") if severity in lengths else ""
    return spell_duration(length)


async def _measure(
    deps: Deps, rows: Rows, incident: Incident, before: Policy, after: Policy, now: datetime
) -> PolicyChanged:
    families = await rows.count_touched(incident.scope)
    ids, factor = await sample(rows, incident)
    old, new, sooner, later = Counter[str](), Counter[str](), 0, 0
    unreadable: list[Unreadable] = []
    for candidate in await rows.candidates(incident.id, ids, lock=False, unreadable=unreadable) if ids else ():
        if not incident.scope.touching(candidate.family.services, candidate.family.region):
            continue  # touched once: no window binds us any more
        try:
            due, stood = (_due(deps, incident, policy, candidate, now) for policy in (after, before))
            sooner, later = sooner + (due < stood), later + (due > stood)
            old.update(_channels(deps, incident, before, candidate, now))
            new.update(_channels(deps, incident, after, candidate, now))
        except Exception as error:  # noqa: BLE001 - one family keeps nobody from changing the policy of the others
            deps.log.warning("plan_failed", family=str(candidate.family.id), error=type(error).__name__)
    for each in unreadable:
        failed_to_read(deps.log, each)
    return PolicyChanged(
        incident=incident.number,
        before=before.name,
        after=after.name,
        families=families,
        sooner=round(sooner * factor),
        later=round(later * factor),
        windows=changes(before, after),
        others=tuple(key for key in (*_WHOLE, "holdings") if _of(before, key) != _of(after, key)),
        messages_before={channel: round(count * factor) for channel, count in sorted(old.items())},
        messages_after={channel: round(count * factor) for channel, count in sorted(new.items())},
        exact=factor == 1,
    )


def _of(policy: Policy, key: str) -> object:
    return getattr(policy.silence if key == "holdings" else policy, key)


def _due(deps: Deps, incident: Incident, policy: Policy, candidate: Candidate, now: datetime) -> datetime:
    """By when this family hears under a policy."""
    return plan(duty_of(deps, incident, policy, candidate, now), now).next_by or now


def _channels(deps: Deps, incident: Incident, policy: Policy, candidate: Candidate, now: datetime) -> list[str]:
    """Over what this family would be told if there were news now."""
    newest = incident.newest
    news = replace(newest, number=newest.number + 1, kind=Kind.PROGRESS, at=now, notify=True, promise=None)
    told = replace(incident, updates=(*incident.updates, news))
    return [owed.channel for owed in plan(duty_of(deps, told, policy, candidate, now), now).owed]
