"""Bad input: a fitting status, one shape of error that names the field and the way out, and nothing half-done."""

import json
from dataclasses import replace
from functools import reduce
from typing import Any

import pytest

from alertd.ingest.family_document import to_document
from alertd.usecases.keys import revoke_key
from tests import make
from tests.served import Served, fresh_served

served = fresh_served

OPEN: dict[str, Any] = {"services": ["follow"], "severity": "critical", "title": "Follow is down"}


async def untouched(served: Served) -> None:
    """No incident was opened, nobody was rung for."""
    assert (await served.ask("GET", "/v1/incidents", state="all")).json() == {"incidents": []}
    assert served.deps.doorbell.rung == []  # type: ignore[attr-defined]


async def refused(served: Served, status: int, code: str, method: str, path: str, **sent: Any) -> dict[str, Any]:
    """Ask, and expect this error; returns what stands under `error`."""
    answer = await served.ask(method, path, sent.pop("body", None), **sent)
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    error: dict[str, Any] = answer.json()["error"]
    assert error["code"] == code
    assert error["message"]
    return error


# --- bodies ---------------------------------------------------------------------------------------

MALFORMED = [
    (b"{", "the body is not JSON"),
    (b'{"title": "a", "title": "b"}', 'has the key "title" twice'),
    (b'{"title": NaN}', "holds NaN"),
    (b"[" * 100_000, "nested too deeply"),
    (b"\xff\xfe{}", "is not UTF-8"),
    (b'{"corrects": 11111111111111111111}', "more than 18 digits"),
]


@pytest.mark.parametrize(("raw", "says"), MALFORMED, ids=[says for _, says in MALFORMED])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/incidents"),
        ("POST", "/v1/events"),
        ("POST", "/v1/events/alertmanager"),
        ("PUT", "/v1/families/fam-1"),
    ],
)
async def test_malformed_json(served: Served, method: str, path: str, raw: bytes, says: str) -> None:
    """400, and where it breaks."""
    error = await refused(served, 400, "malformed", method, path, raw=raw)
    assert says in error["message"]
    await untouched(served)


async def test_a_body_of_more_than_a_megabyte(served: Served) -> None:
    """413, whether its length is told or not."""
    body = json.dumps(OPEN | {"message": "x" * 1024 * 1024}).encode()
    await refused(served, 413, "too_large", "POST", "/v1/incidents", raw=body)

    async def drops() -> Any:
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    answer = await served.http.post("/v1/incidents", content=drops(), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    await untouched(served)


async def test_a_body_that_is_not_said_to_be_json(served: Served) -> None:
    """415: a form of a foreign web page is nothing we take."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    await refused(served, 415, "unsupported_media_type", "POST", "/v1/incidents", body=dict(OPEN), headers=form)


OPENINGS = [
    ({"bogus": 1}, "bogus", "is not known here"),
    ({"mesage": "x"}, "mesage", 'did you mean "message"?'),
    ({"services": ["follo"]}, "services", '"follo" is no declared service; did you mean "follow"?'),
    ({"services": ["x"]}, "services", '"x" is no declared service; declared are follow, login, share'),
    ({"services": []}, "services", "must not be empty"),
    ({"services": "follow"}, "services", "must be a list"),
    ({"services": [{"service": "follow", "region": "us"}]}, "services[0].region", "is not known here"),
    ({"severity": "horrible"}, "severity", "must be one of critical, major or minor"),
    ({"severity": 1}, "severity", "must be one of critical, major or minor"),
    ({"title": "  "}, "title", "what fails"),
    ({"title": "x" * 121}, "title", "at most 120"),
    ({"title": 5}, "title", "must be a text"),
    ({"title": None}, "title", "must be a text"),
    ({"message": {"xx": "?"}}, "message", '"xx" is no language alertd speaks; it speaks en, es'),
    ({"message": {"nonsense!": "?"}}, "message", "is no locale"),
    ({"message": 5}, "message", "must be a text, or texts by locale"),
    ({"message": "a\u0007b"}, "message.en", "control characters"),
    ({"message": "x" * 1001}, "message.en", "at most 1000"),
    ({"regions": ["US West"]}, "regions", '"US West" is no region'),
    ({"regions": ["us\n"]}, "regions", '"us?" is no region'),
    ({"regions": ["x" * 51_000]}, "regions", f'"{"x" * 40}..." is no region'),
    ({"services": ["x" * 51_000]}, "services", f'"{"x" * 40}..." is no declared service'),
    ({"next_in": 30}, "next_in", "30 has no unit; write 30s, 30m or 30h"),
    ({"next_in": "1:30"}, "next_in", "may be minutes or hours"),
    ({"next_in": "9h"}, "next_in", "later than policy follow allows for critical: at most 1h from now"),
    ({"next_in": "30m", "next_by": "2026-11-04T20:30:00Z"}, "next_in", "not both"),
    ({"next_by": "2026-11-04T20:30:00"}, "next_by", "does not say in which zone"),
    ({"next_by": "2026-11-04T19:30:00Z"}, "next_by", "lies in the past"),
    ({"since": 5}, "since", "must be a text"),
    ({"since": "2027-01-01T00:00:00Z"}, "since", "lies in the future"),
    ({"since": "0001-01-01T00:00:00Z"}, "since", "lies too far back: families read no year, so at most 30d"),
    ({"since": "2025-11-04T19:00:00Z"}, "since", "so at most 30d ago; leave it out, and it is now"),
    ({"since": "2026-10-05T19:59:59Z"}, "since", "lies too far back"),
    ({"do": ["a", "b", "c", "d", "e", "f"]}, "do", "at most 5"),
    ({"do": ["check_by_hnd"]}, "do", 'is no phrase key; did you mean "check_by_hand"?'),
    ({"services": ["login"]}, "services", "nobody uses login there"),
    ({"regions": ["eu"]}, "services", "nobody uses follow there"),
]


@pytest.mark.parametrize(
    ("change", "field", "says"), OPENINGS, ids=[str(change)[:50] for change, _, _ in OPENINGS]
)
async def test_an_opening_with_a_mistake(served: Served, change: dict[str, Any], field: str, says: str) -> None:
    """422, with the field and the way out; no incident."""
    await served.families(make.family())
    error = await refused(served, 422, "invalid", "POST", "/v1/incidents", body=OPEN | change)
    assert error["field"] == field
    assert says in error["message"]
    await untouched(served)


WHOLE = [
    (
        {
            "services": ["folow", "shar"],
            "title": " ",
            "message": {"xx": "?", "en": "\u0007"},
            "do": ["chek_by_hand"],
        },
        ["services", "services", "title", "message", "message.en", "do"],
    ),
    ({"since": "2027-01-01T00:00:00Z", "next_in": "9h", "works": ["sensor_wrks"]}, ["works", "since", "next_in"]),
    # What its shape shows wrong keeps nothing else from being looked at, and is told once.
    ({"next_in": "5", "title": "", "do": ["chek_by_hand", "check_by_hnd"]}, ["title", "do", "do", "next_in"]),
    ({"services": [5], "regions": ["US West"], "title": ""}, ["services[0]", "title"]),
    ({"severity": "?", "next_in": "9h", "wrks": []}, ["severity", "wrks"]),
]


@pytest.mark.parametrize(("change", "fields"), WHOLE)
async def test_an_opening_names_all_mistakes_at_once(
    served: Served, change: dict[str, Any], fields: list[str]
) -> None:
    """In the order of the body; the first is also the answer's own, for programs that read one."""
    await served.families(make.family())
    error = await refused(served, 422, "invalid", "POST", "/v1/incidents", body=OPEN | change)
    assert [problem["field"] for problem in error["problems"]] == fields
    assert {"message": error["message"], "field": error["field"]} == error["problems"][0]
    await untouched(served)


HALVES: list[tuple[dict[str, Any], str]] = [
    ({"title": "Ca\udceda"}, "title"),
    ({"message": "\ud800"}, "message.en"),
    ({"works": ["\ud800"]}, "works"),
    ({"services": ["\ud800"]}, "services"),
    ({"regions": ["\ud800"]}, "regions"),
]


@pytest.mark.parametrize("path", ["/v1/incidents", "/v1/incidents?dry_run=true"])
@pytest.mark.parametrize(("change", "field"), HALVES, ids=[field for _, field in HALVES])
async def test_half_a_character(served: Served, change: dict[str, Any], field: str, path: str) -> None:
    """What a terminal with another encoding, or a broken escape, makes of a letter; no database keeps it."""
    await served.families(make.family())
    error = await refused(served, 422, "invalid", "POST", path, raw=json.dumps(OPEN | change).encode())
    assert error["field"] == field
    await untouched(served)


UPDATES = [
    ({"severity": "major", "notify": False}, "notify", "cannot change the severity"),
    ({"add_scope": ["share"], "message": "x", "notify": False}, "notify", "cannot change the scope"),
    ({"state": "identified", "severity": "minor", "notify": False}, "notify", "the severity or the state"),
    (
        {"remove_scope": [{"service": "follow", "regions": ["us"]}]},
        "remove_scope",
        "follow:us cannot be taken out of follow everywhere; remove follow, and in the same update add the regions",
    ),
    ({"remove_scope": ["share"]}, "remove_scope", "share everywhere is not in it: nothing to remove"),
    ({"remove_scope": ["follow"]}, "remove_scope", "resolve or cancel the incident instead"),
    (
        {"remove_scope": ["follow"], "add_scope": [{"service": "follow", "regions": ["eu"]}]},
        "remove_scope",
        "it would touch nobody: no family uses follow there",
    ),
]


@pytest.mark.parametrize(("change", "field", "says"), UPDATES, ids=[str(change)[:50] for change, _, _ in UPDATES])
async def test_an_update_with_a_mistake(served: Served, change: dict[str, Any], field: str, says: str) -> None:
    """422, with the field and the way out; no update, also not as a dry run."""
    await served.families(make.family())
    assert (await served.open()).status_code == 201
    for query in ({"dry_run": True}, {}):
        error = await refused(
            served, 422, "invalid", "POST", "/v1/incidents/1/updates", body=dict(change), **query
        )
        assert error["field"] == field
        assert says in error["message"]
    assert len((await served.ask("GET", "/v1/incidents/1")).json()["updates"]) == 1


async def test_all_mistakes_at_once(served: Served) -> None:
    """`problems` lists every one; the first stands in the error itself."""
    error = await refused(served, 422, "invalid", "POST", "/v1/incidents", body={"severity": "?", "bogus": 1})
    assert [problem["field"] for problem in error["problems"]] == ["services", "severity", "title", "bogus"]
    assert error["message"] == "is missing"
    assert error["field"] == "services"


EVENT: dict[str, Any] = {
    "source": "desk", "id": "1", "alert": "follow-down", "service": "follow", "severity": "critical",
    "status": "firing", "title": "Follow is down",
}  # fmt: skip
EVENTS = [
    ({"service": "follo"}, "service", 'did you mean "follow"?'),
    ({"severity": "fatal"}, "severity", "is not a severity"),
    ({"status": "broken"}, "status", "is not a status"),
    ({"bogus": 1}, "bogus", "is not known here"),
    ({"detected_at": "yesterday"}, "detected_at", "is no date and time"),
    ({"id": None}, "id", "is needed and may not be null"),
]


@pytest.mark.parametrize(("change", "field", "says"), EVENTS, ids=[str(change) for change, _, _ in EVENTS])
async def test_an_event_with_a_mistake(served: Served, change: dict[str, Any], field: str, says: str) -> None:
    """422, and the event is not kept: sent again in order, it is taken."""
    await served.families(make.family())
    error = await refused(served, 422, "invalid", "POST", "/v1/events", body=EVENT | change)
    assert error["field"] == field
    assert says in error["message"]
    await untouched(served)
    assert (await served.ask("POST", "/v1/events", dict(EVENT))).json()["did"] == "opened"


async def test_bodies_that_are_no_objects(served: Served) -> None:
    """A list, a number, nothing: each is said to be what it is."""
    for path, method in (("/v1/events", "POST"), ("/v1/families/fam-1", "PUT"), ("/v1/incidents", "POST")):
        error = await refused(served, 422, "invalid", method, path, raw=b"[1]")
        assert "must be a set of keys and values" in error["message"]


FAMILIES = [
    ({"time_zone": "Mars/Olympus"}, "time_zone", "is no time zone"),
    ({"services": ["follo"]}, "services[0]", 'did you mean "follow"?'),
    ({"bogus": 1}, "bogus", "is not known here"),
    ({"caregivers": []}, "caregivers", "at least one caregiver"),
]


@pytest.mark.parametrize(("change", "field", "says"), FAMILIES, ids=[str(change) for change, _, _ in FAMILIES])
async def test_a_family_with_a_mistake(served: Served, change: dict[str, Any], field: str, says: str) -> None:
    """422, with the field; the family is not stored."""
    document = to_document(make.family()) | change
    error = await refused(served, 422, "invalid", "PUT", "/v1/families/fam-1", body=document)
    assert error["field"] == field
    assert says in error["message"]
    await refused(served, 404, "not_found", "GET", "/v1/families/fam-1")


async def test_a_phone_number_that_is_none_is_not_repeated(served: Served) -> None:
    """The error names the place; what stood there goes into no answer and no log."""
    nobody = make.caregiver("mia", "sms")
    broken = replace(nobody, addresses=(replace(nobody.addresses[0], to="555-KIDS-0123"),))
    document = to_document(make.family(broken))
    error = await refused(served, 422, "invalid", "PUT", "/v1/families/fam-1", body=document)
    assert error["field"] == "caregivers[0].addresses[0].to"
    assert "KIDS" not in json.dumps(error) + repr(served.log.lines)


async def test_the_id_of_the_path_and_of_the_family_differ(served: Served) -> None:
    """422: nobody can say which was meant."""
    error = await refused(served, 422, "invalid", "PUT", "/v1/families/fam-2", body=to_document(make.family()))
    assert error["field"] == "id"


# --- parameters -----------------------------------------------------------------------------------

PARAMETERS = [
    ("/v1/incidents", {"limit": 0}, "limit", "must be at least 1"),
    ("/v1/incidents", {"limit": "many"}, "limit", "must be a whole number"),
    ("/v1/incidents", {"state": "some"}, "state", "must be one of open or all"),
    ("/v1/deliveries", {"state": "lost"}, "state", "must be one of pending, leased"),
]


@pytest.mark.parametrize(("path", "query", "field", "says"), PARAMETERS)
async def test_a_parameter_out_of_range(
    served: Served, path: str, query: dict[str, Any], field: str, says: str
) -> None:
    """422, with the parameter's name."""
    error = await refused(served, 422, "invalid", "GET", path, **query)
    assert error["field"] == field
    assert says in error["message"]


UNDECLARED = [
    ("POST", "/v1/incidents", "dryrun", 'is no parameter of POST /v1/incidents; did you mean "dry_run"?'),
    ("POST", "/v1/incidents/1/updates", "dry-run", 'did you mean "dry_run"?'),
    ("POST", "/v1/events", "dry_runs", 'did you mean "dry_run"?'),
    ("POST", "/v1/families:import", "dry_run", "is no parameter of POST /v1/families:import"),
    ("PUT", "/v1/families/fam-1", "dry_run", "is no parameter of PUT /v1/families/{family}"),
    ("DELETE", "/v1/families/fam-1", "dry_run", "is no parameter of DELETE"),
    ("GET", "/v1/incidents", "foo", "known: state, limit"),
    ("GET", "/v1/incidents/1", "foo", "is no parameter of GET /v1/incidents/{incident}"),
]


@pytest.mark.parametrize(("method", "path", "name", "says"), UNDECLARED)
async def test_a_parameter_that_is_not_declared(
    served: Served, method: str, path: str, name: str, says: str
) -> None:
    """422, named, before anything is read: a rehearsal with a misspelt dry_run tells nobody."""
    await served.families()
    raw = None if method == "GET" else json.dumps(OPEN).encode()
    error = await refused(served, 422, "invalid", method, path, raw=raw, **{name: "true"})
    assert error["field"] == name
    assert says in error["message"]
    await untouched(served)


async def test_a_dry_run_said_twice(served: Served) -> None:
    """422: yes and no at once is neither; a list may be given more than once."""
    await served.families()
    path = "/v1/incidents?dry_run=true&dry_run=false"
    error = (await served.http.post(path, json=OPEN)).json()["error"]
    assert (error["field"], error["message"]) == ("dry_run", "is given more than once")
    await untouched(served)
    assert (await served.http.get("/v1/deliveries?state=refused&state=parked")).status_code == 200


@pytest.mark.parametrize("key", ["", "x" * 201, "two words"])
async def test_an_idempotency_key_that_is_none(served: Served, key: str) -> None:
    """422: better than a command done twice."""
    error = await refused(
        served, 422, "invalid", "POST", "/v1/incidents", body=dict(OPEN), headers={"Idempotency-Key": key}
    )
    assert error["field"] == "Idempotency-Key"
    await untouched(served)


# --- what is not there ----------------------------------------------------------------------------


@pytest.mark.parametrize("which", ["7", "0", "99999999999999999999", "x", "019a0000-0000-7000-8000-000000000000"])
async def test_no_such_incident(served: Served, which: str) -> None:
    """404, with the command that shows which there are."""
    for path in ("", "/timeline", "/deliveries", "/progress"):
        error = await refused(served, 404, "not_found", "GET", f"/v1/incidents/{which}{path}")
        assert "alertd incident list" in error["message"]
    for path in ("updates", "resolve", "cancel"):
        body = {"message": "?"}
        await refused(served, 404, "not_found", "POST", f"/v1/incidents/{which}/{path}", body=body)


async def test_no_such_path_and_no_such_method(served: Served) -> None:
    """404 and 405, in the one shape."""
    await refused(served, 404, "not_found", "GET", "/v2/nothing")
    answer = await served.ask("DELETE", "/v1/incidents")
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "method_not_allowed"
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/a/" + "A" * 32 + "/", "/v1/incidents/", "/v1/providers/twilio/inbound/"])
async def test_a_slash_too_many_leads_nowhere_else(served: Served, path: str) -> None:
    """404: a redirect would send a signed link to the host that the request named."""
    for method in ("GET", "POST"):
        answer = await served.ask(method, path, headers={"Host": "evil.example"})
        assert answer.status_code == 404
        assert "evil.example" not in answer.headers.get("Location", "")


async def test_a_resolved_event_that_nobody_opened(served: Served) -> None:
    """404, and it is not kept."""
    await refused(served, 404, "not_found", "POST", "/v1/events", body=EVENT | {"status": "resolved"})


# --- keys -----------------------------------------------------------------------------------------

MESSAGE = "f19acc2a-8000-7b1c-8d7e-4f6a5b3c2d1e"
LETTER = "019a0000-0000-7000-8000-000000000001"
ROUTES = [
    ("GET", "/v1/incidents", "incident:read"),
    ("GET", "/v1/incidents/1", "incident:read"),
    ("GET", "/v1/incidents/1/timeline", "incident:read"),
    ("GET", "/v1/incidents/1/deliveries", "incident:read"),
    ("GET", "/v1/incidents/1/progress", "incident:read"),
    ("GET", "/v1/incidents/1/reach", "incident:read"),
    ("GET", "/v1/incidents/1/report", "incident:read"),
    ("GET", "/v1/deliveries", "incident:read"),
    ("GET", f"/v1/deliveries/{MESSAGE}", "incident:read"),
    ("GET", "/v1/channel-tests/0", "incident:read"),
    ("POST", "/v1/channel-tests", "incident:write"),
    ("POST", "/v1/incidents", "incident:write"),
    ("POST", "/v1/incidents/1/updates", "incident:write"),
    ("POST", "/v1/incidents/1/recall", "incident:write"),
    ("POST", "/v1/incidents/1/resolve", "incident:write"),
    ("POST", "/v1/incidents/1/cancel", "incident:write"),
    ("POST", "/v1/incidents/1/reopen", "incident:write"),
    ("POST", "/v1/incidents/1/postmortem", "incident:write"),
    ("POST", "/v1/incidents/1/policy", "incident:write"),
    ("POST", "/v1/incidents/1/ack", "incident:write"),
    ("POST", "/v1/incidents/1/reach", "incident:write"),
    ("POST", "/v1/incidents/1/deliveries/retry", "incident:write"),
    ("POST", "/v1/events", "event:write"),
    ("POST", "/v1/events/alertmanager", "event:write"),
    ("GET", "/v1/events/ignored", "incident:read"),
    ("GET", "/v1/families", "family:read"),
    ("GET", "/v1/families:list", "family:read"),
    ("GET", "/v1/families/fam-1", "family:read"),
    ("GET", "/v1/families/fam-1/explain", "family:read"),
    ("PUT", "/v1/families/fam-1", "family:write"),
    ("POST", "/v1/families:import", "family:write"),
    ("POST", "/v1/families:unsuspend", "family:write"),
    ("POST", "/v1/families:unsuspend", "family:read"),
    ("DELETE", "/v1/families/fam-1", "family:write"),
    ("GET", "/v1/inbox", "family:read"),
    ("GET", f"/v1/inbox/{LETTER}", "family:read"),
    ("POST", f"/v1/inbox/{LETTER}/done", "family:write"),
]
EVERY = {"incident:read", "incident:write", "family:read", "family:write", "event:write"}


NAMED = {
    f"/{LETTER}": "/{letter}",
    f"/{MESSAGE}": "/{delivery}",
    "/1": "/{incident}",
    "/fam-1": "/{family}",
    "/0": "/{test}",
}
SIGNED = ("/v1/providers/", "/v1/acknowledgements")
"""What is sent there is signed, and needs no key."""


def test_every_protected_route_is_in_this_table(served: Served) -> None:
    """A new route needs a row here."""
    documented = {
        (method.upper(), path)
        for path, item in served.app.openapi()["paths"].items()
        for method in item
        if path.startswith("/v1/") and not path.startswith(SIGNED)
    }
    tested = {
        (method, reduce(lambda path, name: path.replace(*name), NAMED.items(), path)) for method, path, _ in ROUTES
    }
    assert documented == tested


@pytest.mark.parametrize(("method", "path", "right"), ROUTES)
async def test_no_key_a_wrong_one_a_revoked_one_and_one_without_the_right(
    served: Served, method: str, path: str, right: str
) -> None:
    """401 or 403 before anything is read, even where the body is broken too."""
    good = await served.key(*EVERY)
    await revoke_key(served.deps, good.id)
    lacking = await served.key(*sorted(EVERY - {right}))
    for header in (
        None,
        "Bearer nonsense",
        f"Bearer {good.secret}",
        f"Basic {good.secret}",
        f"Bearer {good.secret}x",
    ):
        del served.http.headers["Authorization"]
        if header:
            served.http.headers["Authorization"] = header
        answer = await served.ask(method, path, raw=b"{")
        assert answer.status_code == 401, (header, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert good.secret not in answer.text
        served.http.headers["Authorization"] = "-"
    served.http.headers["Authorization"] = f"Bearer {lacking.secret}"
    error = await refused(served, 403, "forbidden", method, path, raw=b"{")
    assert right in error["message"]


async def test_a_key_in_the_url_is_no_key(served: Served) -> None:
    """Keys are read from the header only: URLs end in logs."""
    assert served.made is not None
    del served.http.headers["Authorization"]
    answer = await served.ask("GET", "/v1/incidents", key=served.made.secret, api_key=served.made.secret)
    assert answer.status_code == 401


async def test_admin_may_everything(served: Served) -> None:
    """`admin` includes every other right."""
    await served.sign_in("admin")
    assert (await served.ask("GET", "/v1/families")).status_code == 200
