"""What becomes of leases that ran out, and of outcomes that nobody knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, or_, select, update

from alertd.domain.delivery import CRASHES, DeliveryState
from alertd.domain.incident import IncidentId
from alertd.records import Lapses
from alertd.store.due import DueRows
from alertd.store.ids import uuid7
from alertd.store.locks import lock_watches
from alertd.store.one_of import one_of
from alertd.store.tables import attempt, delivery, family_address

_LAPSED = "lease expired"
_POISON = f"{CRASHES} crashes"

_MESSAGE = (delivery.c.incident_id, delivery.c.update_no, delivery.c.address_id, delivery.c.epoch, delivery.c.step)
_OVER = (DeliveryState.SUPERSEDED.value, DeliveryState.PARKED.value)


class LapseRows(DueRows):
    """Ends and retries leases within one transaction."""

    async def expire_leases(
        self, machine_at: datetime, wait_until: datetime, limit: int, *, now: datetime
    ) -> Lapses:
        """Every expired lease is `unknown`: the provider may have it.

        What has crashed too often is parked, and its watches are due at `now`, in story time.
        """
        carried = await self._carried(machine_at, limit)
        parked = await self._park_poison(machine_at, limit, now, carried)
        rows = await self.sql.rows(
            select(delivery.c.id, delivery.c.attempts)
            .where(delivery.c.state == DeliveryState.LEASED.value, delivery.c.lease_until < machine_at)
            .order_by(delivery.c.lease_until)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if rows:
            await self.sql.run(
                update(delivery)
                .where(
                    one_of(delivery.c.id, [row.id for row in rows]),
                    delivery.c.state == DeliveryState.LEASED.value,
                )
                .values(
                    state=DeliveryState.UNKNOWN.value,
                    due_at=wait_until,
                    code=_LAPSED,
                    maybe=True,
                    crashes=delivery.c.crashes + 1,
                    lease_until=None,
                    lease_token=None,
                )
            )
            for row in rows:
                if row.id in carried:
                    more = update(delivery).where(delivery.c.id == row.id).values(crashes=carried[row.id] + 1)
                    await self.sql.run(more)
            await self._keep_lapses(rows, machine_at, DeliveryState.UNKNOWN, _LAPSED)
        return Lapses(len(parked) + len(rows), parked)

    async def _carried(self, machine_at: datetime, limit: int) -> dict[UUID, int]:
        """How often what was the same message before had crashed, of expired leases where that is more often.

        A message that is planned anew, as half of its time is over, is another row, with no crashes. Where five
        leases take longer than that, what kills its workers would never be parked; so a row goes on counting where
        the one before it stopped. That is found here and not when it is planned: there it costs every plan, here a
        lost lease. What raises an error within a worker needs none of it: five tries take half a minute at most.
        """
        leased = (delivery.c.state == DeliveryState.LEASED.value, delivery.c.lease_until < machine_at)
        expired = await self.sql.rows(
            select(delivery.c.id, delivery.c.family_id, delivery.c.crashes, *_MESSAGE)
            .where(*leased)
            .order_by(delivery.c.lease_until)
            .limit(limit)
        )
        if not expired:
            return {}
        before = await self._crashed_before(expired)
        carried = {row.id: before.get(_message(row), 0) for row in expired}
        return {row.id: carried[row.id] for row in expired if carried[row.id] > row.crashes}

    async def _crashed_before(self, expired: Sequence[Row[*tuple[Any, ...]]]) -> dict[tuple[Any, ...], int]:
        """By message: how often rows crashed that are over, since the newest that was parked.

        Once parked, it has been counted: it is owed again after a backoff, and has five tries anew. Looked up by
        families, as the index is: whoever shares the address may have been first.
        """
        families: dict[Any, set[str]] = {}
        for row in expired:
            families.setdefault(row.incident_id, set()).add(row.family_id)
        addresses: dict[Any, set[Any]] = {}
        for row in expired:
            addresses.setdefault(row.address_id, set()).add(row.incident_id)
        shares = one_of(family_address.c.address_id, list(addresses))
        for row in await self.sql.rows(
            select(family_address.c.address_id, family_address.c.family_id).where(shares)
        ):
            for incident in addresses[row.address_id]:
                families[incident].add(row.family_id)
        found: dict[tuple[Any, ...], int] = {}
        for incident, names in families.items():
            over = await self.sql.rows(
                select(delivery.c.state, delivery.c.crashes, *_MESSAGE)
                .where(
                    delivery.c.incident_id == incident,
                    one_of(delivery.c.family_id, sorted(names)),
                    delivery.c.state.in_(_OVER),
                )
                .order_by(delivery.c.planned_at, delivery.c.id)
            )
            for row in over:
                parked = row.state == DeliveryState.PARKED.value
                found[_message(row)] = 0 if parked else max(found.get(_message(row), 0), row.crashes)
        return found

    async def _park_poison(
        self, machine_at: datetime, limit: int, now: datetime, carried: dict[UUID, int]
    ) -> tuple[tuple[IncidentId, str, str], ...]:
        """What outlives its lease once too often is taken to kill its worker: parked, and its watches due."""
        last = [each for each, crashes in carried.items() if crashes >= CRASHES - 1]
        often = delivery.c.crashes >= CRASHES - 1
        poison = (
            delivery.c.state == DeliveryState.LEASED.value,
            delivery.c.lease_until < machine_at,
            or_(often, one_of(delivery.c.id, last)) if last else often,
        )
        found = await self.sql.rows(
            select(delivery.c.id, delivery.c.incident_id, delivery.c.family_id).where(*poison).limit(limit)
        )
        if not found:
            return ()
        # Watches are locked before deliveries, everywhere; so it may have been finished meanwhile.
        due = {(row.incident_id, row.family_id) for row in found} | await self.sharers([row.id for row in found])
        await lock_watches(self.sql, due)
        rows = await self.sql.rows(
            select(
                delivery.c.id,
                delivery.c.attempts,
                delivery.c.incident_id,
                delivery.c.family_id,
                delivery.c.channel,
            )
            .where(one_of(delivery.c.id, [row.id for row in found]), *poison)
            .order_by(delivery.c.id)
            .with_for_update(skip_locked=True)
        )
        await self.make_due(due, now)
        await self.sql.run(
            update(delivery)
            .where(one_of(delivery.c.id, [row.id for row in rows]))
            .values(
                state=DeliveryState.PARKED.value,
                code=_POISON,
                maybe=True,
                crashes=CRASHES,
                reader=None,
                lease_until=None,
                lease_token=None,
            )
        )
        await self._keep_lapses(rows, machine_at, DeliveryState.PARKED, _POISON)
        return tuple((IncidentId(row.incident_id), row.family_id, row.channel) for row in rows)

    async def _keep_lapses(
        self, rows: Sequence[Row[*tuple[Any, ...]]], at: datetime, outcome: DeliveryState, code: str
    ) -> None:
        await self.sql.many(
            insert(attempt),
            [
                {
                    "id": uuid7(),
                    "delivery_id": row.id,
                    "number": row.attempts,
                    "at": at,
                    "outcome": outcome.value,
                    "code": code,
                    "provider_id": None,
                }
                for row in rows
            ],
        )

    async def retry_unknown(self, machine_at: datetime, limit: int) -> int:
        """Whose wait for the provider's word is over is sent again: better twice than never."""
        rows = await self.sql.rows(
            select(delivery.c.id)
            .where(delivery.c.state == DeliveryState.UNKNOWN.value, delivery.c.due_at <= machine_at)
            .order_by(delivery.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        if rows:
            await self.sql.run(
                update(delivery)
                .where(
                    one_of(delivery.c.id, [row.id for row in rows]),
                    delivery.c.state == DeliveryState.UNKNOWN.value,
                )
                .values(state=DeliveryState.PENDING.value)
            )
        return len(rows)


def _message(row: Row[*tuple[Any, ...]]) -> tuple[Any, ...]:
    """The same for rows that owe the same update to the same address for the same reason."""
    return row.incident_id, row.update_no, row.address_id, row.epoch, row.step
