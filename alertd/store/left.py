"""How far an update has come: what has left, or may have, and what still waits."""

from sqlalchemy import and_, func, or_, select, union

from alertd.domain.delivery import TOLD, DeliveryState
from alertd.domain.incident import IncidentId
from alertd.records import Left
from alertd.store.sql import Sql
from alertd.store.tables import answer, delivery, delivery_share

_GONE = or_(
    delivery.c.state.in_([state.value for state in (*TOLD, DeliveryState.LEASED, DeliveryState.UNKNOWN)]),
    delivery.c.maybe,
)
_WAITS = and_(delivery.c.state == DeliveryState.PENDING.value, ~delivery.c.maybe)


class LeftRows:
    """Reads within one transaction."""

    sql: Sql

    async def left(self, incident_id: IncidentId, number: int) -> Left:
        """Of the updates from this number on, with the holdings that repeat it."""
        mine = (delivery.c.incident_id == incident_id, delivery.c.update_no >= number)
        own = select(delivery.c.family_id).where(*mine, _GONE)
        shared = (
            select(delivery_share.c.family_id)
            .join(delivery, delivery.c.id == delivery_share.c.delivery_id)
            .where(*mine, _GONE)
        )
        families = await self.sql.rows(select(func.count()).select_from(union(own, shared).subquery()))
        counts: list[dict[str, int]] = []
        for which in (_GONE, _WAITS):
            rows = await self.sql.rows(
                select(delivery.c.channel, func.count())
                .where(*mine, which)
                .group_by(delivery.c.channel)
                .order_by(delivery.c.channel)
            )
            counts.append({row[0]: row[1] for row in rows})
        return Left(families[0][0], counts[0], counts[1])

    async def had(self, incident_id: IncidentId, number: int) -> frozenset[int]:
        """Which updates from this number on anybody has, or may have; told by phone too."""
        sent = select(delivery.c.update_no).where(
            delivery.c.incident_id == incident_id, delivery.c.update_no >= number, _GONE
        )
        called = select(answer.c.told).where(answer.c.incident_id == incident_id, answer.c.told >= number)
        return frozenset([row[0] for row in await self.sql.rows(union(sent, called))])
