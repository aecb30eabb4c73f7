"""A store with an outage in it, and short ways to say what happens to its rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, select, update

from alertd.domain.delivery import DeliveryState, Framing, Owed, Reader, Reason
from alertd.domain.family import Address, Family, FamilyId
from alertd.domain.incident import Incident
from alertd.records import Claimed, Lease, Outcome, Plan, Planned, PlannedWatch
from alertd.store.ids import uuid7
from alertd.store.store import Rows, SqlStore
from alertd.store.tables import delivery
from tests import make

LEASE = timedelta(seconds=30)


class Books:
    """One incident, open since noon; story time and machine time are the same and stand still."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.store = SqlStore(url)
        self.incident = make.incident()

    # --- what is there ---------------------------------------------------------------------------

    async def open(self, incident: Incident | None = None) -> Incident:
        """Store an incident, the one of the test unless another is given."""
        made = incident or self.incident
        async with self.store.transaction() as rows:
            await rows.add_incident(made, make.policy())
        return made

    async def families(self, *families: Family) -> list[Family]:
        """Store families; returned as stored, with the ids of their addresses."""
        async with self.store.transaction() as rows:
            assert await rows.put_families(families)
        return [await self.family(each.id) for each in families]

    async def family(self, name: str) -> Family:
        """A family as stored."""
        async with self.store.reading() as rows:
            found = await rows.family(FamilyId(name))
        assert found is not None
        return found

    async def table(self, table: Table, **where: Any) -> list[dict[str, Any]]:
        """The rows of a table with these values, in the order of its key."""
        statement = select(table).filter_by(**where).order_by(*table.primary_key.columns)
        async with self.store.reading() as rows:
            return [dict(row._mapping) for row in await rows.sql.rows(statement)]

    async def row(self, table: Table, **where: Any) -> dict[str, Any]:
        """The one row of a table with these values."""
        [found] = await self.table(table, **where)
        return found

    async def set(self, table: Table, values: Mapping[str, Any], **where: Any) -> None:
        """Change rows behind everybody's back."""
        async with self.store.transaction() as rows:
            assert await rows.sql.run(update(table).filter_by(**where).values(**values))

    # --- planning --------------------------------------------------------------------------------

    def watch(self, family: Family, **changes: Any) -> PlannedWatch:
        """A new watch that owes update 1 and is to be looked at after 29 minutes."""
        made = PlannedWatch(
            family=family.id,
            touched_at=make.NOON,
            next_by=make.after(10),
            owed=1,
            epoch=1,
            waiting=(),
            look_at=make.after(29),
            rest=None,
            version=None,
            supersede=False,
            cancel=False,
        )
        return replace(made, **changes)

    def owed(self, family: Family, to: Address | None = None, **changes: Any) -> Planned:
        """A delivery of update 1 to an address, the family's first unless said."""
        person = family.caregivers[0]
        address = to or person.addresses[0]
        priority, lane = changes.pop("priority", 0), changes.pop("lane", "bulk")
        made = Owed(
            family=family.id,
            caregiver=person.id,
            address=address.id,
            channel=address.channel,
            update=1,
            epoch=1,
            step=0,
            framing=Framing.NOTICE,
            reason=Reason.FIRST_NOTICE,
            loud=True,
            next_by=make.after(30),
            stale_after=None,
            loud_until=None,
            reader=Reader(address.to, "en", family.time_zone, ("follow",), hears_by=make.after(30)),
        )
        return Planned(uuid7(), replace(made, **changes), priority, lane, leased=True)

    async def write(
        self,
        watches: Sequence[PlannedWatch] = (),
        deliveries: Sequence[Planned] = (),
        *,
        shared: Sequence[Address] = (),
        lease: Lease | None = None,
        incident: Incident | None = None,
        at: datetime = make.NOON,
    ) -> list[Planned]:
        """Write one slice."""
        plan = Plan(
            (incident or self.incident).id,
            (incident or self.incident).scope,
            at,
            at,
            list(watches),
            list(deliveries),
            lease=lease,
        )
        plan.shared = frozenset(address.id for address in shared)
        async with self.store.transaction() as rows:
            written = await rows.write_plan(plan)
        assert written is not None
        return written

    async def tell(self, *families: Family, **changes: Any) -> list[Planned]:
        """Plan update 1 for every address of these families, with their new watches."""
        deliveries = [self.owed(f, a, **changes) for f in families for c in f.caregivers for a in c.addresses]
        return await self.write([self.watch(f) for f in families], deliveries)

    # --- handing over ----------------------------------------------------------------------------

    def lease(self, at: datetime = make.NOON) -> Lease:
        """A fresh right of 30 s."""
        return Lease(uuid7(), at + LEASE)

    async def claim(
        self, lease: Lease | None = None, *, at: datetime = make.NOON, lane: str = "bulk", limit: int = 500
    ) -> tuple[list[Claimed], list[UUID]]:
        """Claim what is due at an instant: what may be sent, and the ids of what is stale."""
        async with self.store.transaction() as rows:
            return await rows.claim(lane, at, at, lease or self.lease(at), limit)

    async def finish(self, lease: Lease, outcomes: Sequence[Outcome], *, at: datetime = make.NOON) -> int:
        """Write outcomes; returns how many had lost their lease."""
        async with self.store.transaction() as rows:
            return await rows.finish(outcomes, lease, at)

    async def hand_over(
        self, state: DeliveryState = DeliveryState.ACCEPTED, *, at: datetime = make.NOON, **changes: Any
    ) -> list[Claimed]:
        """Claim everything and finish it all in one state."""
        lease = self.lease(at)
        batch, _ = await self.claim(lease, at=at)
        await self.finish(lease, [outcome(each, state, at=at, **changes) for each in batch], at=at)
        return batch

    async def states(self) -> dict[str, int]:
        """How many deliveries are in each state."""
        found: dict[str, int] = {}
        for row in await self.table(delivery):
            found[row["state"]] = found.get(row["state"], 0) + 1
        return found


def outcome(
    claimed: Claimed, state: DeliveryState = DeliveryState.ACCEPTED, *, at: datetime = make.NOON, **changes: Any
) -> Outcome:
    """What became of a claimed delivery."""
    if state is DeliveryState.ACCEPTED:
        made = Outcome(claimed, state, provider_id=f"id-{claimed.attempt}", accepted_at=at, final=True)
    else:
        made = Outcome(claimed, state, "20500", final=state is DeliveryState.REFUSED)
    return replace(made, **changes)


def crowd(count: int, *channels: str, **changes: Any) -> list[Family]:
    """So many families, each with a parent and addresses of their own."""
    found = []
    for number in range(count):
        addresses = tuple(
            make.address(channel, f"{channel}-{number:04}" if channel != "email" else f"m{number:04}@example.org")
            for channel in channels or ("push",)
        )
        parent = make.caregiver("mia", addresses=addresses)
        found.append(make.family(parent, id=FamilyId(f"fam-{number:04}"), **changes))
    return found


__all__ = ["Books", "Rows", "crowd", "outcome"]
