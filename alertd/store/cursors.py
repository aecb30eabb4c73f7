"""Cursors of fan-outs: which part of the families each worker walks, and how far it came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, func, insert, select, true, union, update
from sqlalchemy.exc import OperationalError

from alertd.domain.incident import IncidentId, Scope
from alertd.ports.store import Taken
from alertd.records import Fanout
from alertd.store.families import touched_ids
from alertd.store.sql import Sql
from alertd.store.tables import CURSOR_OPEN, fanout, incident, watch

_LOCK_NOT_AVAILABLE = "55P03"  # https://www.postgresql.org/docs/current/errcodes-appendix.html
_SIBLING = fanout.alias()
# Updates take turns: nobody's first word waits until a larger outage has been told, however many cursors that has.
_MOVED_LAST = (
    select(func.max(_SIBLING.c.moved_at))
    .where(_SIBLING.c.incident_id == fanout.c.incident_id, _SIBLING.c.update_no == fanout.c.update_no)
    .scalar_subquery()
)
_NEXT = (
    select(fanout)
    .where(CURSOR_OPEN, fanout.c.lane == bindparam("lane"))
    .order_by(_MOVED_LAST, fanout.c.opened_at, fanout.c.id)
    .limit(1)
)
_NEXT_FREE = _NEXT.with_for_update(skip_locked=True)


class CursorRows:
    """Reads and moves cursors within one transaction; Postgres locks those it gives out."""

    sql: Sql

    async def lock_cursors(self, which: int | UUID) -> None:
        """Wait for the slices of an incident that are being planned; none begins until this transaction ends.

        First of all that is locked: a slice holds its cursor while it writes a holding, or new watches.
        """
        column = incident.c.number if isinstance(which, int) else incident.c.id
        await self.sql.rows(
            select(fanout.c.id)
            .where(
                fanout.c.incident_id == select(incident.c.id).where(column == which).scalar_subquery(),
                CURSOR_OPEN,
            )
            .order_by(fanout.c.id)
            .with_for_update()
        )

    async def add_fanout(
        self,
        ids: Sequence[UUID],
        incident_id: IncidentId,
        update_no: int,
        lane: str,
        machine_at: datetime,
        *,
        scope: Scope | None,
    ) -> None:
        """Cursors, one by each of the ids, that will carry an update to every family; older ones are done with.

        `scope`: also to its families that have no watch yet. On Postgres each cursor has a part of the families to
        itself, all parts about as large, so that as many workers can plan at a time; the last takes whoever comes
        later. SQLite has one writer and one turn at planning, hence one cursor: the others would wait for nobody.
        Cursors that look for families without a watch are not done with; but the new ones begin behind the
        slices they are at, whose watches they could not see.
        """
        if update_no > 1:  # before the first there is none
            await self.lock_cursors(incident_id)
            await self.sql.run(
                update(fanout)
                .where(fanout.c.incident_id == incident_id, CURSOR_OPEN, fanout.c.scope.is_(False))
                .values(done=True)
            )
        parts = len(ids) if self.sql.dialect == "postgresql" else 1
        ends = await self._ends(incident_id, scope, parts) if parts > 1 else []
        for one, position, until in zip(ids, ("", *ends), (*ends, None), strict=False):
            await self.sql.run(
                insert(fanout),
                {
                    "id": one,
                    "incident_id": incident_id,
                    "update_no": update_no,
                    "position": position,
                    "until": until,
                    "slices": 0,
                    "lane": lane,
                    "scope": scope is not None,
                    "opened_at": machine_at,
                    "moved_at": machine_at,
                    "done": False,
                },
            )

    async def _ends(self, incident_id: IncidentId, scope: Scope | None, parts: int) -> list[str]:
        """The last family of each part but the last; fewer where there are fewer families than parts."""
        watched = select(watch.c.family_id).where(watch.c.incident_id == incident_id)
        families = (union(watched, touched_ids(scope)) if scope else watched).subquery()
        part = func.ntile(parts).over(order_by=families.c.family_id).label("part")
        parted = select(families.c.family_id, part).subquery()
        rows = await self.sql.rows(
            select(func.max(parted.c.family_id).label("last")).group_by(parted.c.part).order_by(parted.c.part)
        )
        return [row.last for row in rows[:-1]]

    async def take_fanout(self, lane: str, wait: float = 0.0) -> Fanout | None:
        """An open cursor of a lane that nobody else is moving, or None: of the update that moved the longest ago.

        `wait`: seconds to wait for whoever is moving it. Raises Taken where that takes longer.
        """
        rows = await self.sql.rows(_NEXT_FREE, {"lane": lane})
        if not rows and self.sql.dialect == "postgresql":
            rows = await self._wait_for(lane, wait)
        if not rows:
            return None
        row = rows[0]
        return Fanout(
            row.id,
            IncidentId(row.incident_id),
            row.update_no,
            row.position,
            row.slices,
            row.lane,
            row.scope,
            row.until,
        )

    async def _wait_for(self, lane: str, wait: float) -> Sequence[Row[*tuple[Any, ...]]]:
        """The row that another worker has locked, once it lets go. Raises Taken if it does not in time."""
        if not await self.sql.rows(_NEXT, {"lane": lane}):
            return []
        if not wait:
            raise Taken
        await self._lock_timeout(f"{wait * 1000:.0f}ms")
        try:
            rows = await self.sql.rows(_NEXT.with_for_update(), {"lane": lane})
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
                raise Taken from None
            raise
        await self._lock_timeout("0")
        return rows

    async def _lock_timeout(self, value: str) -> None:
        await self.sql.rows(select(func.set_config("lock_timeout", value, true())))

    async def move_fanout(self, cursor: Fanout, to: str | None, machine_at: datetime) -> bool:
        """Put the cursor behind `to` (None: done); False if somebody else moved it meanwhile."""
        values: dict[str, Any] = {"moved_at": machine_at, "slices": cursor.slices + 1}
        values |= {"done": True} if to is None else {"position": to}
        return (
            await self.sql.run(
                update(fanout)
                .where(fanout.c.id == cursor.id, fanout.c.position == cursor.position, CURSOR_OPEN)
                .values(**values)
            )
            == 1
        )
