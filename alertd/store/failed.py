"""What could not be told, and what followed: reads for the timeline and for a family's page."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import and_, func, or_, select

from alertd.domain.delivery import DeliveryState
from alertd.domain.family import FamilyId
from alertd.domain.incident import IncidentId
from alertd.records import AddressState, FailedTry, Followed
from alertd.store.sql import Sql
from alertd.store.tables import address, attempt, delivery, delivery_share, family_address

_FAILED = ("refused", "parked", "undelivered")
_ALIVE = tuple(
    state.value
    for state in (
        DeliveryState.PENDING,
        DeliveryState.LEASED,
        DeliveryState.UNKNOWN,
        DeliveryState.ACCEPTED,
        DeliveryState.DELIVERED,
        DeliveryState.READ,
    )
)


class FailedRows:
    """Reads within one snapshot."""

    sql: Sql

    async def failures(self, incident_id: IncidentId, limit: int) -> Sequence[FailedTry]:
        """Refused, parked and undelivered tries, newest first, each with the family's other messages since."""
        newest = (
            select(
                attempt.c.id,
                attempt.c.at,
                attempt.c.outcome,
                attempt.c.code,
                attempt.c.provider_id,
                delivery.c.family_id,
                delivery.c.caregiver,
                delivery.c.channel,
                delivery.c.update_no,
                delivery.c.address_id,
            )
            .join(delivery, delivery.c.id == attempt.c.delivery_id)
            .where(delivery.c.incident_id == incident_id, attempt.c.outcome.in_(_FAILED))
            .order_by(attempt.c.id.desc())
            .limit(limit)
            .subquery()
        )
        rows = await self.sql.rows(
            select(newest, address.c.opted_out_at)
            .select_from(newest)
            .join(address, address.c.id == newest.c.address_id, isouter=True)
            .order_by(newest.c.id.desc())
        )
        others = delivery.alias()
        what = (others.c.caregiver, others.c.channel, others.c.state)
        read = select(newest.c.id, *what, func.min(others.c.update_no).label("first")).group_by(newest.c.id, *what)
        since = and_(
            others.c.update_no >= newest.c.update_no,
            others.c.address_id != newest.c.address_id,
            others.c.state.in_(_ALIVE),
        )
        # Two statements, each along its own index: the family's own messages, and those to addresses it shares.
        own = read.select_from(newest).join(
            others, and_(others.c.incident_id == incident_id, others.c.family_id == newest.c.family_id, since)
        )
        shared = (
            read.select_from(newest)
            .join(
                delivery_share,
                and_(
                    delivery_share.c.incident_id == incident_id,
                    delivery_share.c.family_id == newest.c.family_id,
                ),
            )
            .join(others, and_(others.c.id == delivery_share.c.delivery_id, since))
        )
        followed: dict[UUID, list[Followed]] = {}
        for statement in (own, shared):
            for row in await self.sql.rows(statement):
                after = Followed(row.caregiver, row.channel, DeliveryState(row.state), row.first)
                followed.setdefault(row.id, []).append(after)
        return [
            FailedTry(
                at=row.at,
                family=FamilyId(row.family_id),
                caregiver=row.caregiver,
                channel=row.channel,
                update=row.update_no,
                outcome=row.outcome,
                code=row.code,
                opted_out=row.opted_out_at is not None,
                followed=tuple(followed.get(row.id, ())),
                taken=row.provider_id is not None,
            )
            for row in rows
        ]

    async def address_states(self, family_id: FamilyId) -> Mapping[UUID, AddressState]:
        """Of a family's addresses those that are suspended or have opted out, by id."""
        rows = await self.sql.rows(
            select(address.c.id, address.c.suspended_at, address.c.suspended_code, address.c.opted_out_at)
            .join(family_address, family_address.c.address_id == address.c.id)
            .where(
                family_address.c.family_id == family_id,
                or_(address.c.suspended_at.is_not(None), address.c.opted_out_at.is_not(None)),
            )
        )
        return {row.id: AddressState(row.suspended_at, row.suspended_code, row.opted_out_at) for row in rows}
