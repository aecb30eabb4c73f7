"""When things break: in general words, with a way out; people who followed a link read a page, machines JSON."""

import sqlite3
from dataclasses import replace
from typing import Any, cast

import httpx
import psycopg
import pytest
from sqlalchemy.exc import InternalError, OperationalError

from alertd.ports.store import Store
from tests.served import Served, fresh_served

served = fresh_served


class Broken:
    """A store whose every transaction fails to begin."""

    dialect = "sqlite"

    def __init__(self, fail: Any) -> None:
        self.transaction = self.reading = fail


def breaks(served: Served, error: Exception) -> None:
    """From now on every transaction fails."""

    def broken(*_: object) -> Any:
        raise error

    deps = replace(served.deps, store=cast(Store, Broken(broken)))
    served.app.state.served = replace(served.app.state.served, deps=deps)


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT secret", {}, sqlite3.OperationalError("disk I/O error")),
        InternalError("SELECT secret", {}, psycopg.errors.ReadOnlySqlTransaction("cannot execute on this disk")),
    ],
    ids=["gone", "read-only"],
)
async def test_the_database_does_not_answer(served: Served, error: Exception) -> None:
    """503 with Retry-After, in general words."""
    breaks(served, error)
    for method, path in (("GET", "/v1/incidents"), ("POST", "/v1/incidents"), ("GET", "/readyz")):
        answer = await served.ask(method, path, raw=b"{}")
        assert answer.status_code == 503, path
        assert int(answer.headers["retry-after"]) > 0
        assert "database does not answer" in answer.json()["error"]["message"]
        assert "SELECT" not in answer.text
        assert "disk" not in answer.text


@pytest.mark.parametrize(
    "error",
    [
        KeyError("+14155550123"),
        InternalError("SELECT '+14155550123'", {}, psycopg.errors.InFailedSqlTransaction("4155550123")),
    ],
    ids=["python", "sql"],
)
async def test_a_mistake_of_ours_shows_nothing_of_the_inside(served: Served, error: Exception) -> None:
    """500 in general words: no type, no trace, no value."""
    breaks(served, error)
    answer = await served.ask("GET", "/v1/incidents")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "KeyError" not in answer.text
    assert "4155550123" not in answer.text


PAGES = [f"/{page}/{'A' * 32}" for page in "apru"]


@pytest.mark.parametrize(("error", "status"), [(OperationalError("", {}, Exception()), 503), (KeyError(), 500)])
async def test_people_are_told_as_people_that_it_does_not_work_now(
    served: Served, error: Exception, status: int
) -> None:
    """A page in every language with a way out: whoever presses "I know" at night reads no JSON."""
    breaks(served, error)
    for path in PAGES:
        for method in ("GET", "POST"):
            answer = await served.http.request(method, path, headers={"Authorization": ""})
            assert answer.status_code == status, path
            assert ("retry-after" in answer.headers) is (status == 503)
            a_page(answer, "press again in a minute")


async def test_people_are_told_as_people_that_there_is_nothing(served: Served) -> None:
    for method, path, status in (
        ("GET", "/a/", 404),
        ("GET", "/u/a/b", 404),
        ("POST", PAGES[0] + "/", 404),
        ("DELETE", PAGES[1], 405),
        ("POST", PAGES[3] + "?again=perhaps", 422),
    ):
        answer = await served.http.request(method, path)
        assert answer.status_code == status, path
        assert ("allow" in answer.headers) is (status == 405)
        a_page(answer, "nothing at this address")


def a_page(answer: httpx.Response, says: str) -> None:
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert says in answer.text
    assert 'lang="es"' in answer.text
