"""Emptying a migrated Postgres database, so that the next test has it: to make one takes five times as long."""

from functools import cache
from typing import Any

import psycopg
from psycopg import sql

_USED = """
SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
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
    UNION ALL SELECT version_num FROM alembic_version UNION ALL SELECT revision FROM required_schema
    UNION ALL SELECT concat_ws(' ', 'counted', c.relname) FROM pg_statistic s JOIN pg_class c ON c.oid = s.starelid
        WHERE c.relnamespace = 'public'::regnamespace
) AS everything
"""
_USED_TABLES = """
SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT IN ('alembic_version', 'required_schema')
    AND pg_relation_size(oid) > 0
"""


class Template:
    """Knows how a database is before anybody uses it."""

    def __init__(self, dsn: str) -> None:
        with psycopg.connect(dsn, autocommit=True) as unused:
            self._shape = _one(unused, _SHAPE)

    def empty(self, dsn: str) -> bool | None:
        """Make it as it was. False: it is not, and cannot be made so cheaply; None: somebody uses it still."""
        with psycopg.connect(dsn, autocommit=True) as own:
            if _one(own, _USED):
                return None
            if _one(own, _SHAPE) != self._shape:
                return False
            used = [sql.Identifier(name) for (name,) in own.execute(_USED_TABLES)]
            if used:  # not deleted: rows that are gone would still count in the plans of the next test
                own.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(used)))
            return True


template = cache(Template)


def _one(connection: psycopg.Connection, statement: str) -> Any:
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]
