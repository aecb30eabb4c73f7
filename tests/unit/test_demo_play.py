"""The play: each act at its moment of the story, over HTTP, in the daemon's own words."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from alertd.demo.client import ApiRefused, ApiSilent, Client
from alertd.demo.play import Play, Played, Stopped
from alertd.demo.script import Script
from alertd.demo.script_file import read_script
from alertd.ingest.alertmanager import BUILT_IN, parse
from alertd.policy_file import load_services
from alertd.sandbox.story_clock import StoryClock, machine_time
from alertd.settings.reading import shipped_config

WEEKEND = shipped_config() / "scenarios" / "demo" / "weekend.yaml"
SCRIPT = read_script(WEEKEND, fast=True)
RATE = 100_000.0  # nineteen hours in less than a second


class Daemon(ThreadingHTTPServer):
    """Takes every command as alertd does, and remembers it; `refuses` answers instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[tuple[str, Any, dict[str, str]]] = []
        self.refuses: tuple[int, Any] | None = None
        self.did = "opened"  # what becomes of an alert
        self.then = "updated"  # ... and of one that follows it

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Daemon

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, json.loads(body), dict(self.headers)))
        status, answer = self.server.refuses or (200, {"incident": 7, "update": len(self.server.heard)})
        if self.path == "/v1/events/alertmanager" and status == 200:
            first = len(self.server.heard) == 1
            did = self.server.did if first else self.server.then
            answer = {"did": {did: 1}, "alerts": [{"did": did, "incident": 7}]}
        sent = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def daemon() -> Iterator[Daemon]:
    with Daemon() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def performed(
    server: Daemon,
    stop: threading.Event | None = None,
    *,
    before: Callable[[int], None] = lambda incident: None,
    script: Script = SCRIPT,
) -> tuple[Play, list[Played]]:
    played: list[Played] = []
    clock = StoryClock(script.begins, machine_time(), RATE)
    alerts = Client(server.url, "ald_alerts")
    play = Play(Client(server.url, "ald_key"), alerts, clock, stop or threading.Event(), played.append)
    play.perform(script, before)
    return play, played


def test_every_act_is_done_at_its_moment_and_in_order() -> None:
    with daemon() as server:
        asked: list[tuple[int, int]] = []
        play, played = performed(server, before=lambda incident: asked.append((incident, len(server.heard))))
        assert play.now() >= SCRIPT.ends
    assert [path for path, _, _ in server.heard] == [
        *["/v1/events/alertmanager"] * 2,
        "/v1/incidents",
        "/v1/incidents/7/updates",
        "/v1/incidents/7/resolve",
    ]
    assert asked == [(7, 4)]  # just before the end
    for act, done in zip(SCRIPT.acts, played, strict=True):
        assert done.act is act
        assert act.at <= done.at < act.at + timedelta(seconds=1) * RATE
    opened, update, resolved = server.heard[2][1], server.heard[3][1], server.heard[-1][1]
    assert opened["services"] == ["follow"]
    assert opened["since"] == "2019-11-30T04:30:00+00:00"
    assert set(opened["message"]) == {"en", "es"}
    assert update == {"message": dict(SCRIPT.acts[3].message), "add_scope": ["share"], "next_in": "4h"}
    assert set(resolved) == {"message"}


def test_the_weekend_grows_shrinks_ends_and_comes_back() -> None:
    with daemon() as server:
        asked: list[int] = []
        performed(server, script=read_script(WEEKEND), before=lambda _: asked.append(len(server.heard)))
    paths = [path.rpartition("/")[2] for path, _, _ in server.heard]
    again = ["reopen", *["updates"] * 2, "resolve"]
    assert paths == [*["alertmanager"] * 2, "incidents", *["updates"] * 5, "resolve", *again]
    assert asked == [8, 12]  # just before either end
    bodies = [body for _, body, _ in server.heard]
    assert [at for at, body in enumerate(bodies) if "add_scope" in body] == [3]
    assert [at for at, body in enumerate(bodies) if body.get("remove_scope") == ["share"]] == [6]
    reopened = bodies[9]
    assert reopened["since"] == "2019-12-02T14:50:00+00:00"
    assert reopened["next_in"] == "4h"
    assert "services" not in reopened


def test_the_relapse_of_tuesday_reopens_it_once_more() -> None:
    with daemon() as server:
        performed(server, script=read_script(WEEKEND, relapse=True))
    paths = [path.rpartition("/")[2] for path, _, _ in server.heard]
    assert paths[13:] == ["reopen", *["updates"] * 3, "resolve"]
    assert server.heard[13][1]["since"] == "2019-12-03T16:50:00+00:00"


def test_the_alerts_are_some_that_alertd_reads() -> None:
    services = load_services(WEEKEND.parent / "services.yaml")
    with daemon() as server:
        performed(server)
    for at, severity in enumerate(("major", "critical")):
        [told] = parse(server.heard[at][1], BUILT_IN, services)
        assert told.event is not None
        assert told.why is None  # nothing had to be assumed
        assert (told.event.service, told.event.severity, told.event.regions) == ("follow", severity, ())
    [first] = parse(server.heard[0][1], BUILT_IN, services)
    assert first.event is not None
    assert first.event.detected_at == SCRIPT.begins


def test_an_alert_that_opens_nothing_ends_the_play() -> None:
    with daemon() as server:
        server.did = "noted"
        with pytest.raises(ApiRefused, match="the alert opened no incident: noted"):
            performed(server)


def test_an_alert_that_raises_nothing_ends_the_play() -> None:
    with daemon() as server:
        server.then = "noted"
        with pytest.raises(ApiRefused, match="the alert changed nothing in the incident: noted"):
            performed(server)


def test_every_command_has_the_key_and_an_idempotency_key_of_its_own() -> None:
    with daemon() as server:
        performed(server)
    headers = [headers for _, _, headers in server.heard]
    machine = {h["Authorization"] for h in headers[:2]}
    assert machine == {"Bearer ald_alerts"}  # it may send events, and nothing else
    assert {h["Authorization"] for h in headers[2:]} == {"Bearer ald_key"}
    assert len({h["Idempotency-Key"] for h in headers}) == len(headers)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"error": {"code": "invalid", "message": "lies in the past", "field": "next_by"}},
            "next_by: lies in the past",
        ),
        ({"error": "plain"}, "422 plain"),
        (b"<html>", "422"),
    ],
)
def test_a_refusal_is_told_in_the_daemons_words(answer: Any, said: str) -> None:
    with daemon() as server:
        server.refuses = (422, answer)
        with pytest.raises(ApiRefused, match=said):
            performed(server)


def test_a_daemon_that_is_gone() -> None:
    with daemon() as server:
        url = server.url
    with pytest.raises(ApiSilent, match="GET /v1/incidents/1: no answer"):
        Client(url).get("/v1/incidents/1", limit=3)


def test_a_play_that_is_stopped_stops_at_once() -> None:
    stop = threading.Event()
    stop.set()
    with daemon() as server, pytest.raises(Stopped):
        performed(server, stop)
    assert server.heard == []
