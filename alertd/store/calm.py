"""Whether there is anything to do at all: what the sweeper asks twice a second, in one statement."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    TextClause,
    and_,
    bindparam,
    literal,
    literal_column,
    or_,
    select,
)

from alertd.domain.delivery import DeliveryState
from alertd.store.sql import Sql
from alertd.store.tables import CURSOR_OPEN, delivery, fanout, incident, page, responder_watch, watch
from alertd.store.types import Instant

_NOW, _MACHINE = bindparam("now", type_=Instant()), bindparam("machine_at", type_=Instant())
_ONE: Any = literal_column("1")


def _state(column: ColumnElement[str], *states: DeliveryState) -> ColumnElement[bool]:
    """In the very words of the partial indexes: a parameter would miss them once the statement is prepared."""
    return column.in_([literal(each.value, literal_execute=True) for each in states])


def _is(column: ColumnElement[str], state: DeliveryState) -> ColumnElement[bool]:
    return column == literal(state.value, literal_execute=True)


def _any(*order: Column[Any], where: ColumnElement[bool] | TextClause) -> ColumnElement[Any]:
    """1 where there is such a row; ordered as its index is, which keeps the databases on it."""
    return select(_ONE).select_from(order[0].table).where(where).order_by(*order).limit(1).scalar_subquery()


_CALM: Select[Any] = select(
    _any(
        delivery.c.lane,
        delivery.c.channel,
        delivery.c.priority,
        delivery.c.due_at,
        where=_is(delivery.c.state, DeliveryState.PENDING),
    ),
    _any(
        delivery.c.lease_until,
        where=and_(_is(delivery.c.state, DeliveryState.LEASED), delivery.c.lease_until < _MACHINE),
    ),
    _any(
        delivery.c.due_at, where=and_(_is(delivery.c.state, DeliveryState.UNKNOWN), delivery.c.due_at <= _MACHINE)
    ),
    _any(fanout.c.opened_at, where=CURSOR_OPEN),
    _any(watch.c.look_at, where=and_(watch.c.look_at.is_not(None), watch.c.look_at <= _NOW)),
    _any(
        incident.c.number,
        where=and_(
            incident.c.ended_at.is_(None), or_(incident.c.resolve_at <= _NOW, incident.c.confirm_at <= _NOW)
        ),
    ),
    _any(
        responder_watch.c.look_at,
        where=and_(responder_watch.c.look_at.is_not(None), responder_watch.c.look_at <= _NOW),
    ),
    _any(
        page.c.due_at,
        where=and_(_state(page.c.state, DeliveryState.PENDING, DeliveryState.UNKNOWN), page.c.due_at <= _MACHINE),
    ),
    _any(page.c.lease_until, where=and_(_is(page.c.state, DeliveryState.LEASED), page.c.lease_until < _MACHINE)),
)


class CalmRows:
    """Reads within one snapshot."""

    sql: Sql

    async def calm(self, now: datetime, machine_at: datetime) -> bool:
        """Whether nothing is due, waits or has lapsed: no message, watch, update, lease, suspicion or page.

        Nine walks to the first entry of an index. It may say no where nothing is to be done after all.
        """
        rows = await self.sql.rows(_CALM, {"now": now, "machine_at": machine_at})
        return all(each is None for each in rows[0])
