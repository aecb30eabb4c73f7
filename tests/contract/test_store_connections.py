"""Who waits for whom on SQLite, and connections that Postgres has closed meanwhile."""

import asyncio
from collections.abc import Callable

import pytest
from sqlalchemy import text

from alertd.store import database as database_module
from alertd.store.database import database

FreshDatabase = Callable[[str], str]


async def test_whoever_is_in_a_hurry_waits_for_one_patient_writer_not_for_each(
    fresh_database: FreshDatabase,
) -> None:
    url = fresh_database("sqlite")
    patient = [database(url, patient=True) for _ in range(3)]
    hurried = database(url)
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
    await asyncio.sleep(0.05)
    waiting.append(asyncio.create_task(write("hurried", hurried)))
    await asyncio.sleep(0.05)
    release.set()
    await asyncio.gather(held, *waiting)
    for each in (*patient, hurried):
        await each.close()
    assert order == ["hurried", "patient", "patient"]


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
