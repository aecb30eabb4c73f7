"""What caregivers choose on our own page: written at once, and found again by the next import."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select, update

from alertd.domain.chosen import last_choice
from alertd.domain.family import AddressId, Family, FamilyId
from alertd.store import codec
from alertd.store.due import DueRows
from alertd.store.families import open_watches
from alertd.store.locks import lock_family, lock_watches
from alertd.store.stops import start_here, stop_here, supersede_to, watches_with
from alertd.store.tables import family


class ChoiceRows(DueRows):
    """Reads and writes choices within one transaction."""

    async def locked_family(self, family_id: FamilyId) -> Family | None:
        """A family that nobody else changes until the transaction ends, or None."""
        if not await lock_family(self.sql, family_id):
            return None
        rows = await self.sql.rows(select(family.c.doc).where(family.c.id == family_id))
        return codec.family(rows[0].doc)

    async def lock_watches_of(self, ids: Sequence[str]) -> None:
        """Lock the open watches of these families, whose locks the caller holds."""
        own = [(row.incident_id, each) for each in ids for row in await self.sql.rows(open_watches(each))]
        await lock_watches(self.sql, own)

    async def chosen_in(self, ids: Sequence[str]) -> Sequence[Family]:
        """Those of these families in which somebody has chosen something here; the caller holds their locks.

        Not those whose document cannot be read: an import may replace it, and what was chosen stands nowhere else.
        """
        rows = await self.sql.rows(
            select(family.c.doc).where(family.c.id.in_(ids), family.c.chosen_at.is_not(None)).order_by(family.c.id)
        )
        return [found for row in rows if (found := codec.family_if_readable(row.doc)) is not None]

    async def write_choice(
        self, changed: Family, stop: Collection[AddressId], start: Collection[AddressId], now: datetime
    ) -> int:
        """Write what a caregiver chose, and make everybody whom it concerns due at once; returns how many duties.

        `changed`: their family, whose services and addresses are as before; the caller holds its lock. `stop`,
        `start`: addresses that are to be stopped, or started again, for everybody who has them.
        """
        own = await self.sql.rows(open_watches(changed.id))
        told_there = await watches_with(self.sql, {*stop, *start})
        due = {(row.incident_id, str(changed.id)) for row in own} | told_there
        await lock_watches(self.sql, due)
        await self.make_due(due, now)
        await self.sql.run(
            update(family)
            .where(family.c.id == changed.id)
            .values(doc=codec.encode(changed), chosen_at=last_choice(changed))
        )
        if stop:
            await stop_here(self.sql, stop, now)
            await supersede_to(self.sql, told_there, stop)
        if start:
            await start_here(self.sql, start)
        return len(due)
