"""Take families in, and make what changed for them due at once (R1, R17)."""

from collections.abc import Sequence
from dataclasses import dataclass

from alertd.domain.errors import NotFound
from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Incident
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Plan, PlannedWatch

BATCH = 500


@dataclass(frozen=True, slots=True)
class Taken:
    """How many families were written, and which were left because what is stored is newer."""

    written: int
    stale: tuple[str, ...] = ()


async def put_families(deps: Deps, families: Sequence[Family], *, who: str) -> Taken:
    """Insert or replace families, 500 to a transaction.

    Opt-outs and suspensions belong to the address and stay. A document older than the stored one changes
    nothing. Open incidents that touch a family, or did, look at it again at once.
    """
    stale: list[str] = []
    written = 0
    for start in range(0, len(families), BATCH):
        part = _newest(families[start : start + BATCH])
        async with deps.store.transaction() as rows:
            known = await rows.family_updated_at([family.id for family in part])
            fresh = [f for f in part if f.id not in known or f.updated_at >= known[f.id]]
            stale += [f.id for f in part if f.id in known and f.updated_at < known[f.id]]
            await rows.put_families(fresh)
            detail: dict[str, object] = {"families": len(fresh), "stale": len(part) - len(fresh)}
            await rows.add_act(deps.new_id(), deps.clock.now(), who, "import", None, detail)
        written += len(fresh)
        # In a transaction of its own: watches are locked before addresses, everywhere.
        await _touch(deps, fresh)
    return Taken(written, tuple(stale))


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


async def _touch(deps: Deps, families: Sequence[Family]) -> None:
    now = deps.clock.now()
    async with deps.store.transaction() as rows:
        # Watches are locked in the order of their keys, new ones before those that are there: everywhere.
        for incident in sorted(await rows.incidents(open_only=True, limit=1000), key=lambda each: each.id):
            ids = [family.id for family in families]
            watched = await rows.watched(ids, incident.id)
            late = [f for f in families if f.id not in watched and incident.scope.touching(f.services, f.region)]
            if late:
                await _watch(deps, rows, incident, late)
            if watched:
                await rows.touch_families(sorted(watched), incident.id, now)


async def _watch(deps: Deps, rows: Rows, incident: Incident, families: Sequence[Family]) -> None:
    """A watch that is due at once, for each family that came while the incident was open."""
    now = deps.clock.now()
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
    await rows.write_plan(plan)
