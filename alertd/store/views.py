"""What people and the sweeper look at: backlog, progress, deliveries, margins."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BigInteger, and_, bindparam, func, select, type_coerce, union_all

from alertd.domain.delivery import DeliveryState, Framing, Reason
from alertd.domain.family import CHANNELS, FamilyId
from alertd.domain.incident import IncidentId
from alertd.domain.watch import Rest
from alertd.masking import mask_address
from alertd.records import Backlog, DeliveryRow, DeliveryStory, Progress, Try
from alertd.store.sql import Sql
from alertd.store.tables import (
    CURSOR_OPEN,
    address,
    attempt,
    delivery,
    delivery_share,
    fanout,
    incident,
    watch,
)
from alertd.store.types import Instant

_MEASURED = 500
_LANES = ("urgent", "bulk")
_PRIORITIES = range(4)  # see records.Planned
_OPEN = (
    select(fanout.c.incident_id, fanout.c.update_no)
    .where(CURSOR_OPEN)
    .group_by(fanout.c.incident_id, fanout.c.update_no)
    .order_by(func.min(fanout.c.opened_at))
    .limit(50)
    .subquery()
)
_WALKED = fanout.alias()
# Of the cursors that carry one update most wait for their worker: it moves when any of them does, the done too.
_MOVED = (
    select(_WALKED.c.lane, func.max(_WALKED.c.moved_at).label("moved_at"))
    .join(
        _OPEN,
        and_(_WALKED.c.incident_id == _OPEN.c.incident_id, _WALKED.c.update_no == _OPEN.c.update_no),
    )
    .group_by(_WALKED.c.incident_id, _WALKED.c.update_no, _WALKED.c.lane)
)
_WAIT = type_coerce(delivery.c.accepted_at, BigInteger) - type_coerce(delivery.c.planned_at, BigInteger)
_RECENT = (
    select(_WAIT.label("us"))
    .where(delivery.c.incident_id == bindparam("incident"), delivery.c.accepted_at.is_not(None))
    .order_by(delivery.c.accepted_at.desc())
    .limit(_MEASURED)
    .cte("recent")
)
_RANK = select(func.count() * 95 // 100).select_from(_RECENT).scalar_subquery()
_P95 = select(_RECENT.c.us).order_by(_RECENT.c.us).limit(1).offset(_RANK)

_MACHINE, _NOW = bindparam("machine_at", type_=Instant()), bindparam("now", type_=Instant())
# The oldest of each class: what is most urgent may be fresh while holdings behind it wait for ever. Made once: to
# make forty statements anew for each look of a sweeper costs 10 ms, ten times what asking them costs (measured).
_OLDEST = union_all(
    *(
        select(each.c.lane, each.c.channel, each.c.due_at)
        for each in (
            select(delivery.c.lane, delivery.c.channel, delivery.c.due_at)
            .where(
                delivery.c.state == DeliveryState.PENDING.value,
                delivery.c.lane == lane,
                delivery.c.channel == channel,
                delivery.c.priority == priority,
                delivery.c.due_at <= _MACHINE,
            )
            .order_by(delivery.c.due_at)
            .limit(1)
            .subquery()
            for lane in _LANES
            for channel in CHANNELS
            for priority in _PRIORITIES
        )
    )
)
_LONGEST_DUE = (
    select(watch.c.look_at)
    .where(watch.c.look_at.is_not(None), watch.c.look_at <= _NOW)
    .order_by(watch.c.look_at)
    .limit(1)
)


class ViewRows:
    """Reads within one snapshot."""

    sql: Sql

    async def backlog(self, now: datetime, machine_at: datetime) -> Backlog:
        """What waits and for how long; every query walks a partial index."""
        pending: dict[tuple[str, str], float] = {}
        for row in await self.sql.rows(_OLDEST, {"machine_at": machine_at}):
            age = (machine_at - row.due_at).total_seconds()
            which = row.lane, row.channel
            pending[which] = max(age, pending.get(which, 0.0))
        fanouts: dict[str, float] = {}
        for row in await self.sql.rows(_MOVED):
            age = (machine_at - row.moved_at).total_seconds()
            fanouts[row.lane] = max(age, fanouts.get(row.lane, 0.0))
        due = await self.sql.rows(_LONGEST_DUE, {"now": now})
        return Backlog(pending, fanouts, now - due[0].look_at if due else None)

    async def lapsed(self, machine_at: datetime) -> bool:
        """Whether any lease has expired, or any wait for an unknown outcome is over."""
        leased = (
            select(delivery.c.id)
            .where(delivery.c.state == DeliveryState.LEASED.value, delivery.c.lease_until < machine_at)
            .order_by(delivery.c.lease_until)
            .limit(1)
        )
        unknown = (
            select(delivery.c.id)
            .where(delivery.c.state == DeliveryState.UNKNOWN.value, delivery.c.due_at <= machine_at)
            .order_by(delivery.c.due_at)
            .limit(1)
        )
        return bool(await self.sql.rows(leased)) or bool(await self.sql.rows(unknown))

    async def late(self, incident_id: IncidentId) -> timedelta | None:
        """p95 of (accepted - planned) of the incident's last 500 hand-overs, story time; None before any."""
        rows = await self.sql.rows(_P95, {"incident": incident_id})
        return timedelta(microseconds=rows[0].us) if rows else None

    async def progress(self, incident_id: IncidentId, newest: int) -> Progress:
        """How far the telling has come; whom the incident does not touch any more counts among `families` only."""
        touched = watch.c.rest.is_distinct_from(Rest.NOT_TOUCHED.value)
        totals = (
            await self.sql.rows(
                select(
                    func.count(),
                    func.count(watch.c.heard_at).filter(touched),
                    func.min(watch.c.next_by).filter(watch.c.rest.is_(None)),
                    func.count().filter(and_(touched, watch.c.told >= newest)),
                ).where(watch.c.incident_id == incident_id)
            )
        )[0]
        resting = await self.sql.rows(
            select(watch.c.rest, func.count())
            .where(watch.c.incident_id == incident_id, watch.c.rest.is_not(None))
            .group_by(watch.c.rest)
        )
        states: dict[str, dict[str, int]] = {}
        for row in await self.sql.rows(
            select(delivery.c.channel, delivery.c.state, func.count())
            .where(delivery.c.incident_id == incident_id)
            .group_by(delivery.c.channel, delivery.c.state)
        ):
            states.setdefault(row[0], {})[row[1]] = row[2]
        return Progress(totals[0], totals[1], {row[0]: row[1] for row in resting}, states, totals[2], totals[3])

    async def unheard(self, incident_id: IncidentId, limit: int) -> Sequence[tuple[str, str | None]]:
        """(family, why it rests or None) of families that heard nothing yet."""
        rows = await self.sql.rows(
            select(watch.c.family_id, watch.c.rest)
            .where(watch.c.incident_id == incident_id, watch.c.heard_at.is_(None))
            .order_by(watch.c.family_id)
            .limit(limit)
        )
        return [(row.family_id, row.rest) for row in rows]

    async def deliveries(
        self, incident_id: IncidentId | None, *, family_id: str | None, states: Sequence[str], limit: int
    ) -> Sequence[DeliveryRow]:
        """Deliveries, newest first, with masked addresses; of a family also those to an address that it shares."""
        statement = (
            select(delivery, address.c.dest)
            .join(address, address.c.id == delivery.c.address_id, isouter=True)
            .order_by(delivery.c.id.desc())
            .limit(limit)
        )
        if incident_id is not None and family_id is None:
            statement = statement.where(delivery.c.incident_id == incident_id)
        if family_id is not None:  # said of the incident here too, SQLite would go through all that it has
            own = select(delivery.c.id).where(delivery.c.family_id == family_id)
            shared = select(delivery_share.c.delivery_id).where(delivery_share.c.family_id == family_id)
            if incident_id is not None:
                own = own.where(delivery.c.incident_id == incident_id)
                shared = shared.where(delivery_share.c.incident_id == incident_id)
            statement = statement.where(delivery.c.id.in_(union_all(own, shared)))
        if states:
            statement = statement.where(delivery.c.state.in_(states))
        return [_delivery(row) for row in await self.sql.rows(statement)]

    async def delivery_story(self, delivery_id: UUID) -> DeliveryStory | None:
        """One delivery with its tries; the address is masked."""
        rows = await self.sql.rows(
            select(delivery, address.c.dest, incident.c.number.label("incident"))
            .join(address, address.c.id == delivery.c.address_id, isouter=True)
            .join(incident, incident.c.id == delivery.c.incident_id, isouter=True)
            .where(delivery.c.id == delivery_id)
        )
        if not rows:
            return None
        tries = await self.sql.rows(
            select(attempt.c.number, attempt.c.at, attempt.c.outcome, attempt.c.code)
            .where(attempt.c.delivery_id == delivery_id)
            .order_by(attempt.c.at, attempt.c.id)
        )
        story = tuple(Try(each.number, each.at, each.outcome, each.code) for each in tries)
        shares = await self.sql.rows(
            select(delivery_share.c.family_id).where(delivery_share.c.delivery_id == delivery_id)
        )
        served = tuple(sorted(FamilyId(each.family_id) for each in shares))
        row = rows[0]
        return DeliveryStory(
            max(row.incident or 0, 0), _delivery(row), story, row.provider_id, row.maybe, _next_try(row), served
        )

    async def by_update(self, incident_id: IncidentId) -> Sequence[tuple[int, str, str, int, datetime | None]]:
        """(update, channel, state, number, last acceptance) for the timeline."""
        rows = await self.sql.rows(
            select(
                delivery.c.update_no,
                delivery.c.channel,
                delivery.c.state,
                func.count(),
                func.max(delivery.c.accepted_at),
            )
            .where(delivery.c.incident_id == incident_id)
            .group_by(delivery.c.update_no, delivery.c.channel, delivery.c.state)
            .order_by(delivery.c.update_no)
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def detours(self, incident_id: IncidentId) -> Sequence[tuple[int, str, int, datetime]]:
        """(update, channel, families, first planned) of what was not taken in time, and went over this one too."""
        rows = await self.sql.rows(
            select(
                delivery.c.update_no,
                delivery.c.channel,
                func.count(delivery.c.family_id.distinct()),
                func.min(delivery.c.planned_at),
            )
            .where(delivery.c.incident_id == incident_id, delivery.c.reason == Reason.NOT_TAKEN.value)
            .group_by(delivery.c.update_no, delivery.c.channel)
            .order_by(delivery.c.update_no, delivery.c.channel)
        )
        return [(row[0], row[1], row[2], row[3]) for row in rows]


def _next_try(row: Any) -> datetime | None:
    """When it is due, or is taken from a process that says nothing; None: it is over."""
    if row.state == DeliveryState.LEASED.value:
        return cast("datetime", row.lease_until)
    waits = row.state in (DeliveryState.PENDING.value, DeliveryState.UNKNOWN.value)
    return cast("datetime", row.due_at) if waits else None


def _delivery(row: Any) -> DeliveryRow:
    return DeliveryRow(
        id=row.id,
        update=row.update_no,
        family=FamilyId(row.family_id),
        caregiver=row.caregiver,
        channel=row.channel,
        to=mask_address(row.channel, row.dest) if row.dest else "",
        framing=Framing(row.framing),
        reason=Reason(row.reason),
        loud=row.loud,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        planned_at=row.planned_at,
        next_by=row.next_by,
        accepted_at=row.accepted_at,
        code=row.code,
    )
