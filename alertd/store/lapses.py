"""What becomes of leases that ran out, and of outcomes that nobody knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, insert, select, update

from alertd.domain.delivery import CRASHES, DeliveryState
from alertd.store.due import DueRows
from alertd.store.ids import uuid7
from alertd.store.locks import lock_watches
from alertd.store.one_of import one_of
from alertd.store.tables import attempt, delivery

_LAPSED = "lease expired"
_POISON = f"{CRASHES} crashes"


class LapseRows(DueRows):
    """Ends and retries leases within one transaction."""

    async def expire_leases(self, machine_at: datetime, wait_until: datetime, limit: int, *, now: datetime) -> int:
        """Every expired lease is `unknown`: the provider may have it; returns how many there were.

        What has crashed too often is parked, and its watches are due at `now`, in story time.
        """
        parked = await self._park_poison(machine_at, limit, now)
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
            await self._keep_lapses(rows, machine_at, DeliveryState.UNKNOWN, _LAPSED)
        return parked + len(rows)

    async def _park_poison(self, machine_at: datetime, limit: int, now: datetime) -> int:
        """What outlives its lease once too often is taken to kill its worker: parked, and its watches due."""
        poison = (
            delivery.c.state == DeliveryState.LEASED.value,
            delivery.c.lease_until < machine_at,
            delivery.c.crashes >= CRASHES - 1,
        )
        found = await self.sql.rows(
            select(delivery.c.id, delivery.c.incident_id, delivery.c.family_id).where(*poison).limit(limit)
        )
        if not found:
            return 0
        # Watches are locked before deliveries, everywhere; so it may have been finished meanwhile.
        due = {(row.incident_id, row.family_id) for row in found} | await self.sharers([row.id for row in found])
        await lock_watches(self.sql, due)
        rows = await self.sql.rows(
            select(delivery.c.id, delivery.c.attempts)
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
                crashes=delivery.c.crashes + 1,
                reader=None,
                lease_until=None,
                lease_token=None,
            )
        )
        await self._keep_lapses(rows, machine_at, DeliveryState.PARKED, _POISON)
        return len(rows)

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
