"""A newer alertd has changed the database: parts of this version stop taking work, say so, and spoil nothing."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from alertd.store import migrate
from alertd.store.revisions import KNOWN
from alertd.usecases.outgrown import Outgrown
from tests import make
from tests.conftest import DIALECTS
from tests.contract.test_doctor_database import run
from tests.served import CONFIG, Served, open_deps
from tests.servers import start, stop, wait_until

OURS = f"UPDATE required_schema SET revision = '{migrate.head()}'"
NEWER = "UPDATE required_schema SET revision = '9999'"


def test_every_migration_is_known_by_its_file() -> None:
    """What is read from names is what Alembic reads from the files."""
    walked = ScriptDirectory.from_config(migrate._config()).walk_revisions()
    assert {each.revision for each in walked} == KNOWN


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_it_is_asked_every_few_seconds_and_said_once_a_minute(
    fresh_database: Callable[[str], str], dialect: str
) -> None:
    url = fresh_database(dialect)
    served = Served(*open_deps(url))
    outgrown = Outgrown(served.deps)
    assert await outgrown.look() is False
    run(url, NEWER)
    assert await outgrown.look() is False  # it was asked just now
    served.clock.advance(seconds=5)
    assert await outgrown.look() is True
    assert outgrown.so
    for _ in range(11):  # 55 seconds
        served.clock.advance(seconds=5)
        assert await outgrown.look() is True
    assert [each["required"] for each in served.log.named("outgrown")] == ["9999"]
    served.clock.advance(seconds=5)
    await outgrown.look()
    assert len(served.log.named("outgrown")) == 2
    run(url, OURS)
    served.clock.advance(seconds=5)
    assert await outgrown.look() is False
    await served.close()


async def test_readiness_is_lost(fresh_database: Callable[[str], str]) -> None:
    url = fresh_database("sqlite")
    served = Served(*open_deps(url))
    await served.beat()
    assert (await served.ask("GET", "/readyz")).status_code == 200
    run(url, NEWER)
    answer = await served.ask("GET", "/readyz")
    assert answer.status_code == 503
    assert "9999" in answer.json()["reasons"][0]
    assert "newer alertd" in answer.json()["reasons"][0]
    await served.close()


async def test_a_sweeper_and_a_worker_leave_everything_as_it_is(
    fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    """And go on once they are of the right version again: here, as the database is of theirs."""
    url = fresh_database("sqlite")
    served = Served(*open_deps(url))
    await served.sign_in()
    await served.families(make.family())
    assert (await served.open()).status_code == 201
    await served.close()
    run(url, NEWER)
    env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")}
    env |= {"ALERTD_DATABASE_URL": url, "ALERTD_CONFIG": str(CONFIG), "ALERTD_DATA_DIR": str(tmp_path)}
    await asyncio.to_thread(works_on, make_url(url).database or "", env, tmp_path / "sweeper.log")


def works_on(database: str, env: Mapping[str, str], log: Path) -> None:
    """What a worker's process does at a hint, and a sweeper meanwhile."""

    def written() -> int:
        with closing(sqlite3.connect(database)) as session:
            [found] = session.execute("SELECT (SELECT count(*) FROM heartbeat) + (SELECT count(*) FROM delivery)")
        return int(found[0])

    argv = [sys.executable, "-c", "from workers.process import PROCESS; print(PROCESS.drain('bulk', 0.5))"]
    hinted = subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert hinted.stdout == "0\n"
    assert "outgrown" in hinted.stderr
    with log.open("wb") as lines:
        sweeper = start([sys.executable, "-m", "alertd", "sweeper"], stdout=lines, stderr=lines, env=env)
    try:
        wait_until("it says so", lambda: "outgrown" in log.read_text())
        assert written() == 0
        run(f"sqlite:///{database}", OURS)
        wait_until("it beats and plans", lambda: written() >= 2)
    finally:
        stop(sweeper)
