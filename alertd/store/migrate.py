"""Brings a database to the schema this version needs."""

import fcntl
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url

from alertd.domain.errors import AlertdError, quote
from alertd.store.revisions import KNOWN

_HERE = Path(__file__).parent / "migrations"


class NewerDatabase(AlertdError):
    """A newer version has brought it to a schema that this one does not know."""


def upgrade(url: str) -> str:
    """Run the missing migrations; returns the revision reached. Two at once wait for each other.

    Raises NewerDatabase.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = Path(parsed.database or "")
        path.parent.mkdir(parents=True, exist_ok=True)
        with Path(f"{path}.migrate.lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return _upgrade(str(parsed.set(drivername="sqlite+pysqlite")))
    return _upgrade(parsed.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))


def current(url: str) -> str | None:
    """The revision a database is at, None for an empty one."""
    parsed = make_url(url)
    driver = "sqlite+pysqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+psycopg"
    engine = create_engine(parsed.set(drivername=driver), hide_parameters=True)
    with engine.connect() as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    return revision


def head() -> str:
    """The revision this version of alertd needs."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _upgrade(url: str) -> str:
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        _begin_as_told(engine)
    try:
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_lock(7204)"))
            _run(connection)
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_unlock(7204)"))
                connection.commit()
            else:
                # The file keeps it. Parts that started together and had to switch it kept each other from it, and
                # one of them ended: "database is locked". It cannot be switched within a transaction.
                driver = connection.connection.driver_connection
                assert driver is not None
                driver.execute("PRAGMA journal_mode=WAL")
    finally:
        engine.dispose()
    return head()


def _begin_as_told(engine: Engine) -> None:
    """All in one transaction: Python's driver begins none for DDL, and who was interrupted could never go on."""

    @event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _run(connection: Connection) -> None:
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in KNOWN:
        raise NewerDatabase(
            f"the database is of a newer alertd: revision {quote(found)}, and this version knows {max(KNOWN)} at "
            "most; run that version, or restore a backup of this one"
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    connection.commit()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    return config
