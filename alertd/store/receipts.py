"""What a provider's later word changes: one delivery, what its families heard, and perhaps an address."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, bindparam, insert, or_, select, tuple_, update

from alertd.domain.delivery import AFTERWARDS, OPEN, TOLD, DeliveryState
from alertd.domain.receipt import Standing, Word, arrived_after_all, follows
from alertd.ports import Report
from alertd.ports.store import Moved
from alertd.records import Outcome, Received
from alertd.store import fast
from alertd.store.due import DueRows
from alertd.store.heard import hear_anew
from alertd.store.ids import uuid7
from alertd.store.locks import lock_watches
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.stops import stop_addresses, watches_with
from alertd.store.tables import attempt, delivery, watch
from alertd.store.types import to_us

_AFTERWARDS = frozenset(framing.value for framing in AFTERWARDS)
_ANSWERED = tuple(state.value for state in (*TOLD, DeliveryState.UNDELIVERED, DeliveryState.REFUSED))
_ROW = select(
    delivery.c.id,
    delivery.c.incident_id,
    delivery.c.family_id,
    delivery.c.address_id,
    delivery.c.channel,
    delivery.c.framing,
    delivery.c.update_no,
    delivery.c.state,
    delivery.c.attempts,
    delivery.c.provider_id,
    delivery.c.accepted_at,
    delivery.c.next_by,
    delivery.c.maybe,
)
_ADVANCE = (
    update(delivery)
    .where(delivery.c.id == bindparam("which"))
    .values(state=bindparam("after"), code=None, provider_id=bindparam("sid"), reader=None)
)


class ReceiptRows(DueRows):
    """Takes receipts within one transaction."""

    sql: Sql

    async def standing(self, delivery_id: UUID, channel: str) -> Standing | None:
        """Where a delivery over this channel stands; None: there is none."""
        row = await self._row(delivery_id)
        return _standing(row) if row is not None and row.channel == channel else None

    async def advance(self, reports: Sequence[Report]) -> list[Report]:
        """Write, for many at once, what concerns a delivery that counts as told and will: "delivered", mostly.

        Returns the words that would do more than that; nothing is done about them. What changes nothing is done.
        """
        these = _ROW.where(one_of(delivery.c.id, {report.delivery for report in reports}))
        found = await self.sql.rows(these.order_by(delivery.c.id).with_for_update())
        standings = {row.id: _standing(row) for row in found}
        moved: dict[UUID, dict[str, Any]] = {}
        more: list[Report] = []
        for report in reports:
            standing = standings.get(report.delivery)
            if standing is None:
                continue
            after = _after(standing, report)
            if after is not None and {standing.state, after} <= TOLD:
                moved[report.delivery] = {
                    "which": report.delivery,
                    "after": after.value,
                    "sid": report.provider_id,
                }
                standings[report.delivery] = replace(standing, state=after, provider_id=report.provider_id)
            elif after is not None or arrived_after_all(standing, report.word, report.attempt):
                more.append(report)
        await self.sql.many(_ADVANCE, list(moved.values()))
        return more

    async def take_receipt(self, report: Report, now: datetime) -> Received | None:
        """Move a delivery as the provider's word has it, with all that follows; None: it changes nothing.

        Whatever a word changes for a family is done under the locks of its watches, and the word judged again
        under that of the delivery: `finish` may be writing what became of the very try. Raises Moved.
        """
        row = await self._row(report.delivery)
        if row is None:
            return None
        standing = _standing(row)
        after = _after(standing, report)
        if after is not None and {standing.state, after} <= TOLD:
            await self._move(row, after, report, now)
            return _received(row, after)
        if after is None and not arrived_after_all(standing, report.word, report.attempt):
            return None
        return await self._take(row, report, now)

    async def _take(self, seen: Row[*tuple[Any, ...]], report: Report, now: datetime) -> Received:
        """As `take_receipt`, for what families must be locked for."""
        own = {(seen.incident_id, seen.family_id)} | await self.sharers([seen.id])
        refused = report.word is Word.REFUSED
        concerned = own | (await watches_with(self.sql, [seen.address_id]) if refused else set())
        await lock_watches(self.sql, concerned)
        if refused:
            code = {seen.address_id: report.code}
            await stop_addresses(self.sql, {} if report.opted_out else code, code if report.opted_out else {}, now)
        row = await self._row(seen.id, lock=True)
        if row is None or _standing(row) != _standing(seen):
            raise Moved
        standing = _standing(row)
        after = _after(standing, report)
        if after is None:
            await self.sql.run(update(delivery).where(delivery.c.id == row.id).values(maybe=True))
            await self._reopen_unless_over(row, own)
            await self.make_due(own, now)
            return _received(row, None, due=len(own))
        await self._move(row, after, report, now)
        if report.word.good:
            at = to_us(row.accepted_at or now)
            by = to_us(row.next_by) if row.next_by else None
            await fast.mark_heard(self.sql, [(i, f, at, row.update_no, by) for i, f in own])
            if standing.state in OPEN:
                return _received(row, after)  # the planner looks when it is time anyway
            await self._reopen_unless_over(row, own)
        else:
            await self._keep(row, after, report, now)
            if standing.state in TOLD:
                await hear_anew(self.sql, own, now)
            if row.framing in _AFTERWARDS:
                await self._reopen(own)
        await self.make_due(concerned, now)
        return _received(row, after, due=len(concerned))

    async def _row(self, delivery_id: UUID, *, lock: bool = False) -> Row[*tuple[Any, ...]] | None:
        statement = _ROW.where(delivery.c.id == delivery_id)
        rows = await self.sql.rows(statement.with_for_update() if lock else statement)
        return rows[0] if rows else None

    async def _move(self, row: Row[*tuple[Any, ...]], after: DeliveryState, report: Report, now: datetime) -> None:
        """Write the new state; whoever leased the delivery has lost it. Raises Moved if it is not as it was."""
        moved = await self.sql.run(
            update(delivery)
            .where(delivery.c.id == row.id, delivery.c.state == row.state, delivery.c.attempts == row.attempts)
            .values(
                state=after.value,
                code=report.code,
                provider_id=report.provider_id,
                accepted_at=(row.accepted_at or now) if report.word.good else row.accepted_at,
                lease_until=None,
                lease_token=None,
                reader=None,
            )
        )
        if moved != 1:
            raise Moved

    async def _keep(self, row: Row[*tuple[Any, ...]], after: DeliveryState, report: Report, now: datetime) -> None:
        await self.sql.run(
            insert(attempt),
            {
                "id": uuid7(),
                "delivery_id": row.id,
                "number": report.attempt,
                "at": now,
                "outcome": after.value,
                "code": report.code,
                "provider_id": report.provider_id,
            },
        )

    async def _reopen_unless_over(self, row: Row[*tuple[Any, ...]], keys: set[tuple[UUID, str]]) -> None:
        """It has arrived after all: whoever read it is owed the end, also where that was planned meanwhile."""
        if row.framing not in _AFTERWARDS:
            await self._reopen(keys)

    async def _reopen(self, keys: set[tuple[UUID, str]]) -> None:
        """Their end, or what came after it, has not been told after all, so their watches are not closed."""
        await self.sql.run(
            update(watch)
            .where(tuple_(watch.c.incident_id, watch.c.family_id).in_(sorted(keys)), watch.c.rest == "closed")
            .values(rest=None)
        )


def _received(row: Row[*tuple[Any, ...]], after: DeliveryState | None, due: int = 0) -> Received:
    return Received(DeliveryState(row.state), after, row.incident_id, row.family_id, due)


async def answered(sql: Sql, outcomes: Sequence[Outcome]) -> dict[UUID, DeliveryState]:
    """Of tries whose lease is gone, those that the provider's own word has settled meanwhile, and how."""
    if not outcomes:
        return {}
    # Crashes park as well, and no provider has a word in that.
    parked = and_(delivery.c.state == DeliveryState.PARKED.value, delivery.c.provider_id.is_not(None))
    rows = await sql.rows(
        select(delivery.c.id, delivery.c.attempts, delivery.c.state).where(
            and_(
                one_of(delivery.c.id, [o.delivery.id for o in outcomes]),
                or_(delivery.c.state.in_(_ANSWERED), parked),
            )
        )
    )
    tries = {o.delivery.id: o.delivery.attempt for o in outcomes}
    return {row.id: DeliveryState(row.state) for row in rows if row.attempts == tries[row.id]}


def _after(standing: Standing, report: Report) -> DeliveryState | None:
    return follows(standing, report.word, report.attempt, report.provider_id, ours=report.ours)


def _standing(row: Row[*tuple[Any, ...]]) -> Standing:
    return Standing(DeliveryState(row.state), row.attempts, row.provider_id, row.maybe)
