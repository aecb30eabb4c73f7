"""Writes what a slice decided: watches first, then only the deliveries whose watch was won."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, literal, or_, select, update
from sqlalchemy.sql import ColumnElement

from alertd.domain.delivery import AFTERWARDS, DeliveryState
from alertd.records import Plan, Planned
from alertd.store import fast
from alertd.store.shared import SharedRows, by_address
from alertd.store.sql import Sql
from alertd.store.tables import delivery, delivery_share, incident, watch
from alertd.store.types import Instant

_AFTERWARDS = tuple(framing.value for framing in AFTERWARDS)
_SERVES_ONE = ~exists().where(delivery_share.c.delivery_id == delivery.c.id)


class PlanRows(SharedRows):
    """Writes plans within one transaction."""

    sql: Sql

    async def write_plan(self, plan: Plan) -> list[Planned] | None:
        """Write a slice; returns the deliveries inserted, those that are born leased among them.

        A watch that somebody else planned or touched meanwhile (its version moved) loses, and nothing of
        that family is written; it is due again at once. None: somebody is at such a watch this very moment;
        roll back and plan again. Lock order: watch by family, then delivery.
        """
        won = await self._write_watches(plan)
        lost = [w.family for w in plan.watches if w.family not in won]
        if lost and not await self._look_again(plan, lost):
            return None
        await self._end_older(plan, won)
        mine = [d for d in plan.deliveries if d.owed.family in won]
        alone = [d for d in mine if d.owed.address not in plan.shared]
        inserted = await fast.insert_deliveries(self.sql, plan, alone)
        if len(inserted) < len(mine):
            born = {d.id for d in inserted}
            # By address: two planners of families that share two would wait for each other otherwise.
            for each in sorted((d for d in mine if d.id not in born), key=by_address):
                await self.insert_shared(plan, each)
        return inserted

    async def _write_watches(self, plan: Plan) -> set[str]:
        new = [w for w in plan.watches if w.version is None]
        old = [w for w in plan.watches if w.version is not None]
        won = await fast.insert_watches(self.sql, plan, new) if new else set()
        if old:
            won |= await fast.update_watches(self.sql, plan, old)
        return won

    async def _end_older(self, plan: Plan, won: set[str]) -> None:
        """End what still waits where its own address is owed something newer, or where nothing is owed any more.

        Whoever is owed nothing newer keeps what waits for them: the claim finds it stale, and the planner owes
        them the newest. So does what serves further families too, which the claim hands back for all of them.
        """
        addresses: dict[str, list[UUID]] = {}
        for d in plan.deliveries:
            if d.owed.address not in plan.shared:
                addresses.setdefault(d.owed.family, []).append(d.owed.address)
        cancelled: dict[int, list[str]] = {}
        superseded: dict[int, list[str]] = {}
        for w in plan.watches:
            if w.family in won and w.version is not None:
                if w.cancel:
                    cancelled.setdefault(w.owed, []).append(w.family)
                elif w.supersede and w.family in addresses:
                    superseded.setdefault(w.owed, []).append(w.family)
        for owed, families in cancelled.items():
            older_or_other = or_(delivery.c.update_no < owed, delivery.c.framing.not_in(_AFTERWARDS))
            await self._end(plan, families, DeliveryState.CANCELLED, older_or_other, _SERVES_ONE)
        for owed, families in superseded.items():
            mine = [address for family in families for address in addresses[family]]
            newer = (delivery.c.update_no < owed, delivery.c.address_id.in_(mine))
            await self._end(plan, families, DeliveryState.SUPERSEDED, *newer)

    async def _end(
        self, plan: Plan, families: Sequence[str], state: DeliveryState, *which: ColumnElement[bool]
    ) -> None:
        await self.sql.run(
            update(delivery)
            .where(
                delivery.c.incident_id == plan.incident,
                delivery.c.family_id.in_(families),
                delivery.c.state == DeliveryState.PENDING.value,
                *which,
            )
            .values(state=state.value, reader=None)
        )

    async def _look_again(self, plan: Plan, families: Sequence[str]) -> bool:
        """Make due what was lost: whoever won it may have planned from an older incident than this one.

        False if a lock is taken: waiting for it while holding others, out of order, would be a deadlock.
        """
        mine = (watch.c.incident_id == plan.incident, watch.c.family_id.in_(families))
        free = await self.sql.rows(
            select(watch.c.family_id).where(*mine).order_by(watch.c.family_id).with_for_update(skip_locked=True)
        )
        if len(free) < len(families):
            return False
        # Closed is what whoever planned from before a reopening takes it for.
        goes_on = exists().where(incident.c.id == plan.incident, incident.c.ended_at.is_(None))
        await self.sql.run(
            update(watch)
            .where(*mine, or_(watch.c.rest.is_(None), watch.c.rest != "closed", goes_on))
            .values(look_at=literal(plan.at, Instant()), version=watch.c.version + 1)
        )
        return True
