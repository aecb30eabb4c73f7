"""A message to an address that several families share: one for all of them, about what fails for any (R15)."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, and_, or_, select, update

from alertd.domain.delivery import TOLD, DeliveryState, Framing, Owed, Reader
from alertd.domain.knowledge import STEPS
from alertd.domain.watch import Rest
from alertd.records import Plan, Planned
from alertd.store import codec, fast
from alertd.store.sql import Sql
from alertd.store.tables import delivery, delivery_share, family_address, family_service, watch
from alertd.store.types import to_us

_TOLD = tuple(state.value for state in TOLD)
_USED = select(family_service.c.service, family_service.c.region).distinct()
_OF_ADDRESS = _USED.join(family_address, family_address.c.family_id == family_service.c.family_id)


class SharedRows:
    """Writes them within one transaction."""

    sql: Sql

    async def insert_shared(self, plan: Plan, new: Planned) -> None:
        """One delivery for all families of a shared address; a later family joins the one that exists.

        "Not affected" is not true of an address while the incident touches another of its families; the
        planner asks again until it is. What is told there of the others says which service works again.
        """
        owed = new.owed
        if owed.framing is Framing.NOT_AFFECTED and await self._touches_another(plan, owed):
            await self._release(plan, owed)
            return
        existing = await self._owed_already(plan, new)
        while existing is not None and not await self._concerns(plan, existing, owed):
            new = replace(new, owed=replace(owed, step=existing.step - STEPS))  # the same words, once more
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
            await self._name(existing, owed)
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
                delivery.c.step,
                delivery.c.planned_at,
                delivery.c.reader,
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

    async def _concerns(self, plan: Plan, existing: Row[*tuple[Any, ...]], owed: Owed) -> bool:
        """Whether a message that is there is about what fails for this family too.

        Each is about all families that had the address then. One that came later, with another service, is in no
        words that are sent; those that still wait are made to say it.
        """
        touched = next((w.touched_at for w in plan.watches if w.family == owed.family), existing.planned_at)
        if existing.family_id == owed.family or touched <= existing.planned_at:
            return True
        if existing.state == DeliveryState.PENDING.value:
            return True  # who joins it is named in it
        also = select(delivery_share.c.family_id).where(delivery_share.c.delivery_id == existing.id)
        served = or_(family_service.c.family_id == existing.family_id, family_service.c.family_id.in_(also))
        return set(owed.reader.services) <= await self._touched(plan, _USED.where(served))

    async def _name(self, existing: Row[*tuple[Any, ...]], owed: Owed) -> None:
        """Have what still waits say what it is about for one more family."""
        if existing.state != DeliveryState.PENDING.value:
            return
        reader, more = codec.reader(existing.reader), owed.reader
        services = reader.services + tuple(s for s in more.services if s not in reader.services)
        released = reader.released + tuple(s for s in more.released if s not in reader.released)
        named = fast.with_services(replace(reader, released=released), services)
        if named != reader:
            await self._reword(existing.id, named)

    async def _release(self, plan: Plan, owed: Owed) -> None:
        """Have an update that waits for a shared address say which services work again for this family (R15)."""
        waits = await self.sql.rows(
            select(delivery.c.id, delivery.c.reader).where(
                delivery.c.incident_id == plan.incident,
                delivery.c.update_no == owed.update,
                delivery.c.address_id == owed.address,
                delivery.c.state == DeliveryState.PENDING.value,
                delivery.c.framing.in_((Framing.UPDATE.value, Framing.WAKE_UP.value)),
            )
        )
        for row in waits:
            reader = codec.reader(row.reader)
            fails = await self._failing(plan, replace(owed, reader=reader, framing=Framing.UPDATE))
            more = tuple(s for s in owed.reader.services if s not in reader.released and s not in fails)
            if more:
                await self._reword(row.id, replace(reader, released=reader.released + more))

    async def _reword(self, delivery_id: UUID, reader: Reader) -> None:
        waits = delivery.c.state == DeliveryState.PENDING.value
        changed = update(delivery).where(delivery.c.id == delivery_id, waits)
        await self.sql.run(changed.values(reader=codec.encode(reader)))

    async def _touches_another(self, plan: Plan, owed: Owed) -> bool:
        mine = and_(watch.c.incident_id == plan.incident, watch.c.family_id == family_address.c.family_id)
        others = _OF_ADDRESS.outerjoin(watch, mine).where(
            family_address.c.address_id == owed.address,
            family_address.c.family_id != owed.family,
            watch.c.rest.is_distinct_from(Rest.MUTED.value),  # there they hear nothing that could say it
        )
        return bool(await self._touched(plan, others))

    async def _failing(self, plan: Plan, owed: Owed) -> tuple[str, ...]:
        """What fails for any family that has this address, the services of the first one first."""
        own = owed.reader.services
        if owed.framing is Framing.NOT_AFFECTED:
            return own  # true of this family alone
        failing = await self._touched(plan, _OF_ADDRESS.where(family_address.c.address_id == owed.address))
        return own + tuple(s for s in plan.scope.services if s in failing and s not in own)

    async def _touched(self, plan: Plan, used: Select[tuple[str, str | None]]) -> set[str]:
        """Which of the services that somebody uses the incident touches."""
        rows = await self.sql.rows(used)
        return {s for row in rows for s in plan.scope.touching((row.service,), row.region)}


def by_address(new: Planned) -> tuple[UUID, bool]:
    """What fails is written before what does no more, which then is named in it."""
    return new.owed.address, new.owed.framing is Framing.NOT_AFFECTED
