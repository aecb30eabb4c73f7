"""Families over HTTP: an import keeps the good lines and names the broken ones; what goes in comes out again."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alertd.api.family_body import EXAMPLE, FamilyBody
from alertd.domain.service import Services
from alertd.ingest import family as family_format
from alertd.ingest.family_document import to_document
from tests import make
from tests.served import Served, fresh_served

served = fresh_served


def line(number: int, **changes: Any) -> bytes:
    """A family as a line of a file."""
    made = make.family(make.caregiver(f"c{number}", "push"), id=f"fam-{number:05}")
    return json.dumps(to_document(made) | changes).encode() + b"\n"


async def stored(served: Served) -> list[str]:
    """Ids of all families, page by page."""
    ids: list[str] = []
    after: str | None = ""
    while after is not None:
        page = (await served.ask("GET", "/v1/families", after=after, limit=3)).json()
        ids += [family["id"] for family in page["families"]]
        after = page["next"]
    return ids


async def test_a_file_whose_line_4711_is_broken(served: Served) -> None:
    """Every other line is kept; the answer names line, field and way out, and quotes no contact."""
    lines = [line(number) for number in range(1, 4801)]
    lines[4710] = line(4711, time_zone="America/Los_Angles")
    answer = await served.ask("POST", "/v1/families:import", raw=b"".join(lines))
    assert answer.status_code == 200
    assert answer.json() == {
        "families": 4799,
        "stale": 0,
        "failed": 1,
        "failures": [
            {
                "line": 4711,
                "field": "time_zone",
                "message": '"America/Los_Angles" is no time zone; did you mean "America/Los_Angeles"?',
            }
        ],
    }
    assert (await served.ask("GET", "/v1/families/fam-04711")).status_code == 404
    assert (await served.ask("GET", "/v1/families/fam-04712")).status_code == 200


async def test_every_sort_of_broken_line(served: Served) -> None:
    """No JSON, not UTF-8, too long, empty, several mistakes: each told by its line, blank lines passed over."""
    lines = [
        b"\xef\xbb\xbf" + line(1),
        b"\n",
        b"{\n",
        b"\xff\xfe\n",
        line(5, note="x" * 300_000),
        b"[]\n",
        line(7, locale="??", services=[]),
        line(8).rstrip(),
    ]
    answer = (await served.ask("POST", "/v1/families:import", raw=b"".join(lines))).json()
    assert (answer["families"], answer["failed"]) == (2, 5)
    assert [(f["line"], f["field"]) for f in answer["failures"]] == [
        (3, None), (4, None), (5, None), (6, None), (7, "services"), (7, "locale"),
    ]  # fmt: skip
    assert await stored(served) == ["fam-00001", "fam-00008"]


async def test_at_most_a_thousand_mistakes_are_listed_and_all_are_counted(served: Served) -> None:
    """A file of the wrong sort gives a short answer."""
    answer = (await served.ask("POST", "/v1/families:import", raw=b"{}\n" * 1500)).json()
    assert answer["failed"] == 1500
    assert len(answer["failures"]) == 1000


async def test_an_update_from_the_future(served: Served) -> None:
    """422 by field, for it would make every later import stale; a clock that is a little ahead is no mistake."""
    far = line(1, updated_at="2027-11-04T20:00:00Z")
    answer = (
        await served.ask("POST", "/v1/families:import", raw=far + line(2, updated_at="2026-11-05T19:00:00Z"))
    ).json()
    assert (answer["families"], answer["failed"]) == (1, 1)
    assert (answer["failures"][0]["line"], answer["failures"][0]["field"]) == (1, "updated_at")
    assert "in the future" in answer["failures"][0]["message"]
    put = await served.ask("PUT", "/v1/families/fam-00001", json.loads(far))
    assert (put.status_code, put.json()["error"]["field"]) == (422, "updated_at")
    assert await stored(served) == ["fam-00002"]


async def test_an_import_of_nothing(served: Served) -> None:
    """422: somebody sent the wrong file."""
    for raw in (b"", b"\n\n"):
        answer = await served.ask("POST", "/v1/families:import", raw=raw)
        assert answer.status_code == 422
        assert "holds no family" in answer.json()["error"]["message"]


async def test_an_import_that_is_too_large_writes_nothing(served: Served) -> None:
    """413 as soon as it is known, also where no length is told; not one of its lines is written."""
    padding = b" " * 1_000_000 + b"\n"

    async def endless() -> AsyncIterator[bytes]:
        yield line(1)
        for _ in range(70):
            yield padding

    answer = await served.http.post("/v1/families:import", content=endless())
    assert answer.status_code == 413
    told = await served.ask(
        "POST", "/v1/families:import", raw=line(1), headers={"Content-Length": str(65 * 1024 * 1024)}
    )
    assert told.status_code == 413
    assert await stored(served) == []


async def test_an_older_document_changes_nothing(served: Served) -> None:
    """Imports may overlap: the newer `updated_at` wins, also within one file and one batch."""
    new = make.family(id="fam-1", locale="es")
    old = replace(new, locale="en", updated_at=new.updated_at - timedelta(days=1))
    lines = b"\n".join(json.dumps(to_document(each)).encode() for each in (new, old))
    assert (await served.ask("POST", "/v1/families:import", raw=lines)).json()["families"] == 1
    assert (await served.ask("GET", "/v1/families/fam-1")).json()["locale"] == "es"
    again = (await served.ask("POST", "/v1/families:import", raw=json.dumps(to_document(old)).encode())).json()
    assert (again["families"], again["stale"]) == (0, 1)
    put = await served.ask("PUT", "/v1/families/fam-1", to_document(old))
    assert put.status_code == 409
    assert "newer updated_at" in put.json()["error"]["message"]


async def test_an_import_may_be_repeated(served: Served) -> None:
    """Same key, same lines: the same answer; other lines: 409."""
    headers = {"Idempotency-Key": "import-1"}
    lines = line(1) + b"{\n"
    answers = [await served.ask("POST", "/v1/families:import", raw=lines, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["failed"] == 1
    other = await served.ask("POST", "/v1/families:import", raw=line(2), headers=headers)
    assert other.status_code == 409
    assert await stored(served) == ["fam-00001"]


async def test_what_goes_in_comes_out(served: Served) -> None:
    """The export of everything is an import of the same."""
    await served.families(*(make.family(make.caregiver(f"c{n}"), id=f"fam-{n}") for n in range(7)))
    assert await stored(served) == [f"fam-{n}" for n in range(7)]
    page = (await served.ask("GET", "/v1/families")).json()
    assert page["next"] is None
    lines = "\n".join(json.dumps(each) for each in page["families"])
    again = (await served.ask("POST", "/v1/families:import", raw=lines.encode())).json()
    assert (again["families"], again["failed"]) == (7, 0)
    assert (await served.ask("GET", "/v1/families")).json() == page


async def test_put_show_delete(served: Served) -> None:
    """One family's whole life."""
    assert (await served.ask("PUT", "/v1/families/fam-1001", EXAMPLE)).json() == {"family": "fam-1001"}
    shown = (await served.ask("GET", "/v1/families/fam-1001")).json()
    assert shown["caregivers"][0]["preferences"] == EXAMPLE["caregivers"][0]["preferences"]
    assert (await served.ask("DELETE", "/v1/families/fam-1001")).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await served.ask(method, "/v1/families/fam-1001")).status_code == 404


async def test_who_looked_at_contacts_is_kept(served: Served) -> None:
    """Reads of families are in the record of human acts, with the key that read."""
    from sqlalchemy import text

    await served.families()
    await served.ask("GET", "/v1/families/fam-1")
    await served.ask("GET", "/v1/families")
    async with served.deps.store.reading() as rows:
        acts = await rows.sql.rows(text("SELECT who, what FROM act ORDER BY id"))  # type: ignore[attr-defined]
    assert served.made is not None
    assert [(row.who, row.what) for row in acts if row.what.startswith("read")] == [
        (f"test ({served.made.id})", "read family"),
        (f"test ({served.made.id})", "read families"),
    ]


async def test_a_family_that_comes_while_it_is_down_is_told_at_once(served: Served) -> None:
    """An import during an incident makes the newcomers due."""
    await served.families()
    await served.open()
    await served.work()
    await served.families(make.family(make.caregiver("ana"), id="fam-2"))
    await served.work()
    progress = (await served.ask("GET", "/v1/incidents/1/progress")).json()
    assert (progress["touched"], progress["heard"]) == (2, 2)


async def test_a_forgotten_family_is_owed_nothing_and_holds_nobody_up(served: Served) -> None:
    """Deleted while it is down: what was pending is cancelled, the sweeper has nothing to plan for ever."""
    await served.families(make.family(id="fam-1"), make.family(make.caregiver("ana"), id="fam-2"))
    await served.open()
    await served.work()
    await served.ask("DELETE", "/v1/families/fam-1")
    before = len(served.channel("sms").accepted)
    served.clock.advance(minutes=35)
    await served.work()
    assert len(served.channel("sms").accepted) == before + 1
    assert (await served.ask("GET", "/readyz")).json()["waiting"] == {}
    await served.families(make.family(id="fam-1", updated_at=make.NOON))
    await served.work()
    assert served.channel("sms").accepted[-1].to == make.own("mia", "sms").to


async def test_what_shares_an_address_with_a_forgotten_family_is_still_told(served: Served) -> None:
    """The school nurse's one message survives the family under whose name it was written."""
    nurse = make.caregiver("nurse", "sms", role="parent")
    await served.families(make.family(nurse, id="fam-1"), make.family(nurse, id="fam-2"))
    await served.open()
    for lane in ("urgent",):  # planned, not yet handed over
        from alertd.usecases.fan_out import fan_out

        await fan_out(served.deps, lane, send=False)
    await served.ask("DELETE", "/v1/families/fam-1")
    await served.work()
    assert [message.to for message in served.channel("sms").accepted] == [make.own("nurse", "sms").to]


@pytest.mark.parametrize("document", [EXAMPLE, to_document(make.family())])
def test_the_described_family_is_the_one_that_is_read(document: dict[str, Any]) -> None:
    """The OpenAPI model and the parser take the same documents."""
    services = Services({"follow": {"en": "Follow"}, "share": {"en": "Share"}})
    FamilyBody.model_validate(document)
    family_format.parse(document, services)
