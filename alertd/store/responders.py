"""Our own duty in each incident, and the nudges and pages to those who owe families an update (R8).

Lock order: the incident's watch, then its pages.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, and_, case, delete, exists, insert, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.delivery import DeliveryState
from alertd.domain.incident import IncidentId
from alertd.domain.paging import Over, OwedPage, PageKey, ResponderLadder, unreachable
from alertd.domain.receipt import follows
from alertd.ports import Report
from alertd.records import ACK, Lease, PageOutcome, PageRow
from alertd.store.ids import uuid7
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import act, incident, page, responder_watch, trouble, trouble_over
from alertd.store.types import Instant

_DUE = page.c.state.in_([literal("pending", literal_execute=True), literal("unknown", literal_execute=True)])
"""The condition of `ix_page_due`, with its values: both databases want the very same one."""
_LEASED = page.c.state == literal("leased", literal_execute=True)

_OWED = [page.c.incident_id, page.c.ladder, page.c.base, page.c.step, page.c.repeat, page.c.subject]
"""What names a page for ever: `uq_page_owed`."""


class ResponderRows:
    """Plans and finishes pages within one transaction."""

    sql: Sql

    # --- the watch -------------------------------------------------------------------------------

    async def touch_responders(self, incident_id: UUID, at: datetime) -> None:
        """Make an incident's own watch due at `at`, in story time, unless it is due earlier.

        It waits for whoever is planning that watch, also where it is due: they may not have seen what happened.
        """
        column = responder_watch.c.look_at
        later = or_(column.is_(None), column > at)
        await self.sql.run(
            update(responder_watch)
            .where(responder_watch.c.incident_id == incident_id)
            .values(look_at=case((later, literal(at, Instant())), else_=column))
        )

    async def watch_responders(self, incident_id: UUID, at: datetime) -> None:
        """Give a new incident its watch, due at `at`."""
        await self.sql.run(insert(responder_watch), {"incident_id": incident_id, "look_at": at})

    async def responders_due(self, now: datetime, machine_at: datetime) -> bool:
        """Whether any incident's own watch is due, or any page is to be sent."""
        watches = select(responder_watch.c.incident_id).where(responder_watch.c.look_at <= now)
        rows = await self.sql.rows(select(exists(watches), exists(select(page.c.id).where(_sendable(machine_at)))))
        return bool(rows[0][0] or rows[0][1])

    async def take_responders(self, now: datetime) -> IncidentId | None:
        """The incident whose own watch has been due the longest and that nobody else is planning; locks it."""
        rows = await self.sql.rows(
            select(responder_watch.c.incident_id)
            .where(responder_watch.c.look_at <= now)
            .order_by(responder_watch.c.look_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        return IncidentId(rows[0].incident_id) if rows else None

    async def look_again(self, incident_id: UUID, look_at: datetime | None) -> None:
        """When an incident's own watch is due next; None: it rests. The caller holds its lock."""
        await self.sql.run(
            update(responder_watch).where(responder_watch.c.incident_id == incident_id).values(look_at=look_at)
        )

    # --- what the planner looks at ----------------------------------------------------------------

    async def pages(self, incident_id: UUID) -> Sequence[PageRow]:
        """All nudges and pages of an incident, oldest first."""
        rows = await self.sql.rows(
            select(page).where(page.c.incident_id == incident_id).order_by(page.c.planned_at, page.c.id)
        )
        return [_page(row) for row in rows]

    async def page(self, page_id: UUID) -> PageRow | None:
        """A nudge or page by its id."""
        rows = await self.sql.rows(select(page).where(page.c.id == page_id))
        return _page(rows[0]) if rows else None

    async def acknowledgements(self, incident_id: UUID) -> Sequence[datetime]:
        """When responders said that they know, oldest first."""
        rows = await self.sql.rows(
            select(act.c.at).where(act.c.incident_id == incident_id, act.c.what == ACK).order_by(act.c.at)
        )
        return [row.at for row in rows]

    async def troubles(self, incident_id: UUID) -> Mapping[str, tuple[datetime, str]]:
        """What of ours keeps families from being told: subject -> (since when, the code)."""
        rows = await self.sql.rows(
            select(trouble).where(trouble.c.incident_id == incident_id).order_by(trouble.c.at, trouble.c.subject)
        )
        return {row.subject: (row.at, row.code) for row in rows}

    async def add_trouble(self, incident_id: UUID, subject: str, code: str, at: datetime) -> bool:
        """Note something of ours that keeps families from being told; False if it is known.

        Responders are paged once for each incident and subject, a few words such as "channel sms".
        """
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        values = {"incident_id": incident_id, "subject": subject, "code": code, "at": at}
        if not await self.sql.run(dialect.insert(trouble).values(values).on_conflict_do_nothing()):
            return False
        await self.touch_responders(incident_id, at)
        return True

    async def end_trouble(self, incident_id: UUID, subject: str, at: datetime) -> None:
        """It is over: pages about it that wait are taken back, and the next time is another trouble."""
        which = (trouble.c.incident_id == incident_id, trouble.c.subject == subject)
        found = await self.sql.rows(select(trouble.c.at).where(*which))
        if found and await self.sql.run(delete(trouble).where(*which)):
            dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
            values = {"incident_id": incident_id, "subject": subject, "since": found[0].at, "at": at}
            await self.sql.run(dialect.insert(trouble_over).values(values).on_conflict_do_nothing())
            await self.touch_responders(incident_id, at)

    async def troubles_over(self, incident_id: UUID) -> Sequence[Over]:
        """What was trouble and is none any more, in the order in which it ended."""
        rows = await self.sql.rows(
            select(trouble_over).where(trouble_over.c.incident_id == incident_id).order_by(trouble_over.c.at)
        )
        return [Over(row.subject, row.since, row.at) for row in rows]

    # --- pages -------------------------------------------------------------------------------------

    async def add_pages(
        self, incident_id: UUID, owed: Sequence[OwedPage], update_no: int, now: datetime, machine_at: datetime
    ) -> None:
        """Write what is owed; what is there already stays as it is, and what was taken back waits again."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        for each in owed:
            values = {
                "id": uuid7(),
                "incident_id": incident_id,
                "ladder": each.key.ladder.value,
                "base": each.key.base,
                "step": each.key.step,
                "repeat": each.key.repeat,
                "subject": each.key.subject,
                "who": each.who,
                "wakes": each.page,
                "update_no": update_no,
                "state": DeliveryState.PENDING.value,
                "due_at": machine_at,
                "attempts": 0,
                "planned_at": now,
            }
            anew = {name: values[name] for name in ("who", "wakes", "update_no", "state", "due_at", "planned_at")}
            statement = dialect.insert(page).values(values)
            await self.sql.run(
                statement.on_conflict_do_update(
                    index_elements=_OWED, set_=anew, where=page.c.state == DeliveryState.CANCELLED.value
                )
            )

    async def cancel_pages(self, ids: Sequence[UUID]) -> None:
        """Nobody needs to read these any more; what a worker has in hand stays with it."""
        if ids:
            await self.sql.run(
                update(page).where(one_of(page.c.id, list(ids)), _DUE).values(state=DeliveryState.CANCELLED.value)
            )

    async def claim_pages(self, machine_at: datetime, lease: Lease, limit: int) -> Sequence[PageRow]:
        """Lease the pages that are to be sent, the longest due first; those of a lease that ran out go again.

        Better twice than never: what a worker held when it died may have been sent.
        """
        found = await self.sql.rows(
            select(page.c.id)
            .where(_sendable(machine_at))
            .order_by(page.c.due_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = [row.id for row in found]
        if not ids:
            return []
        await self.sql.run(
            update(page)
            .where(one_of(page.c.id, ids))
            .values(
                state=DeliveryState.LEASED.value,
                lease_until=lease.until,
                lease_token=lease.token,
                attempts=page.c.attempts + 1,
            )
        )
        rows = await self.sql.rows(select(page).where(one_of(page.c.id, ids)).order_by(page.c.due_at, page.c.id))
        return [_page(row) for row in rows]

    async def finish_page(self, outcome: PageOutcome, lease: Lease, now: datetime) -> bool:
        """Write what became of a page; False if its lease was lost meanwhile, and not to the provider's own word.

        One that was not handed over makes the incident's own watch due at `now`: the next step is.
        """
        told = outcome.state is DeliveryState.ACCEPTED
        if not told:
            await self.touch_responders(outcome.page.incident, now)
        written = await self.sql.run(
            update(page)
            .where(page.c.id == outcome.page.id, page.c.lease_token == lease.token, _LEASED)
            .values(
                state=outcome.state.value,
                code=outcome.code,
                due_at=outcome.due_at or page.c.due_at,
                accepted_at=now if told else None,
                provider_id=outcome.provider_id,
                lease_until=None,
                lease_token=None,
            )
        )
        return written == 1 or await self._answered(outcome.page)

    async def _answered(self, mine: PageRow) -> bool:
        """Whether the provider has said what became of this very try, before we could."""
        found = await self.page(mine.id)
        return found is not None and found.provider_id is not None and found.attempts == mine.attempts

    async def take_page_receipt(self, report: Report, now: datetime) -> PageRow | None:
        """Move a nudge or page as the provider's word has it; returns it as it is then, None: it changes nothing.

        What came to nothing makes the incident's own watch due at `now`: the next step is.
        """
        seen = await self.page(report.delivery)
        if seen is None or _after(seen, report) is None:
            return None
        if not report.word.good:
            await self.touch_responders(seen.incident, now)
        [row] = await self.sql.rows(select(page).where(page.c.id == seen.id).with_for_update())
        found = _page(row)
        after = _after(found, report)  # judged again under the locks: `finish_page` may be writing of the very try
        if after is None:
            return None
        moved = replace(
            found,
            state=after,
            code=report.code,
            provider_id=report.provider_id,
            accepted_at=(found.accepted_at or now) if report.word.good else found.accepted_at,
        )
        await self.sql.run(
            update(page)
            .where(page.c.id == moved.id)
            .values(
                state=moved.state.value,
                code=moved.code,
                provider_id=moved.provider_id,
                accepted_at=moved.accepted_at,
                lease_until=None,  # whoever leased it has lost it
                lease_token=None,
            )
        )
        return moved

    async def responders_unreachable(self, now: datetime) -> bool:
        """Whether some open incident has responders to page, and none of its pages could be handed over.

        For the dead man's ping: see `alertd.domain.paging.unreachable`. `now` is story time.
        """
        rows = await self.sql.rows(
            select(page)
            .join(incident, incident.c.id == page.c.incident_id)
            .where(incident.c.ended_at.is_(None))
            .order_by(page.c.incident_id)
        )
        return any(
            unreachable([(row.planned_at, row.paged) for row in map(_page, of_one)], now)
            for _, of_one in groupby(rows, key=lambda row: row.incident_id)
        )


def _sendable(machine_at: datetime) -> Any:
    at = literal(machine_at, Instant())
    return or_(and_(_DUE, page.c.due_at <= at), and_(_LEASED, page.c.lease_until < at))


def _after(found: PageRow, report: Report) -> DeliveryState | None:
    return follows(found.standing, report.word, report.attempt, report.provider_id, ours=report.ours)


def _page(row: Row[*tuple[Any, ...]]) -> PageRow:
    return PageRow(
        id=row.id,
        incident=IncidentId(row.incident_id),
        key=PageKey(ResponderLadder(row.ladder), row.base, row.step, row.repeat, row.subject),
        who=row.who,
        page=row.wakes,
        update=row.update_no,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        planned_at=row.planned_at,
        accepted_at=row.accepted_at,
        code=row.code,
        provider_id=row.provider_id,
    )
