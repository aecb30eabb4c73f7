"""A family was told by phone, over HTTP, on both databases: done once, kept with who said it, refused where it is untrue."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests import make
from tests.served import Served, open_deps

TOLD = {"family": "fam-1", "told_by_phone": True}
REACH = "/v1/incidents/1/reach"


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """An incident that one family without any address is in."""
    made = Served(*open_deps(database_url))
    await made.sign_in()
    await made.families(make.family(make.caregiver("mia", addresses=()), id="fam-1"))
    assert (await made.open()).status_code == 201
    await made.work()
    yield made
    await made.close()


async def test_the_same_command_ten_times_at_once_is_one_call(served: Served) -> None:
    answers = await asyncio.gather(
        *(served.ask("POST", REACH, TOLD, headers={"Idempotency-Key": "one"}) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["update"] for answer in answers} == {1}
    other = await served.ask("POST", REACH, TOLD | {"family": "fam-2"}, headers={"Idempotency-Key": "one"})
    assert other.status_code == 409


async def test_calls_at_once_are_calls_one_after_the_other(served: Served) -> None:
    """Each tells what is newer than the one before: the second that there is no news."""
    answers = await asyncio.gather(*(served.ask("POST", REACH, TOLD) for _ in range(4)))
    assert sorted(answer.json()["update"] for answer in answers) == [1, 2, 3, 4]
    story = (await served.ask("GET", "/v1/incidents/1/timeline")).json()["entries"]
    told = [entry for entry in story if entry["what"] == "told_by_phone"]
    assert served.made is not None
    assert [(entry["families"], entry["who"]) for entry in told] == [(["fam-1"], f"test ({served.made.id})")] * 4
    reached = (await served.ask("GET", REACH)).json()
    assert (reached["heard"], reached["untellable"]) == (1, [])
    explained = (await served.ask("GET", "/v1/families/fam-1/explain")).json()["incidents"][0]
    assert explained["told_by_phone_at"] is not None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (TOLD | {"family": "nobody"}, 404),
        ({"family": "fam-1"}, 422),
        (TOLD | {"told_by_phone": False}, 422),
        (TOLD | {"by": "me"}, 422),
        (TOLD | {"family": ""}, 422),
    ],
)
async def test_what_is_wrong_is_named_and_changes_nothing(
    served: Served, body: dict[str, object], status: int
) -> None:
    answer = await served.ask("POST", REACH, body)
    assert answer.status_code == status
    assert (await served.ask("GET", REACH)).json()["heard"] == 0
