"""How each process finds the providers, as it has said itself."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.breaker import BreakerState
from alertd.records import Provider
from alertd.store.sql import Sql
from alertd.store.tables import provider


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

    async def forget_providers(self, before: datetime) -> None:
        """Forget what was last said before a moment of machine time: most such processes have ended."""
        await self.sql.run(delete(provider).where(provider.c.at < before))
