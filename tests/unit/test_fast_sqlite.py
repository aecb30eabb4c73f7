"""One statement for many rows writes what one statement for each row would, and says the same of each."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from alertd.store import fast_sqlite

INSERT = "INSERT INTO pair (name, number)"


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE pair (name TEXT PRIMARY KEY, number INT)")
        connection.execute("BEGIN")
        yield connection


def pairs(count: int) -> list[tuple[str, int]]:
    return [(f"n{number:03}", number) for number in range(count)]


def kept(database: sqlite3.Connection) -> list[tuple[str, int]]:
    return list(database.execute("SELECT name, number FROM pair ORDER BY name"))


@pytest.mark.parametrize("count", [1, 9, 10, 11, 100, 123, 500])
def test_every_row_is_written_once_however_many_there_are(database: sqlite3.Connection, count: int):
    assert fast_sqlite.write(database, INSERT, pairs(count), "") == count
    assert kept(database) == pairs(count)


def test_it_says_which_rows_were_not_written(database: sqlite3.Connection):
    there = [("n007", -1), ("n111", -1)]
    fast_sqlite.write(database, INSERT, there, "")
    written = fast_sqlite.written(database, INSERT, pairs(123), "ON CONFLICT DO NOTHING")
    assert [number for number, mine in enumerate(written) if not mine] == [7, 111]
    assert len(kept(database)) == 123
    assert set(there) <= set(kept(database))


def test_rows_are_updated_where_a_guard_lets_them(database: sqlite3.Connection):
    fast_sqlite.write(database, INSERT, pairs(123), "")
    rows = [(name, number if number != 50 else -1) for name, number in pairs(123)]
    update = "UPDATE pair SET number=number+1000 FROM ("
    written = fast_sqlite.written(database, update, rows, ") AS u WHERE name=u.column1 AND number=u.column2")
    assert [number for number, mine in enumerate(written) if not mine] == [50]
    assert sorted(number for _, number in kept(database)) == sorted(
        [50, *(n + 1000 for n in range(123) if n != 50)]
    )


def test_a_failure_leaves_the_transaction_to_its_owner(database: sqlite3.Connection):
    with pytest.raises(sqlite3.IntegrityError):
        fast_sqlite.write(database, INSERT, [*pairs(3), ("n001", 0)], "")
    database.execute("ROLLBACK")
    assert not database.in_transaction
