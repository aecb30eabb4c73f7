"""Trials of a channel: an incident that has ended, a watch that is closed, a delivery that is claimed like any."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, delete, exists, func, insert, select, update

from alertd.domain.delivery import DeliveryState, Lane, Owed
from alertd.domain.family import AddressId
from alertd.domain.incident import Incident
from alertd.domain.policy import Policy
from alertd.domain.trial import TRIAL_FAMILY
from alertd.domain.watch import Rest
from alertd.masking import mask_address
from alertd.records import Known, Plan, Planned, TrialRow
from alertd.store import fast
from alertd.store.incidents import IncidentRows
from alertd.store.locks import lock_addresses
from alertd.store.tables import (
    UNUSED,
    address,
    attempt,
    delivery,
    incident,
    incident_update,
    reply,
    responder_watch,
    trouble,
    watch,
)


class TrialRows(IncidentRows):
    """Reads and writes trials within one transaction."""

    async def next_trial_number(self) -> int:
        """Below zero, and no other trial's; the caller holds `lock_incidents`."""
        rows = await self.sql.rows(select(func.coalesce(func.min(incident.c.number), 0)))
        return min(int(rows[0][0]), 0) - 1

    async def known_address(self, channel: str, to: str) -> Known | None:
        """What is known of an address; None: nobody has it."""
        rows = await self.sql.rows(select(address).where(address.c.channel == channel, address.c.dest == to))
        if not rows:
            return None
        row = rows[0]
        return Known(
            AddressId(row.id), row.suspended_at is not None, row.opted_out_at is not None, row.suspended_code
        )

    async def add_address(self, address_id: AddressId, channel: str, to: str) -> None:
        """An address that no family has, unverified: only a trial may be sent there."""
        await self.sql.run(
            insert(address),
            {
                "id": address_id,
                "channel": channel,
                "dest": to,
                "verified": False,
                "shared": False,
                "notable": True,
            },
        )

    async def add_trial(
        self, trial: Incident, policy: Policy, delivery_id: UUID, owed: Owed, machine_at: datetime
    ) -> None:
        """Insert a trial with its one delivery, which any worker of the urgent lane may claim at once."""
        await self.add_incident(trial, policy)
        # Nobody owes anybody an update about it, and nobody is paged because it fails.
        await self.sql.run(delete(responder_watch).where(responder_watch.c.incident_id == trial.id))
        await self.sql.run(
            insert(watch),
            {
                "incident_id": trial.id,
                "family_id": TRIAL_FAMILY,
                "touched_at": trial.opened_at,
                "next_by": trial.opened_at,
                "told": 0,
                "owed": owed.update,
                "epoch": trial.epoch,
                "waiting": "[]",
                "look_at": None,
                "rest": Rest.CLOSED.value,
                "version": 1,
            },
        )
        plan = Plan(trial.id, trial.scope, trial.opened_at, machine_at)
        new = Planned(delivery_id, owed, priority=0, lane=Lane.URGENT.value)
        await fast.insert_one(self.sql, fast.delivery_values(plan, new))

    async def trial(self, delivery_id: UUID) -> TrialRow | None:
        """How a trial stands; None: there is none, or it was forgotten."""
        rows = await self.sql.rows(
            select(delivery, address.c.dest)
            .join(incident, incident.c.id == delivery.c.incident_id)
            .join(address, address.c.id == delivery.c.address_id, isouter=True)
            .where(delivery.c.id == delivery_id, incident.c.number < 0)
        )
        if not rows:
            return None
        row = rows[0]
        tries = await self.sql.rows(
            select(attempt).where(attempt.c.delivery_id == delivery_id).order_by(attempt.c.number, attempt.c.id)
        )
        return TrialRow(
            id=row.id,
            channel=row.channel,
            to=mask_address(row.channel, row.dest or ""),
            state=DeliveryState(row.state),
            attempts=row.attempts,
            planned_at=row.planned_at,
            accepted_at=row.accepted_at,
            code=row.code,
            failed=tuple((each.number, each.at, each.outcome, each.code) for each in tries),
        )

    async def any_trial(self, before: datetime) -> bool:
        """Whether any trial began before a moment of story time."""
        rows = await self.sql.rows(
            select(incident.c.id).where(incident.c.number < 0, incident.c.opened_at < before).limit(1)
        )
        return bool(rows)

    async def forget_trials(self, before: datetime) -> int:
        """Remove trials that began before a moment of story time, and addresses that nobody else has.

        An opt-out stays. Returns how many there were.
        """
        old = await self.sql.rows(
            select(incident.c.id)
            .where(incident.c.number < 0, incident.c.opened_at < before)
            .order_by(incident.c.id)
        )
        ids = [row.id for row in old]
        if not ids:
            return 0
        held = await self.sql.rows(
            select(delivery.c.id, delivery.c.address_id).where(delivery.c.incident_id.in_(ids))
        )
        addresses = {row.address_id for row in held}
        for table in (watch, trouble, incident_update):
            await self.sql.run(delete(table).where(table.c.incident_id.in_(ids)))
        await lock_addresses(self.sql, addresses)
        await self.sql.run(delete(attempt).where(attempt.c.delivery_id.in_([row.id for row in held])))
        await self.sql.run(delete(delivery).where(delivery.c.incident_id.in_(ids)))
        await self.sql.run(delete(incident).where(incident.c.id.in_(ids)))
        others = exists().where(
            incident.c.number < 0,
            delivery.c.incident_id == incident.c.id,
            delivery.c.address_id == address.c.id,
        )
        unused = and_(
            address.c.id.in_(sorted(addresses)),
            UNUSED,
            ~others,
        )
        # The words of whoever answered go with it; that a reply was taken stays, or it could be told us again.
        theirs = reply.c.address_id.in_(select(address.c.id).where(unused))
        await self.sql.run(update(reply).where(theirs).values(text=None, said=None))
        await self.sql.run(delete(address).where(unused, address.c.opted_out_at.is_(None)))
        return len(ids)
