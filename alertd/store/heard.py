"""What families heard, told anew from the deliveries that still count, and from calls (R5, R7)."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, literal, select, union_all, update

from alertd.domain.delivery import TOLD
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import answer, delivery, delivery_share, watch
from alertd.store.types import Instant

_TOLD = tuple(state.value for state in TOLD)
_WHAT = (delivery.c.update_no, delivery.c.accepted_at, delivery.c.next_by)


async def hear_anew(sql: Sql, keys: Collection[tuple[UUID, str]], now: datetime) -> None:
    """Of each watch: when its family last heard, the newest update it was told, and what that one promised.

    Where nothing counts any more the promise is over at once; the planner, for whom the caller makes these watches
    due, puts the family's own deadline in its place. The caller holds the locks.
    """
    families: dict[UUID, list[str]] = {}
    for incident, family in keys:
        families.setdefault(incident, []).append(family)
    for incident, names in families.items():
        await _hear_anew(sql, incident, names, now)


async def _hear_anew(sql: Sql, incident: UUID, families: Collection[str], now: datetime) -> None:
    counts: dict[str, list[Row[*tuple[Any, ...]]]] = {family: [] for family in families}
    told = (delivery.c.incident_id == incident, delivery.c.state.in_(_TOLD))
    own = select(delivery.c.family_id, *_WHAT).where(*told, one_of(delivery.c.family_id, families))
    shared = (
        select(delivery_share.c.family_id, *_WHAT)
        .join(delivery, delivery.c.id == delivery_share.c.delivery_id)
        .where(delivery_share.c.incident_id == incident, one_of(delivery_share.c.family_id, families), *told)
    )
    calls = select(answer.c.family_id, answer.c.told.label("update_no"), answer.c.at, answer.c.next_by).where(
        answer.c.incident_id == incident, one_of(answer.c.family_id, families), answer.c.told.is_not(None)
    )
    for row in await sql.rows(union_all(own, shared, calls)):
        counts[row.family_id].append(row)
    for family, rows in counts.items():
        await sql.run(
            update(watch)
            .where(watch.c.incident_id == incident, watch.c.family_id == family)
            .values(**_newest(rows) if rows else _nothing(now))
        )


def _newest(rows: Sequence[Row[*tuple[Any, ...]]]) -> dict[str, Any]:
    newest = max(row.update_no for row in rows)
    heard = max((row.accepted_at for row in rows if row.accepted_at is not None), default=None)
    said = [row.next_by for row in rows if row.update_no == newest and row.next_by is not None]
    by = {"next_by": min(said)} if said else {}  # an end promises nothing, and leaves the promise as it was
    return {"heard_at": heard, "told": newest, **by}


def _nothing(now: datetime) -> dict[str, Any]:
    earlier = case((watch.c.next_by < now, watch.c.next_by), else_=literal(now, Instant()))
    return {"heard_at": None, "told": 0, "next_by": earlier}
