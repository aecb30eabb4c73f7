"""What the cluster remembers of itself: its newest audit, its newest census of deliveries, its counters."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, func, null, select, type_coerce, union_all, update
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.audit import Audit, Kept
from alertd.domain.downtime import Downtime
from alertd.domain.incident import IncidentId
from alertd.domain.watch import Rest
from alertd.records import Census
from alertd.store import codec
from alertd.store.sql import Sql
from alertd.store.tables import audit, census, counter, delivery, downtime, heartbeat, incident, page, watch
from alertd.store.types import Instant

_NEWEST = "newest"
_audit = msgspec.json.Decoder(Audit)
_census = msgspec.json.Decoder(Census)

_DOWNTIMES = union_all(
    select(downtime.c.began_at, downtime.c.ended_at).where(downtime.c.ended_at >= bindparam("since")),
    select(heartbeat.c.at, type_coerce(null(), Instant())).where(heartbeat.c.name == bindparam("sweeper")),
)


class KeptRows:
    """One row of each sort; whoever writes last is the newest."""

    sql: Sql

    async def keep_audit(self, answer: Audit) -> None:
        """Keep the newest audit; when one last passed, and when a ping was last taken, stay."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        statement = dialect.insert(audit).values(
            name=_NEWEST,
            at=answer.machine_at,
            passed_at=answer.machine_at if answer.passed else None,
            body=codec.encode(answer),
        )
        fresh = statement.excluded
        passed_at = func.coalesce(fresh.passed_at, audit.c.passed_at)
        changes = {"at": fresh.at, "body": fresh.body, "passed_at": passed_at}
        await self.sql.run(statement.on_conflict_do_update(index_elements=[audit.c.name], set_=changes))

    async def keep_ping(self, machine_at: datetime) -> None:
        """The dead man's switch took a ping."""
        await self.sql.run(update(audit).where(audit.c.name == _NEWEST).values(pinged_at=machine_at))

    async def last_audit(self) -> Kept | None:
        """The newest audit, if there was any."""
        rows = await self.sql.rows(select(audit).where(audit.c.name == _NEWEST))
        return Kept(_audit.decode(rows[0].body), rows[0].passed_at, rows[0].pinged_at) if rows else None

    async def keep_census(self, counted: Census) -> None:
        """Keep the newest census."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        statement = dialect.insert(census).values(name=_NEWEST, at=counted.at, body=codec.encode(counted))
        changes = {"at": statement.excluded.at, "body": statement.excluded.body}
        await self.sql.run(statement.on_conflict_do_update(index_elements=[census.c.name], set_=changes))

    async def last_census(self) -> Census | None:
        """The newest census, if there was any."""
        rows = await self.sql.rows(select(census.c.body).where(census.c.name == _NEWEST))
        return _census.decode(rows[0].body) if rows else None

    async def count_slice(
        self, incident_id: IncidentId, position: str, limit: int
    ) -> tuple[Mapping[tuple[str, str, str], int], str | None]:
        """Deliveries of the next `limit` families behind `position`, by (channel, state, reason); where it ends.

        None: these were the last.
        """
        ends = await self.sql.rows(
            select(watch.c.family_id)
            .where(watch.c.incident_id == incident_id, watch.c.family_id > position)
            .order_by(watch.c.family_id)
            .offset(limit - 1)
            .limit(1)
        )
        end = ends[0].family_id if ends else None
        statement = (
            select(delivery.c.channel, delivery.c.state, delivery.c.reason, func.count())
            .where(delivery.c.incident_id == incident_id, delivery.c.family_id > position)
            .group_by(delivery.c.channel, delivery.c.state, delivery.c.reason)
        )
        if end is not None:
            statement = statement.where(delivery.c.family_id <= end)
        rows = await self.sql.rows(statement)
        return {(row[0], row[1], row[2]): row[3] for row in rows}, end

    async def count_ladders(self, incident_id: IncidentId, position: str, end: str | None) -> Mapping[str, int]:
        """Families behind `position` up to `end` (None: all), by where their ladder stands."""
        upto = () if end is None else (watch.c.family_id <= end,)
        rows = await self.sql.rows(
            select(watch.c.ladder, func.count().label("families"))
            .where(
                watch.c.incident_id == incident_id,
                watch.c.family_id > position,
                watch.c.ladder.is_not(None),
                watch.c.rest.is_distinct_from(Rest.NOT_TOUCHED.value),
                *upto,
            )
            .group_by(watch.c.ladder)
        )
        return {row.ladder: row.families for row in rows}

    async def count_pages(self) -> Mapping[tuple[str, str], int]:
        """Nudges and pages of open incidents by (nudge or page, state)."""
        rows = await self.sql.rows(
            select(page.c.wakes, page.c.state, func.count())
            .join(incident, incident.c.id == page.c.incident_id)
            .where(incident.c.ended_at.is_(None))
            .group_by(page.c.wakes, page.c.state)
        )
        return {("page" if row[0] else "nudge", row[1]): row[2] for row in rows}

    async def count_open(self) -> Mapping[tuple[str, bool], int]:
        """Open incidents by (severity, whether families are not told of them yet)."""
        rows = await self.sql.rows(
            select(incident.c.severity, incident.c.held, func.count())
            .where(incident.c.ended_at.is_(None))
            .group_by(incident.c.severity, incident.c.held)
        )
        return {(row[0], bool(row[1])): row[2] for row in rows}

    async def keep_downtime(self, machine_at: datetime, found: Downtime) -> None:
        """No sweep ran from `machine_at` on, for this stretch of story time; of two finders the first counts."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        statement = dialect.insert(downtime).values(
            machine_at=machine_at, began_at=found.began_at, ended_at=found.ended_at
        )
        await self.sql.run(statement.on_conflict_do_nothing(index_elements=[downtime.c.machine_at]))

    async def downtimes(self, since: datetime, sweeper: str) -> tuple[Sequence[Downtime], datetime | None]:
        """(our own that ended at or after a moment of story time, oldest first; the sweeper's last beat, machine
        time). One statement, as every slice asks."""
        rows = await self.sql.rows(_DOWNTIMES, {"since": since, "sweeper": sweeper})
        ended = sorted((row for row in rows if row.ended_at is not None), key=lambda row: row.ended_at)
        beat = next((row.began_at for row in rows if row.ended_at is None), None)
        return [Downtime(row.began_at, row.ended_at) for row in ended], beat

    async def count(self, name: str, by: int = 1) -> None:
        """Add to a counter of the cluster."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        statement = dialect.insert(counter).values(name=name, value=by)
        more = {"value": counter.c.value + statement.excluded.value}
        await self.sql.run(statement.on_conflict_do_update(index_elements=[counter.c.name], set_=more))

    async def counts(self) -> Mapping[str, int]:
        """Every counter that was ever counted."""
        return {row.name: row.value for row in await self.sql.rows(select(counter))}
