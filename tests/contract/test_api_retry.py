"""What had parked messages is mended, over HTTP, on both databases: tried once more at once, and kept with who said it."""

from collections.abc import AsyncIterator

import pytest

from alertd.ports import Misconfigured
from tests import make
from tests.served import Served, open_deps

RETRY = "/v1/incidents/1/deliveries/retry"


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """An incident of which two families share a number that our own fault keeps it from, and one has heard."""
    made = Served(*open_deps(database_url))
    await made.sign_in()
    nurse = make.caregiver("nora", "sms")
    families = [make.family(nurse, id=name) for name in ("fam-1", "fam-2")]
    await made.families(*families, make.family(make.caregiver("ben", "push"), id="fam-3"))
    made.channel("sms").fail_always("*", lambda: Misconfigured("30034"))
    assert (await made.open()).status_code == 201
    await made.work()
    yield made
    await made.close()


async def test_it_is_tried_again_at_once_for_all_whom_it_serves(served: Served) -> None:
    would = await served.ask("POST", RETRY, {}, dry_run="true")
    assert would.json() == {"incident": 1, "families": 2, "dry_run": True}
    served.channel("sms").mend()
    served.clock.advance(seconds=1)
    await served.work()
    assert served.channel("sms").accepted == []

    same = {"Idempotency-Key": "once"}
    answers = [await served.ask("POST", RETRY, {}, headers=same) for _ in range(2)]
    assert [answer.json() for answer in answers] == [{"incident": 1, "families": 2, "dry_run": False}] * 2
    await served.work()
    assert len(served.channel("sms").accepted) == 1  # one phone, one message
    assert len(served.channel("push").accepted) == 1

    story = (await served.ask("GET", "/v1/incidents/1/timeline")).json()["entries"]
    assert served.made is not None
    assert [(entry["text"], entry["who"]) for entry in story if entry["what"] == "retry"] == [
        (
            f"What was parked for 2 families is tried again, says test ({served.made.id}).",
            f"test ({served.made.id})",
        )
    ]


async def test_an_incident_that_there_is_not(served: Served) -> None:
    answer = await served.ask("POST", "/v1/incidents/7/deliveries/retry", {})
    assert answer.status_code == 404
    assert "alertd incident list" in answer.json()["error"]["message"]
