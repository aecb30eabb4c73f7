"""Addresses that a provider refuses for good: nobody is told over them any more, whoever has them."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, or_, select, tuple_, update

from alertd.domain.delivery import DeliveryState
from alertd.store.locks import lock_addresses
from alertd.store.sql import Sql
from alertd.store.tables import WATCH_OPEN, address, delivery, family_address, watch

_AT_ONCE = 500  # watches a statement


async def watches_with(sql: Sql, addresses: Collection[UUID]) -> set[tuple[UUID, str]]:
    """The open watches of all families who have one of these addresses."""
    if not addresses:
        return set()
    rows = await sql.rows(
        select(watch.c.incident_id, watch.c.family_id)
        .join(family_address, family_address.c.family_id == watch.c.family_id)
        .where(family_address.c.address_id.in_(list(addresses)), WATCH_OPEN)
    )
    return {(row.incident_id, row.family_id) for row in rows}


async def stop_addresses(
    sql: Sql, refused: Mapping[UUID, str | None], opted_out: Mapping[UUID, str | None], now: datetime
) -> None:
    """Suspend the ones, each with the provider's code, and note that the others have opted out.

    The caller holds the locks of their watches.
    """
    if not refused and not opted_out:
        return
    await lock_addresses(sql, {*refused, *opted_out})
    if refused:
        codes = dict(refused)
        code: Any = case(codes, value=address.c.id) if len(codes) > 1 else next(iter(codes.values()))
        await _stop(sql, refused, {"suspended_at": now, "suspended_code": code})
    if opted_out:
        # Whoever said stop to the provider can take that back nowhere but there, whatever they chose here before.
        await _stop(sql, opted_out, {"opted_out_at": now, "opted_out_here": False})


async def stop_here(sql: Sql, addresses: Collection[UUID], now: datetime) -> None:
    """Note that whoever has these addresses wants nothing sent there; what was stopped already stays as it is.

    The caller holds the locks of their watches.
    """
    await lock_addresses(sql, addresses)
    await sql.run(
        update(address)
        .where(address.c.id.in_(list(addresses)), address.c.opted_out_at.is_(None))
        .values(opted_out_at=now, opted_out_here=True, notable=True)
    )


async def start_here(sql: Sql, addresses: Collection[UUID]) -> None:
    """Take that back; what was stopped anywhere else stays stopped.

    The caller holds the locks of their watches.
    """
    await lock_addresses(sql, addresses)
    await sql.run(
        update(address)
        .where(address.c.id.in_(list(addresses)), address.c.opted_out_here)
        .values(
            opted_out_at=None,
            opted_out_here=False,
            notable=or_(address.c.shared, ~address.c.verified, address.c.suspended_at.is_not(None)),
        )
    )


async def supersede_to(sql: Sql, concerned: Collection[tuple[UUID, str]], addresses: Collection[UUID]) -> None:
    """What waits to go to these addresses is owed over another way, at once and not when its turn comes.

    `concerned`: the watches of all who have them; the caller holds their locks.
    """
    ordered = sorted(concerned)
    for start in range(0, len(ordered), _AT_ONCE):
        await sql.run(
            update(delivery)
            .where(
                tuple_(delivery.c.incident_id, delivery.c.family_id).in_(ordered[start : start + _AT_ONCE]),
                delivery.c.address_id.in_(list(addresses)),
                delivery.c.state == DeliveryState.PENDING.value,
            )
            .values(state=DeliveryState.SUPERSEDED.value, reader=None)
        )


async def _stop(sql: Sql, ids: Collection[UUID], values: dict[str, Any]) -> None:
    await sql.run(update(address).where(address.c.id.in_(list(ids))).values(notable=True, **values))
