"""Families, and the index tables that a fan-out searches: services by region, addresses."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, case, delete, func, insert, literal, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ColumnElement, Select

from alertd.domain.chosen import last_choice
from alertd.domain.delivery import DeliveryState
from alertd.domain.family import Address, AddressId, Family, FamilyId
from alertd.domain.incident import IncidentId, Reach, Scope
from alertd.domain.watch import Rest
from alertd.records import Imported
from alertd.store import codec
from alertd.store.ids import uuid7
from alertd.store.locks import lock_addresses, lock_family, lock_watches
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import (
    WATCH_OPEN,
    address,
    answer,
    delivery,
    delivery_share,
    family,
    family_address,
    family_service,
    watch,
)
from alertd.store.types import Instant
from alertd.store.unused import forget_unused
from alertd.store.verified import unverify, verify


class FamilyRows:
    """Reads and writes families within one transaction."""

    sql: Sql

    async def family(self, family_id: FamilyId) -> Family | None:
        """One family, or None."""
        rows = await self.sql.rows(select(family.c.doc).where(family.c.id == family_id))
        return codec.family(rows[0].doc) if rows else None

    async def families_after(self, position: str, limit: int) -> Sequence[Family]:
        """Families in keyset order, for the export."""
        rows = await self.sql.rows(
            select(family.c.doc).where(family.c.id > position).order_by(family.c.id).limit(limit)
        )
        return [codec.family(row.doc) for row in rows]

    async def family_updated_at(self, ids: Sequence[str]) -> Mapping[str, datetime]:
        """When each of these families, where known, was last updated by its owner; locks them."""
        rows = await self.sql.rows(
            select(family.c.id, family.c.updated_at)
            .where(family.c.id.in_(ids))
            .order_by(family.c.id)
            .with_for_update()
        )
        return {row.id: row.updated_at for row in rows}

    async def put_families(self, families: Sequence[Family]) -> Imported | None:
        """Insert or replace families with their index rows; addresses keep their one row and its state.

        None: one of their addresses was forgotten this very moment; roll back, and take them again.
        """
        if not families:
            return Imported(frozenset())
        ids = [each.id for each in families]
        await self.family_updated_at(ids)  # locks them
        lost = await self.sql.rows(
            select(family_address.c.address_id).where(family_address.c.family_id.in_(ids)).distinct()
        )
        taken = await self._addresses(families, [row.address_id for row in lost])
        if taken is None:
            return None
        rows, changed = taken
        stored = [_with_ids(each, rows) for each in families]
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        statement = dialect.insert(family)
        statement = statement.on_conflict_do_update(
            index_elements=[family.c.id],
            set_={name: statement.excluded[name] for name in ("updated_at", "doc", "chosen_at")},
        )
        await self.sql.many(
            statement,
            [
                {"id": f.id, "updated_at": f.updated_at, "doc": codec.encode(f), "chosen_at": last_choice(f)}
                for f in sorted(stored, key=lambda f: f.id)  # two imports of the same families wait in one order
            ],
        )
        await self.sql.run(delete(family_service).where(family_service.c.family_id.in_(ids)))
        await self.sql.run(delete(family_address).where(family_address.c.family_id.in_(ids)))
        await self.sql.many(
            insert(family_service),
            [{"service": s, "family_id": f.id, "region": f.region} for f in stored for s in f.services],
        )
        links = {(f.id, a.id) for f in stored for c in f.caregivers for a in c.addresses}
        await self.sql.many(
            insert(family_address), [{"family_id": f, "address_id": a} for f, a in sorted(links, key=str)]
        )
        before, now = {row.address_id for row in lost}, {a for _, a in links}
        await self._mark_shared(list(before | now))
        await forget_unused(self.sql, before - now, unread=False)
        users = (await self.users(changed)).values()
        return Imported(frozenset[str]().union(*users) - set(ids))

    async def delete_family(self, family_id: FamilyId) -> bool:
        """Forget a family and its index rows; its addresses stay while others use them, or an opt-out must."""
        if not await lock_family(self.sql, family_id):
            return False
        await self._rest(family_id)
        await self.sql.run(delete(family_service).where(family_service.c.family_id == family_id))
        linked = await self.sql.rows(
            select(family_address.c.address_id).where(family_address.c.family_id == family_id)
        )
        await self.sql.run(delete(family_address).where(family_address.c.family_id == family_id))
        await self.sql.run(delete(answer).where(answer.c.family_id == family_id))
        ids = [row.address_id for row in linked]
        if ids:
            await lock_addresses(self.sql, ids)
            await self._mark_shared(ids)
            await forget_unused(self.sql, ids, unread=True)
        return await self.sql.run(delete(family).where(family.c.id == family_id)) == 1

    async def _rest(self, family_id: FamilyId) -> None:
        """What a family that is forgotten is owed ends: its watches rest until it comes back, if ever."""
        own = await self.sql.rows(open_watches(family_id))
        # What is in flight belongs to an open watch: its incidents lead to it, and no index by family is needed.
        incidents = [row.incident_id for row in own]
        waits = (
            one_of(delivery.c.incident_id, incidents),
            delivery.c.family_id == family_id,
            delivery.c.state.in_((DeliveryState.PENDING.value, DeliveryState.UNKNOWN.value)),
        )
        sharing = await self.sql.rows(
            select(delivery_share.c.incident_id, delivery_share.c.family_id)
            .join(delivery, delivery.c.id == delivery_share.c.delivery_id)
            .where(*waits)
            .distinct()
        )
        sharers = [(row.incident_id, row.family_id) for row in sharing]
        await lock_watches(self.sql, [*sharers, *((row.incident_id, family_id) for row in own)])
        await self.sql.run(
            update(watch)
            .where(watch.c.family_id == family_id, WATCH_OPEN)
            .values(look_at=None, rest=Rest.NO_ADDRESS.value, version=watch.c.version + 1)
        )
        if sharers:  # they are still owed the message
            await self.sql.run(
                update(watch)
                .where(tuple_(watch.c.incident_id, watch.c.family_id).in_(sharers), watch.c.look_at.is_not(None))
                .values(look_at=watch.c.touched_at, version=watch.c.version + 1)  # long ago: due at once
            )
        await self.sql.run(update(delivery).where(*waits).values(state=DeliveryState.CANCELLED.value, reader=None))

    async def count_touched(self, scope: Scope) -> int:
        """How many families a scope touches."""
        touched = touched_ids(scope).subquery()
        rows = await self.sql.rows(select(func.count(func.distinct(touched.c.family_id))))
        return int(rows[0][0])

    async def count_concerned(self, incident_id: IncidentId, scope: Scope) -> int:
        """How many families a scope touches, or the incident has touched: all that a cursor would come by."""
        watched = select(watch.c.family_id).where(watch.c.incident_id == incident_id)
        concerned = watched.union(touched_ids(scope)).subquery()
        rows = await self.sql.rows(select(func.count()).select_from(concerned))
        return int(rows[0][0])

    async def regions_of(self, services: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """The regions of the families that use each of these services; where no family has one it is missing.

        As dear as `count_touched`: it goes through the rows of these services.
        """
        rows = await self.sql.rows(
            select(family_service.c.service, family_service.c.region)
            .where(family_service.c.service.in_(services), family_service.c.region.is_not(None))
            .distinct()
        )
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row.service, set()).add(row.region)
        return {service: frozenset(regions) for service, regions in found.items()}

    async def failing(self, ids: Collection[str], scopes: Sequence[Scope]) -> Mapping[str, frozenset[str]]:
        """Which services of these families any of the scopes touches; families that none touches are missing."""
        touched = or_(*[_reach(reach) for scope in scopes for reach in scope.reaches])
        rows = await self.sql.rows(
            select(family_service.c.family_id, family_service.c.service).where(
                one_of(family_service.c.family_id, sorted(ids)), touched
            )
        )
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row.family_id, set()).add(row.service)
        return {family_id: frozenset(services) for family_id, services in found.items()}

    async def touch_families(self, ids: Sequence[str], incident_id: IncidentId, now: datetime) -> int:
        """Make the open watches of these families due; returns how many there were."""
        await lock_watches(self.sql, [(incident_id, each) for each in ids])
        return await self.sql.run(
            update(watch)
            .where(
                watch.c.family_id.in_(ids),
                watch.c.incident_id == incident_id,
                WATCH_OPEN,
            )
            .values(look_at=_earlier(now), version=watch.c.version + 1)
        )

    async def watched_incidents(self, family_id: FamilyId) -> Sequence[IncidentId]:
        """The incidents in which a family is owed something, or may be."""
        return [IncidentId(row.incident_id) for row in await self.sql.rows(open_watches(family_id))]

    async def rest_watches(self, incident_id: UUID, ids: Sequence[str]) -> None:
        """Look no more at the watches of families that are gone."""
        await self.sql.run(
            update(watch)
            .where(watch.c.incident_id == incident_id, watch.c.family_id.in_(ids))
            .values(look_at=None, rest=Rest.NO_ADDRESS.value, version=watch.c.version + 1)
        )

    async def watched(self, ids: Sequence[str], incident_id: IncidentId) -> set[str]:
        """Which of these families have a watch in this incident."""
        rows = await self.sql.rows(
            select(watch.c.family_id).where(watch.c.incident_id == incident_id, watch.c.family_id.in_(ids))
        )
        return {row.family_id for row in rows}

    async def _addresses(
        self, families: Sequence[Family], lost: Sequence[UUID]
    ) -> tuple[dict[tuple[str, str], UUID], list[UUID]] | None:
        """The one row of every address of these families, made where it is missing; whose word has changed.

        Returned beside them: those that are verified only now, or no more.
        Locks them, and those that the families have had (`lost`), all in one order. None: one of them was
        deleted between being found there and being locked.
        """
        wanted: dict[tuple[str, str], Address] = {}
        for each in families:
            for caregiver in each.caregivers:
                for item in caregiver.addresses:
                    known = wanted.setdefault((item.channel, item.to), item)
                    if item.verified and not known.verified:
                        wanted[item.channel, item.to] = item
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        fresh = [
            {
                "id": uuid7(),
                "channel": a.channel,
                "dest": a.to,
                "verified": a.verified,
                "shared": False,
                "notable": not a.verified,
            }
            for a in sorted(wanted.values(), key=lambda a: (a.channel, a.to))
        ]
        if fresh:
            await self.sql.many(dialect.insert(address).on_conflict_do_nothing(), fresh)
        found = await self._find(wanted)
        if self.sql.dialect == "postgresql":
            await lock_addresses(self.sql, [*lost, *found.values()])
            found = await self._find(wanted)
        if len(found) < len(wanted):
            return None
        verified = await verify(self.sql, [found[key] for key, item in wanted.items() if item.verified])
        not_verified = [found[key] for key, item in wanted.items() if not item.verified]
        ids = [each.id for each in families]
        return found, [*verified, *await unverify(self.sql, not_verified, ids)]

    async def _find(self, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], UUID]:
        """The ids of these addresses, where they exist."""
        found: dict[tuple[str, str], UUID] = {}
        keys = list(wanted)
        for start in range(0, len(keys), 500):
            rows = await self.sql.rows(
                select(address.c.id, address.c.channel, address.c.dest).where(
                    tuple_(address.c.channel, address.c.dest).in_(keys[start : start + 500])
                )
            )
            found.update({(row.channel, row.dest): row.id for row in rows})
        return found

    async def users(self, addresses: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
        """By address: the families who have it; addresses that nobody has are missing."""
        found: dict[UUID, set[str]] = {}
        wanted = sorted(addresses)
        for start in range(0, len(wanted), 500):
            rows = await self.sql.rows(
                select(family_address.c.address_id, family_address.c.family_id).where(
                    family_address.c.address_id.in_(wanted[start : start + 500])
                )
            )
            for row in rows:
                found.setdefault(row.address_id, set()).add(row.family_id)
        return {address_id: frozenset(families) for address_id, families in found.items()}

    async def _mark_shared(self, ids: list[UUID]) -> None:
        """Recount which of these addresses more than one family uses, and which the planner must load.

        The caller holds their locks.
        """
        for start in range(0, len(ids), 500):
            part = ids[start : start + 500]
            rows = await self.sql.rows(
                select(family_address.c.address_id).where(family_address.c.address_id.in_(part))
            )
            uses = Counter(row.address_id for row in rows)
            for shared in (True, False):
                mine = [each for each in part if (uses[each] > 1) is shared]
                if mine:
                    await self.sql.run(
                        update(address)
                        .where(address.c.id.in_(mine), address.c.shared.is_not(shared))
                        .values(
                            shared=shared,
                            notable=or_(
                                literal(shared),
                                ~address.c.verified,
                                address.c.suspended_at.is_not(None),
                                address.c.opted_out_at.is_not(None),
                            ),
                        )
                    )


def open_watches(family_id: str) -> Select[tuple[UUID]]:
    """The incidents in which a family is owed something, or may be."""
    return select(watch.c.incident_id).where(watch.c.family_id == family_id, WATCH_OPEN)


def touched_ids(scope: Scope) -> Select[tuple[str]]:
    """Ids of the families that a scope may touch; `plan` judges each anew."""
    return select(family_service.c.family_id).where(or_(*[_reach(reach) for reach in scope.reaches]))


def touched_after(reach: Reach) -> Select[tuple[str]]:
    """The next families in keyset order that a service of a scope may touch: at most `limit` after `position`."""
    return (
        select(family_service.c.family_id)
        .where(_reach(reach), family_service.c.family_id > bindparam("position"))
        .order_by(family_service.c.family_id)
        .limit(bindparam("limit"))
    )


def _reach(reach: Reach) -> ColumnElement[bool]:
    clause = family_service.c.service == reach.service
    if not reach.regions:
        return clause
    places: list[ColumnElement[bool]] = [family_service.c.region.is_(None)]
    for region in reach.regions:
        places += [
            family_service.c.region == region,
            family_service.c.region.startswith(region + "-", autoescape=True),
        ]
    return clause & or_(*places)


def _earlier(now: datetime) -> ColumnElement[datetime]:
    return case((watch.c.look_at < now, watch.c.look_at), else_=literal(now, Instant()))


def _with_ids(each: Family, rows: Mapping[tuple[str, str], UUID]) -> Family:
    return replace(
        each,
        caregivers=tuple(
            replace(
                c,
                addresses=tuple(replace(a, id=AddressId(rows[a.channel, a.to])) for a in c.addresses),
            )
            for c in each.caregivers
        ),
    )
