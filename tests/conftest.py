"""What suites share: one Postgres per test process, one database per test."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest
import uvloop

from alertd.store.migrate import upgrade
from tests.compiled import compile_once
from tests.contract.books import Books
from tests.servers import Postgres, running_postgres
from tests.shares import shares

compile_once()

DIALECTS = ("sqlite", "postgresql")

Loop = Callable[[], asyncio.AbstractEventLoop]


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Loop]:
    """Tests run on the daemon's loop; what is marked `both_loops` on Python's own too, for where uvloop is not."""
    loops: dict[str, Loop] = {"uvloop": uvloop.new_event_loop}
    if item.get_closest_marker("both_loops"):
        loops["asyncio"] = asyncio.new_event_loop
    return loops


def pytest_xdist_auto_num_workers() -> int:
    """Two for each core, as tests wait for servers and processes; but each has its own Postgres."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(2 * cores, 8)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Each of several processes takes its share of them, from one order that is the same in all."""
    processes = int(getattr(config, "workerinput", {}).get("workercount", 1))
    long = [item for item in items if item.get_closest_marker("integration")]
    short = [item for item in items if not item.get_closest_marker("integration")]
    if processes > 1:
        items[:] = shares(long, short, processes)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real server, started by the first test that asks for it."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest revision, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "alertd.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def fresh_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Makes a database of a dialect at the newest revision; returns its URL."""
    lent: list[tuple[Postgres, str]] = []

    def make(dialect: str) -> str:
        if dialect == "postgresql":
            server: Postgres = request.getfixturevalue("postgres")
            lent.append((server, server.fresh()))
            return lent[-1][1]
        path = tmp_path / "database" / "alertd.db"
        path.parent.mkdir()
        shutil.copy(request.getfixturevalue("migrated_sqlite"), path)
        return f"sqlite:///{path}"

    yield make
    for server, url in lent:
        server.give_back(url)


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, fresh_database: Callable[[str], str]) -> str:
    """A fresh database, once of each kind."""
    return fresh_database(request.param)


@pytest.fixture
async def books(database_url: str) -> AsyncIterator[Books]:
    """A fresh store of each kind, with one open incident in it: one suite for every store."""
    made = Books(database_url)
    await made.open()
    yield made
    await made.store.close()


@pytest.fixture
async def pages(fresh_database: Callable[[str], str]) -> AsyncIterator[Books]:
    """The same on Postgres only."""
    made = Books(fresh_database("postgresql"))
    await made.open()
    yield made
    await made.store.close()
