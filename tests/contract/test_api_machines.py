"""Machines over HTTP, on both databases: suspected incidents, Alertmanager's webhook, bad input (R0)."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from alertd.api.alertmanager import MOST_BYTES
from alertd.domain.incident import Severity
from alertd.ingest.alertmanager import Labels
from alertd.ports.store import Store
from alertd.usecases.planning import Overtaken
from alertd.usecases.ripen import ripen
from tests import make
from tests.served import Served, open_deps

CAPTURED = Path(__file__).parents[1] / "data" / "alertmanager" / "webhook_v4_captured_0.25.jsonl"
PATH = "/v1/events/alertmanager"
FIRING: dict[str, Any] = {
    "source": "alertmanager", "id": "1", "alert": "a", "service": "follow", "severity": "critical",
    "status": "firing", "title": "Probe fails",
}  # fmt: skip


@pytest.fixture
async def served(database_url: str) -> AsyncIterator[Served]:
    """A family that can be told, and a key of a machine."""
    made = Served(*open_deps(database_url))
    await made.sign_in()
    await made.families()
    human = made.http.headers["Authorization"]
    await made.sign_in("event:write")
    made.http.headers["X-Human"] = human
    yield made
    await made.close()


async def by_human(served: Served, method: str, path: str, body: object = None, **query: Any) -> dict[str, Any]:
    """What somebody on call asks."""
    headers = {"Authorization": served.http.headers["X-Human"]}
    answer = await served.ask(method, path, body, headers=headers, **query)
    assert answer.status_code < 300, answer.text
    return dict(answer.json())


def alert(name: str = "f1", status: str = "firing", **labels: str) -> dict[str, Any]:
    """One alert as Alertmanager writes it."""
    return {
        "status": status,
        "labels": {"alertname": "FollowDown", "service": "follow", "severity": "critical", **labels},
        "annotations": {"summary": "No readings"},
        "startsAt": "2026-11-04T19:58:00.108164878Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": name,
    }


def webhook(*alerts: Any, **changes: Any) -> dict[str, Any]:
    """A group of them."""
    return {"version": "4", "status": "firing", "receiver": "alertd", "alerts": list(alerts), **changes}


async def told(served: Served) -> int:
    """How many messages went out since; the daemon works until there is nothing left."""
    before = len(served.channel("push").accepted)
    await ripen(served.deps)
    await served.work()
    return len(served.channel("push").accepted) - before


# --- generic events -------------------------------------------------------------------------------


async def test_what_a_machine_opens_waits_and_says_so(served: Served) -> None:
    """In every view, with the time at which families are told, and without a number for readers."""
    answer = await served.ask("POST", "/v1/events", FIRING)
    assert (answer.status_code, answer.json()) == (202, {"did": "opened", "incident": 1, "update": None})
    assert await told(served) == 0
    shown = await by_human(served, "GET", "/v1/incidents/1")
    assert (shown["state"], shown["held"], shown["last_news_at"]) == ("suspected", True, None)
    assert shown["confirm_at"] == "2026-11-04T20:05:00Z"
    [update] = shown["updates"]
    assert (update["source"], update["human_number"], update["notify"]) == ("alertmanager", None, False)
    served.clock.advance(minutes=5)
    assert await told(served) == 1
    shown = await by_human(served, "GET", "/v1/incidents/1")
    assert (shown["state"], shown["held"], shown["confirm_at"]) == ("suspected", False, None)
    entries = (await by_human(served, "GET", "/v1/incidents/1/timeline"))["entries"]
    assert [entry["text"].partition(" Told:")[0] for entry in entries] == [
        "Suspected by alertmanager: Probe fails (critical; follow). Families are told nothing.",
        "Nobody had confirmed it: families are told of what alertmanager suspects.",
    ]


async def test_a_human_opens_what_is_suspected(served: Served) -> None:
    """201 with the number of the incident, which is confirmed; the key gives the same answer again."""
    await served.ask("POST", "/v1/events", FIRING)
    body = {"services": ["follow"], "severity": "major", "title": "Late", "message": "Readings come late."}
    dry = await by_human(served, "POST", "/v1/incidents", body, dry_run=True)
    assert (dry["incident"], dry["confirmed"], dry["preview"]["families"]) == (1, True, 1)
    assert (await by_human(served, "GET", "/v1/incidents/1"))["held"]
    headers = {"Authorization": served.http.headers["X-Human"], "Idempotency-Key": "k"}
    for _ in range(2):
        answer = await served.ask("POST", "/v1/incidents", body, headers=headers)
        assert answer.status_code == 201
        assert answer.json() == dry | {"dry_run": False, "update": 1}
    assert await told(served) == 1
    again = await served.ask("POST", "/v1/incidents", body, headers={"Authorization": headers["Authorization"]})
    assert (again.status_code, again.json()["error"]["incident"]) == (409, 1)
    entries = (await by_human(served, "GET", "/v1/incidents/1/timeline"))["entries"]
    assert entries[1]["text"].startswith("Update 1 by test (")
    assert 'confirmed: Late (major; follow). "Readings come late."' in entries[1]["text"]


async def test_an_update_without_a_word_confirms(served: Served) -> None:
    """`alertd incident update 1` is enough at three in the morning."""
    await served.ask("POST", "/v1/events", FIRING)
    done = await by_human(served, "POST", "/v1/incidents/1/updates", {})
    assert (done["state"], done["update"]) == ("investigating", 1)
    assert await told(served) == 1


async def test_where_confirm_is_nothing_the_webhook_itself_has_families_told(served: Served) -> None:
    """Nobody waits for the sweeper's next look: neither at an opening nor at a raise."""
    at_once = {Severity.CRITICAL: make.minutes(0), Severity.MAJOR: None, Severity.MINOR: None}
    policy = replace(served.deps.policies["follow"], confirm=at_once)
    deps = replace(served.deps, policies={"follow": policy})
    served.app.state.served = replace(served.app.state.served, deps=deps)
    before = len(served.channel("push").accepted)
    for number, severities in enumerate((["critical"], ["warning", "critical"]), start=1):
        for severity in severities:
            assert len(served.channel("push").accepted) == before
            fired = alert(f"f{number}", severity=severity) | {
                "startsAt": f"2026-11-04T19:5{number}:0{len(severity) % 10}Z"
            }
            assert (await served.ask("POST", PATH, webhook(fired))).json()["alerts"][0]["incident"] == number
            await served.work()
        shown = await by_human(served, "GET", f"/v1/incidents/{number}")
        assert (shown["state"], shown["held"]) == ("suspected", False)
        assert len(served.channel("push").accepted) == before + 1
        assert "may be down" in served.channel("push").accepted[-1].title
        await by_human(served, "POST", f"/v1/incidents/{number}/cancel", {})
        await served.work()
        before = len(served.channel("push").accepted)


async def test_what_a_machine_may_not_do_is_202_with_the_reason(served: Served) -> None:
    """A source not named may only propose; nothing it says is an error, nothing is lost."""
    answer = await served.ask("POST", "/v1/events", FIRING | {"source": "cron"})
    assert answer.status_code == 202
    assert answer.json()["did"] == "noted"
    assert 'policy follow does not let source "cron" open by itself' in answer.json()["why"]
    resolved = await served.ask("POST", "/v1/events", FIRING | {"id": "2", "status": "resolved"})
    assert (resolved.status_code, resolved.json()["did"]) == (202, "noted")
    assert resolved.json()["why"] == 'no open incident belongs to alert "a"'
    async with served.deps.store.reading() as rows:
        assert set(await rows.known_events("cron", ["1"])) == {"1"}
        assert set(await rows.known_events("alertmanager", ["1", "2"])) == {"2"}


async def test_a_machines_event_twice_and_changed(served: Served) -> None:
    for expected in ("opened", "duplicate"):
        answer = await served.ask("POST", "/v1/events", FIRING)
        assert (answer.json()["did"], answer.json()["incident"]) == (expected, 1)
    changed = await served.ask("POST", "/v1/events", FIRING | {"title": "Other"})
    assert changed.status_code == 409


async def test_a_dry_run_of_a_machine_keeps_nothing(served: Served) -> None:
    answer = await served.ask("POST", "/v1/events", FIRING, dry_run=True)
    assert answer.status_code == 200
    assert (answer.json()["did"], answer.json()["preview"]["families"]) == ("opened", 1)
    assert (await by_human(served, "GET", "/v1/incidents"))["incidents"] == []


async def test_a_machines_words_are_cut_not_refused(served: Served) -> None:
    """Nobody is there to mend a title that is too long."""
    await served.ask("POST", "/v1/events", FIRING | {"title": "word " * 39})
    title = (await by_human(served, "GET", "/v1/incidents/1"))["title"]
    assert len(title) <= 120
    assert title.endswith("word...")


# --- Alertmanager ---------------------------------------------------------------------------------


async def test_the_captured_webhooks(served: Served) -> None:
    """None of their alerts names a service: 202, kept, noted once; mapped by their name they open an incident."""
    lines = [json.loads(line) for line in CAPTURED.read_text().splitlines()]
    for line in lines:
        answer = await served.ask("POST", PATH, line)
        assert answer.status_code == 202
        assert answer.json()["alerts"][0]["did"] == "noted"
    assert await by_human(served, "GET", "/v1/incidents") == {"incidents": []}
    async with served.deps.store.reading() as rows:
        ignored = await rows.ignored_events(make.NOON - make.minutes(1), 10)
    assert [(each.reason, list(each.alerts)) for each in ignored] == [
        ("unmapped", ["Disk 95%"]), ("unmapped", ["DiskFull"]), ("unmapped", ["always"]),
    ]  # fmt: skip

    labels = Labels(service_label="alertname", service={"DiskFull": "follow", "Up": "share"})
    served.app.state.served = replace(served.app.state.served, labels=labels)
    for line in lines:
        for each in line["alerts"]:
            each["startsAt"] = "2026-11-04T20:00:00Z"
    became = [(await served.ask("POST", PATH, line)).json()["alerts"][0] for line in lines]
    assert [(each["did"], each["incident"]) for each in became] == [
        ("opened", 1), ("noted", 1), ("noted", 1), ("opened", 2),
    ]  # fmt: skip
    assert 'alert "82f18647108e0b7e" of source "alertmanager" is not resolved' in became[2]["why"]
    shown = await by_human(served, "GET", "/v1/incidents/1")
    assert (shown["title"], shown["severity"]) == ("Disk 95%", "critical")


async def test_a_group_with_every_kind_of_bad_alert(served: Served) -> None:
    """One good alert among them opens its incident; each of the others says why it did not."""
    group = webhook(
        7,
        alert("f1", service="folow"),
        {name: value for name, value in alert("f2").items() if name != "startsAt"},
        alert("f3", status="maybe"),
        {"status": "firing", "startsAt": "x\ud800", "labels": None, "fingerprint": ["?"]},
        alert("f4", severity="sev9", region="moon base"),
        alert("f5", service="login"),
        alert("f6", region="mars"),
    )
    answer = await served.ask("POST", PATH, group)
    assert answer.status_code == 202, answer.text
    assert answer.json()["did"] == {"noted": 7, "opened": 1}
    whys = [each.get("why", "") for each in answer.json()["alerts"]]
    for why, says in zip(
        whys,
        (
            "must be a set of keys and values, not a number",
            'label service is "folow", which is no service; did you mean "follow"?',
            "no startsAt",
            "neither firing nor resolved",
            "no label service",
            'label severity is "sev9", which is not mapped: taken as minor; label region is "moon base", no known '
            "region of follow: taken as all",
            'policy default does not let source "alertmanager" open by itself',
            'label region is "mars", no known region of follow: taken as all',
        ),
        strict=True,
    ):
        assert says in why
    shown = await by_human(served, "GET", "/v1/incidents/1")
    assert (shown["severity"], shown["scope"]) == ("critical", [{"service": "follow", "regions": []}])
    again = await served.ask("POST", PATH, group)
    assert again.json()["did"] == {"duplicate": 8}


async def test_other_annotations_are_a_duplicate(served: Served) -> None:
    """And the next firing of the same alert is not."""
    await served.ask("POST", PATH, webhook(alert()))
    changed = alert() | {"annotations": {"summary": "No readings for an hour"}, "endsAt": "2026-11-04T21:00:00Z"}
    assert (await served.ask("POST", PATH, webhook(changed))).json()["did"] == {"duplicate": 1}
    later = alert() | {"startsAt": "2026-11-04T20:30:00Z"}
    assert (await served.ask("POST", PATH, webhook(later))).json()["did"] == {"noted": 1}


async def test_what_fires_again_as_before_is_no_duplicate(served: Served) -> None:
    """Alertmanager, cut off from Prometheus, says resolved; when it sees the same alert again, startsAt is as before.

    Taken for a duplicate, the outage would end by itself while it lasts.
    """
    policy = replace(served.deps.policies["follow"], sources={"alertmanager": ("open", "resolve")})
    deps = replace(served.deps, policies={"follow": policy})
    served.app.state.served = replace(served.app.state.served, deps=deps)
    resolved = webhook(alert(status="resolved"))
    for group, resolves in (
        (webhook(alert()), False),
        (resolved, True),
        (webhook(alert()), False),
        (resolved, True),
    ):
        for expected in ("opened", "noted"), ("duplicate",):
            served.clock.advance(seconds=30)
            answer = (await served.ask("POST", PATH, group)).json()
            assert answer["alerts"][0]["did"] in expected
            assert answer["alerts"][0]["incident"] == 1
        shown = await by_human(served, "GET", "/v1/incidents/1")
        assert (shown["resolve_at"] is not None) is resolves
    served.clock.advance(minutes=15)
    assert await told(served) == 0
    assert (await by_human(served, "GET", "/v1/incidents/1"))["state"] == "resolved"


async def test_an_alert_is_judged_again_once_its_label_means_something(served: Served) -> None:
    """03:00 not mapped, 03:10 mended: the next time that Alertmanager repeats itself its incident opens."""
    group = webhook(alert("f1", service="follow-backend"), alert("f2", service="nothing"))
    assert (await served.ask("POST", PATH, group)).json()["did"] == {"noted": 2}
    served.clock.advance(minutes=5)
    again = (await served.ask("POST", PATH, group)).json()
    assert again["did"] == {"duplicate": 2}
    assert again["alerts"][0] == {"alert": "f1", "status": "firing", "did": "duplicate", "incident": None}

    served.clock.advance(minutes=5)
    labels = Labels(service={"follow-backend": "follow"})
    served.app.state.served = replace(served.app.state.served, labels=labels)
    became = (await served.ask("POST", PATH, group)).json()
    assert became["did"] == {"opened": 1, "duplicate": 1}
    assert (became["alerts"][0]["did"], became["alerts"][0]["incident"]) == ("opened", 1)
    for _ in range(2):
        served.clock.advance(minutes=5)
        assert (await served.ask("POST", PATH, group)).json()["did"] == {"duplicate": 2}
    shown = await by_human(served, "GET", "/v1/incidents/1")
    assert (shown["since"], len(shown["updates"])) == ("2026-11-04T19:58:00.108164Z", 1)
    resolved = (await served.ask("POST", PATH, webhook(alert("f1", "resolved")))).json()
    assert resolved["alerts"][0]["incident"] == 1
    assert len((await by_human(served, "GET", "/v1/events/ignored"))["ignored"]) == 1


async def test_an_alert_that_was_ignored_twice_is_judged_again_too(served: Served) -> None:
    """Alertmanager lost sight of it meanwhile: it is kept as a telling of its own, which then has the incident."""
    group, over = (
        webhook(alert(region="eu", service="x")),
        webhook(alert("f1", "resolved", region="eu", service="x")),
    )
    for each in (group, over, group):
        served.clock.advance(seconds=30)
        assert (await served.ask("POST", PATH, each)).json()["did"] == {"noted": 1}
    served.app.state.served = replace(served.app.state.served, labels=Labels(service={"x": "follow"}))
    for did in ("opened", "duplicate", "duplicate"):
        served.clock.advance(seconds=30)
        answer = (await served.ask("POST", PATH, group)).json()["alerts"][0]
        assert (answer["did"], answer["incident"]) == (did, 1)
    assert len((await by_human(served, "GET", "/v1/incidents"))["incidents"]) == 1


async def test_no_annotation_reaches_a_family(served: Served) -> None:
    served.app.state.served = replace(served.app.state.served, labels=Labels(severity={"sev1": Severity.CRITICAL}))
    await served.ask("POST", PATH, webhook(alert(severity="sev1")))
    served.clock.advance(minutes=5)
    assert await told(served) == 1
    for channel in ("push", "sms"):
        [message] = served.channel(channel).accepted
        assert "No readings" not in f"{message.title} {message.text}"
        assert "may be down" in f"{message.title} {message.text}"


async def test_three_hundred_alerts_are_one_incident(served: Served) -> None:
    """The list of what became of them is bounded, the counts are not."""
    group = webhook(*(alert(f"f{n}", instance=f"i{n}", severity="warning") for n in range(299)), alert("last"))
    answer = (await served.ask("POST", PATH, group)).json()
    assert answer["did"] == {"noted": 299, "opened": 1}
    assert (len(answer["alerts"]), answer["left_out"]) == (100, 200)
    shown = await by_human(served, "GET", "/v1/incidents/1")
    assert (shown["severity"], len(shown["updates"])) == ("critical", 1)
    served.clock.advance(minutes=5)
    assert await told(served) == 1


async def test_ten_megabytes_are_taken_in_seconds(served: Served) -> None:
    group = webhook(*(alert(f"f{n}", instance="x" * 400) for n in range(15_000)))
    raw = json.dumps(group).encode()
    assert 9_500_000 < len(raw) < MOST_BYTES
    began = time.process_time()  # other processes of a busy machine do not count
    answer = await served.ask("POST", PATH, raw=raw)
    took = time.process_time() - began
    assert answer.json()["did"] == {"noted": 14_999, "opened": 1}
    assert took < 15, "it takes three on an idle machine"
    again = await served.ask("POST", PATH, raw=raw)
    assert again.json()["did"] == {"duplicate": 15_000}


async def test_more_than_that_is_refused(served: Served) -> None:
    answer = await served.ask("POST", PATH, raw=b"[" + b" " * MOST_BYTES + b"]")
    assert answer.status_code == 413
    assert answer.json()["error"] == {"code": "too_large", "message": "the body is larger than 16 MB"}


@pytest.mark.parametrize(
    ("raw", "field", "says"),
    [
        (b"{", None, "the body is not JSON"),
        (b"[]", None, "must be Alertmanager's webhook, a set of keys and values, not a list"),
        (b"{}", "version", 'version is missing; Alertmanager\'s webhook says "4"'),
        (b'{"version": "3", "alerts": []}', "version", 'version is "3"; alertd reads version 4'),
        (b'{"version": "4"}', "alerts", "alerts must be a list of alerts, not nothing"),
        (b'{"version": "4", "alerts": {}}', "alerts", "alerts must be a list of alerts, not a set"),
    ],
    ids=["no JSON", "a list", "no version", "version 3", "no alerts", "alerts no list"],
)
async def test_what_is_no_webhook_is_400(served: Served, raw: bytes, field: str | None, says: str) -> None:
    answer = await served.ask("POST", PATH, raw=raw)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error.get("field")) == ("malformed", field)
    assert says in error["message"]


class Hurried:
    """A store in which somebody else always writes first."""

    def __init__(self, store: Store) -> None:
        self.reading = store.reading

    def transaction(self) -> None:
        raise Overtaken


async def test_alerts_that_could_not_be_joined_are_sent_again_not_forgotten(served: Served) -> None:
    """Alertmanager sends again what is answered 5xx, and forgets what is answered 4xx."""
    deps = replace(served.deps, store=cast(Store, Hurried(served.deps.store)))
    served.app.state.served = replace(served.app.state.served, deps=deps)
    answer = await served.ask("POST", PATH, webhook(alert()))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "changes faster" in answer.json()["error"]["message"]
    operation = served.app.openapi()["paths"][PATH]["post"]
    assert "change faster" in operation["responses"]["503"]["description"]
    assert "503" in operation["description"]


@pytest.mark.parametrize("path", [PATH, "/v1/events", "/livez", "/readyz"])
async def test_a_slash_at_the_end_of_what_machines_ask_for_loses_nothing(served: Served, path: str) -> None:
    """Alertmanager forgets what is answered 4xx, and its `url` may have ended so for years."""
    method, body = ("GET", None) if path.endswith("z") else ("POST", webhook(alert()) if path == PATH else FIRING)
    slashed = await served.ask(method, f"{path}/", body)
    assert slashed.status_code == (await served.ask(method, path, body)).status_code
    assert slashed.status_code in (200, 202, 503), slashed.text
    assert f"{path}/" not in (await served.ask("GET", "/openapi.json")).json()["paths"]


async def test_a_webhook_needs_a_key_that_may(served: Served) -> None:
    assert (await served.ask("POST", PATH, webhook(), headers={"Authorization": "Bearer x"})).status_code == 401
    await served.sign_in("incident:read")
    assert (await served.ask("POST", PATH, webhook())).status_code == 403


async def test_a_webhook_with_a_key_of_its_own_is_answered_alike(served: Served) -> None:
    answers = [
        (await served.ask("POST", PATH, webhook(alert()), headers={"Idempotency-Key": "k"})).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert answers[0]["did"] == {"opened": 1}
    other = await served.ask("POST", PATH, webhook(), headers={"Idempotency-Key": "k"})
    assert other.status_code == 409


async def test_alerts_that_resolve_before_anybody_confirmed_stay_a_proposal(served: Served) -> None:
    """Alertmanager may open and raise under the shipped policy, and end nothing."""
    await served.ask("POST", PATH, webhook(alert()))
    served.clock.advance(minutes=1)
    answer = (await served.ask("POST", PATH, webhook(alert(status="resolved"), status="resolved"))).json()
    assert answer["did"] == {"noted": 1}
    assert 'does not let source "alertmanager" resolve by itself' in answer["alerts"][0]["why"]
    entries = (await by_human(served, "GET", "/v1/incidents/1/timeline"))["entries"]
    assert entries[-1]["what"] == "proposed"
    assert entries[-1]["text"].startswith("Proposed by alertmanager: incident 1 goes on")


async def test_a_humans_event_confirms_what_a_machine_suspects(served: Served) -> None:
    """It is their act, as an opening by hand is."""
    await served.ask("POST", "/v1/events", FIRING)
    body = FIRING | {"source": "desk", "id": "d1", "alert": "desk", "message": "Nothing arrives."}
    taken = await by_human(served, "POST", "/v1/events", body)
    assert (taken["did"], taken["incident"], taken["update"]) == ("updated", 1, 1)
    shown = await by_human(served, "GET", "/v1/incidents/1")
    assert (shown["state"], shown["held"]) == ("investigating", False)
    assert await told(served) == 1
    assert "Nothing arrives." in served.channel("push").accepted[0].text


async def test_what_was_ignored_can_be_looked_at(served: Served) -> None:
    """Newest first, and whether anybody on our side has heard of it."""
    await served.ask("POST", PATH, webhook(*[alert(f"f{n}", service="nothing") for n in range(12)]))
    served.clock.advance(minutes=1)
    await served.ask("POST", PATH, webhook(alert("g1", region="eu", severity="warning", service="nothing")))

    shown = (await by_human(served, "GET", "/v1/events/ignored"))["ignored"]

    assert [(each["count"], each["told"]) for each in shown] == [(1, None), (12, None)]
    assert shown[1]["alerts"] == ["No readings"]
    assert (shown[1]["source"], shown[1]["reason"]) == ("alertmanager", "unmapped")
    assert "which is no service" in shown[1]["why"]
    assert len((await by_human(served, "GET", "/v1/events/ignored", limit=1))["ignored"]) == 1
    assert (await served.ask("GET", "/v1/events/ignored")).status_code == 403, "a machine's key reads nothing"
