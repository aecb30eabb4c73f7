"""What the tests themselves stand on: a Postgres database that another test has used is as good as new."""

import psycopg
import pytest

from tests.servers import Postgres, wait_until

PAGES = """
SELECT coalesce(sum(pg_relation_size(oid)), 0)::int FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT IN ('alembic_version', 'required_schema')
"""
SEQUENCES = "SELECT count(*) FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend'"
USE = "INSERT INTO downtime (began_at, ended_at) SELECT n, n + 1 FROM generate_series(1, 1000) AS n"


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url, autocommit=True)


def left(postgres: Postgres, url: str) -> None:
    """Wait until nobody uses a database: the server's process lives on for a moment after its client has gone.

    Asked from beside: whoever looks from within is somebody who uses it.
    """
    name = url.removeprefix("postgresql://postgres@/").partition("?")[0]

    def alone() -> bool:
        with connect(postgres.url("postgres")) as beside:
            return bool(beside.execute(OTHERS, (name,)).fetchone() == (0,))

    wait_until("all connections are gone", alone)


def counted(url: str) -> tuple[int, int]:
    """Bytes of pages, and sequences that somebody took a number from."""
    with connect(url) as own:
        return own.execute(PAGES).fetchone()[0], own.execute(SEQUENCES).fetchone()[0]  # type: ignore[index]


def test_what_is_given_back_is_given_out_again_as_it_was(postgres: Postgres) -> None:
    url = postgres.fresh()
    assert counted(url) == (0, 0)
    with connect(url) as own:
        own.execute(USE)
        own.execute("DELETE FROM downtime WHERE began_at > 10")
    assert counted(url)[0] > 0
    assert counted(url)[1] == 1
    left(postgres, url)
    postgres.give_back(url)
    assert counted(url) == (0, 0)
    assert postgres.fresh() == url
    left(postgres, url)
    postgres.give_back(url)


@pytest.mark.parametrize("change", ["ALTER TABLE downtime ADD COLUMN why TEXT", f"{USE}; ANALYZE downtime"])
def test_what_emptying_cannot_undo_is_dropped(postgres: Postgres, change: str) -> None:
    url = postgres.fresh()
    with connect(url) as own:
        for statement in change.split("; "):
            own.execute(statement.encode())
    left(postgres, url)
    postgres.give_back(url)
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect(url)
    assert postgres.fresh() != url


def test_what_somebody_still_uses_is_given_to_nobody_else(postgres: Postgres) -> None:
    url = postgres.fresh()
    with connect(url) as own:
        own.execute(USE)
        postgres.give_back(url)
        assert own.execute("SELECT count(*) FROM downtime").fetchone() == (1000,)
        assert postgres.fresh() != url
