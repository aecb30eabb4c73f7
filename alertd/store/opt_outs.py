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
from alertd.store.stops import supersede_to, watches_with
from alertd.store.tables import address, family_address, one_mailbox


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

    async def same_mailbox(self, address_id: UUID) -> UUID | None:
        """The address that one which is gone was another spelling of; None: of none."""
        rows = await self.sql.rows(select(one_mailbox.c.kept).where(one_mailbox.c.gone == address_id))
        return rows[0].kept if rows else None

    async def opt_out(self, address_id: UUID, now: datetime, *, here: bool) -> int | None:
        """Nothing more goes to this address, whoever has it, and who is told of an outage there is planned anew.

        Returns how many watches are due by it; None: it had opted out before, and nothing has changed.
        """
        concerned = await self._change(
            address_id,
            address.c.opted_out_at.is_(None),
            {"opted_out_at": now, "opted_out_here": here, "notable": True},
        )
        if concerned is None:
            if not here:  # stopped on a page of ours, and now at the provider too: no page can undo that
                theirs = update(address).where(address.c.id == address_id).values(opted_out_here=False)
                await self.sql.run(theirs)
            return None
        await supersede_to(self.sql, concerned, [address_id])
        await self.make_due(concerned, now)
        return len(concerned)

    async def opt_in(self, address_id: UUID, now: datetime) -> int | None:
        """Messages may go to this address again; the rest as `opt_out`. None: it had not opted out."""
        notable = or_(address.c.shared, ~address.c.verified, address.c.suspended_at.is_not(None))
        concerned = await self._change(
            address_id,
            address.c.opted_out_at.is_not(None),
            {"opted_out_at": None, "opted_out_here": False, "notable": notable},
        )
        if concerned is None:
            return None
        await self.make_due(concerned, now)
        return len(concerned)

    async def _change(
        self, address_id: UUID, unless: ColumnElement[bool], values: Mapping[str, Any]
    ) -> set[tuple[UUID, str]] | None:
        """The watches that it concerns; None: it was so before."""
        concerned = await watches_with(self.sql, [address_id])
        await lock_watches(self.sql, concerned)
        await lock_addresses(self.sql, [address_id])
        changed = await self.sql.run(update(address).where(address.c.id == address_id, unless).values(**values))
        return concerned if changed else None
