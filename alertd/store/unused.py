"""Forgetting addresses that nobody has any more, with what was written from there."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, exists, or_, select, update

from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import UNREAD, UNUSED, address, delivery, incident, reply

_TRIED = exists().where(
    incident.c.number < 0,
    delivery.c.incident_id == incident.c.id,
    delivery.c.address_id == address.c.id,
)
"""Somebody tries a channel there."""


async def forget_unused(sql: Sql, addresses: Collection[UUID], *, unread: bool) -> None:
    """Of these, whose rows the caller has locked. That somebody wants no more there, or it takes none, is kept.

    Nothing that was written from there is.

    `unread`: also those from which somebody has written what no person has dealt with yet.
    """
    if not addresses:
        return
    forgotten = (
        one_of(address.c.id, list(addresses)),
        UNUSED,
        *([] if unread else [~exists().where(reply.c.address_id == address.c.id, UNREAD)]),
    )
    # Their words go, also where the row is kept; that a reply was taken stays, or it could be told us again.
    theirs = reply.c.address_id.in_(select(address.c.id).where(*forgotten))
    await sql.run(update(reply).where(theirs).values(text=None, said=None))
    kept = or_(address.c.opted_out_at.is_not(None), address.c.suspended_at.is_not(None), _TRIED)
    await sql.run(delete(address).where(*forgotten, ~kept))
