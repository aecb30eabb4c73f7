"""A person lifts what a provider's refusal had suspended, over HTTP, on both databases: once, kept, and never an opt-out."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from alertd.domain.errors import AlertdError
from alertd.ports import Refused
from alertd.store import suspensions
from alertd.store.tables import act, address, family_address, reply, watch
from alertd.usecases.unsuspend import One, unsuspend
from tests import make
from tests.served import Served, open_deps

PATH = "/v1/families:unsuspend"
MIA = make.own("mia", "sms").to
BEN = make.own("ben", "sms").to
NORA = make.own("nora", "sms").to
SINCE = "2026-11-04T00:00:00Z"


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """An outage in which a provider refuses two numbers with 21211, one of which two families share, and Ben's otherwise."""
    made = Served(*open_deps(database_url))
    await made.sign_in()
    nurse = make.caregiver("nora", "sms")
    await made.families(
        make.family(make.caregiver("mia", "sms"), id="fam-1"),
        make.family(nurse, id="fam-2"),
        make.family(nurse, id="fam-3"),
        make.family(make.caregiver("ben", "sms"), id="fam-4"),
    )
    for number, code in ((MIA, "21211"), (NORA, "21211"), (BEN, "30006")):
        made.channel("sms").fail_always(number, lambda code=code: Refused(code))  # type: ignore[misc]
    assert (await made.open()).status_code == 201
    await made.work()
    assert made.channel("sms").accepted == []
    made.channel("sms").mend()
    made.clock.advance(minutes=1)
    made.deps.doorbell.rung.clear()  # type: ignore[attr-defined]
    yield made
    await made.close()


async def lift(served: Served, **body: Any) -> httpx.Response:
    query: dict[str, Any] = {"dry_run": "true"} if body.pop("dry_run", False) else {}
    return await served.ask("POST", PATH, body, **query)


async def table(served: Served, of: Any) -> list[dict[str, Any]]:
    async with served.deps.store.reading() as rows:
        return [dict(row._mapping) for row in await rows.sql.rows(of.select())]  # type: ignore[attr-defined]


async def suspended(served: Served) -> set[str]:
    return {row["dest"] for row in await table(served, address) if row["suspended_at"] is not None}


async def acts(served: Served) -> list[dict[str, Any]]:
    return [row for row in await table(served, act) if row["what"] == "unsuspend"]


async def test_one_address_for_whoever_has_it_and_they_hear_at_once(served: Served) -> None:
    spaced = f"{NORA[:2]} {NORA[2:5]} {NORA[5:8]} {NORA[8:]}"
    done = await lift(served, channel="sms", to=spaced)
    assert (done.status_code, done.json()) == (
        200,
        {"addresses": 1, "opted_out": 0, "families": 2, "dry_run": False},
    )
    assert served.deps.doorbell.rung == ["urgent"]  # type: ignore[attr-defined]
    assert await suspended(served) == {MIA, BEN}
    [row] = [row for row in await table(served, address) if row["dest"] == NORA]
    assert (row["suspended_code"], row["notable"]) == (None, True), "two have it, so the planner loads it"
    await served.work()
    assert [message.to for message in served.channel("sms").accepted] == [NORA]
    [noted] = served.log.named("unsuspended")
    assert noted == {"channel": "sms", "addresses": 1, "opted_out": 0, "families": 2}


async def test_an_address_of_one_family_is_notable_no_more(served: Served) -> None:
    await lift(served, channel="sms", to=MIA)
    [row] = [row for row in await table(served, address) if row["dest"] == MIA]
    assert (row["suspended_at"], row["suspended_code"], row["notable"]) == (None, None, False)


@pytest.mark.parametrize("batch", [1, 2, 2000])
async def test_all_of_one_code_and_no_other(served: Served, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """However many transactions that takes."""
    monkeypatch.setattr(suspensions, "_AT_ONCE", 1)
    monkeypatch.setattr("alertd.usecases.unsuspend._BATCH", batch)
    which = {"channel": "sms", "code": "21211", "since": SINCE}
    would = await lift(served, **which, dry_run=True)
    assert would.json() == {"addresses": 2, "opted_out": 0, "families": 3, "dry_run": True}
    assert await suspended(served) == {MIA, NORA, BEN}
    assert served.deps.doorbell.rung == []  # type: ignore[attr-defined]
    assert await acts(served) == []

    assert (await lift(served, **which)).json() == {
        "addresses": 2, "opted_out": 0, "families": 3, "dry_run": False,
    }  # fmt: skip
    assert set(served.deps.doorbell.rung) == {"bulk"}  # type: ignore[attr-defined]
    assert len(served.log.named("unsuspended")) == 1
    assert sum(json.loads(each["detail"])["addresses"] for each in await acts(served)) == 2
    assert await suspended(served) == {BEN}
    await served.work()
    assert sorted(message.to for message in served.channel("sms").accepted) == sorted([MIA, NORA])
    assert (await lift(served, **which)).json()["addresses"] == 0


@pytest.mark.parametrize(
    "which",
    [
        {"code": "21211", "since": "2026-11-04T20:00:30Z"},  # refused before that
        {"code": "21211", "since": SINCE, "channel": "push"},
        {"code": "2121", "since": SINCE},
    ],
)
async def test_what_none_was_suspended_by_lifts_nothing(served: Served, which: dict[str, Any]) -> None:
    before = await table(served, watch)
    done = await lift(served, **which)
    assert (done.status_code, done.json()["addresses"]) == (200, 0)
    assert await suspended(served) == {MIA, NORA, BEN}
    assert await table(served, watch) == before
    assert await acts(served) == []


async def test_who_said_stop_stays_so(served: Served) -> None:
    """R17, by whichever way: their number is allowed again, and not used."""
    async with served.deps.store.transaction() as rows:
        known = await rows.known_address("sms", MIA)
        assert known is not None
        await rows.opt_out(known.id, served.clock.now(), here=False)
    done = await lift(served, channel="sms", to=MIA)
    assert done.json() == {"addresses": 1, "opted_out": 1, "families": 1, "dry_run": False}
    await served.work()
    assert served.channel("sms").accepted == []
    [row] = [row for row in await table(served, address) if row["dest"] == MIA]
    assert (row["suspended_at"], row["opted_out_at"] is not None, row["notable"]) == (None, True, True)
    again = await lift(served, channel="sms", to=MIA)
    assert again.status_code == 409
    assert "only they can opt in again" in again.json()["error"]["message"]


async def test_the_act_is_kept_without_the_number_and_done_once(served: Served) -> None:
    body, once = {"channel": "sms", "to": MIA}, {"Idempotency-Key": "once"}
    answers = [await served.ask("POST", PATH, body, headers=once) for _ in range(2)]
    assert [each.json()["addresses"] for each in answers] == [1, 1]
    assert served.made is not None
    [kept] = await acts(served)
    assert (kept["who"], kept["incident_id"]) == (f"test ({served.made.id})", None)
    assert json.loads(kept["detail"]).keys() == {"channel", "address"}
    assert MIA not in str(kept)
    other = await served.ask("POST", PATH, {"channel": "sms", "to": NORA}, headers=once)
    assert other.status_code == 409
    assert NORA in await suspended(served)


async def test_the_act_of_many_says_by_what_and_how_many(served: Served) -> None:
    await lift(served, code="21211", since=SINCE)
    [kept] = await acts(served)
    assert json.loads(kept["detail"]) == {
        "channel": None, "code": "21211", "since": "2026-11-04T00:00:00+00:00", "addresses": 2,
    }  # fmt: skip


async def test_what_is_not_suspended_or_not_known(served: Served) -> None:
    await lift(served, channel="sms", to=MIA)
    for to, status, says in ((MIA, 409, "this address is not suspended"), ("+14155550199", 404, "knows no such")):
        answer = await lift(served, channel="sms", to=to)
        assert answer.status_code == status
        assert says in answer.json()["error"]["message"]
        assert to not in answer.text


async def test_of_a_family_that_was_forgotten_nothing_is_left(served: Served) -> None:
    """The row was kept for the suspension alone; imported again, the number is as good as any."""
    await served.ask("DELETE", "/v1/families/fam-1")
    await served.families(make.family(make.caregiver("mia", "sms"), id="fam-1"))
    assert MIA in await suspended(served), "no import lifts it"
    await served.ask("DELETE", "/v1/families/fam-1")
    async with served.deps.store.transaction() as rows:  # what is written from there is read by a person
        [row] = [row for row in await table(served, address) if row["dest"] == MIA]
        await rows.sql.run(  # type: ignore[attr-defined]
            reply.insert().values(
                id=served.deps.new_id(), provider_id="SM-of-mia", address_id=row["id"], at=served.clock.now(),
                machine_at=served.clock.machine(), meaning="other", text="she is low", said="A person reads it.",
            )
        )  # fmt: skip
    assert (await lift(served, channel="sms", to=MIA)).json()["addresses"] == 1
    assert [(row["text"], row["said"]) for row in await table(served, reply)] == [(None, None)]
    assert MIA not in {row["dest"] for row in await table(served, address)}
    assert len(await table(served, family_address)) == 3


async def test_after_it_a_test_of_the_number_goes(served: Served) -> None:
    """And until then what it is refused with names the way out."""
    body = {"channel": "sms", "to": BEN}
    before = await served.ask("POST", "/v1/channel-tests", body)
    assert before.status_code == 409
    assert "alertd family unsuspend" in before.json()["error"]["message"]
    await lift(served, **body)
    assert (await served.ask("POST", "/v1/channel-tests", body)).status_code == 202


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"channel": "sms"}, "to"),
        ({"to": MIA}, "channel"),
        ({"channel": "sms", "to": "12"}, "to"),
        ({"channel": "sms", "to": MIA, "code": "21211"}, "code"),
        ({"channel": "sms", "to": MIA, "since": SINCE}, "since"),
        ({"code": "21211"}, "since"),
        ({"since": SINCE}, "code"),
        ({"code": "21211", "since": "2026-11-05T00:00:00Z"}, "since"),
        ({"code": "21211", "since": "yesterday"}, "since"),
        ({"code": "21211", "since": SINCE, "channel": "pigeon"}, "channel"),
        ({"channel": "smss", "to": MIA}, "channel"),
        ({"channel": "sms", "t": MIA}, "t"),
    ],
)
async def test_what_cannot_be_meant(served: Served, body: dict[str, Any], field: str) -> None:
    answer = await lift(served, **body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["field"] == field
    assert MIA not in answer.text
    assert await suspended(served) == {MIA, NORA, BEN}


async def test_a_crash_before_the_commit_leaves_it_suspended(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: object, **__: object) -> None:
        raise AlertdError("the plug was pulled")

    monkeypatch.setattr("alertd.usecases.unsuspend.keep", dies)
    with pytest.raises(AlertdError):
        await unsuspend(served.deps, One("sms", MIA), who="test")
    assert await suspended(served) == {MIA, NORA, BEN}
    assert await acts(served) == []
