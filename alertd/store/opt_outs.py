"""Addresses whose reader wants no more messages there, or wants them again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update

from alertd.domain.family import FamilyId
from alertd.records import AddressUse
from alertd.store.due import DueRows
from alertd.store.locks import lock_addresses, lock_watches
from alertd.store.sql import Sql
from alertd.store.stops import watches_with
from alertd.store.tables import address, family_address


class OptOutRows(DueRows):
    """Within one transaction."""

    sql: Sql

    async def address_use(self, address_id: UUID, limit: int) -> AddressUse | None:
        """An address with at most `limit` of the families that have it; None: there is none such any more."""
        rows = await self.sql.rows(
            select(address.c.channel, address.c.opted_out_at).where(address.c.id == address_id)
        )
        if not rows:
            return None
        families = await self.sql.rows(
            select(family_address.c.family_id)
            .where(family_address.c.address_id == address_id)
            .order_by(family_address.c.family_id)
            .limit(limit)
        )
        own = rows[0]
        return AddressUse(
            own.channel, own.opted_out_at is not None, tuple(FamilyId(row.family_id) for row in families)
        )

    async def opt_out(self, address_id: UUID, now: datetime) -> int | None:
        """Nothing more goes to this address, whoever has it, and who is told of an outage there is planned anew.

        Returns how many watches are due by it; None: it had opted out before, and nothing has changed.
        What waits for it is taken back by the claim, which looks at the address again.
        """
        return await self._change(
            address_id, address.c.opted_out_at.is_(None), {"opted_out_at": now, "notable": True}, now
        )

    async def opt_in(self, address_id: UUID, now: datetime) -> int | None:
        """Messages may go to this address again; the rest as `opt_out`. None: it had not opted out."""
        notable = or_(address.c.shared, ~address.c.verified, address.c.suspended_at.is_not(None))
        return await self._change(
            address_id, address.c.opted_out_at.is_not(None), {"opted_out_at": None, "notable": notable}, now
        )

    async def _change(
        self, address_id: UUID, unless: ColumnElement[bool], values: Mapping[str, Any], now: datetime
    ) -> int | None:
        concerned = await watches_with(self.sql, [address_id])
        await lock_watches(self.sql, concerned)
        await lock_addresses(self.sql, [address_id])
        changed = await self.sql.run(update(address).where(address.c.id == address_id, unless).values(**values))
        if not changed:
            return None
        await self.make_due(concerned, now)
        return len(concerned)
