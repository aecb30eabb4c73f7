"""Migrations: they lead to the tables that the code names, from nothing, once, however many start at a time."""

import itertools
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import make_url

from alertd.store import migrate
from alertd.store.tables import metadata
from tests.conftest import DIALECTS


@pytest.fixture(params=DIALECTS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/new/alertd.db"
    url: str = request.getfixturevalue("postgres").empty()
    return url


def inspected(url: str, look: Callable[[Connection], object]) -> object:
    parsed = make_url(url)
    driver = "sqlite+pysqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+psycopg"
    engine = create_engine(parsed.set(drivername=driver))
    with engine.connect() as connection:
        found = look(connection)
    engine.dispose()
    return found


def at_revision(url: str, revision: str, *inserts: str) -> None:
    """An empty database, brought to an older revision and filled as its version did."""
    migrate.upgrade(url)  # makes the file and its folder

    def fill(connection: Connection) -> None:
        config = migrate._config()
        config.attributes["connection"] = connection
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
        command.upgrade(config, revision)
        for statement in inserts:
            connection.exec_driver_sql(statement)
        connection.commit()

    inspected(url, fill)


def found(url: str, query: str) -> list[tuple[object, ...]]:
    """The rows of a query."""
    rows = inspected(url, lambda connection: [tuple(row) for row in connection.exec_driver_sql(query)])
    assert isinstance(rows, list)
    return rows


def test_a_database_of_a_newer_version_is_left_alone_and_said_so(empty_database: str) -> None:
    migrate.upgrade(empty_database)

    def newer(connection: Connection) -> None:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()

    inspected(empty_database, newer)
    with pytest.raises(
        migrate.NewerDatabase, match=f"revision 9999, and this version knows {migrate.head()} at most"
    ):
        migrate.upgrade(empty_database)
    assert migrate.current(empty_database) == "9999"


def test_the_migrations_lead_to_the_tables_that_the_code_names(empty_database: str) -> None:
    assert migrate.upgrade(empty_database) == migrate.head()

    def differences(connection: Connection) -> object:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return compare_metadata(context, metadata)

    assert inspected(empty_database, differences) == []


def test_partial_indexes_are_what_the_code_says(empty_database: str) -> None:
    """Alembic does not compare the conditions of indexes, and the hot queries live by them."""
    migrate.upgrade(empty_database)
    dialect = make_url(empty_database).get_backend_name()

    def conditions(connection: Connection) -> dict[str, str]:
        found = {}
        for table in metadata.tables:
            for index in inspect(connection).get_indexes(table):
                where = index.get("dialect_options", {}).get(f"{dialect}_where")
                if where is not None:
                    found[str(index["name"])] = str(where)
        return found

    declared = {
        str(index.name)
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options[dialect]["where"] is not None
    }
    made = inspected(empty_database, conditions)
    assert isinstance(made, dict)
    assert set(made) == declared
    assert {"uq_delivery_owed", "ix_delivery_pending", "ix_delivery_leased", "ix_watch_look_at"} <= declared
    for state in ("superseded", "cancelled", "expired", "parked"):
        assert state in made["uq_delivery_owed"]


def test_running_them_again_changes_nothing(empty_database: str) -> None:
    if make_url(empty_database).get_backend_name() == "sqlite":
        migrate.upgrade(empty_database)
        assert migrate.current(empty_database) == migrate.head()
    else:
        assert migrate.current(empty_database) is None
    migrate.upgrade(empty_database)
    assert migrate.upgrade(empty_database) == migrate.head()
    assert migrate.current(empty_database) == migrate.head()


@pytest.mark.parametrize("after", [1, 5, 40, 70])
def test_who_was_interrupted_in_the_middle_goes_on_at_the_next_start(empty_database: str, after: int) -> None:
    """A kill or a full disk at the first start left tables that the next one could not make again."""
    done = itertools.count(1)

    def dies(*_: object) -> None:
        if next(done) > after:
            raise RuntimeError

    event.listen(Engine, "after_cursor_execute", dies)
    try:
        with pytest.raises(RuntimeError):
            migrate.upgrade(empty_database)
    finally:
        event.remove(Engine, "after_cursor_execute", dies)
    assert migrate.current(empty_database) is None
    assert migrate.upgrade(empty_database) == migrate.head()


def test_two_that_start_at_once_wait_for_each_other(empty_database: str) -> None:
    """Every process of a cluster may run them at its start."""
    code = "import sys; from alertd.store.migrate import upgrade; print(upgrade(sys.argv[1]))"
    both = [
        subprocess.Popen([sys.executable, "-c", code, empty_database], stdout=subprocess.PIPE, env=os.environ)
        for _ in range(2)
    ]
    for process in both:
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out.decode().strip()) == (0, migrate.head())


def test_a_new_file_is_in_the_journal_mode_that_parts_want(tmp_path: Path) -> None:
    """Those that start together would each switch it, and keep the others from it."""
    file = tmp_path / "alertd.db"
    migrate.upgrade(f"sqlite:///{file}")
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_words_of_who_was_forgotten_go_and_those_of_others_stay(empty_database: str) -> None:
    """Of an address that nobody has, but for what no person has dealt with yet."""
    own, nobodys, unread = (f"'0000000000000000000000000000000{n}'" for n in (1, 2, 3))
    reply = "INSERT INTO reply (id, provider_id, address_id, at, machine_at, meaning, text, done_at) VALUES "
    at_revision(
        empty_database,
        "0019",
        f"INSERT INTO family_address (family_id, address_id) VALUES ('fam-1', {own})",
        f"{reply} ({own}, 'a', {own}, 0, 0, 'words', 'still ours', 1)",
        f"{reply} ({nobodys}, 'b', {nobodys}, 0, 0, 'words', 'long gone', 1)",
        f"{reply} ({unread}, 'c', {unread}, 0, 0, 'words', 'waits', NULL)",
    )
    migrate.upgrade(empty_database)
    assert found(empty_database, "SELECT text FROM reply ORDER BY provider_id") == [
        ("still ours",), (None,), ("waits",)
    ]  # fmt: skip


def _uuid(n: int) -> str:
    return str(UUID(int=n))


def _addressed(n: int, dest: str, more: str = "NULL, NULL, false, NULL", *, verified: str = "true") -> str:
    """An address; `more`: suspended_at, suspended_code, opted_out_here, opted_out_at."""
    return (
        "INSERT INTO address (id, channel, dest, verified, shared, notable, "
        "suspended_at, suspended_code, opted_out_here, opted_out_at) "
        f"VALUES ({_id(n)}, 'email', '{dest}', {verified}, false, false, {more})"
    )


def _id(n: int) -> str:
    """As both databases take it: SQLite keeps it as text without hyphens."""
    return f"'{UUID(int=n).hex}'"


def _has(family: str, *ids: int) -> tuple[str, ...]:
    doc = json.dumps({"addresses": [_uuid(n) for n in ids]})
    return (
        f"INSERT INTO family (id, updated_at, doc) VALUES ('{family}', 0, '{doc}')",
        *(f"INSERT INTO family_address VALUES ('{family}', {_id(n)})" for n in ids),
    )


def _sent(n: int, to: int, state: str = "accepted", update: int = 1) -> str:
    return (
        "INSERT INTO delivery (id, incident_id, update_no, family_id, caregiver, address_id, epoch, step, channel, "
        "lane, priority, framing, reason, loud, in_quiet, state, due_at, attempts, planned_at, reader) VALUES "
        f"({_id(n)}, {_id(1)}, {update}, 'fam-1', 'mia', {_id(to)}, 1, 0, 'email', "
        f"'bulk', 0, 'update', 'news', true, false, '{state}', 0, 1, 0, '{{}}')"
    )


def test_rows_of_one_mailbox_become_one_as_strict_as_the_strictest(empty_database: str) -> None:
    """Whichever spelling a family wrote, what stops one of them stops the mailbox."""
    at_revision(
        empty_database,
        "0020",
        _addressed(11, "Mia@example.org"),  # two spellings beside the plain one
        _addressed(12, "mia@example.org", verified="false"),
        _addressed(13, "MIA@example.org", "NULL, NULL, true, 7"),
        _addressed(21, "Ben@example.org", "5, '550', false, NULL"),  # the plain one is not there
        _addressed(22, "BEN@example.org", "NULL, NULL, false, 9"),
        _addressed(31, "Zoe@example.org"),  # alone
        _addressed(41, "eve@example.org"),
        *_has("fam-1", 11, 12),
        *_has("fam-2", 13, 22, 31),
        *_has("fam-3", 41),
        f"INSERT INTO reply (id, provider_id, address_id, at, machine_at, meaning) "
        f"VALUES ({_id(1)}, 'a', {_id(13)}, 0, 0, 'stop')",
    )
    migrate.upgrade(empty_database)
    assert found(
        empty_database,
        "SELECT dest, verified, shared, notable, suspended_at, suspended_code, opted_out_at, opted_out_here "
        "FROM address ORDER BY dest",
    ) == [
        ("ben@example.org", True, False, True, 5, "550", 9, False),
        ("eve@example.org", True, False, False, None, None, None, False),
        ("mia@example.org", True, True, True, None, None, 7, True),
        ("zoe@example.org", True, False, False, None, None, None, False),
    ]
    links = "SELECT family_id, dest FROM family_address JOIN address ON id = address_id ORDER BY 1, 2"
    assert found(empty_database, links) == [
        ("fam-1", "mia@example.org"),
        ("fam-2", "ben@example.org"),
        ("fam-2", "mia@example.org"),
        ("fam-2", "zoe@example.org"),
        ("fam-3", "eve@example.org"),
    ]
    docs = [
        json.loads(str(doc))["addresses"] for (doc,) in found(empty_database, "SELECT doc FROM family ORDER BY id")
    ]
    assert docs == [[_uuid(12), _uuid(12)], [_uuid(12), _uuid(21), _uuid(31)], [_uuid(41)]]
    assert found(empty_database, "SELECT dest FROM reply JOIN address a ON a.id = address_id") == [
        ("mia@example.org",)
    ]
    assert len(found(empty_database, "SELECT * FROM one_mailbox")) == 3


def test_what_was_sent_to_another_spelling_was_sent_to_the_mailbox(empty_database: str) -> None:
    """But for what all of them were sent, which nobody is owed twice; and none of it waits any more."""
    at_revision(
        empty_database,
        "0020",
        _addressed(11, "Mia@example.org"),
        _addressed(12, "mia@example.org"),
        _addressed(13, "MIA@example.org"),
        *_has("fam-1", 11, 12, 13),
        _sent(1, to=11),
        _sent(2, to=12),
        _sent(3, to=11, update=2),
        _sent(4, to=13, update=2, state="pending"),
        _sent(5, to=11, update=3, state="superseded"),
        _sent(6, to=12, update=3),
    )
    migrate.upgrade(empty_database)
    sent = "SELECT update_no, state, dest FROM delivery d LEFT JOIN address a ON a.id = address_id ORDER BY d.id"
    assert found(empty_database, sent) == [
        (1, "accepted", None),
        (1, "accepted", "mia@example.org"),
        (2, "accepted", "mia@example.org"),
        (2, "superseded", None),
        (3, "superseded", "mia@example.org"),
        (3, "accepted", "mia@example.org"),
    ]
