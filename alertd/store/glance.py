"""What a worker looks at before it takes anything in hand: one statement each, and nobody is locked."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, bindparam, func, literal, literal_column, select

from alertd.domain.delivery import DeliveryState
from alertd.domain.family import CHANNELS
from alertd.store.sql import Sql
from alertd.store.tables import CURSOR_OPEN, delivery, fanout, watch
from alertd.store.types import Instant

_ONE: ColumnElement[int] = literal_column("1")


def _due(*conditions: ColumnElement[bool]) -> ScalarSelect[Any]:
    return (
        select(_ONE)
        .where(
            delivery.c.state == literal(DeliveryState.PENDING.value, literal_execute=True),
            delivery.c.lane == bindparam("lane"),
            delivery.c.due_at <= bindparam("machine_at", type_=Instant()),
            *conditions,
        )
        .limit(1)
        .scalar_subquery()
    )


_CURSOR = select(_ONE).where(fanout.c.lane == bindparam("lane"), CURSOR_OPEN).limit(1).scalar_subquery()
_WATCH = (
    select(_ONE)
    .where(watch.c.look_at.is_not(None), watch.c.look_at <= bindparam("now", type_=Instant()))
    .order_by(watch.c.look_at)  # keeps Postgres on the partial index: see alertd.store.fanouts
    .limit(1)
    .scalar_subquery()
)
# Made once, as everybody who waits asks again and again.
_WAITING: Select[Any] = select(*(_due(delivery.c.channel == channel).label(channel) for channel in CHANNELS))
_ANYTHING: Select[Any] = select(func.coalesce(_CURSOR, _WATCH, _due()))


class GlanceRows:
    """Reads within one transaction."""

    sql: Sql

    async def waiting(self, lane: str, machine_at: datetime) -> frozenset[str]:
        """The channels of which something on this lane is due."""
        rows = await self.sql.rows(_WAITING, {"lane": lane, "machine_at": machine_at})
        return frozenset(name for name, found in rows[0]._mapping.items() if found is not None)

    async def anything(self, lane: str, now: datetime, machine_at: datetime) -> bool:
        """Whether there is a cursor or a due delivery on this lane, or a watch that is due."""
        rows = await self.sql.rows(_ANYTHING, {"lane": lane, "now": now, "machine_at": machine_at})
        return rows[0][0] is not None
