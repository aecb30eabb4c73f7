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
from alertd.demo.script import read_script
from alertd.sandbox.story_clock import StoryClock, machine_time
from alertd.settings.reading import shipped_config

SCRIPT = read_script(shipped_config() / "scenarios" / "demo" / "weekend.yaml", fast=True)
RATE = 100_000.0  # twenty hours in less than a second


class Daemon(ThreadingHTTPServer):
    """Takes every command as alertd does, and remembers it; `refuses` answers instead."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.heard: list[tuple[str, Any, dict[str, str]]] = []
        self.refuses: tuple[int, Any] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Daemon

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.heard.append((self.path, json.loads(body), dict(self.headers)))
        status, answer = self.server.refuses or (200, {"incident": 7, "update": len(self.server.heard)})
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
    server: Daemon, stop: threading.Event | None = None, *, before: Callable[[int], None] = lambda incident: None
) -> tuple[Play, list[Played]]:
    played: list[Played] = []
    clock = StoryClock(SCRIPT.begins, machine_time(), RATE)
    play = Play(Client(server.url, "ald_key"), clock, stop or threading.Event(), played.append)
    play.perform(SCRIPT, before)
    return play, played


def test_every_act_is_done_at_its_moment_and_in_order() -> None:
    with daemon() as server:
        asked: list[tuple[int, int]] = []
        play, played = performed(server, before=lambda incident: asked.append((incident, len(server.heard))))
        assert play.now() >= SCRIPT.ends
    assert [path for path, _, _ in server.heard] == [
        "/v1/incidents",
        *["/v1/incidents/7/updates"] * 3,
        "/v1/incidents/7/resolve",
    ]
    assert asked == [(7, 4)]  # just before the end
    for act, done in zip(SCRIPT.acts, played, strict=True):
        assert done.act is act
        assert act.at <= done.at < act.at + timedelta(seconds=1) * RATE
    opened, update, resolved = server.heard[0][1], server.heard[1][1], server.heard[-1][1]
    assert opened["services"] == ["follow", "share"]
    assert opened["since"] == "2019-11-30T07:40:00+00:00"
    assert set(opened["message"]) == {"en", "es"}
    assert update == {"message": dict(SCRIPT.acts[1].message), "next_in": "6h"}
    assert set(resolved) == {"message"}


def test_every_command_has_the_key_and_an_idempotency_key_of_its_own() -> None:
    with daemon() as server:
        performed(server)
    headers = [headers for _, _, headers in server.heard]
    assert {h["Authorization"] for h in headers} == {"Bearer ald_key"}
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
