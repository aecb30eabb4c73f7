"""Take families in, and make what changed for them due at once (R1, R17)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from alertd.domain.all_clear import TRIED_FOR
from alertd.domain.chosen import keep_chosen
from alertd.domain.errors import NotFound
from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Incident
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Plan, PlannedWatch
from alertd.usecases.planning import Overtaken

BATCH = 500
_TRIES = 20  # while a worker plans the very same families; each try waits for it
_PAUSE = 0.05  # seconds

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Taken:
    """How many families were written, and which were left because what is stored is newer."""

    written: int
    stale: tuple[str, ...] = ()


async def put_families(deps: Deps, families: Sequence[Family], *, who: str) -> Taken:
    """Insert or replace families, 500 to a transaction.

    Opt-outs and suspensions belong to the address and stay, and so does what a caregiver chose on our own page,
    unless the document is newer than that choice (R17). A document older than the stored one changes nothing.
    Open incidents that touch a family, or did, look at it again at once; so they do at other families who have an
    address that is verified only now, or no more. So does an outage that ended lately at whoever was told of it,
    and could not be told the end.
    """
    stale: list[str] = []
    written = 0
    for start in range(0, len(families), BATCH):
        part = _newest(families[start : start + BATCH])
        fresh, others = await _until_written(partial(_put, deps, part, who))
        known = {family.id for family in fresh}
        stale += [family.id for family in part if family.id not in known]
        written += len(fresh)
        # In a transaction of its own: watches are locked before addresses, everywhere.
        await _until_written(partial(_touch, deps, fresh, others))
    return Taken(written, tuple(stale))


async def _put(deps: Deps, families: Sequence[Family], who: str) -> tuple[Sequence[Family], frozenset[str]]:
    """Write those of a batch that are not older than what is stored; returns them, and who else can be told."""
    async with deps.store.transaction() as rows:
        known = await rows.family_updated_at([family.id for family in families])
        fresh = [f for f in families if f.id not in known or f.updated_at >= known[f.id]]
        chosen = {each.id: each for each in await rows.chosen_in([f.id for f in fresh])}
        fresh = [keep_chosen(chosen[f.id], f) if f.id in chosen else f for f in fresh]
        imported = await rows.put_families(fresh)
        if imported is None:
            raise Overtaken
        detail: dict[str, object] = {"families": len(fresh), "stale": len(families) - len(fresh)}
        await rows.add_act(deps.new_id(), deps.clock.now(), who, "import", None, detail)
    return fresh, imported.verified_for


async def _until_written(write: Callable[[], Awaitable[T]]) -> T:
    """Run a transaction again while somebody else is at the very same rows."""
    for _ in range(_TRIES):
        try:
            return await write()
        except Overtaken:
            await asyncio.sleep(_PAUSE)
    return await write()


def _newest(families: Sequence[Family]) -> list[Family]:
    """Each family once: of several documents the newest, and of equally new ones the last."""
    newest: dict[str, Family] = {}
    for family in families:
        known = newest.get(family.id)
        if known is None or family.updated_at >= known.updated_at:
            newest[family.id] = family
    return list(newest.values())


async def delete_family(deps: Deps, family_id: FamilyId, *, who: str) -> None:
    """Forget a family; its open watches rest. Raises NotFound."""
    async with deps.store.transaction() as rows:
        if not await rows.delete_family(family_id):
            raise NotFound(f"there is no family {family_id}")
        await rows.add_act(deps.new_id(), deps.clock.now(), who, "delete family", None, {})


async def _touch(deps: Deps, families: Sequence[Family], others: Collection[str]) -> None:
    """Make the watches of all of these due; give those of `families` one whom an open incident newly touches."""
    async with deps.store.transaction() as rows:
        open_ = await rows.incidents(open_only=True, limit=1000)
        ended = await rows.ended_since(deps.clock.now() - TRIED_FOR)
        # Watches that are there before new ones, and by incident, also the ended: the order of locks everywhere.
        for incident in sorted([*open_, *ended], key=lambda each: each.id):
            if not incident.announced:
                # Of a machine's suspicion nobody is told: whoever confirms it reaches these families too. Of an
                # exercise nobody hears late.
                continue
            if incident.state.ended:
                await _touch_watched(deps, rows, incident, families, others)
            else:
                await _touch_in(deps, rows, incident, families, others)


async def _touch_in(
    deps: Deps, rows: Rows, incident: Incident, families: Sequence[Family], others: Collection[str]
) -> None:
    watched = await _touch_watched(deps, rows, incident, families, others)
    now = deps.clock.now()
    late = [f for f in families if f.id not in watched and incident.scope.touching(f.services, f.region)]
    if late and await rows.write_plan(await _watches(deps, rows, incident, late, now)) is None:
        raise Overtaken


async def _touch_watched(
    deps: Deps, rows: Rows, incident: Incident, families: Sequence[Family], others: Collection[str]
) -> set[str]:
    now = deps.clock.now()
    watched: set[str] = set()
    ids = sorted({family.id for family in families}.union(others))  # watches are locked in the order of families
    for start in range(0, len(ids), BATCH):
        part = await rows.watched(ids[start : start + BATCH], incident.id)
        if part:
            await rows.touch_families(sorted(part), incident.id, now)
            watched |= part
    return watched


async def _watches(deps: Deps, rows: Rows, incident: Incident, families: Sequence[Family], now: datetime) -> Plan:
    """A watch that is due at once, for each family that came while the incident was open."""
    policy = await rows.policy_of(incident.id)
    plan = Plan(incident.id, incident.scope, now, deps.clock.machine())
    plan.watches = [
        PlannedWatch(
            family=family.id,
            touched_at=now,
            next_by=now + policy.first_notice[incident.severity],
            owed=0,
            epoch=incident.epoch,
            waiting=(),
            look_at=now,
            rest=None,
            version=None,
            supersede=False,
            cancel=False,
        )
        for family in families
    ]
    return plan
