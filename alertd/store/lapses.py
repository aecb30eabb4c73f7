"""What becomes of leases that ran out, and of outcomes that nobody knows."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Row, and_, case, exists, func, insert, or_, select, update

from alertd.domain.delivery import CRASHES, DeliveryState
from alertd.store.due import DueRows
from alertd.store.ids import uuid7
from alertd.store.locks import lock_watches
from alertd.store.one_of import one_of
from alertd.store.tables import attempt, delivery, family_address

_LAPSED = "lease expired"
_POISON = f"{CRASHES} crashes"

_OLDER, _PARKED = delivery.alias("older"), delivery.alias("parked")
_SHARERS = (
    select(family_address.c.family_id)
    .where(family_address.c.address_id == delivery.c.address_id)
    .correlate(delivery)
)


def _same_message(other: FromClause) -> ColumnElement[bool]:
    """That row owed the same update to the same address for the same reason; found by an index of families."""
    key = (delivery.c.update_no, delivery.c.address_id, delivery.c.epoch, delivery.c.step)
    return and_(
        other.c.incident_id == delivery.c.incident_id,
        or_(other.c.family_id == delivery.c.family_id, other.c.family_id.in_(_SHARERS)),
        *(other.c[column.name] == column for column in key),
    )


# A message that is planned anew, as half of its time is over, is another row, with no crashes. Where five leases
# take longer than that, what kills its workers would never be parked; so a row goes on counting where the one
# before it stopped. That is found here and not when it is planned: there it costs every plan, here a lost lease.
# What raises an error within a worker needs none of it: five tries take half a minute at the most.
_BEFORE = (
    select(func.max(_OLDER.c.crashes))
    .where(
        _same_message(_OLDER),
        _OLDER.c.state == DeliveryState.SUPERSEDED.value,
        # Once parked, it has been counted: it is owed again after a backoff, and has five tries anew.
        ~exists()
        .where(
            _same_message(_PARKED),
            _PARKED.c.state == DeliveryState.PARKED.value,
            _PARKED.c.planned_at >= _OLDER.c.planned_at,
        )
        .correlate(delivery, _OLDER),
    )
    .correlate(delivery)
    .scalar_subquery()
)
_CRASHES = case((delivery.c.crashes < _BEFORE, _BEFORE), else_=delivery.c.crashes)


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
                    crashes=_CRASHES + 1,
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
            _CRASHES >= CRASHES - 1,
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
                crashes=_CRASHES + 1,
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
