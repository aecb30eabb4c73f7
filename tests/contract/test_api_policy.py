"""Another policy for an open incident, over HTTP, on every store."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from alertd.domain.family import FamilyId
from alertd.store.tables import act, fanout, incident, watch
from tests import make
from tests.served import Served, fresh_served, open_deps

__all__ = ["fresh_served"]

LONG = "policy: follow\nservices: [follow, share]\nsilence:\n  window: {critical: 1h}\n"
SHORT = LONG.replace("1h", "20m")
PATH = "/v1/incidents/1/policy"


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """The API over a fresh store of each kind."""
    made = Served(*open_deps(database_url))
    await made.sign_in()
    yield made
    await made.close()


async def rows_of(served: Served, table: Any) -> list[Any]:
    async with served.deps.store.reading() as rows:
        return list(await rows.sql.rows(select(table)))  # type: ignore[attr-defined]


async def outage(served: Served, families: int = 3) -> None:
    """Follow is down at noon, and everybody knows: they hear again by 12:30."""
    people = [make.caregiver(f"mia-{n}", "push", "email") for n in range(families)]
    await served.families(*(make.family(each, id=FamilyId(f"fam-{n}")) for n, each in enumerate(people)))
    assert (await served.open()).status_code == 201
    await served.work()


async def test_a_shorter_window_comes_to_every_family_on_each_store(served: Served):
    await outage(served)
    assert {row.next_by for row in await rows_of(served, watch)} == {make.after(30)}
    served.clock.advance(minutes=5)

    answer = await served.ask("POST", PATH, {"policy": SHORT})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["families"], told["sooner"], told["dry_run"]) == (3, 3, False)
    assert {"key": "silence.window.critical", "before": "30m", "after": "20m"} in told["windows"]
    await served.work()

    assert {row.next_by for row in await rows_of(served, watch)} == {make.after(20)}
    assert {row.look_at <= make.after(20) for row in await rows_of(served, watch)} == {True}
    assert all(row.done for row in await rows_of(served, fanout))
    assert served.channel("push").attempts == 3  # nobody was told anything by the change itself
    served.clock.advance(minutes=15)
    await served.work()
    assert served.channel("push").attempts == 6


async def test_a_longer_window_takes_nobodys_deadline_away_on_each_store(served: Served):
    await outage(served)
    answer = await served.ask("POST", PATH, {"policy": LONG})
    assert answer.json()["sooner"] == 0
    await served.work()
    assert {row.next_by for row in await rows_of(served, watch)} == {make.after(30)}
    served.clock.advance(minutes=30)
    await served.work()
    assert {row.next_by for row in await rows_of(served, watch)} == {make.after(90)}


async def test_a_dry_run_changes_nothing(served: Served):
    await outage(served)
    before = await rows_of(served, incident), await rows_of(served, act), await rows_of(served, fanout)
    told = (await served.ask("POST", PATH, {"policy": SHORT}, dry_run="true")).json()
    assert (told["dry_run"], told["sooner"]) == (True, 3)
    assert told["messages_before"] == told["messages_after"] == {"push": 3}
    assert (await rows_of(served, incident), await rows_of(served, act), await rows_of(served, fanout)) == before


async def test_the_same_command_twice_at_once_is_done_once_and_kept_as_one_act(served: Served):
    await outage(served)
    once = {"Idempotency-Key": "the-same"}
    first, second = await asyncio.gather(
        *(served.ask("POST", PATH, {"policy": SHORT}, headers=once) for _ in range(2))
    )
    assert first.json() == second.json()
    assert [row.what for row in await rows_of(served, act)].count("policy") == 1
    entries = (await served.ask("GET", "/v1/incidents/1/timeline")).json()["entries"]
    [entry] = [each for each in entries if each["what"] == "policy"]
    assert "silence.window.critical 30m -> 20m" in entry["text"]
    assert entry["who"]


async def test_what_is_wrong_with_the_policy_is_told_by_line_and_nothing_changes(fresh_served: Served):
    await outage(fresh_served)
    before = await rows_of(fresh_served, incident)
    wrong = SHORT.replace("20m", "5s") + "floor: [push]\nservice: [follow]\n"
    answer = await fresh_served.ask("POST", PATH, {"policy": wrong})
    assert answer.status_code == 422
    assert [(each["line"], each["field"]) for each in answer.json()["error"]["problems"]] == [
        (4, "silence.window.critical"),
        (5, "floor[0]"),
        (6, "service"),
    ]
    for body, status in (({}, 422), ({"policy": ""}, 422), ({"policy": "a: ["}, 422), ({"policy": 5}, 422)):
        assert (await fresh_served.ask("POST", PATH, body)).status_code == status
    same = await fresh_served.ask("POST", PATH, {"policy": "policy: login\nservices: [login]\n"})
    assert "add follow to its services" in same.json()["error"]["message"]
    assert await rows_of(fresh_served, incident) == before


async def test_an_incident_that_is_not_there_or_has_ended_takes_none(fresh_served: Served):
    assert (await fresh_served.ask("POST", PATH, {"policy": SHORT})).status_code == 404
    await outage(fresh_served)
    await fresh_served.ask("POST", "/v1/incidents/1/resolve", {})
    answer = await fresh_served.ask("POST", PATH, {"policy": SHORT})
    assert answer.status_code == 409
    assert "no policy binds it" in answer.json()["error"]["message"]
