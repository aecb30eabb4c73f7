"""Opens the two databases, and gives out transactions and turns."""

import asyncio
import fcntl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from alertd.store.sql import PostgresSql, Sql, SqliteSql

_GIVES_WAY = 0.5  # seconds; a storm of receipts must not keep the bulk lane from its families
_ASK_AGAIN = 0.002  # seconds; a slice takes fifty times as long
_RETURNED = "returned"  # when a connection was given back, by the monotonic clock
_TRUSTED = 1.0  # seconds for which a connection that was given back is taken to be alive
_BUSY_SECONDS = 5  # backstop only: the lock file queues writers before SQLite has to

SESSION = {
    # Who stands still between two statements loses its locks: a process that lacked memory kept all families of an
    # incident waiting for as long as Celery let it live (60 s, `tests.chaos` worker-starved), and so would one
    # that was stopped, or whose machine is gone. Our transactions think for a tenth of a second; a lease is 30 s.
    "idle_in_transaction_session_timeout": "'10s'",
    # A plan that was made for the first hundred rows of an outage and kept would scan the other hundred thousand.
    "plan_cache_mode": "force_custom_plan",
    # Everything here looks rows up by their keys; 4, the default, is meant for disks with heads.
    "random_page_cost": "1.1",
}

_NETWORK = {
    # A server that is gone without a word is found out within half a minute, and asked for anew: by the system's
    # own settings a sweeper would wait a quarter of an hour for what it had sent, and two hours for an answer.
    "connect_timeout": 10,  # seconds, as all of these but the last
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,  # ms
}
"""https://www.postgresql.org/docs/current/libpq-connect.html; what the URL says of any of these comes first."""


POOL = 5
"""Connections to Postgres that a process keeps, once it has needed them; as many more in a moment of much work."""


class Database(Protocol):
    """Where statements run."""

    dialect: str

    def transaction(self) -> AbstractAsyncContextManager[Sql]:
        """A write transaction: committed at the end, rolled back on any error."""

    def reading(self) -> AbstractAsyncContextManager[Sql]:
        """One consistent snapshot, read only."""

    def turn(self, name: str, wait: float = 0.0) -> AbstractAsyncContextManager["Turn | None"]:
        """The right to plan under `name`; None while another worker has it, and kept it for `wait` seconds."""

    async def close(self) -> None:
        """Give every connection back."""


class Turn(Protocol):
    """Reads first, then one write transaction. Postgres: one transaction, with row locks."""

    sql: Sql

    def write(self) -> AbstractAsyncContextManager[Sql]:
        """The transaction in which the plan is written."""


def database(url: str, *, patient: bool = False) -> Database:
    """Open the database of a URL: `sqlite:////path/file.db` or `postgresql://user@host/name`.

    `patient`: this process is in no hurry. On SQLite one such process at a time may stand in the queue of writers,
    and gives way to everybody else for half a second: whoever is in a hurry waits for two of their slices at most.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteDatabase(parsed, patient=patient)
    return PostgresDatabase(parsed.set(drivername="postgresql+psycopg"))


class SqliteDatabase:
    """WAL, synchronous=FULL, writers queued by a lock file, all statements inline on the loop.

    Commits too: with their fsync in a thread `bench.run` was no faster, and what is urgent not sooner.
    """

    dialect = "sqlite"

    def __init__(self, url: URL, *, patient: bool = False) -> None:
        if not url.database or url.database == ":memory:":
            raise ValueError("alertd keeps its truth in a file: write sqlite:////path/to/alertd.db")
        self._path = Path(url.database)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._writer = self._engine(url, read_only=False)
        self._reader = self._engine(url, read_only=True)
        self._queue = asyncio.Lock()
        self._lock = self._file("lock")  # whose it is, writes; closed in close(), like the others
        self._waiting = self._file("waiting.lock")  # shared by those in a hurry who wait for the first
        self._patient = self._file("patient.lock") if patient else None  # whose it is, waits for the first next

    def _file(self, name: str) -> IO[bytes]:
        return Path(f"{self._path}.{name}").open("wb")

    @staticmethod
    def _engine(url: URL, *, read_only: bool) -> Engine:
        engine = create_engine(
            url.set(drivername="sqlite+pysqlite"),
            connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
            hide_parameters=True,
        )

        @event.listens_for(engine, "connect")
        def _(connection: Any, _record: Any) -> None:
            connection.isolation_level = None  # BEGIN is ours
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA cache_size=-65536")
            cursor.execute("PRAGMA temp_store=MEMORY")
            if read_only:
                cursor.execute("PRAGMA query_only=ON")
            cursor.close()

        @event.listens_for(engine, "begin")
        def _(connection: Any) -> None:
            # Deferred writers gave 52,733 "database is locked" in 8 s; immediate ones queue.
            connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

        return engine

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Sql]:
        async with self._queue, AsyncExitStack() as held:
            if self._patient is not None:
                await held.enter_async_context(_locked(self._patient))
                await _give_way(self._waiting)
                await held.enter_async_context(_locked(self._lock))
            else:
                async with _locked(self._waiting, fcntl.LOCK_SH):
                    await held.enter_async_context(_locked(self._lock))
            with self._writer.begin() as connection:
                yield SqliteSql(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Sql]:
        with self._reader.begin() as connection:
            yield SqliteSql(connection)

    @asynccontextmanager
    async def turn(self, name: str, wait: float = 0.0) -> AsyncIterator["Turn | None"]:
        with Path(f"{self._path}.{name}.lock").open("wb") as lock:
            if not await _flock_within(lock, wait):
                yield None
                return
            with self._reader.begin() as connection:
                yield _SqliteTurn(SqliteSql(connection), self)

    async def close(self) -> None:
        self._writer.dispose()
        self._reader.dispose()
        for lock in (self._lock, self._waiting, self._patient):
            if lock is not None:
                lock.close()


class _SqliteTurn:
    def __init__(self, sql: Sql, owner: SqliteDatabase) -> None:
        self.sql, self._owner = sql, owner

    def write(self) -> AbstractAsyncContextManager[Sql]:
        return self._owner.transaction()


def _flock_now(lock: IO[bytes], how: int = fcntl.LOCK_EX) -> bool:
    """Take a lock if that is possible at once."""
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@asynccontextmanager
async def _locked(lock: IO[bytes], how: int = fcntl.LOCK_EX) -> AsyncIterator[None]:
    """Hold a lock, and wait for it as long as that takes."""
    if not _flock_now(lock, how):
        # Waiting in the kernel's queue keeps the worst wait short: 78 ms against 541 ms for polling.
        waiting = asyncio.get_running_loop().run_in_executor(None, fcntl.flock, lock, how)
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            # The thread cannot be called back: what it gets for nobody, it gives back at once.
            waiting.add_done_callback(lambda _: fcntl.flock(lock, fcntl.LOCK_UN))
            raise
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


async def _give_way(waiting: IO[bytes]) -> None:
    """Wait until nobody holds a lock, or for as long as that is fair, and keep nobody from it."""
    if await _flock_within(waiting, _GIVES_WAY):
        fcntl.flock(waiting, fcntl.LOCK_UN)


async def _flock_within(lock: IO[bytes], seconds: float) -> bool:
    """Take a lock, or give up after so many seconds. Asked for again and again: a thread could not give up."""
    until = time.monotonic() + seconds
    while True:
        if _flock_now(lock):
            return True
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_ASK_AGAIN)


class PostgresDatabase:
    """READ COMMITTED and row locks, over asynchronous psycopg."""

    dialect = "postgresql"

    def __init__(self, url: URL) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=POOL,
            max_overflow=POOL,
            hide_parameters=True,
            connect_args={name: value for name, value in _NETWORK.items() if name not in url.query},
        )
        # Without BEGIN and ROLLBACK a read is one round trip and not three; each statement sees what is committed
        # when it begins either way. The pool is the same.
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")

        @event.listens_for(self._engine.sync_engine, "connect")
        def _(connection: Any, _record: Any) -> None:
            cursor = connection.cursor()
            for setting, value in SESSION.items():
                cursor.execute(f"SET SESSION {setting} = {value}")
            cursor.close()
            connection.commit()

        @event.listens_for(self._engine.sync_engine, "checkin")
        def _(_connection: Any, record: Any) -> None:
            record.info[_RETURNED] = time.monotonic()

        @event.listens_for(self._engine.sync_engine, "checkout")
        def _(connection: Any, record: Any, _proxy: Any) -> None:
            # `pool_pre_ping` would do it each time: one more round trip for every transaction.
            if time.monotonic() - record.info.get(_RETURNED, time.monotonic()) > _TRUSTED:
                self._ping(connection)

    def _ping(self, connection: Any) -> None:
        """Raise InvalidatePoolError for a connection that the server has closed: the pool then opens another."""
        dialect = self._engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Sql]:
        async with self._engine.begin() as connection:
            yield PostgresSql(connection)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Sql]:
        async with self._reader.connect() as connection:
            yield PostgresSql(connection)

    @asynccontextmanager
    async def turn(self, name: str, wait: float = 0.0) -> AsyncIterator["Turn | None"]:
        # What is waited for is a row: see `take_fanout`.
        async with self._engine.begin() as connection:
            yield _PostgresTurn(PostgresSql(connection))

    async def close(self) -> None:
        await self._engine.dispose()


class _PostgresTurn:
    def __init__(self, sql: Sql) -> None:
        self.sql = sql

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Sql]:
        yield self.sql
