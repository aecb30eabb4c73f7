"""Who waits for whom on SQLite, and connections that Postgres has closed meanwhile."""

import asyncio
import fcntl
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from alertd.store import database as database_module
from alertd.store.database import database
from tests.servers import wait_until

FreshDatabase = Callable[[str], str]


def waiters(path: Path) -> int:
    """How many wait for a lock on this file, by the kernel's own list."""
    inode = path.stat().st_ino
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return sum("->" in line and any(word.endswith(f":{inode}") for word in line) for line in lines)


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux lists who waits for a lock")
async def test_whoever_is_in_a_hurry_is_next(fresh_database: FreshDatabase) -> None:
    """However many patient writers came before, and whoever is the quickest to wake up."""
    url = fresh_database("sqlite")
    file = Path(url.removeprefix("sqlite:///"))
    patient, hurried = [database(url, patient=True) for _ in range(3)], database(url)
    order: list[str] = []
    holding, release = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with patient[0].transaction():
            holding.set()
            await release.wait()

    async def write(name: str, where: database_module.Database) -> None:
        async with where.transaction():
            order.append(name)

    held = asyncio.create_task(hold())
    await holding.wait()
    waiting = [asyncio.create_task(write("patient", each)) for each in patient[1:]]
    await asyncio.to_thread(wait_until, "two wait", lambda: waiters(Path(f"{file}.patient.lock")) == 2)
    waiting.append(asyncio.create_task(write("hurried", hurried)))
    await asyncio.to_thread(wait_until, "one waits to write", lambda: waiters(Path(f"{file}.lock")) == 1)
    release.set()
    await asyncio.gather(held, *waiting)
    for each in (*patient, hurried):
        await each.close()
    assert order == ["hurried", "patient", "patient"]


async def test_a_patient_writer_is_not_kept_waiting_for_ever(fresh_database: FreshDatabase) -> None:
    """As where receipts never stop coming: someone in a hurry waits at every moment."""
    url = fresh_database("sqlite")
    patient = database(url, patient=True)
    waiting = Path(url.removeprefix("sqlite:///") + ".waiting.lock")
    with waiting.open("wb") as somebody:
        fcntl.flock(somebody, fcntl.LOCK_SH)
        async with asyncio.timeout(10), patient.transaction() as sql:
            await sql.run(text("SELECT 1"))
    await patient.close()


@pytest.mark.parametrize("write", [False, True])
async def test_a_connection_that_the_server_closed_is_replaced_before_it_is_used(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch, write: bool
) -> None:
    url = fresh_database("postgresql")
    ours, other = database(url), database(url)

    async def backend() -> int:
        async with ours.transaction() if write else ours.reading() as sql:
            return int((await sql.rows(text("SELECT pg_backend_pid()")))[0][0])

    first = await backend()
    assert await backend() == first
    async with other.transaction() as sql:
        await sql.rows(text(f"SELECT pg_terminate_backend({first})"))
    monkeypatch.setattr(database_module, "_TRUSTED", 0.0)  # as if it had lain for a second
    await asyncio.sleep(0.1)
    assert await backend() != first
    await ours.close()
    await other.close()


async def test_a_reading_takes_no_transaction_with_it_and_the_next_writer_has_one(
    fresh_database: FreshDatabase,
) -> None:
    db = database(fresh_database("postgresql"))
    rows = text("SELECT count(*) FROM act")
    async with db.reading() as sql:
        assert (await sql.rows(rows))[0][0] == 0
        assert (await sql.driver()).autocommit is True
    async with db.transaction() as sql:
        assert (await sql.driver()).autocommit is False
        await sql.run(text("INSERT INTO counter (name, value) VALUES ('x', 1)"))
        await (await sql.driver()).rollback()
    async with db.reading() as sql:
        assert (await sql.rows(text("SELECT count(*) FROM counter WHERE name = 'x'")))[0][0] == 0
    await db.close()


async def test_a_server_that_is_gone_without_a_word_is_found_out_soon(fresh_database: FreshDatabase) -> None:
    """What the C library is told; that a cable is out cannot be played on one machine. A URL's own word comes first."""
    url = fresh_database("postgresql")
    for said, idle in (("", "10"), ("&keepalives_idle=77", "77")):
        db = database(f"{url}{said}")
        async with db.reading() as sql:
            info = (await sql.driver()).info
            told = info.get_parameters()
            patience = (await sql.rows(text("SHOW idle_in_transaction_session_timeout")))[0][0]
        await db.close()
        assert told["keepalives_idle"] == idle
        assert (told["keepalives_interval"], told["keepalives_count"], told["tcp_user_timeout"]) == (
            "5",
            "3",
            "25000",
        )
        assert told["connect_timeout"] == "10"
        assert patience == "10s"
