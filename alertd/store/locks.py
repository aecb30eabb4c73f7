"""The lock order of Postgres, everywhere: cursor, family, watch by its key, update, address by its id, delivery.

An UPDATE of several rows locks them in the order it happens to find them; two such updates wait for each other
until one of them is killed (measured). So whoever changes several rows locks them here first.
"""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select, tuple_

from alertd.store.sql import Sql
from alertd.store.tables import address, family, watch

_AT_ONCE = 1000  # keys a statement; SQLite takes 32,766 parameters, Postgres 65,535


async def lock_watches(sql: Sql, keys: Collection[tuple[UUID, str]]) -> None:
    """Lock these watches in order; SQLite has one writer and nothing to lock."""
    if sql.dialect == "sqlite":
        return
    ordered = sorted(keys)
    for start in range(0, len(ordered), _AT_ONCE):
        part = ordered[start : start + _AT_ONCE]
        await sql.rows(
            select(watch.c.family_id)
            .where(tuple_(watch.c.incident_id, watch.c.family_id).in_(part))
            .order_by(watch.c.incident_id, watch.c.family_id)
            .with_for_update()
        )


async def lock_addresses(sql: Sql, ids: Collection[UUID]) -> None:
    """Lock these addresses in order."""
    if sql.dialect == "sqlite":
        return
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), _AT_ONCE):
        part = ordered[start : start + _AT_ONCE]
        await sql.rows(select(address.c.id).where(address.c.id.in_(part)).order_by(address.c.id).with_for_update())


async def lock_family(sql: Sql, family_id: str) -> bool:
    """Lock a family; False if there is none."""
    return bool(await sql.rows(select(family.c.id).where(family.c.id == family_id).with_for_update()))
