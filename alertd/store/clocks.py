"""The clock that all parts share: a demo's story, and how far it is ahead of the database's."""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.held_clock import Held
from alertd.store.sql import Sql
from alertd.store.tables import held_clock, story_clock

_US = timedelta(microseconds=1)


class ClockRows:
    """Within one transaction."""

    sql: Sql

    async def story_clock(self) -> tuple[datetime, datetime, float] | None:
        """(story time, machine time at that moment, rate) of the cluster, if it was ever set."""
        rows = await self.sql.rows(select(story_clock).where(story_clock.c.id == 1))
        return (rows[0].story_at, rows[0].machine_at, rows[0].rate) if rows else None

    async def set_story_clock(self, story_at: datetime, machine_at: datetime, rate: float) -> None:
        """Set it once, whoever is first of those that start at once; a cluster's story never jumps."""
        if await self.story_clock() is None:
            dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
            made = {"id": 1, "story_at": story_at, "machine_at": machine_at, "rate": rate}
            await self.sql.run(dialect.insert(story_clock).values(made).on_conflict_do_nothing())

    async def move_story(self, machine_at: datetime, now: datetime) -> bool:
        """Let a story that has not begun by `now`, machine time, begin at another moment; False if it has."""
        statement = update(story_clock).where(story_clock.c.id == 1, story_clock.c.machine_at > now)
        return await self.sql.run(statement.values(machine_at=machine_at)) == 1

    async def held_clock(self) -> Held | None:
        """How far alertd's clock is ahead of the database's; None: that never went back."""
        rows = await self.sql.rows(select(held_clock).where(held_clock.c.id == 1))
        return Held(rows[0].ahead_us * _US, rows[0].since) if rows else None

    async def hold_clock(self, before: Held | None, held: Held) -> bool:
        """Keep it in place of what it was before; False if another part has kept something else meanwhile."""
        values = {"ahead_us": held.ahead // _US, "since": held.since}
        if before is None:
            dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
            made = dialect.insert(held_clock).values({"id": 1, **values}).on_conflict_do_nothing()
            return await self.sql.run(made) == 1
        found = update(held_clock).where(
            held_clock.c.id == 1, held_clock.c.ahead_us == before.ahead // _US, held_clock.c.since == before.since
        )
        return await self.sql.run(found.values(values)) == 1
