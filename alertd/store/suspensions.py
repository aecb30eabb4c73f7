"""Addresses that a provider had refused for good, and that a person says may be used again."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import func, literal_column, or_, select, tuple_, update

from alertd.domain.delivery import DeliveryState
from alertd.domain.family import AddressId
from alertd.records import Lifted
from alertd.store.due import DueRows
from alertd.store.locks import lock_addresses, lock_watches
from alertd.store.sql import Sql
from alertd.store.stops import watches_with
from alertd.store.tables import address, delivery, delivery_share
from alertd.store.unused import forget_unused

T = TypeVar("T")
_AT_ONCE = 500  # addresses or watches a statement


class SuspensionRows(DueRows):
    """Within one transaction."""

    sql: Sql

    async def suspended(
        self, code: str, since: datetime, channel: str | None, after: AddressId | None, limit: int
    ) -> Sequence[AddressId]:
        """The next addresses, by id, that are suspended with a provider's code, from a moment on."""
        # All that are suspended are notable, and that has an index: said in its very words, or SQLite reads all.
        where = [
            literal_column("address.notable"),
            address.c.suspended_code == code,
            address.c.suspended_at >= since,
        ]
        if channel is not None:
            where.append(address.c.channel == channel)
        if after is not None:
            where.append(address.c.id > after)
        rows = await self.sql.rows(select(address.c.id).where(*where).order_by(address.c.id).limit(limit))
        return [AddressId(row.id) for row in rows]

    async def lifting(self, addresses: Sequence[AddressId]) -> Lifted:
        """What lifting the suspensions of these addresses would come to."""
        return await self._lifted(addresses, await self._watches_of(addresses))

    async def lift_suspensions(self, addresses: Sequence[AddressId], now: datetime) -> Lifted:
        """These addresses are suspended no more; an opt-out stays.

        All who have one are planned anew in the outages that go on, as if what was refused had never been sent.
        """
        concerned = await self._watches_of(addresses)
        await lock_watches(self.sql, concerned)
        await lock_addresses(self.sql, addresses)
        lifted = await self._lifted(addresses, concerned)
        for part in _parts(addresses):
            await self.sql.run(
                update(address)
                .where(address.c.id.in_(part))
                .values(
                    suspended_at=None,
                    suspended_code=None,
                    notable=or_(address.c.shared, ~address.c.verified, address.c.opted_out_at.is_not(None)),
                )
            )
            await self._forget_refusals(part)
            await forget_unused(self.sql, part, unread=True)
        await self.make_due(concerned, now)
        return lifted

    async def _watches_of(self, addresses: Sequence[AddressId]) -> set[tuple[UUID, str]]:
        concerned: set[tuple[UUID, str]] = set()
        for part in _parts(addresses):
            concerned |= await watches_with(self.sql, part)
        return concerned

    async def _lifted(self, addresses: Sequence[AddressId], concerned: set[tuple[UUID, str]]) -> Lifted:
        suspended = opted_out = 0
        for part in _parts(addresses):
            rows = await self.sql.rows(
                select(func.count(), func.count(address.c.opted_out_at)).where(
                    address.c.id.in_(part), address.c.suspended_at.is_not(None)
                )
            )
            suspended, opted_out = suspended + rows[0][0], opted_out + rows[0][1]
        return Lifted(suspended, opted_out, frozenset({family for _, family in concerned}))

    async def _forget_refusals(self, addresses: Sequence[AddressId]) -> None:
        """A message that was refused there counts as failed no more, nor takes the place of the next one.

        That it was refused stays among its tries. Left so, the planner would wait for news before it sends there,
        as it does after every failure that was not our own fault.
        """
        served = tuple_(delivery_share.c.incident_id, delivery_share.c.family_id)
        own = tuple_(delivery.c.incident_id, delivery.c.family_id)
        for watches in _parts(sorted(await watches_with(self.sql, addresses))):
            # One that served several may have been written for a family that is gone.
            shared = select(delivery_share.c.delivery_id).where(served.in_(watches))
            for whose in (own.in_(watches), delivery.c.id.in_(shared)):
                await self.sql.run(
                    update(delivery)
                    .where(
                        whose,
                        delivery.c.address_id.in_(addresses),
                        delivery.c.state == DeliveryState.REFUSED.value,
                    )
                    .values(state=DeliveryState.SUPERSEDED.value)
                )


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]
