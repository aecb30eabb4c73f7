"""Emptying a migrated Postgres database, so that the next test has it: to make one takes five times as long."""

from functools import cache
from typing import Any

import psycopg
from psycopg import sql

_USED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
_BYTES = "SELECT pg_database_size(current_database())"
_SHAPE = """
SELECT string_agg(each, ';' ORDER BY each) FROM (
    SELECT concat_ws(' ', c.relname, c.relkind, a.attname, a.atttypid, a.attnotnull) AS each
        FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT tgname FROM pg_trigger
    UNION ALL SELECT setconfig::text FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL SELECT version_num FROM alembic_version
) AS everything
"""
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_SEQUENCES = "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'"
_GROWN = 4_000_000  # bytes; what many rows have left behind makes the next test slower


class Template:
    """Knows how a database is before anybody uses it."""

    def __init__(self, dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as unused:
            self._shape, self._bytes = _one(unused, _SHAPE), _one(unused, _BYTES)
            self._statement = sql.SQL("; ").join(
                [
                    sql.SQL("SET session_replication_role = replica"),  # no foreign key asks for an order
                    *(sql.SQL("DELETE FROM {}").format(name) for name in _names(unused, _TABLES)),
                    *(sql.SQL("ALTER SEQUENCE {} RESTART").format(name) for name in _names(unused, _SEQUENCES)),
                ]
            )

    def empty(self, dsn: str) -> bool | None:
        """Make it as it was. False: it is not, and cannot be made so cheaply; None: somebody uses it still."""
        with psycopg.connect(dsn, autocommit=True) as own:
            if _one(own, _USED):
                return None
            if _one(own, _SHAPE) != self._shape or _one(own, _BYTES) > self._bytes + _GROWN:
                return False
            own.execute(self._statement)
            return True


template = cache(Template)


def _one(connection: psycopg.Connection, statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def _names(connection: psycopg.Connection, statement: str) -> list[sql.Identifier]:
    return [sql.Identifier(name) for (name,) in connection.execute(statement.encode())]
