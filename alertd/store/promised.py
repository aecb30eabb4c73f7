"""What the promise ledger counts: how the families that a promise concerned stood at its time.

Aggregates over rows that nothing changes once they are final, in a snapshot that locks nothing.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, and_, case, false, func, literal, select

from alertd.domain.delivery import Framing
from alertd.domain.incident import IncidentId
from alertd.domain.promises import Promise, Telling
from alertd.domain.watch import Rest
from alertd.store.sql import Sql
from alertd.store.tables import delivery, delivery_share, watch
from alertd.store.told import WAS_TOLD, rows_of, shares, us
from alertd.store.types import to_us

_RESOLVED = (Framing.RESOLUTION.value, Framing.WAS_DOWN.value)
_NO_WAY = (Rest.NO_ADDRESS.value, Rest.MUTED.value, Rest.OPTED_OUT.value)


class PromiseRows:
    """Reads within one snapshot."""

    sql: Sql

    async def told_by(self, incident_id: IncidentId, promise: Promise, at: datetime) -> Telling:
        """How the families that a promise concerned stood at a moment of story time, its own or an earlier one."""
        keeper = promise.kept_by.number if promise.kept_by is not None else None
        new = delivery.c.update_no >= keeper if keeper is not None else false()
        since = rows_of(
            incident_id,
            and_(WAS_TOLD, delivery.c.accepted_at.between(promise.made_by.at, at)),
            case((new, 1), else_=0).label("new"),
            shared=await shares(self.sql, incident_id),
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
        shared = await shares(self.sql, incident_id)
        told = and_(WAS_TOLD, delivery.c.accepted_at <= at)
        ended = and_(told, delivery.c.framing.in_(_RESOLVED), delivery.c.update_no == resolution)
        concerned = rows_of(incident_id, ended, shared=shared).subquery()
        planned = and_(delivery.c.update_no == postmortem, delivery.c.planned_at <= at)
        far = case((told, 3), (delivery.c.tried_at <= at, 2), else_=1).label("far")
        why = rows_of(incident_id, planned, far, shared=shared).subquery()
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
    return found.order_by((us(newest) + 0).desc()).limit(1).correlate(watch).scalar_subquery()


def _last_said(incident_id: IncidentId, at: datetime) -> ColumnElement[Any]:
    """When the newest message that a family had by then said that they would hear again."""
    by_then = us(delivery.c.accepted_at) + 0 <= literal(to_us(at), BigInteger)  # + 0: as above
    return _of_family(incident_id, and_(WAS_TOLD, by_then), delivery.c.next_by)
