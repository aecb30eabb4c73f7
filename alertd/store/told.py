"""The deliveries of every family in an incident, its own and those at addresses that it shares."""

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, CompoundSelect, Select, select, type_coerce, union_all

from alertd.domain.delivery import TOLD
from alertd.domain.incident import IncidentId
from alertd.store.sql import Sql
from alertd.store.tables import delivery, delivery_share

WAS_TOLD = delivery.c.state.in_([state.value for state in TOLD])


async def shares(sql: Sql, incident_id: IncidentId) -> bool:
    """Whether any address in this incident is shared by families."""
    one = select(delivery_share.c.delivery_id).where(delivery_share.c.incident_id == incident_id).limit(1)
    return bool(await sql.rows(one))


def rows_of(
    incident_id: IncidentId, which: ColumnElement[bool], *what: ColumnElement[Any], shared: bool
) -> Select[Any] | CompoundSelect[Any]:
    """Of every family what its own deliveries say, and, if there are any, those at addresses that it shares."""
    own = select(delivery.c.family_id, *what).where(delivery.c.incident_id == incident_id, which)
    if not shared:
        return own  # in the order of an index: half the time
    return union_all(
        own,
        select(delivery_share.c.family_id, *what)
        .join(delivery, delivery.c.id == delivery_share.c.delivery_id)
        .where(delivery_share.c.incident_id == incident_id, which),
    )


def us(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A moment as the tables hold it: microseconds."""
    return type_coerce(column, BigInteger)
