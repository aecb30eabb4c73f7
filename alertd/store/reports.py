"""What the report of an incident counts: first notices, silences, and who was told by the time of a promise.

Aggregates over rows that nothing changes once they are final, in a snapshot that locks nothing. A message that a
receipt has taken back counts for nothing here either.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    CompoundSelect,
    ScalarSelect,
    Select,
    and_,
    case,
    false,
    func,
    literal,
    or_,
    select,
    type_coerce,
    union_all,
)

from alertd.domain.delivery import TOLD, Framing
from alertd.domain.downtime import Downtime
from alertd.domain.incident import IncidentId
from alertd.domain.promises import Promise, Telling
from alertd.domain.watch import Rest
from alertd.records import Notices, Silences
from alertd.store.sql import Sql
from alertd.store.tables import delivery, delivery_share, watch
from alertd.store.types import to_us

_TOLD = delivery.c.state.in_([state.value for state in TOLD])
_LATE = timedelta(seconds=10)  # as for the auditor
_US = timedelta(microseconds=1)
_RESOLVED = (Framing.RESOLUTION.value, Framing.WAS_DOWN.value)
_NO_WAY = (Rest.NO_ADDRESS.value, Rest.MUTED.value, Rest.OPTED_OUT.value)
Spans = Sequence[tuple[datetime, timedelta]]
"""What held from each moment on, oldest first."""


class ReportRows:
    """Reads within one snapshot."""

    sql: Sql

    async def first_notices(
        self, incident_id: IncidentId, limits: Spans, downtimes: Sequence[Downtime]
    ) -> Notices:
        """How soon families were first told; `limits`: what was promised for it from each moment on."""
        shared = await self._shares(incident_id)
        rows = _rows(
            incident_id, literal(value=True), delivery.c.planned_at, _accepted().label("at"), shared=shared
        )
        heard = rows.subquery()
        touched = _us(watch.c.touched_at)
        limit = _held(watch.c.touched_at, limits)
        first = (
            select(
                (func.min(_us(heard.c.at)) - touched).label("took"),
                (func.min(_us(heard.c.planned_at)) - touched).label("planned"),
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
        heard = _rows(
            incident_id,
            _accepted().is_not(None),
            delivery.c.update_no,
            delivery.c.accepted_at,
            delivery.c.next_by,
            delivery.c.planned_at,
            shared=await self._shares(incident_id),
        ).subquery()
        told = (
            select(
                heard.c.family_id,
                func.min(_us(heard.c.accepted_at)).label("at"),
                func.min(_us(heard.c.next_by)).label("next_by"),
                func.min(_us(heard.c.planned_at)).label("planned"),
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
            lasting = await self.sql.rows(
                select(watch.c.rest, func.min(watch.c.heard_at))
                .where(
                    watch.c.incident_id == incident_id,
                    watch.c.heard_at.is_not(None),
                    or_(watch.c.rest.is_(None), watch.c.rest == Rest.QUIET.value),
                )
                .group_by(watch.c.rest)
            )
            for rest, since in lasting:
                if rest is None:
                    by_day = max(by_day or now - since, now - since)
                else:
                    by_night = max(by_night or now - since, now - since)
        return Silences(by_day, by_night, row.late, _length(row.over))

    async def told_by(self, incident_id: IncidentId, promise: Promise, at: datetime) -> Telling:
        """How the families that a promise concerned stood at a moment of story time, its own or an earlier one."""
        keeper = promise.kept_by.number if promise.kept_by is not None else None
        new = delivery.c.update_no >= keeper if keeper is not None else false()
        since = _rows(
            incident_id,
            and_(_TOLD, delivery.c.accepted_at.between(promise.made_by.at, at)),
            case((new, 1), else_=0).label("new"),
            shared=await self._shares(incident_id),
        ).subquery()
        heard = (
            select(since.c.family_id, func.max(since.c.new).label("new")).group_by(since.c.family_id).subquery()
        )
        wanted = delivery.c.update_no >= (keeper or promise.made_by.number)
        planned = and_(wanted, delivery.c.planned_at <= at)
        # Who has heard the newest that there is waits for nothing but the word that was promised.
        lacks = literal(value=True) if keeper is not None else heard.c.family_id.is_(None)
        said = _last_said(incident_id, at)
        left = _of_family(incident_id, delivery.c.framing == Framing.NOT_AFFECTED.value, delivery.c.planned_at)
        stood = case(
            (heard.c.new == 1, "told"),
            (said > at, "deferred"),
            (watch.c.rest.in_(_NO_WAY), "untellable"),
            (and_(lacks, _of_family(incident_id, and_(planned, delivery.c.tried_at <= at)).is_not(None)), "tried"),
            (and_(lacks, _of_family(incident_id, planned).is_not(None)), "waiting"),
            (said.is_(None), "unaware"),
            else_="unplanned",
        )
        families = (
            select(stood.label("stood"), heard.c.family_id.label("heard"))
            .select_from(watch)
            .join(heard, heard.c.family_id == watch.c.family_id, isouter=True)
            .where(
                watch.c.incident_id == incident_id,
                watch.c.touched_at <= at,
                case((watch.c.rest == Rest.NOT_TOUCHED.value, left > at), else_=literal(value=True)),
            )
            .subquery()
        )
        counted = await self.sql.rows(
            select(families.c.stood, func.count(), func.count(families.c.heard)).group_by(families.c.stood)
        )
        return Telling(**{row[0]: row[1] for row in counted}, heard=sum(row[2] for row in counted))

    async def told_why(
        self, incident_id: IncidentId, resolution: int, postmortem: int | None, at: datetime
    ) -> Telling:
        """How those families stood at a moment of story time who had been told the end by then.

        `resolution`: the update that ended it; `postmortem`: the one that tells what happened, None: none has.
        """
        shared = await self._shares(incident_id)
        told = and_(_TOLD, delivery.c.accepted_at <= at)
        ended = and_(told, delivery.c.framing.in_(_RESOLVED), delivery.c.update_no == resolution)
        concerned = _rows(incident_id, ended, shared=shared).subquery()
        planned = and_(delivery.c.update_no == postmortem, delivery.c.planned_at <= at)
        far = case((told, 3), (delivery.c.tried_at <= at, 2), else_=1).label("far")
        why = _rows(incident_id, planned, far, shared=shared).subquery()
        furthest = select(why.c.family_id, func.max(why.c.far).label("far")).group_by(why.c.family_id).subquery()
        families = select(concerned.c.family_id).distinct().subquery()
        counted = await self.sql.rows(
            select(furthest.c.far, func.count())
            .select_from(families)
            .join(furthest, furthest.c.family_id == families.c.family_id, isouter=True)
            .group_by(furthest.c.far)
        )
        stood = {row[0] or 0: row[1] for row in counted}
        nothing = "unaware" if postmortem is not None else "unplanned"  # who sleeps waits for what is published
        return Telling(
            told=stood.get(3, 0),
            tried=stood.get(2, 0),
            waiting=stood.get(1, 0),
            heard=stood.get(3, 0),
            **{nothing: stood.get(0, 0)},
        )

    async def _shares(self, incident_id: IncidentId) -> bool:
        one = select(delivery_share.c.delivery_id).where(delivery_share.c.incident_id == incident_id).limit(1)
        return bool(await self.sql.rows(one))


def _rows(
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


def _of_family(
    incident_id: IncidentId, which: ColumnElement[bool], what: ColumnElement[Any] | None = None
) -> ColumnElement[Any]:
    """The newest of a watch's family's own deliveries, else of those that it shares; asked family by family."""
    column = delivery.c.planned_at if what is None else what
    return func.coalesce(*(_newest(incident_id, which, column, shared=shared) for shared in (False, True)))


def _newest(
    incident_id: IncidentId, which: ColumnElement[bool], what: ColumnElement[Any], *, shared: bool
) -> ScalarSelect[Any]:
    found = select(what).where(which)
    if shared:
        mine = and_(delivery_share.c.incident_id == incident_id, delivery_share.c.family_id == watch.c.family_id)
        found = found.join(delivery_share, delivery_share.c.delivery_id == delivery.c.id).where(mine)
    else:
        found = found.where(delivery.c.incident_id == incident_id, delivery.c.family_id == watch.c.family_id)
    newest = delivery.c.accepted_at if what is delivery.c.next_by else delivery.c.planned_at
    # + 0: else either database walks the index by acceptance, over all families, in search of this one.
    return found.order_by((_us(newest) + 0).desc()).limit(1).correlate(watch).scalar_subquery()


def _last_said(incident_id: IncidentId, at: datetime) -> ColumnElement[Any]:
    """When the newest message that a family had by then said that they would hear again."""
    by_then = _us(delivery.c.accepted_at) + 0 <= literal(to_us(at), BigInteger)  # + 0: as above
    return _of_family(incident_id, and_(_TOLD, by_then), delivery.c.next_by)


def _accepted() -> ColumnElement[Any]:
    return case((_TOLD, delivery.c.accepted_at))


def _us(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return type_coerce(column, BigInteger)


def _held(at: ColumnElement[Any], spans: Spans) -> ColumnElement[Any]:
    """The length that held at a moment, in microseconds; before the first one that of the first."""
    first, *later = spans
    lengths = [(_us(at) >= to_us(since), _lasting(length)) for since, length in reversed(later)]
    return case(*lengths, else_=_lasting(first[1])) if lengths else _lasting(first[1])


def _lasting(length: timedelta) -> ColumnElement[Any]:
    return literal(length // _US, BigInteger)


def _overlaps(
    touched: ColumnElement[Any], limit: ColumnElement[Any], downtimes: Sequence[Downtime]
) -> ColumnElement[bool]:
    """Whether no sweep of ours ran when they were to hear for the first time."""
    began = _us(touched)
    hid = [
        and_(began <= to_us(each.ended_at), began + limit >= literal(to_us(each.began_at), BigInteger))
        for each in downtimes
    ]
    return or_(false(), *hid)


def _number(which: ColumnElement[bool]) -> ColumnElement[Any]:
    return func.sum(case((which, 1), else_=0))


def _length(microseconds: int | None) -> timedelta | None:
    return None if microseconds is None else timedelta(microseconds=int(microseconds))
