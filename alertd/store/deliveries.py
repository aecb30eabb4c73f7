"""Claims, outcomes, and what becomes of leases that ran out."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from alertd.domain.delivery import AFTERWARDS, FAILED, OPEN, OVER, SUSPECT, TOLD, DeliveryState, Framing, Reason
from alertd.domain.family import AddressId, FamilyId
from alertd.domain.incident import IncidentId
from alertd.domain.watch import LadderState, Rest
from alertd.records import Claimed, Lease, Outcome, Parked
from alertd.store import codec, fast
from alertd.store.due import DueRows
from alertd.store.heard import hear_anew
from alertd.store.ids import uuid7
from alertd.store.locks import lock_watches
from alertd.store.one_of import one_of
from alertd.store.receipts import answered
from alertd.store.sql import Sql
from alertd.store.stops import stop_addresses, watches_with
from alertd.store.tables import (
    address,
    attempt,
    delivery,
    delivery_share,
    family_address,
    incident,
    watch,
)
from alertd.store.types import Instant, to_us

_OVER = tuple(framing.value for framing in OVER)
_SPOKEN_TO = (Rest.QUIET.value, Rest.CAPPED.value)
"""Rests in which a family may be told all the same, by what wakes or is no holding."""

_AFTERWARDS = tuple(framing.value for framing in AFTERWARDS)


_MANY = 500  # rows that are looked through at once

_COUNTED = 32_767
"""Tries that a SMALLINT counts; later ones have this number, too. A full mailbox comes there in eleven days.

A wider type would be worse: parts of the version before write these rows in binary, by the types of their columns,
and would plan nothing between `alertd db upgrade` and their end.
"""


class DeliveryRows(DueRows):
    """Claims and finishes deliveries within one transaction."""

    sql: Sql

    async def claim(
        self,
        lane: str,
        now: datetime,
        machine_at: datetime,
        lease: Lease,
        limit: int,
        *,
        channel: str | None = None,
    ) -> tuple[list[Claimed], list[UUID]]:
        """Lease due deliveries, most urgent first; returns them, and the ids that may not be said any more.

        The check of R6, in SQL and under the row's lock: the newest that its watch is owed, not since corrected,
        incident open (or an all-clear), family not at rest (or told so), address usable, person not meanwhile in
        quiet hours, not more than half late.
        Two statements, because UPDATE .. FROM (SELECT .. SKIP LOCKED) scans the whole table.
        """
        given = {"lane": lane, "now": now, "machine_at": machine_at, "limit": limit}
        statement = _DUE
        if channel is not None:
            given["channel"], statement = channel, _DUE_OF_CHANNEL
        rows = await self.sql.rows(statement, given)
        if limit < _MANY and len(rows) == limit and any(row.stale for row in rows):
            # A slow sender takes a few at a time: what went stale together must not cost it a look for each few.
            rows = await self.sql.rows(statement, given | {"limit": _MANY})
        stale = [row.id for row in rows if row.stale]
        good = [row for row in rows if not row.stale][:limit]
        # Whatever kills workers takes a batch with it each time: what has been in two such goes alone, and last.
        good = [row for row in good if row.crashes < SUSPECT] or good[:1]
        if good:
            await self.sql.run(
                update(delivery)
                .where(one_of(delivery.c.id, [row.id for row in good]))
                .values(
                    state=DeliveryState.LEASED.value,
                    lease_until=lease.until,
                    lease_token=lease.token,
                    attempts=case(
                        (delivery.c.attempts < _COUNTED, delivery.c.attempts + 1), else_=delivery.c.attempts
                    ),
                    tried_at=func.coalesce(delivery.c.tried_at, literal(now, Instant())),
                )
            )
        return [_claimed(row, lane) for row in good], stale

    async def parked(self, incident_id: IncidentId) -> Parked:
        """For whom messages of an incident were parked, and nothing as new goes or went to the same address."""
        since = delivery.alias()
        otherwise = select(since.c.id).where(
            since.c.incident_id == incident_id,
            since.c.family_id == delivery.c.family_id,
            since.c.address_id == delivery.c.address_id,
            since.c.update_no >= delivery.c.update_no,
            since.c.state.in_([state.value for state in (*TOLD, *OPEN)]),
        )
        rows = await self.sql.rows(
            select(delivery.c.id, delivery.c.family_id, delivery.c.planned_at).where(
                delivery.c.incident_id == incident_id,
                delivery.c.state == DeliveryState.PARKED.value,
                ~otherwise.exists(),
            )
        )
        shared = await self.sharers([row.id for row in rows])
        families = {row.family_id for row in rows} | {family for _, family in shared}
        return Parked(frozenset(families), max((row.planned_at for row in rows), default=None))

    async def plan_anew(self, incident_id: IncidentId, families: Collection[str], now: datetime) -> None:
        """Make these families' watches due, also where all is over.

        The caller has written the incident: that is locked before watches, everywhere.
        """
        keys: set[tuple[UUID, str]] = {(incident_id, family) for family in families}
        await lock_watches(self.sql, keys)
        await self.make_due(keys, now, ended=True)

    async def put_back(self, deliveries: Sequence[Claimed], lease: Lease) -> None:
        """What was claimed and never tried waits as before, and has one attempt less."""
        await self.sql.run(
            update(delivery)
            .where(
                one_of(delivery.c.id, [d.id for d in deliveries]),
                delivery.c.lease_token == lease.token,
                delivery.c.state == DeliveryState.LEASED.value,
            )
            .values(
                state=DeliveryState.PENDING.value,
                attempts=delivery.c.attempts - 1,
                tried_at=case((delivery.c.attempts > 1, delivery.c.tried_at), else_=None),
                lease_until=None,
                lease_token=None,
            )
        )

    async def give_back(self, ids: Sequence[UUID], now: datetime) -> None:
        """Hand what may not be said any more back to the planner: superseded, and its watches due."""
        rows = await self.sql.rows(
            select(delivery.c.incident_id, delivery.c.family_id).where(delivery.c.id.in_(ids)).distinct()
        )
        due = {(row.incident_id, row.family_id) for row in rows} | await self.sharers(ids)
        await lock_watches(self.sql, due)
        await self.make_due(due, now)
        await self.sql.run(
            update(delivery)
            .where(delivery.c.id.in_(ids), delivery.c.state == DeliveryState.PENDING.value)
            .values(state=DeliveryState.SUPERSEDED.value, reader=None)
        )

    async def finish(self, outcomes: Sequence[Outcome], lease: Lease, now: datetime) -> int:
        """Write what became of a batch, in one statement per table; returns how many had lost their lease.

        Watches first, then addresses, then deliveries: the lock order everywhere. That a provider accepted
        is true even where the lease was lost, so the family has heard; the attempt is kept.
        """
        if not outcomes:
            return 0
        accepted = [o for o in outcomes if o.state is DeliveryState.ACCEPTED]
        failed = [o for o in outcomes if o.state in (DeliveryState.REFUSED, DeliveryState.PARKED)]
        heard = await self._heard(accepted)
        if failed:
            due = await self._concerned(failed)
            # All at once and in order: those who heard and then those who failed would be two orders.
            await lock_watches(self.sql, {(h[0], h[1]) for h in heard} | due)
            await fast.mark_heard(self.sql, heard)
            await self.make_due(due, now)
            await self._stop_refused(failed, now)
        else:
            await fast.mark_heard(self.sql, heard)
        written = await fast.finish(self.sql, outcomes, lease.token)
        lost = await self._lost([o for o in outcomes if o.delivery.id not in written], heard, now)
        await self._keep_attempts(
            [o for o in outcomes if o.state is not DeliveryState.ACCEPTED and not _waits_on(o)]
            + [o for o in lost if o.state is DeliveryState.ACCEPTED],
            now,
        )
        return len(lost)

    async def _lost(
        self, outcomes: Sequence[Outcome], heard: Sequence[fast.Heard], now: datetime
    ) -> list[Outcome]:
        """Those that nobody has settled; a receipt may have been quicker than we, and have said more."""
        settled = await answered(self.sql, outcomes)
        gone = {o.delivery.id for o in outcomes if settled.get(o.delivery.id) in FAILED}
        if gone:
            mine = {(o.delivery.incident, str(o.delivery.family)) for o in outcomes if o.delivery.id in gone}
            back = {*mine, *await self.sharers(list(gone))} & {(h[0], h[1]) for h in heard}
            await hear_anew(self.sql, back, now)
            await self.make_due(back, now)
        return [o for o in outcomes if o.delivery.id not in settled]

    async def _heard(self, accepted: Sequence[Outcome]) -> list[fast.Heard]:
        heard: list[fast.Heard] = [
            (
                o.delivery.incident,
                str(o.delivery.family),
                to_us(o.accepted_at),
                o.delivery.update,
                to_us(o.delivery.next_by) if o.delivery.next_by else None,
            )
            for o in accepted
            if o.accepted_at is not None
        ]
        shared = {o.delivery.id: o for o in accepted if o.delivery.shared}
        if shared:
            rows = await self.sql.rows(
                select(delivery_share.c.delivery_id, delivery_share.c.family_id).where(
                    delivery_share.c.delivery_id.in_(list(shared))
                )
            )
            for row in rows:
                o = shared[row.delivery_id]
                if o.accepted_at is not None:
                    heard.append(
                        (
                            o.delivery.incident,
                            row.family_id,
                            to_us(o.accepted_at),
                            o.delivery.update,
                            to_us(o.delivery.next_by) if o.delivery.next_by else None,
                        )
                    )
        return heard

    async def _concerned(self, failed: Sequence[Outcome]) -> set[tuple[UUID, str]]:
        """The watches that a failure makes due: of those it was for, and of all who have a refused address."""
        watches: set[tuple[UUID, str]] = {(o.delivery.incident, str(o.delivery.family)) for o in failed}
        watches |= await self.sharers([o.delivery.id for o in failed if o.delivery.shared])
        refused = [o.delivery.address for o in failed if o.state is DeliveryState.REFUSED]
        return watches | await watches_with(self.sql, refused)

    async def _stop_refused(self, failed: Sequence[Outcome], now: datetime) -> None:
        refused = [o for o in failed if o.state is DeliveryState.REFUSED]
        await stop_addresses(
            self.sql,
            {o.delivery.address: o.code for o in refused if not o.opted_out},
            {o.delivery.address: o.code for o in refused if o.opted_out},
            now,
        )

    async def _keep_attempts(self, outcomes: Sequence[Outcome], now: datetime) -> None:
        await self.sql.many(
            insert(attempt),
            [
                {
                    "id": uuid7(),
                    "delivery_id": o.delivery.id,
                    "number": o.delivery.attempt,
                    "at": now,
                    "outcome": o.state.value,
                    "code": o.code,
                    "provider_id": o.provider_id,
                }
                for o in outcomes
            ],
        )


def _waits_on(outcome: Outcome) -> bool:
    """Whoever is held back is looked at twice a minute for as long as it lasts: only the first time is kept."""
    return outcome.held and outcome.state is DeliveryState.PENDING and outcome.delivery.attempt > 1


_NOW, _MACHINE = bindparam("now", type_=Instant()), bindparam("machine_at", type_=Instant())


def _due(*conditions: ColumnElement[bool]) -> Select[Any]:
    # What somebody tries a channel with belongs to no family and no outage: only its address and time count.
    trial = delivery.c.reason == Reason.TEST.value
    # Outer joins: what belongs to a forgotten family must not wait for ever behind a row that is gone.
    stale = or_(
        watch.c.family_id.is_(None),
        address.c.id.is_(None),
        delivery.c.update_no < watch.c.owed,
        delivery.c.update_no < incident.c.stands_from,
        and_(incident.c.ended_at.is_not(None), delivery.c.framing.not_in(_AFTERWARDS), ~trial),
        and_(incident.c.ended_at.is_(None), delivery.c.framing.in_(_OVER)),
        # What the outage has to say is not for a family at rest; "not affected" only for one it does not touch.
        and_(watch.c.rest.not_in(_SPOKEN_TO), delivery.c.framing.not_in(_AFTERWARDS), ~trial),
        and_(
            watch.c.rest.is_distinct_from(Rest.NOT_TOUCHED.value),
            delivery.c.framing == Framing.NOT_AFFECTED.value,
        ),
        # An import has taken it from them: it may be somebody else's now.
        and_(family_address.c.family_id.is_(None), ~trial),
        address.c.suspended_at.is_not(None),
        address.c.opted_out_at.is_not(None),
        and_(~address.c.verified, ~trial),
        func.coalesce(delivery.c.loud_until <= _NOW, False),
        func.coalesce(delivery.c.stale_after < _NOW, False),
        # A step of a ladder that was on its way when they answered, and has come back. What serves further
        # families stays: theirs climb on.
        case(
            (
                and_(delivery.c.reason == Reason.LADDER.value, watch.c.ladder == LadderState.ANSWERED.value),
                ~exists().where(delivery_share.c.delivery_id == delivery.c.id),
            ),
            else_=False,
        ),
    )
    return (
        select(
            delivery.c.id,
            delivery.c.incident_id,
            delivery.c.update_no,
            delivery.c.family_id,
            delivery.c.address_id,
            delivery.c.channel,
            delivery.c.framing,
            delivery.c.loud,
            delivery.c.attempts,
            delivery.c.crashes,
            delivery.c.planned_at,
            delivery.c.next_by,
            delivery.c.reader,
            address.c.shared,
            stale.label("stale"),
        )
        .join(
            watch,
            and_(watch.c.incident_id == delivery.c.incident_id, watch.c.family_id == delivery.c.family_id),
            isouter=True,
        )
        .join(incident, incident.c.id == delivery.c.incident_id)
        .join(address, address.c.id == delivery.c.address_id, isouter=True)
        .join(
            family_address,
            and_(
                family_address.c.family_id == delivery.c.family_id,
                family_address.c.address_id == delivery.c.address_id,
            ),
            isouter=True,
        )
        .where(
            delivery.c.state == DeliveryState.PENDING.value,
            delivery.c.lane == bindparam("lane"),
            delivery.c.due_at <= _MACHINE,
            *conditions,
        )
        .order_by(delivery.c.priority, delivery.c.due_at)
        .limit(bindparam("limit"))
        .with_for_update(of=delivery, skip_locked=True)
    )


# Made once: to make it anew for each channel costs more than to run it (3 ms, measured).
_DUE, _DUE_OF_CHANNEL = _due(), _due(delivery.c.channel == bindparam("channel"))


def _claimed(row: Row[*tuple[Any, ...]], lane: str) -> Claimed:
    return Claimed(
        id=row.id,
        incident=IncidentId(row.incident_id),
        update=row.update_no,
        family=FamilyId(row.family_id),
        address=AddressId(row.address_id),
        channel=row.channel,
        framing=Framing(row.framing),
        loud=row.loud,
        attempt=min(row.attempts + 1, _COUNTED),
        planned_at=row.planned_at,
        next_by=row.next_by,
        reader=codec.reader(row.reader),
        shared=row.shared,
        crashes=row.crashes,
        lane=lane,
    )
