"""Answers of caregivers: who was sent a link, that they know, and whom the ladders have not brought to answer."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, case, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.delivery import DeliveryState, Reason
from alertd.domain.family import AddressId, CaregiverId, FamilyId
from alertd.domain.incident import IncidentId
from alertd.domain.watch import BY_PHONE, Answer, LadderState, Rest, Watch
from alertd.records import Linked, Reach, Unanswered
from alertd.store import codec, fast, tables
from alertd.store.due import DueRows
from alertd.store.locks import lock_watches
from alertd.store.sql import Sql
from alertd.store.tables import answer, delivery, delivery_share, watch
from alertd.store.types import to_us

_OPEN_LISTS = (LadderState.UNREACHABLE.value, LadderState.UNANSWERED.value)


class AnswerRows(DueRows):
    """Reads and writes answers within one transaction."""

    sql: Sql

    async def linked(self, delivery_id: UUID) -> Linked | None:
        """What a link in a message is about: its incident, epoch and address, and all families that it serves."""
        rows = await self.sql.rows(
            select(delivery.c.incident_id, delivery.c.epoch, delivery.c.address_id, delivery.c.family_id).where(
                delivery.c.id == delivery_id
            )
        )
        if not rows:
            return None
        shares = await self.sql.rows(
            select(delivery_share.c.family_id).where(delivery_share.c.delivery_id == delivery_id)
        )
        own = rows[0]
        families = dict.fromkeys([own.family_id, *sorted(row.family_id for row in shares)])
        return Linked(
            delivery=delivery_id,
            incident=IncidentId(own.incident_id),
            epoch=own.epoch,
            address=AddressId(own.address_id),
            families=tuple(FamilyId(each) for each in families),
        )

    async def lock_duties(self, incident_id: IncidentId, families: Collection[str]) -> None:
        """Nobody else plans these families in this incident until the transaction ends."""
        await lock_watches(self.sql, {(incident_id, family) for family in families})

    async def add_answers(
        self, linked: Linked, who: Sequence[tuple[FamilyId, CaregiverId]], at: datetime
    ) -> list[tuple[FamilyId, CaregiverId]]:
        """Keep that these caregivers of these families know; returns those who had not said so before.

        What they said before the incident touched their family anew is no answer any more, and gives way.
        """
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        fresh = []
        for family, caregiver in who:
            # Named by its values: within ON CONFLICT nothing ties a subquery to the row that is there.
            touched = (
                select(watch.c.touched_at)
                .where(watch.c.incident_id == linked.incident, watch.c.family_id == family)
                .scalar_subquery()
            )
            values = dialect.insert(answer).values(
                incident_id=linked.incident,
                family_id=family,
                epoch=linked.epoch,
                caregiver=caregiver,
                delivery_id=linked.delivery,
                at=at,
            )
            statement = values.on_conflict_do_update(
                index_elements=list(answer.primary_key.columns),
                set_={"at": values.excluded.at, "delivery_id": values.excluded.delivery_id},
                where=answer.c.at < touched,
            )
            if await self.sql.run(statement) == 1:
                fresh.append((family, caregiver))
        return fresh

    async def add_call(self, incident_id: IncidentId, family_id: FamilyId, call: Answer, act_id: UUID) -> None:
        """Keep that somebody has told a family by phone, and that they have heard.

        The caller holds the watch's lock. A later call of the epoch takes the place of this one; both are acts.
        """
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        values = dialect.insert(answer).values(
            incident_id=incident_id,
            family_id=family_id,
            epoch=call.epoch,
            caregiver=call.caregiver,
            delivery_id=act_id,
            at=call.at,
            told=call.told,
            next_by=call.next_by,
            who=json.dumps(call.who),
        )
        fresh = {name: values.excluded[name] for name in ("delivery_id", "at", "told", "next_by", "who")}
        await self.sql.run(
            values.on_conflict_do_update(index_elements=list(answer.primary_key.columns), set_=fresh)
        )
        by = to_us(call.next_by) if call.next_by is not None else None
        await fast.mark_heard(self.sql, [(incident_id, family_id, to_us(call.at), call.told, by)])
        mine = update(watch).where(watch.c.incident_id == incident_id, watch.c.family_id == family_id)
        await self.sql.run(mine.where(watch.c.owed < call.told).values(owed=call.told))  # what waits is older
        await self.sql.run(mine.where(watch.c.ladder.is_not(None)).values(ladder=LadderState.ANSWERED.value))

    async def watch_of(self, incident_id: IncidentId, family_id: FamilyId) -> Watch | None:
        """The watch of a family in an incident, or None."""
        rows = await self.sql.rows(
            select(watch).where(watch.c.incident_id == incident_id, watch.c.family_id == family_id)
        )
        return codec.watch(rows[0]) if rows else None

    async def answers(self, incident_id: IncidentId, family_id: FamilyId) -> Sequence[Answer]:
        """What caregivers of a family have answered in an incident, oldest first."""
        rows = await self.sql.rows(
            select(answer)
            .where(answer.c.incident_id == incident_id, answer.c.family_id == family_id)
            .order_by(answer.c.at, answer.c.caregiver)
        )
        return [codec.answer(row) for row in rows]

    async def end_ladders(self, incident_id: IncidentId, families: Collection[str], now: datetime) -> None:
        """What the ladders of these families have not handed over yet is not owed any more; plan them at once.

        The caller holds their locks. What serves further families too stays: theirs climb on.
        """
        await self.make_due({(incident_id, family) for family in families}, now)
        # At once, for what is with a provider now: where that fails, the claim is not to try it again.
        await self.sql.run(
            update(watch)
            .where(
                watch.c.incident_id == incident_id,
                watch.c.family_id.in_(list(families)),
                watch.c.ladder.is_not(None),
            )
            .values(ladder=LadderState.ANSWERED.value)
        )
        await self._supersede(incident_id, families, delivery.c.reason == Reason.LADDER.value)

    async def supersede_told(
        self, incident_id: IncidentId, family_id: FamilyId, who: Sequence[CaregiverId], update_no: int
    ) -> None:
        """What waits to tell these caregivers this update or an older one is not owed any more: they know.

        The caller holds the watch's lock. What serves further families too stays: nobody has rung them.
        """
        told = (delivery.c.caregiver.in_(list(who)), delivery.c.update_no <= update_no)
        await self._supersede(incident_id, [family_id], *told)

    async def _supersede(
        self, incident_id: IncidentId, families: Collection[str], *conditions: ColumnElement[bool]
    ) -> None:
        shared = select(delivery_share.c.delivery_id).where(delivery_share.c.incident_id == incident_id)
        await self.sql.run(
            update(delivery)
            .where(
                delivery.c.incident_id == incident_id,
                delivery.c.family_id.in_(list(families)),
                delivery.c.state == DeliveryState.PENDING.value,
                delivery.c.id.not_in(shared),
                *conditions,
            )
            .values(state=DeliveryState.SUPERSEDED.value, reader=None)
        )

    async def reach(self, incident_id: IncidentId, limit: int, now: datetime) -> Reach:
        """Whom an incident has reached, and whom its ladders have not; the lists hold `limit` families each.

        Families that were deleted count, and are in no list: nobody can ring them up. Whom there is no way to
        tell is not listed while what they were told by phone still holds at `now`.
        """
        call = (
            answer.c.incident_id == watch.c.incident_id,
            answer.c.family_id == watch.c.family_id,
            answer.c.epoch >= watch.c.epoch,
            answer.c.caregiver == BY_PHONE,
        )
        called = exists().where(*call, answer.c.next_by > now)
        # No message will come where there is no way to tell them: only a call has named a time that binds us.
        no_way = watch.c.rest.in_((Rest.NO_ADDRESS.value, Rest.OPTED_OUT.value))
        told_on_phone = select(func.max(answer.c.next_by)).where(*call).correlate(watch).scalar_subquery()
        listed = (
            watch.c.family_id,
            watch.c.step,
            watch.c.heard_at,
            case((no_way, told_on_phone), else_=watch.c.next_by).label("next_by"),
        )
        mine = (watch.c.incident_id == incident_id, watch.c.rest.is_distinct_from(Rest.NOT_TOUCHED.value))
        known = exists().where(tables.family.c.id == watch.c.family_id)
        states = await self.sql.rows(
            select(watch.c.ladder, func.count().label("families")).where(*mine).group_by(watch.c.ladder)
        )
        heard = await self.sql.rows(
            select(func.count().label("all"), func.count(watch.c.heard_at).label("heard")).where(*mine)
        )
        lists: dict[LadderState, list[Unanswered]] = {}
        for state in _OPEN_LISTS:
            rows = await self.sql.rows(
                select(*listed)
                .where(*mine, watch.c.ladder == state, known)
                .order_by(watch.c.family_id)
                .limit(limit)
            )
            lists[LadderState(state)] = [
                Unanswered(FamilyId(row.family_id), row.step, row.heard_at, row.next_by) for row in rows
            ]
        none_left = await self.sql.rows(
            select(*listed).where(*mine, no_way, ~called, known).order_by(watch.c.family_id).limit(limit)
        )
        return Reach(
            families=heard[0].all,
            heard=heard[0].heard,
            ladders={LadderState(row.ladder): row.families for row in states if row.ladder is not None},
            unreachable=tuple(lists[LadderState.UNREACHABLE]),
            unanswered=tuple(lists[LadderState.UNANSWERED]),
            untellable=tuple(Unanswered(FamilyId(r.family_id), r.step, r.heard_at, r.next_by) for r in none_left),
        )
