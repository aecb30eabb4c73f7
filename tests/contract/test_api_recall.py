"""Taking an update back, over HTTP and on both databases."""

import asyncio

from tests.served import Served, fresh_served, open_deps

served = fresh_served


async def test_twenty_at_once_with_one_key_recall_it_once(database_url: str) -> None:
    """The act is kept, the answer counts what has left, and what is stopped is stopped in the database."""
    served = Served(*open_deps(database_url))
    await served.sign_in()
    await served.families()
    await served.open()
    await served.work()
    assert (await served.ask("POST", "/v1/incidents/1/updates", {"message": "All is well."})).status_code == 200
    headers = {"Idempotency-Key": "r1"}
    dry = await served.ask("POST", "/v1/incidents/1/recall", {}, dry_run=True)
    assert (dry.status_code, dry.json()["dry_run"], dry.json()["families"]) == (200, True, 0)
    answers = await asyncio.gather(
        *(served.ask("POST", "/v1/incidents/1/recall", {"update": 2}, headers=headers) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    done = answers[0].json()
    assert (done["incident"], done["update"], done["first"], done["messages"]) == (1, 2, False, {})
    await served.work()
    shown = (await served.ask("GET", "/v1/incidents/1")).json()
    assert [(u["kind"], u["human_number"], u["corrects"], u["recalls"]) for u in shown["updates"]] == [
        ("notice", 1, None, None),
        ("progress", 2, None, None),
        ("recall", None, None, 2),
    ]
    assert shown["updates"][-1]["message"] == {}
    told = (await served.ask("GET", "/v1/incidents/1/deliveries")).json()["deliveries"]
    assert {each["update"] for each in told} == {1}
    again = await served.ask("POST", "/v1/incidents/1/recall", {})
    assert again.status_code == 409
    assert "--corrects 2" in again.json()["error"]["message"]
    await served.close()


async def test_what_cannot_be_recalled_is_refused_with_a_way_out(served: Served) -> None:
    await served.families()
    for path, body, status, says in (
        ("/v1/incidents/1/recall", {}, 404, "no incident"),
        ("/v1/incidents/1/recall", {"update": 9}, 409, "the newest update is 1, not 9"),
        ("/v1/incidents/1/recall", {"update": "two"}, 422, "update"),
        ("/v1/incidents/1/recall", {"number": 1}, 422, "number"),
    ):
        answer = await served.ask("POST", path, body)
        assert answer.status_code == status, answer.text
        assert says in answer.text
        if status == 404:
            await served.open()
    assert (await served.ask("POST", "/v1/incidents/1/resolve", {})).status_code == 200
    ended = await served.ask("POST", "/v1/incidents/1/recall", {})
    assert ended.status_code == 409
    assert "is resolved" in ended.text
