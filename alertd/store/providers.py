"""How each process finds the providers, as it has said itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import case, delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.breaker import BreakerState
from alertd.domain.delivery import DeliveryState
from alertd.domain.incident import IncidentId
from alertd.records import Lag, Provider
from alertd.store.sql import Sql
from alertd.store.tables import delivery, provider, receipt_lag

_NEWEST = 5000
"""Messages among which to look for one of a channel: no index has the channel, and a sweeper looks every few
seconds (300,000 take 0.1 s)."""


class ProviderRows:
    """One row for each channel and process."""

    sql: Sql

    async def note_providers(self, process: str, found: Sequence[Provider]) -> None:
        """What a process finds now, in place of what it found before."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        for each in found:
            said = {
                "state": each.state.value,
                "code": each.code,
                "failed": each.failed,
                "since": each.since,
                "at": each.at,
            }
            statement = dialect.insert(provider).values(channel=each.channel, process=process, **said)
            keys = [provider.c.channel, provider.c.process]
            await self.sql.run(statement.on_conflict_do_update(index_elements=keys, set_=said))

    async def providers(self) -> Sequence[Provider]:
        """What all processes have found, by channel."""
        rows = await self.sql.rows(select(provider).order_by(provider.c.channel, provider.c.process))
        return [
            Provider(row.channel, BreakerState(row.state), row.code, row.failed, row.since, row.at) for row in rows
        ]

    async def unreported(
        self, incident_id: IncidentId, after: datetime, before: datetime, most: int
    ) -> Mapping[str, tuple[int, int, datetime | None]]:
        """Of the `most` messages of an incident that were last accepted between two moments of story time.

        By channel: how many, how many of them without a receipt, and when the oldest of those was accepted.
        """
        newest = (
            select(delivery.c.channel, delivery.c.state, delivery.c.accepted_at)
            .where(
                delivery.c.incident_id == incident_id,
                delivery.c.accepted_at.is_not(None),
                delivery.c.accepted_at.between(after, before),
            )
            .order_by(delivery.c.accepted_at.desc())
            .limit(most)
            .subquery()
        )
        silent = newest.c.state == DeliveryState.ACCEPTED.value
        rows = await self.sql.rows(
            select(
                newest.c.channel,
                func.count(),
                func.sum(case((silent, 1), else_=0)),
                func.min(case((silent, newest.c.accepted_at))),
            ).group_by(newest.c.channel)
        )
        return {row[0]: (int(row[1]), int(row[2]), row[3]) for row in rows}

    async def keep_lag(self, lag: Lag) -> None:
        """What was counted last of a channel."""
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        said = {"taken": lag.taken, "missing": lag.missing, "oldest": lag.oldest, "since": lag.since, "at": lag.at}
        statement = dialect.insert(receipt_lag).values(channel=lag.channel, **said)
        await self.sql.run(statement.on_conflict_do_update(index_elements=[receipt_lag.c.channel], set_=said))

    async def lags(self) -> Sequence[Lag]:
        """What was last counted, by channel."""
        rows = await self.sql.rows(select(receipt_lag).order_by(receipt_lag.c.channel))
        return [Lag(row.channel, row.taken, row.missing, row.oldest, row.since, row.at) for row in rows]

    async def took_since(self, incident_id: IncidentId, channel: str, since: datetime) -> bool:
        """Whether a provider took a message of an incident that was tried after a moment of story time.

        Of those that all providers took last, a few thousand.
        """
        newest = (
            select(delivery.c.channel, delivery.c.tried_at)
            .where(
                delivery.c.incident_id == incident_id,
                delivery.c.accepted_at.is_not(None),
                delivery.c.accepted_at > since,
            )
            .order_by(delivery.c.accepted_at.desc())
            .limit(_NEWEST)
            .subquery()
        )
        # Tried since, too: a late receipt says of an older one that it was taken after all.
        taken = select(newest.c.channel).where(newest.c.channel == channel, newest.c.tried_at > since)
        return bool(await self.sql.rows(taken.limit(1)))

    async def forget_providers(self, channel: str, before: datetime) -> None:
        """Forget what was last said of a channel before a moment of machine time; most such processes are gone."""
        await self.sql.run(delete(provider).where(provider.c.channel == channel, provider.c.at < before))
