"""What the report of an incident counts: first notices and silences.

Aggregates over rows that nothing changes once they are final, in a snapshot that locks nothing. A message that a
receipt has taken back counts for nothing here either.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Subquery,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
)

from alertd.domain.downtime import Downtime
from alertd.domain.incident import IncidentId
from alertd.domain.watch import Rest
from alertd.records import Notices, Silences
from alertd.store.sql import Sql
from alertd.store.tables import delivery, watch
from alertd.store.told import WAS_TOLD, rows_of, shares, us
from alertd.store.types import to_us

_LATE = timedelta(seconds=10)  # as for the auditor
_US = timedelta(microseconds=1)
Spans = Sequence[tuple[datetime, timedelta]]
"""What held from each moment on, oldest first."""


class ReportRows:
    """Reads within one snapshot."""

    sql: Sql

    async def first_notices(
        self, incident_id: IncidentId, limits: Spans, downtimes: Sequence[Downtime]
    ) -> Notices:
        """How soon families were first told; `limits`: what was promised for it from each moment on."""
        shared = await shares(self.sql, incident_id)
        rows = rows_of(
            incident_id, literal(value=True), delivery.c.planned_at, _accepted().label("at"), shared=shared
        )
        heard = rows.subquery()
        touched = us(watch.c.touched_at)
        limit = _held(watch.c.touched_at, limits)
        first = (
            select(
                (func.min(us(heard.c.at)) - touched).label("took"),
                (func.min(us(heard.c.planned_at)) - touched).label("planned"),
                limit.label("limit"),
                _overlaps(watch.c.touched_at, limit, downtimes).label("down"),
            )
            .select_from(watch)
            .join(
                heard,
                and_(heard.c.family_id == watch.c.family_id, heard.c.planned_at >= watch.c.touched_at),
                isouter=True,
            )
            .where(watch.c.incident_id == incident_id)
            .group_by(watch.c.family_id, watch.c.touched_at)
            .subquery()
        )
        in_time = first.c.took <= first.c.limit
        slept = and_(first.c.took > first.c.limit, first.c.planned > first.c.limit, ~first.c.down)
        row = (
            await self.sql.rows(
                select(
                    func.count().label("families"),
                    func.count(first.c.took).label("told"),
                    _number(in_time).label("in_time"),
                    _number(slept).label("slept"),
                    func.max(case((~slept, first.c.took))).label("longest"),
                )
            )
        )[0]
        return Notices(row.families, row.told, row.in_time or 0, row.slept or 0, _length(row.longest))

    async def silences(
        self, incident_id: IncidentId, windows: Spans, now: datetime, *, going_on: bool
    ) -> Silences:
        """How long families went without hearing anything new; `windows`: by day, from each moment on.

        A silence belongs to the night where the message before it named a later time than the window by day, as
        nobody could be told. Where the incident goes on, what lasts now counts too.
        """
        heard = rows_of(
            incident_id,
            _accepted().is_not(None),
            delivery.c.update_no,
            delivery.c.accepted_at,
            delivery.c.next_by,
            delivery.c.planned_at,
            shared=await shares(self.sql, incident_id),
        ).subquery()
        told = (
            select(
                heard.c.family_id,
                func.min(us(heard.c.accepted_at)).label("at"),
                func.min(us(heard.c.next_by)).label("next_by"),
                func.min(us(heard.c.planned_at)).label("planned"),
            )
            .group_by(heard.c.family_id, heard.c.update_no)
            .subquery()
        )

        def before(column: ColumnElement[Any]) -> ColumnElement[Any]:
            return func.lag(column).over(partition_by=told.c.family_id, order_by=told.c.at)

        gap = select(
            told.c.family_id,
            (told.c.at - before(told.c.at)).label("length"),
            (told.c.at - before(told.c.next_by)).label("over"),
            (before(told.c.next_by) - before(told.c.planned)).label("said"),
            before(told.c.planned).label("planned"),
        ).subquery()
        night = gap.c.said > _held(gap.c.planned, windows)
        late = gap.c.over > _lasting(_LATE)
        row = (
            await self.sql.rows(
                select(
                    func.max(case((~night, gap.c.length))).label("day"),
                    func.max(case((night, gap.c.length))).label("night"),
                    func.max(case((late, gap.c.over))).label("over"),
                    func.count(case((late, gap.c.family_id)).distinct()).label("late"),
                ).where(gap.c.said.is_not(None))
            )
        )[0]
        by_day, by_night = _length(row.day), _length(row.night)
        if going_on:
            lasting = await self._lasting(incident_id, told, windows, now)
            by_day, by_night = _longer(by_day, lasting[0]), _longer(by_night, lasting[1])
        return Silences(by_day, by_night, row.late, _length(row.over))

    async def _lasting(
        self, incident_id: IncidentId, told: Subquery, windows: Spans, now: datetime
    ) -> tuple[timedelta | None, timedelta | None]:
        """The longest silences that go on, by day and by night, told apart as those that are over.

        By what was said last, and not by whether the watch rests: nobody looks at it before the night is over.
        """
        last = func.row_number().over(partition_by=told.c.family_id, order_by=told.c.at.desc())
        newest = select(told, (told.c.next_by - told.c.planned).label("said"), last.label("place")).subquery()
        length = literal(to_us(now), BigInteger) - us(watch.c.heard_at)  # what somebody told them by phone, too
        night = newest.c.said > _held(newest.c.planned, windows)
        spoken_to = (
            watch.c.incident_id == incident_id,
            watch.c.family_id == newest.c.family_id,
            or_(watch.c.rest.is_(None), watch.c.rest == Rest.QUIET.value),
        )
        rows = await self.sql.rows(
            select(func.max(case((~night, length))).label("day"), func.max(case((night, length))).label("night"))
            .join_from(newest, watch, and_(*spoken_to))
            # An end promises nothing: who waits for the word that it is back is counted by that word.
            .where(newest.c.place == 1, newest.c.said.is_not(None))
        )
        return _length(rows[0].day), _length(rows[0].night)


def _longer(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    return max((each for each in (one, other) if each is not None), default=None)


def _accepted() -> ColumnElement[Any]:
    return case((WAS_TOLD, delivery.c.accepted_at))


def _held(at: ColumnElement[Any], spans: Spans) -> ColumnElement[Any]:
    """The length that held at a moment, in microseconds; before the first one that of the first."""
    first, *later = spans
    lengths = [(us(at) >= to_us(since), _lasting(length)) for since, length in reversed(later)]
    return case(*lengths, else_=_lasting(first[1])) if lengths else _lasting(first[1])


def _lasting(length: timedelta) -> ColumnElement[Any]:
    return literal(length // _US, BigInteger)


def _overlaps(
    touched: ColumnElement[Any], limit: ColumnElement[Any], downtimes: Sequence[Downtime]
) -> ColumnElement[bool]:
    """Whether no sweep of ours ran when they were to hear for the first time."""
    began = us(touched)
    hid = [
        and_(began <= to_us(each.ended_at), began + limit >= literal(to_us(each.began_at), BigInteger))
        for each in downtimes
    ]
    return or_(false(), *hid)


def _number(which: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((which, 1), else_=0))


def _length(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=int(microseconds))
