"""The inbox: what people wrote in their own words."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, update

from alertd.domain.family import Address, AddressId, Family
from alertd.domain.inbox import Letter
from alertd.store import codec
from alertd.store.locks import lock_addresses
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import UNREAD, address, family, family_address, reply
from alertd.store.unused import forget_unused


class InboxRows:
    """Reads and writes letters within one transaction."""

    sql: Sql

    async def inbox(self, limit: int, *, waiting: bool) -> Sequence[Letter]:
        """What people wrote in their own words, newest first; `waiting`: only what nobody has dealt with."""
        rows = await self.sql.rows(
            select(reply)
            .where(UNREAD if waiting else reply.c.text.is_not(None))
            .order_by(reply.c.at.desc(), reply.c.id.desc())
            .limit(limit)
        )
        return await self._letters(rows)

    async def letter(self, letter_id: UUID) -> Letter | None:
        """One of them."""
        rows = await self.sql.rows(select(reply).where(reply.c.id == letter_id, reply.c.text.is_not(None)))
        return (await self._letters(rows))[0] if rows else None

    async def close_letter(self, letter_id: UUID, who: str, at: datetime) -> bool:
        """Somebody has dealt with it; False: there is none, or it was done before.

        An address that nobody has any more was kept for its sake alone.
        """
        statement = update(reply).where(reply.c.id == letter_id, UNREAD).values(done_at=at, done_by=who)
        if await self.sql.run(statement) != 1:
            return False
        from_ = [
            row.address_id
            for row in await self.sql.rows(select(reply.c.address_id).where(reply.c.id == letter_id))
        ]
        await lock_addresses(self.sql, from_)
        await forget_unused(self.sql, from_, unread=False)
        return True

    async def inbox_since(self, after: datetime) -> tuple[int, UUID | None, datetime | None]:
        """Of what waits and came after a moment: how many, the newest, and when that came."""
        rows = await self.sql.rows(
            select(reply.c.id, reply.c.at, func.count().over().label("waiting"))
            .where(UNREAD, reply.c.at > after)
            .order_by(reply.c.at.desc(), reply.c.id.desc())
            .limit(1)
        )
        return (rows[0].waiting, rows[0].id, rows[0].at) if rows else (0, None, None)

    async def _letters(self, rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Letter]:
        ids = {row.address_id for row in rows}
        if not ids:
            return []
        known = await self.sql.rows(
            select(address.c.id, address.c.channel, address.c.dest, address.c.verified).where(
                one_of(address.c.id, ids)
            )
        )
        addresses = {row.id: Address(row.channel, row.dest, AddressId(row.id), row.verified) for row in known}
        linked = await self.sql.rows(
            select(family_address.c.address_id, family.c.doc)
            .join(family, family.c.id == family_address.c.family_id)
            .where(one_of(family_address.c.address_id, ids))
            .order_by(family.c.id)
        )
        families: dict[UUID, list[Family]] = {}
        for row in linked:
            document = codec.family_if_readable(row.doc)
            if document is not None:
                families.setdefault(row.address_id, []).append(document)
        return [
            Letter(
                row.id,
                row.at,
                row.text,
                addresses.get(row.address_id),
                tuple(families.get(row.address_id, ())),
                row.done_at,
                row.done_by,
            )
            for row in rows
        ]
