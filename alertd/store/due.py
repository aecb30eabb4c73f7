"""Makes watches due again, and finds whose they are."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import case, literal, or_, select, true, tuple_, update

from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import delivery_share, watch
from alertd.store.types import Instant


class DueRows:
    """Shared by whatever ends deliveries within one transaction."""

    sql: Sql

    async def sharers(self, ids: Sequence[UUID]) -> set[tuple[UUID, str]]:
        """The further families that these deliveries serve."""
        if not ids:
            return set()
        rows = await self.sql.rows(
            select(delivery_share.c.incident_id, delivery_share.c.family_id).where(
                one_of(delivery_share.c.delivery_id, list(ids))
            )
        )
        return {(row.incident_id, row.family_id) for row in rows}

    async def make_due(self, keys: set[tuple[UUID, str]], now: datetime, *, ended: bool = False) -> None:
        """These watches are to be planned again at once; whoever planned them meanwhile loses.

        The caller holds their locks. `ended`: also those that are closed.
        """
        ordered = sorted(keys)
        for start in range(0, len(ordered), 500):
            await self.sql.run(
                update(watch)
                .where(
                    tuple_(watch.c.incident_id, watch.c.family_id).in_(ordered[start : start + 500]),
                    true() if ended else or_(watch.c.rest.is_(None), watch.c.rest != "closed"),
                )
                .values(
                    look_at=case((watch.c.look_at < now, watch.c.look_at), else_=literal(now, Instant())),
                    version=watch.c.version + 1,
                )
            )
