"""`alertd doctor` and the database: old, new, empty, read-only, deaf, with a wrong clock, or with nobody at work."""

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from alertd.cli.look_at_database import database
from alertd.cli.look_at_keys import machine_keys
from alertd.cli.responders import responders
from alertd.domain.held_clock import Held
from alertd.store import migrate
from alertd.store.store import SqlStore
from alertd.usecases.keys import make_key, revoke_key
from tests.contract.surgery import Ask, doctor, said
from tests.served import Served, open_deps
from tests.servers import Postgres

__all__ = ["doctor"]


def run(url: str, statement: str) -> None:
    """Do something to a database that alertd would not."""
    driver = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}[make_url(url).get_backend_name()]
    engine = create_engine(make_url(url).set(drivername=driver))
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def beaten(url: str, **ago: float) -> None:
    """Each part got something done so many seconds ago."""

    async def beat() -> None:
        store = SqlStore(url)
        async with store.transaction() as rows:
            for part, seconds in ago.items():
                await rows.beat(part, await store.now() - timedelta(seconds=seconds))
        await store.close()

    asyncio.run(beat())


def test_a_database_of_an_older_version(doctor: Ask, postgres: Postgres, tmp_path: Path) -> None:
    """Both kinds, one revision back: which one is needed, and the command that gets there."""
    newest, before = [each.revision for each in ScriptDirectory.from_config(migrate._config()).walk_revisions()][
        :2
    ]
    for url in (f"sqlite:///{tmp_path}/older.db", postgres.empty()):
        driver = "postgresql+psycopg" if url.startswith("postgresql") else "sqlite+pysqlite"
        engine = create_engine(make_url(url).set(drivername=driver))
        with engine.begin() as connection:
            config = migrate._config()
            config.attributes["connection"] = connection
            command.upgrade(config, before)
        engine.dispose()
        told = said(doctor(database, DATABASE_URL=url), "database", "wrong")
        assert f"is at revision {before}; {newest} is needed -> alertd db upgrade" in told


def test_a_database_of_a_newer_version(doctor: Ask, database_url: str) -> None:
    """Upgrading would not help; going back to where it came from does."""
    run(database_url, "UPDATE alembic_version SET version_num = '9999'")
    told = said(doctor(database, DATABASE_URL=database_url), "database", "wrong")
    assert "is at revision 9999, which a newer alertd made" in told
    assert "install the newer version" in told


def test_an_empty_database(doctor: Ask, postgres: Postgres) -> None:
    told = said(doctor(database, DATABASE_URL=postgres.empty()), "database", "wrong")
    assert "is empty" in told
    assert "alertd db upgrade" in told


def test_a_database_that_is_well_is_left_as_it_was(doctor: Ask, database_url: str) -> None:
    """How long it takes, that it can be written to; and what was written is taken back."""
    beaten(database_url, sweeper=1, urgent=200, bulk=8000)
    found = doctor(database, DATABASE_URL=database_url)
    assert "can be written to" in said(found, "database", "ok")
    assert "answers in " in said(found, "database", "ok")
    assert said(found, "worker urgent", "ok") == "last started or worked 3 min ago"
    assert said(found, "worker bulk", "ok") == "last started or worked 2 h ago"
    assert said(found, "sweeper", "ok").startswith("looked ")
    store = SqlStore(database_url)

    async def beats() -> set[str]:
        async with store.reading() as rows:
            return set(await rows.heartbeats())

    assert asyncio.run(beats()) == {"sweeper", "urgent", "bulk"}


def test_a_database_that_takes_no_writes(doctor: Ask, fresh_database: Callable[[str], str]) -> None:
    """As a standby does."""
    url = fresh_database("postgresql")
    run(url, f"ALTER DATABASE {make_url(url).database} SET default_transaction_read_only = on")
    told = said(doctor(database, DATABASE_URL=url), "database", "wrong")
    assert "can be read and not written to (ReadOnlySqlTransaction)" in told
    assert "standby" in told


def test_a_database_that_never_answers_does_not_keep_the_doctor(doctor: Ask) -> None:
    """It takes the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        url = f"postgresql://alertd:hunter2@127.0.0.1:{deaf.getsockname()[1]}/alertd"
        told = said(doctor(database, DATABASE_URL=url), "database", "wrong")
    assert "does not answer (TimeoutError)" in told
    assert "hunter2" not in told
    assert time.monotonic() - began < 20


def test_a_clock_that_is_wrong(doctor: Ask, fresh_database: Callable[[str], str]) -> None:
    """The database's clock is what alertd follows; a minute apart is wrong, seconds are worth knowing."""
    url = fresh_database("postgresql")
    run(url, f"ALTER DATABASE {make_url(url).database} SET search_path = public, pg_catalog")
    for seconds, mark, way in ((-93, "wrong", "93 s ahead of"), (40, "note", "40 s behind")):
        run(
            url,
            "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql "
            f"AS $$ SELECT pg_catalog.clock_timestamp() + interval '{seconds} s' $$",
        )
        told = said(doctor(database, DATABASE_URL=url), "clock", mark)
        assert f"this machine's clock is {way} the database's" in told
        assert "NTP" in told


def test_a_clock_that_went_back(doctor: Ask, database_url: str) -> None:
    async def hold() -> None:
        store = SqlStore(database_url)
        async with store.transaction() as rows:
            now = await store.now()
            assert await rows.hold_clock(None, Held(timedelta(hours=1), now))
            await rows.beat("sweeper", now - timedelta(seconds=100) + timedelta(hours=1))
        await store.close()

    asyncio.run(hold())
    found = doctor(database, DATABASE_URL=database_url)
    assert "alertd's is 60 min ahead of it" in said(found, "clock", "wrong")
    assert "has not looked for 100 s" in said(found, "sweeper", "wrong")


def test_a_database_that_a_demo_was_played_on(doctor: Ask, database_url: str) -> None:
    async def play() -> None:
        store = SqlStore(database_url)
        async with store.transaction() as rows:
            await rows.set_story_clock(datetime(2019, 11, 30, tzinfo=UTC), await store.now(), 1800)
        await store.close()

    asyncio.run(play())
    assert "1800 times as fast" in said(doctor(database, DATABASE_URL=database_url), "story", "wrong")


def test_parts_that_do_not_work(doctor: Ask, database_url: str) -> None:
    """Without a sweeper nobody is told in time; without workers it is slower."""
    found = doctor(database, DATABASE_URL=database_url)
    assert "has not looked yet -> start alertd sweeper" in said(found, "sweeper", "wrong")
    assert "start alertd worker --lane bulk" in said(found, "worker bulk", "note")
    beaten(database_url, sweeper=8000)
    assert "has not looked for 2 h" in said(doctor(database, DATABASE_URL=database_url), "sweeper", "wrong")


def test_machines_whose_key_is_bound_to_no_source(
    doctor: Ask, fresh_database: Callable[[str], str], tmp_path: Path
) -> None:
    """Whoever has it speaks as any machine; people's keys, and those that were revoked, are none of this."""
    url = fresh_database("sqlite")
    deps, _ = open_deps(url)

    async def make() -> str:
        await make_key(deps, ("event:write",), "bound", sources=("statusbot",))
        await make_key(deps, ("event:write", "incident:write"), "a person")
        await make_key(deps, ("admin",), "operator")
        await revoke_key(deps, (await make_key(deps, ("event:write",), "gone")).id)
        return (await make_key(deps, ("event:write", "family:read"), "old")).id

    assert doctor(machine_keys, DATABASE_URL=f"{url}.not-there") == {}
    assert not list(tmp_path.rglob("*.not-there*")), "to look makes nothing"
    assert doctor(machine_keys, DATABASE_URL=url) == {}
    key = asyncio.run(make())
    told = said(doctor(machine_keys, DATABASE_URL=url), "api key", "note")
    assert told == (
        f"key {key} may speak as any source: who has it can end what another machine has opened"
        f" -> alertd key create --right event:write --source NAME makes one that may not; then alertd key revoke {key}"
    )
    asyncio.run(deps.store.close())


def test_an_open_incident_by_whose_policy_nobody_can_be_paged(doctor: Ask, database_url: str) -> None:
    """Whatever the policy files say: an incident keeps its own."""

    async def opened() -> None:
        served = Served(*open_deps(database_url))
        await served.sign_in()
        await served.families()
        await served.open()
        await served.close()
        await served.deps.store.close()

    asyncio.run(opened())
    told = said(doctor(responders, DATABASE_URL=database_url), "responders", "wrong")
    assert "incident 1: nobody can be nudged or paged by its policy follow" in told
    assert "set ALERTD_RESPONDERS__FOLLOW_OWNER" in told
    found = doctor(responders, DATABASE_URL=database_url, RESPONDERS__FOLLOW_OWNER="+14155550123")
    assert [each.mark for each in found["responders"]] == ["note"]
