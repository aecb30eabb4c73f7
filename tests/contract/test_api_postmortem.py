"""What happened, over HTTP and on both databases: promised, told, counted; and what is refused."""

import asyncio
from typing import Any

import pytest

from alertd.domain.promises import Telling
from tests.served import Served, fresh_served, open_deps

served = fresh_served
PATH = "/v1/incidents/1/postmortem"
BY = "2026-11-06T17:00:00-08:00"


async def test_it_is_promised_told_once_and_stands_in_the_ledger(database_url: str) -> None:
    served = Served(*open_deps(database_url))
    await served.sign_in()
    await served.families()
    await served.open()
    await served.work()
    done = await served.ask("POST", "/v1/incidents/1/resolve", {"postmortem_by": BY})
    assert done.status_code == 200, done.text
    await served.work()
    shown = (await served.ask("GET", "/v1/incidents/1")).json()
    assert (shown["promise"], shown["postmortem_by"]) == (None, "2026-11-07T01:00:00Z")
    told_the_end = (await served.ask("POST", PATH, {"message": "A queue."}, dry_run=True)).json()["preview"][
        "families"
    ]
    assert told_the_end > 0
    answers = await asyncio.gather(
        *(served.ask("POST", PATH, {"message": "A queue."}, headers={"Idempotency-Key": "p1"}) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    await served.work()
    shown = (await served.ask("GET", "/v1/incidents/1")).json()
    assert [(u["kind"], u["human_number"], u["message"]) for u in shown["updates"]][-1] == (
        "postmortem",
        3,
        {"en": "A queue."},
    )
    assert (shown["state"], shown["postmortem_by"], shown["responders"]) == ("resolved", None, None)
    [promise] = (await served.ask("GET", "/v1/incidents/1/report")).json()["promises"]
    assert (promise["what"], promise["fate"], promise["kept_by_number"]) == ("postmortem", "kept_by_human", 3)
    assert promise["families"]["told"] == told_the_end
    said = [e["text"] for e in (await served.ask("GET", "/v1/incidents/1/timeline")).json()["entries"]]
    assert any("resolved; what happened is promised by Sat 07 Nov 01:00 UTC" in text for text in said)
    assert any('what happened. "A queue." Told:' in text for text in said)
    assert (await served.ask("POST", PATH, {"message": "Once more."})).status_code == 409
    async with served.deps.store.reading() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        ended_at = incident.ended_at
        assert ended_at is not None
        late = await rows.told_why(incident.id, 2, None, served.deps.clock.now())
        nobody = await rows.told_why(incident.id, 1, 3, served.deps.clock.now())
    assert (late, nobody) == (Telling(unplanned=told_the_end), Telling())
    await served.close()


async def test_at_night_too_it_says_what_will_not_fit(served: Served) -> None:
    """Nobody is owed it before the morning; whoever publishes it is there now."""
    await served.families()
    await served.open()
    await served.work()
    await served.ask("POST", "/v1/incidents/1/resolve", {})
    await served.work()
    served.clock.advance(hours=11)
    answer = await served.ask(
        "POST", PATH, {"message": "A queue filled up, and nobody saw it. " * 15}, dry_run=True
    )
    seen = answer.json()["preview"]
    assert (seen["messages"], seen["cut"]) == ({}, {"push": 1})
    short = await served.ask("POST", PATH, {"message": "A queue filled up."}, dry_run=True)
    assert "cut" not in short.json()["preview"]


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    (PATH, {"message": "A queue."}, 409, "is investigating: what happened is told once it is over"),
    (PATH, {}, 422, "message"),
    ("/v1/incidents/9/postmortem", {"message": "A queue."}, 404, "no incident"),
    ("/v1/incidents/1/resolve", {"postmortem_by": "2026-11-04T19:00:00Z"}, 422, "lies in the past"),
    ("/v1/incidents/1/resolve", {"postmortem_by": "2026-12-24T19:00:00Z"}, 422, "at most 30d from now"),
    ("/v1/incidents/1/resolve", {"postmortem_by": "Fri 17:00"}, 422, "postmortem_by"),
    ("/v1/incidents/1/cancel", {"postmortem_by": BY}, 422, "postmortem_by"),
]


@pytest.mark.parametrize(("path", "body", "status", "says"), REFUSED)
async def test_what_cannot_be_is_refused_with_a_way_out(
    served: Served, path: str, body: dict[str, Any], status: int, says: str
) -> None:
    await served.families()
    await served.open()
    answer = await served.ask("POST", path, body)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert (await served.ask("GET", "/v1/incidents/1")).json()["state"] == "investigating"
    if status == 422:
        assert answer.json()["error"]["field"] in ("message", "postmortem_by")


async def test_a_false_alarm_has_nothing_to_explain(served: Served) -> None:
    await served.families()
    await served.open()
    await served.ask("POST", "/v1/incidents/1/cancel", {})
    answer = await served.ask("POST", PATH, {"message": "A monitor failed."})
    assert (answer.status_code, answer.json()["error"]["incident"]) == (409, 1)
    assert "was a false alarm" in answer.text
