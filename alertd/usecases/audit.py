"""Ask the auditor's question of every family that an open incident touches; tell and mend what it finds.

The question has statements and rules of its own (`store/accounts.py`, `domain/excuses.py`) and shares none with
the planner: whatever plans a family wrongly, forgets it or never sees it, is found here.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from alertd.domain.audit import LATE, SHOWN, UNACCOUNTED, Audit, Case, Suspect, Unaccounted
from alertd.domain.delivery import Lane, longest_backoff
from alertd.domain.excuses import LONGEST_REST, excuse_of
from alertd.domain.incident import Incident, State
from alertd.ports.deps import Deps
from alertd.ports.store import Rows

Condition = Callable[[Rows, datetime, datetime], Awaitable[bool]]
"""Whether something is wrong of which the outside must hear: now, and before which moment what was due is late."""

NOTHING_ELSE: Mapping[str, Condition] = {}
"""Nothing but families is asked about; what else there is stands in `usecases/conditions.py`."""

LONGEST = 60.0
"""Seconds after which an audit that has no answer has failed."""

LULL = timedelta(minutes=10)
"""Machine time after which families that are missed again are told to responders again, once all had heard."""

_NAMED = 3  # to a responder's phone
_CHUNK = 500
_MOST = 100_000  # open incidents; more than anybody ever has


@dataclass(slots=True)
class _Look:
    """What one incident looks like."""

    incident: Incident
    families: int
    headroom: float | None  # story seconds
    excuses: Counter[str] = field(default_factory=Counter)
    missing: dict[str, Suspect] = field(default_factory=dict)


async def audit(deps: Deps, conditions: Mapping[str, Condition] = NOTHING_ELSE) -> Audit:
    """Ask, tell, mend and keep the answer. Never raises: an audit that fails is an answer too, and no good one.

    `conditions`, by name: while one holds, the dead man's ping is withheld though every family is accounted for.
    """
    began = time.monotonic()
    at, machine_at = deps.clock.now(), deps.clock.machine()
    looks: list[_Look] = []
    try:
        async with asyncio.timeout(LONGEST):
            looks = await _ask(deps)
            held = await _holding(deps, conditions)
        answer = _answer(looks, held, at, machine_at)
        for each in answer.unaccounted:
            deps.log.error(
                "families_unaccounted", incident=each.incident, families=each.count, first=list(each.families)
            )
    except Exception as error:
        deps.log.error("audit_failed", error=type(error).__name__, exc_info=True)
        answer = Audit(at, machine_at, failed=type(error).__name__)
    answer = replace(answer, seconds=round(time.monotonic() - began, 3))
    await _try(deps, "audit_not_kept", _keep(deps, answer))
    for look in looks:
        if look.missing:
            await _try(deps, "families_not_mended", _mend(deps, look))
    if looks:
        await _try(deps, "responders_not_told", _tell_responders(deps, looks))
    return answer


async def _ask(deps: Deps) -> list[_Look]:
    looks = await _look(deps)
    if any(look.missing for look in looks):
        # An import writes families first and their watches next; a claim ends between two statements of ours.
        await asyncio.sleep(deps.timing.look_twice)
        again = {look.incident.id: look for look in await _look(deps)}
        for look in looks:
            second = again.get(look.incident.id)
            both = second.missing.keys() & look.missing.keys() if second is not None else frozenset()
            look.missing = {name: look.missing[name] for name in look.missing if name in both}
            if second is not None and look.missing:
                look.incident = second.incident
    return looks


async def _look(deps: Deps) -> list[_Look]:
    now, machine_at = deps.clock.now(), deps.clock.machine()
    async with deps.store.reading() as rows:
        told_of = [each for each in await rows.incidents(open_only=True, limit=_MOST) if each.announced]
        return [await _look_at(deps, rows, incident, now, machine_at) for incident in told_of]


async def _look_at(deps: Deps, rows: Rows, incident: Incident, now: datetime, machine_at: datetime) -> _Look:
    policy = await rows.policy_of(incident.id)
    grace = LATE * deps.clock.rate
    late = now - grace
    window = policy.silence.window[incident.severity] * (2 if incident.state is State.MONITORING else 1)
    far = now + 2 * max(policy.silence.window.values()) + LONGEST_REST
    families, suspected, next_by = await rows.touched(incident.id, incident.scope, late, far)
    look = _Look(incident, families, (next_by - now).total_seconds() if next_by is not None else None)
    if not suspected:
        return look
    suspects = await rows.suspects(incident.id, incident.scope, late, far)
    lease = timedelta(seconds=deps.timing.lease * deps.clock.rate)
    case = Case(
        incident,
        policy,
        frozenset(deps.channels),
        await rows.cursors(incident.id),
        now=now,
        machine_at=machine_at,
        patience=min(lease, policy.silence.window[incident.severity] / 4) + grace,
    )
    backoff = longest_backoff(incident.severity)
    for start in range(0, len(suspects), _CHUNK):
        chunk = suspects[start : start + _CHUNK]
        evidence = await rows.evidence(
            incident.id,
            chunk,
            now=now,
            machine_at=machine_at,
            backoff=backoff,
            window=window + grace,
            grace=grace,
        )
        for suspect in chunk:
            excuse = excuse_of(suspect, case, evidence[suspect.family])
            if excuse is None:
                look.missing[suspect.family] = suspect
            else:
                look.excuses[excuse.value] += 1
        await asyncio.sleep(0)  # the sweeper looks in between
    return look


async def _holding(deps: Deps, conditions: Mapping[str, Condition]) -> tuple[str, ...]:
    now = deps.clock.now()
    late = now - LATE * deps.clock.rate
    async with deps.store.reading() as rows:
        return tuple([name for name, holds in conditions.items() if await holds(rows, now, late)])


def _answer(looks: Sequence[_Look], held: tuple[str, ...], at: datetime, machine_at: datetime) -> Audit:
    families = sum(look.families for look in looks)
    missing = [
        Unaccounted(look.incident.number, len(look.missing), tuple(sorted(look.missing)[:SHOWN]))
        for look in looks
        if look.missing
    ]
    return Audit(
        at,
        machine_at,
        families=families,
        accounted=families - sum(each.count for each in missing),
        unaccounted=tuple(missing),
        excuses=dict(sorted(sum((look.excuses for look in looks), Counter[str]()).items())),
        headroom={look.incident.number: look.headroom for look in looks if look.headroom is not None},
        withheld=held,
    )


async def _keep(deps: Deps, answer: Audit) -> None:
    async with deps.store.transaction() as rows:
        await rows.keep_audit(answer)
        await rows.count("audits_passed" if answer.passed else "audits_failed")


async def _mend(deps: Deps, look: _Look) -> None:
    """Whoever has a watch is planned at once; for those who have none that counts an update sets out again."""
    incident = look.incident
    lost = [each for each in look.missing.values() if each.epoch is None or each.rest == "closed"]
    watched = sorted(look.missing.keys() - {each.family for each in lost})
    for start in range(0, len(watched), _CHUNK):
        async with deps.store.transaction() as rows:
            await rows.touch_families(watched[start : start + _CHUNK], incident.id, deps.clock.now())
    if lost:
        async with deps.store.transaction() as rows:
            await rows.lock_cursors(incident.id)
            if await rows.cursors(incident.id):
                return  # one is on its way, or stands still; another would stand still beside it
            number = incident.newest.number
            machine_at = deps.clock.machine()
            await rows.add_fanout(
                [deps.new_id()], incident.id, number, Lane.BULK.value, machine_at, scope=incident.scope
            )
    deps.doorbell.ring(Lane.BULK.value)


async def _tell_responders(deps: Deps, looks: Sequence[_Look]) -> None:
    """Page those who owe families news, once for an incident while it lasts; what comes and goes is no storm."""
    now = deps.clock.now()
    lull = now - LULL * deps.clock.rate
    async with deps.store.reading() as rows:
        told = {look.incident.id: (await rows.troubles(look.incident.id)).get(UNACCOUNTED) for look in looks}
    for look in looks:
        since = told[look.incident.id]
        if look.missing and since is None:
            names = sorted(look.missing)
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            async with deps.store.transaction() as rows:
                await rows.add_trouble(look.incident.id, UNACCOUNTED, f"{', '.join(names[:_NAMED])}{more}", now)
        elif not look.missing and since is not None and since[0] <= lull:
            async with deps.store.transaction() as rows:
                await rows.end_trouble(look.incident.id, UNACCOUNTED, now)


async def _try(deps: Deps, told: str, work: Awaitable[None]) -> None:
    """Once: what could not be written is told, and tried at the next audit."""
    try:
        async with asyncio.timeout(LONGEST):
            await work
    except Exception as error:
        deps.log.error(told, error=type(error).__name__, exc_info=True)


def overdue(kept_at: datetime, machine_at: datetime, every: float) -> bool:
    """Whether the auditor itself is missing: three of its questions in a row have no answer."""
    return machine_at - kept_at > timedelta(seconds=3 * every)
