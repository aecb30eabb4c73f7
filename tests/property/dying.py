"""Processes that die between two statements.

A fuse burns at the boundaries that processes pass: before each statement, before and after each commit,
before and after the provider. Where it ends the process dies with all it held in memory: whatever else it still
has under way dies at its own next boundary, and its open transactions are rolled back, as a server rolls back what
a lost connection had begun.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from sqlalchemy import event

from alertd.store.database import SqliteDatabase
from alertd.store.store import SqlStore


class Crash(BaseException):
    """SIGKILL: no `except Exception` hears of it."""


@dataclass(eq=False)
class Process:
    """One process; `gates` are the providers' answers that it still waits for."""

    name: str
    dead: bool = False
    gates: list[asyncio.Future[None]] = field(default_factory=list)

    def die(self) -> None:
        """Kill it; what waits for a provider is told, for nothing in it may run on."""
        self.dead = True
        for gate in self.gates:
            if not gate.done():
                gate.set_exception(Crash(self.name))


_running: ContextVar[Process | None] = ContextVar("running", default=None)


@contextmanager
def within(process: Process | None) -> Iterator[None]:
    """Tasks made here belong to this process."""
    token = _running.set(process)
    try:
        yield
    finally:
        _running.reset(token)


def running() -> Process:
    """The process whose code this is."""
    process = _running.get()
    assert process is not None
    return process


@dataclass(frozen=True, slots=True)
class Death:
    """When somebody dies: `after` so many boundaries, at the next place whose `mark` begins with this."""

    after: int = 0
    mark: str = ""


def mark(place: str) -> str:
    """A place in the code in eight hexadecimal digits: one digit is a sixteenth of all places."""
    return f"{crc32(place.encode()):08x}"


class Fuse:
    """Counts boundaries by the place in the code, and burns where it is lit."""

    def __init__(self) -> None:
        self._deaths: dict[Death, int] = {}  # and how many boundaries it still lets pass
        self.passed: Counter[str] = Counter()
        self.hit: Counter[str] = Counter()

    def light(self, *deaths: Death) -> None:
        """Somebody will die so, and so; nothing given: nobody will any more."""
        self._deaths = {death: death.after for death in deaths}

    @property
    def waiting(self) -> tuple[Death, ...]:
        """Who has yet to die."""
        return tuple(self._deaths)

    def boundary(self, what: str) -> None:
        """The next statement, commit or call would begin here. Raises Crash if the process dies first."""
        process = _running.get()
        if process is None:  # the test itself looks
            return
        if process.dead:
            raise Crash(process.name)
        place = f"{_place()}{what}"
        self.passed[place] += 1
        for death, left in self._deaths.items():
            if left > 0:
                self._deaths[death] = left - 1
            elif mark(place).startswith(death.mark):
                del self._deaths[death]
                self.hit[place] += 1
                process.die()
                raise Crash(place)


def _place() -> str:
    """Which statement of the store runs for which use case: "drain.claim > deliveries.claim:69 "."""
    places = []
    frame = sys._getframe(2)
    for folder in ("/alertd/store/", "/alertd/usecases/"):
        at = frame
        while at is not None and (
            folder not in at.f_code.co_filename or at.f_code.co_filename.endswith("store.py")
        ):
            at = at.f_back  # type: ignore[assignment]
        if at is not None:
            file = at.f_code.co_filename.rsplit("/", 1)[1].removesuffix(".py")
            line = f":{at.f_lineno}" if folder == "/alertd/store/" else ""
            places.append(f"{file}.{at.f_code.co_name}{line} ")
    return "> ".join(reversed(places))


# --- the store, with a boundary before every statement and around every commit ------------------------


class DyingStore(SqlStore):
    """The real store; `committed` is called after every commit."""

    def __init__(self, url: str, fuse: Fuse) -> None:
        super().__init__(url)
        self.committed: Callable[[], None] = lambda: None
        if isinstance(self._database, SqliteDatabase):
            # Nobody pulls the plug on a test, so nothing needs to reach the disk.
            event.listen(
                self._database._writer, "connect", lambda c, _: c.execute("PRAGMA synchronous=OFF").close()
            )
        self._database = _Database(self._database, fuse, self._after_commit)

    def _after_commit(self) -> None:
        self.committed()


class _Database:
    def __init__(self, inner: Any, fuse: Fuse, committed: Callable[[], None]) -> None:
        self.dialect = inner.dialect
        self._inner, self._fuse, self._committed = inner, fuse, committed

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self._fuse.boundary("begin")
        async with self._inner.transaction() as sql:
            yield _Sql(sql, self._fuse)
            self._fuse.boundary("commit")
        self._after()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Any]:
        async with self._inner.reading() as sql:
            yield _Sql(sql, self._fuse)

    @asynccontextmanager
    async def turn(self, name: str, wait: float = 0.0) -> AsyncIterator[Any]:
        async with self._inner.turn(name, wait) as turn:
            yield turn and _Turn(turn, self)
            if self.dialect == "postgresql":
                self._fuse.boundary("commit")
        if self.dialect == "postgresql":
            self._after()

    @asynccontextmanager
    async def write(self, turn: Any) -> AsyncIterator[Any]:
        self._fuse.boundary("begin")
        async with turn.write() as sql:
            yield _Sql(sql, self._fuse)
            self._fuse.boundary("commit")
        if self.dialect == "sqlite":
            self._after()

    def _after(self) -> None:
        self._committed()
        self._fuse.boundary("committed")

    async def close(self) -> None:
        await self._inner.close()


class _Turn:
    def __init__(self, turn: Any, database: _Database) -> None:
        self.sql = _Sql(turn.sql, database._fuse)
        self._turn, self._database = turn, database

    def write(self) -> Any:
        return self._database.write(self._turn)


class _Sql:
    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self.dialect = inner.dialect
        self._inner, self._fuse = inner, fuse

    async def rows(self, *args: Any) -> Any:
        self._fuse.boundary("")
        return await self._inner.rows(*args)

    async def run(self, *args: Any) -> int:
        self._fuse.boundary("")
        count: int = await self._inner.run(*args)
        return count

    async def many(self, *args: Any) -> None:
        self._fuse.boundary("")
        await self._inner.many(*args)

    async def driver(self) -> Any:
        return _Driver(await self._inner.driver(), self._fuse)


class _Driver:
    """The driver's connection or cursor; the statements of `alertd.store.fast` come this way."""

    def __init__(self, inner: Any, fuse: Fuse) -> None:
        self._inner, self._fuse = inner, fuse

    def __getattr__(self, name: str) -> Any:
        if name in ("execute", "executemany", "copy"):
            self._fuse.boundary("")
        return getattr(self._inner, name)

    def cursor(self) -> "_Driver":
        return _Driver(self._inner.cursor(), self._fuse)

    async def __aenter__(self) -> "_Driver":
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._inner.__aexit__(*error)
