"""Runs a statement on either database: SQLite inline on the event loop, Postgres awaited.

SQLite calls never leave the loop's thread: its driver releases the GIL per row, and a thread beside a busy
loop crawls while it holds the write lock (half the throughput, measured).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection, CursorResult, Executable, Row
from sqlalchemy.ext.asyncio import AsyncConnection

Params = Mapping[str, Any] | None
_COUNTED = {"preserve_rowcount": True}  # SQLAlchemy forgets it for INSERT otherwise


class Sql(Protocol):
    """An open connection within a transaction."""

    dialect: str

    async def rows(
        self, statement: Executable, params: Params | Sequence[Mapping[str, Any]] = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        """Every row of a query; with several mappings, of an INSERT .. RETURNING of them all."""

    async def run(self, statement: Executable, params: Params = None) -> int:
        """Execute and return the number of rows touched."""

    async def many(self, statement: Executable, params: Sequence[Mapping[str, Any]]) -> None:
        """Execute once per mapping, in one round trip where the driver can."""

    async def driver(self) -> Any:
        """The driver's own connection, for the few hottest statements."""


class SqliteSql:
    """Statements on a SQLite connection, executed inline."""

    dialect = "sqlite"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rows(
        self, statement: Executable, params: Params | Sequence[Mapping[str, Any]] = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._connection.execute(statement, params).all()

    async def run(self, statement: Executable, params: Params = None) -> int:
        return _count(self._connection.execute(statement, params, execution_options=_COUNTED))

    async def many(self, statement: Executable, params: Sequence[Mapping[str, Any]]) -> None:
        if params:
            self._connection.execute(statement, params)

    async def driver(self) -> Any:
        return self._connection.connection.driver_connection


class PostgresSql:
    """Statements on an asynchronous psycopg connection."""

    dialect = "postgresql"

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def rows(
        self, statement: Executable, params: Params | Sequence[Mapping[str, Any]] = None
    ) -> Sequence[Row[*tuple[Any, ...]]]:
        return (await self._connection.execute(statement, params)).all()

    async def run(self, statement: Executable, params: Params = None) -> int:
        return _count(await self._connection.execute(statement, params, execution_options=_COUNTED))

    async def many(self, statement: Executable, params: Sequence[Mapping[str, Any]]) -> None:
        if params:
            await self._connection.execute(statement, params)

    async def driver(self) -> Any:
        return (await self._connection.get_raw_connection()).driver_connection


def _count(result: Any) -> int:
    return result.rowcount if isinstance(result, CursorResult) else 0
