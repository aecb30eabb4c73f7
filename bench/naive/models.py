"""The naive app's one table."""

from datetime import datetime

from sqlalchemy import DateTime, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

SQLITE_BUSY_SECONDS = 30


class Base(DeclarativeBase):
    """Every table."""


class Push(Base):
    """One message to one device."""

    __tablename__ = "push"

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str]
    title: Mapped[str]
    body: Mapped[str]
    status: Mapped[str] = mapped_column(default="queued")
    provider_id: Mapped[str | None]
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


def connect(url: str) -> Engine:
    """An engine with SQLAlchemy's defaults; on SQLite with the WAL that two processes ask for."""
    if not url.startswith("sqlite"):
        return create_engine(url)
    engine = create_engine(url, connect_args={"timeout": SQLITE_BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def _wal(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.close()

    return engine
