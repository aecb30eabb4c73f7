"""Writes what a slice decided: watches first, then only the deliveries whose watch was won."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, literal, or_, select, update
from sqlalchemy.sql import ColumnElement

from alertd.domain.delivery import AFTERWARDS, TOLD, DeliveryState, Framing, Owed
from alertd.records import Plan, Planned
from alertd.store import codec, fast
from alertd.store.sql import Sql
from alertd.store.tables import delivery, delivery_share, family_address, family_service, incident, watch
from alertd.store.types import Instant, to_us

_AFTERWARDS = tuple(framing.value for framing in AFTERWARDS)
_TOLD = tuple(state.value for state in TOLD)
_SERVES_ONE = ~exists().where(delivery_share.c.delivery_id == delivery.c.id)


class PlanRows:
    """Writes plans within one transaction."""

    sql: Sql

    async def write_plan(self, plan: Plan) -> list[Planned] | None:
        """Write a slice; returns the deliveries inserted, those that are born leased among them.

        A watch that somebody else planned or touched meanwhile (its version moved) loses, and nothing of
        that family is written; it is due again at once. None: somebody is at such a watch this very moment;
        roll back and plan again. Lock order: watch by family, then delivery.
        """
        won = await self._write_watches(plan)
        lost = [w.family for w in plan.watches if w.family not in won]
        if lost and not await self._look_again(plan, lost):
            return None
        await self._end_older(plan, won)
        mine = [d for d in plan.deliveries if d.owed.family in won]
        alone = [d for d in mine if d.owed.address not in plan.shared]
        inserted = await fast.insert_deliveries(self.sql, plan, alone)
        if len(inserted) < len(mine):
            born = {d.id for d in inserted}
            # By address: two planners of families that share two would wait for each other otherwise.
            for each in sorted((d for d in mine if d.id not in born), key=lambda d: d.owed.address):
                await self._insert_shared(plan, each)
        return inserted

    async def _write_watches(self, plan: Plan) -> set[str]:
        new = [w for w in plan.watches if w.version is None]
        old = [w for w in plan.watches if w.version is not None]
        won = await fast.insert_watches(self.sql, plan, new) if new else set()
        if old:
            won |= await fast.update_watches(self.sql, plan, old)
        return won

    async def _end_older(self, plan: Plan, won: set[str]) -> None:
        """End what still waits where its own address is owed something newer, or where nothing is owed any more.

        Whoever is owed nothing newer keeps what waits for them: the claim finds it stale, and the planner owes
        them the newest. So does what serves further families too, which the claim hands back for all of them.
        """
        addresses: dict[str, list[UUID]] = {}
        for d in plan.deliveries:
            if d.owed.address not in plan.shared:
                addresses.setdefault(d.owed.family, []).append(d.owed.address)
        cancelled: dict[int, list[str]] = {}
        superseded: dict[int, list[str]] = {}
        for w in plan.watches:
            if w.family in won and w.version is not None:
                if w.cancel:
                    cancelled.setdefault(w.owed, []).append(w.family)
                elif w.supersede and w.family in addresses:
                    superseded.setdefault(w.owed, []).append(w.family)
        for owed, families in cancelled.items():
            older_or_other = or_(delivery.c.update_no < owed, delivery.c.framing.not_in(_AFTERWARDS))
            await self._end(plan, families, DeliveryState.CANCELLED, older_or_other, _SERVES_ONE)
        for owed, families in superseded.items():
            mine = [address for family in families for address in addresses[family]]
            newer = (delivery.c.update_no < owed, delivery.c.address_id.in_(mine))
            await self._end(plan, families, DeliveryState.SUPERSEDED, *newer)

    async def _end(
        self, plan: Plan, families: Sequence[str], state: DeliveryState, *which: ColumnElement[bool]
    ) -> None:
        await self.sql.run(
            update(delivery)
            .where(
                delivery.c.incident_id == plan.incident,
                delivery.c.family_id.in_(families),
                delivery.c.state == DeliveryState.PENDING.value,
                *which,
            )
            .values(state=state.value, reader=None)
        )

    async def _look_again(self, plan: Plan, families: Sequence[str]) -> bool:
        """Make due what was lost: whoever won it may have planned from an older incident than this one.

        False if a lock is taken: waiting for it while holding others, out of order, would be a deadlock.
        """
        mine = (watch.c.incident_id == plan.incident, watch.c.family_id.in_(families))
        free = await self.sql.rows(
            select(watch.c.family_id).where(*mine).order_by(watch.c.family_id).with_for_update(skip_locked=True)
        )
        if len(free) < len(families):
            return False
        # Closed is what whoever planned from before a reopening takes it for.
        goes_on = exists().where(incident.c.id == plan.incident, incident.c.ended_at.is_(None))
        await self.sql.run(
            update(watch)
            .where(*mine, or_(watch.c.rest.is_(None), watch.c.rest != "closed", goes_on))
            .values(look_at=literal(plan.at, Instant()), version=watch.c.version + 1)
        )
        return True

    async def _insert_shared(self, plan: Plan, new: Planned) -> None:
        """One delivery for all families of a shared address; a later family joins the one that exists.

        "Not affected" is not true of an address while the incident touches another of its families; the
        planner asks again until it is.
        """
        owed = new.owed
        if owed.framing is Framing.NOT_AFFECTED and await self._touches_another(plan, owed):
            return
        existing = await self._owed_already(plan, new)
        if existing is None:
            row = fast.delivery_values(plan, replace(new, leased=False))
            row["reader"] = codec.encode(fast.with_services(owed.reader, await self._failing(plan, owed)))
            if await fast.insert_one(self.sql, row):
                return
            existing = await self._owed_already(plan, new)
        if existing is None:
            return
        if existing.family_id != owed.family:
            await fast.insert_share(self.sql, existing.id, plan.incident, owed.family)
            if existing.accepted_at is not None and existing.state in _TOLD:
                promised = to_us(existing.next_by) if existing.next_by else None
                heard = (plan.incident, owed.family, to_us(existing.accepted_at), owed.update, promised)
                await fast.mark_heard(self.sql, [heard])
        if owed.next_by is not None:
            await self.sql.run(
                update(delivery)
                .where(
                    delivery.c.id == existing.id,
                    delivery.c.state == DeliveryState.PENDING.value,
                    delivery.c.next_by > owed.next_by,
                )
                .values(next_by=owed.next_by)
            )

    async def _owed_already(self, plan: Plan, new: Planned) -> Row[*tuple[Any, ...]] | None:
        rows = await self.sql.rows(
            select(
                delivery.c.id,
                delivery.c.family_id,
                delivery.c.state,
                delivery.c.accepted_at,
                delivery.c.next_by,
            ).where(
                delivery.c.incident_id == plan.incident,
                delivery.c.update_no == new.owed.update,
                delivery.c.address_id == new.owed.address,
                delivery.c.epoch == new.owed.epoch,
                delivery.c.step == new.owed.step,
                delivery.c.state.not_in(("superseded", "cancelled", "expired", "parked")),
            )
        )
        return rows[0] if rows else None

    async def _touches_another(self, plan: Plan, owed: Owed) -> bool:
        rows = await self.sql.rows(
            select(family_service.c.service, family_service.c.region)
            .join(family_address, family_address.c.family_id == family_service.c.family_id)
            .where(family_address.c.address_id == owed.address, family_address.c.family_id != owed.family)
            .distinct()
        )
        return any(plan.scope.touching((row.service,), row.region) for row in rows)

    async def _failing(self, plan: Plan, owed: Owed) -> tuple[str, ...]:
        """What fails for any family that has this address, the services of the first one first."""
        own = owed.reader.services
        if owed.framing is Framing.NOT_AFFECTED:
            return own  # true of this family alone
        rows = await self.sql.rows(
            select(family_service.c.service, family_service.c.region)
            .join(family_address, family_address.c.family_id == family_service.c.family_id)
            .where(family_address.c.address_id == owed.address)
            .distinct()
        )
        failing = {s for row in rows for s in plan.scope.touching((row.service,), row.region)}
        return own + tuple(s for s in plan.scope.services if s in failing and s not in own)
