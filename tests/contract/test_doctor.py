"""`alertd doctor` in real trouble: a full Redis, a mail server that refuses, a proxy that leads elsewhere."""

import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from alertd.cli.finding import lasting
from alertd.cli.findings import channels, examine
from alertd.cli.look_at_addresses import public_url
from alertd.cli.look_at_broker import broker
from alertd.cli.look_at_machine import disk, zones
from alertd.cli.look_at_policies import policies
from alertd.cli.look_at_rates import rates
from alertd.free_port import free_port
from tests.contract.surgery import Ask, doctor, said, seen
from tests.redis_here import Server, running_redis
from tests.served import CONFIG
from tests.servers import start, stop

__all__ = ["doctor"]


# --- Redis ----------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Redis of our own."""
    with running_redis(tmp_path) as running:
        yield running


@contextmanager
def stopping(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """It ends with what is done within."""
    try:
        yield
    finally:
        stop(process)


def test_a_redis_that_is_well(doctor: Ask, server: Server) -> None:
    assert "It answers in " in said(doctor(broker, BROKER_URL=server.url), "redis", "ok")


def test_a_redis_that_drops_keys_and_whose_hints_nobody_takes(doctor: Ask, server: Server) -> None:
    """Each is worth knowing; no family goes untold for it."""
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    server.client.config_set("maxmemory", "100kb")
    server.client.config_set("maxmemory-policy", "noeviction")
    found = doctor(broker, BROKER_URL=server.url)
    assert "refuses hints when it is full" in said(found, "redis", "note")
    server.client.config_set("maxmemory", "0")
    server.client.config_set("maxmemory-policy", "allkeys-lru")
    assert "drops keys (allkeys-lru)" in said(doctor(broker, BROKER_URL=server.url), "redis", "note")
    server.client.config_set("maxmemory-policy", "noeviction")
    server.client.rpush("alertd:bulk", *range(501))
    told = said(doctor(broker, BROKER_URL=server.url), "redis", "note")
    assert "501 hints wait in lane bulk" in told
    assert "alertd worker --lane bulk" in told


def test_the_rates_in_force_and_a_sender_of_whom_nobody_said_how_fast_it_is(doctor: Ask, server: Server) -> None:
    found = doctor(rates, BROKER_URL=server.url, TWILIO__RATE_PER_SECOND="100", TWILIO__ACCOUNT_SID="AC1")
    assert "a second: 100 SMS segments, 1 calls, 5000 pushes, 20 e-mails." in said(found, "rates", "ok")
    assert len(found["rates"]) == 1
    found = doctor(rates, BROKER_URL=server.url, TWILIO__ACCOUNT_SID="AC1")
    assert "ALERTD_TWILIO__RATE_PER_SECOND" in said(found, "rates", "note")


def test_a_redis_that_runs_no_script(doctor: Ask, server: Server) -> None:
    """Each process goes on by itself, slower; one that does not answer is told of elsewhere."""
    server.client.acl_setuser("alertd", enabled=True, passwords=["+s3cret"], keys=["alertd:*"], commands=["+ping"])
    url = server.url.replace("//", "//alertd:s3cret@")
    assert "runs no script of ours (NoPermissionError)" in said(doctor(rates, BROKER_URL=url), "rates", "note")
    assert len(doctor(rates, BROKER_URL="redis://127.0.0.1:1/0")["rates"]) == 1


def test_a_redis_user_who_may_not_ask_about_it(doctor: Ask, server: Server) -> None:
    server.client.acl_setuser(
        "alertd", enabled=True, passwords=["+s3cret"], keys=["alertd:*"], commands=["+llen", "+ping"]
    )
    url = server.url.replace("redis://", "redis://alertd:s3cret@")
    told = said(doctor(broker, BROKER_URL=url), "redis", "ok")
    assert "It answers" in told
    assert "s3cret" not in told


# --- accounts -------------------------------------------------------------------------------------


def test_a_mail_server_that_refuses_our_password(doctor: Ask, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "alertd.sandbox", "--data-dir", str(tmp_path / "sandbox")]
    process = start([*argv, "--smtp-login", "alertd:right"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout, stopping(process):
        url = json.loads(process.stdout.readline())["smtp_url"]
        wrong = url.replace("alertd:right@", "alertd:wrong@")
        assert wrong != url
        told = said(doctor(channels, SMTP__URL=wrong, SMTP__FROM="alertd@example.org"), "email", "wrong")
        assert "the mail server refuses us" in told
        assert "ALERTD_SMTP__URL" in told
        right = doctor(channels, SMTP__URL=url, SMTP__FROM="alertd@example.org")
        assert "the mail server answers" in said(right, "email", "ok")


# --- the public address ---------------------------------------------------------------------------


OUTSIDE, INSIDE = "alerts.example.org", "alerts.internal"
ALIVE = b'{"alive": true}'


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[http.server.ThreadingHTTPServer]:
    """Something that listens where the names below lead; `answer` is (status, body, and where it redirects to)."""

    class Answering(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, *location = self.server.answer  # type: ignore[attr-defined]
            self.send_response(status)
            for each in location:
                self.send_header("Location", each)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            pass

    known = socket.getaddrinfo

    def ask(host: str, *more: Any, **named: Any) -> Any:
        return known("127.0.0.1" if host in (OUTSIDE, INSIDE) else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", ask)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def test_where_the_public_address_leads(doctor: Ask, proxy: http.server.ThreadingHTTPServer) -> None:
    """To this machine, to nobody, to another site, to a proxy without a route, to alertd without TLS."""
    told = said(doctor(public_url), "public url", "note")
    assert "leads nobody outside of this machine anywhere, so messages to families hold no link" in told
    assert "-> set ALERTD_PUBLIC_URL to the https:// address" in told
    url = f"http://{OUTSIDE}:{proxy.server_port}"
    for answer, text_of_it in (
        ((404, b"{}"), "answers 404: the proxy does not lead to alertd's API"),
        ((200, b"{}"), "answers, but it is not alertd"),
        ((200, b"<html>"), "does not answer from here"),
        ((200, ALIVE), "answers, without encryption"),
    ):
        proxy.answer = answer  # type: ignore[attr-defined]
        assert text_of_it in said(doctor(public_url, PUBLIC_URL=url), "public url", "note")
    assert "does not answer from here (ConnectionRefusedError)" in said(
        doctor(public_url, PUBLIC_URL=f"http://{OUTSIDE}:{free_port()}"), "public url", "note"
    )


@pytest.mark.parametrize(
    ("location", "told", "mend"),
    [
        (
            f"https://{OUTSIDE}/livez",
            f"redirects to https://{OUTSIDE}",
            f"set ALERTD_PUBLIC_URL to https://{OUTSIDE}",
        ),
        ("/login?next=%2Flivez", "/login?next=%2Flivez", "have it pass /livez"),
        ("/livez", "redirects /livez to http://", "have it pass /livez"),  # for ever
    ],
)
def test_a_proxy_that_redirects(
    doctor: Ask, proxy: http.server.ThreadingHTTPServer, location: str, told: str, mend: str
) -> None:
    """As from http to https: the cause is the address that was set, not the proxy's routes."""
    proxy.answer = (301, b"", location)  # type: ignore[attr-defined]
    found = said(doctor(public_url, PUBLIC_URL=f"http://{OUTSIDE}:{proxy.server_port}"), "public url", "note")
    assert told in found
    assert f"-> {mend}" in found


def test_a_public_address_that_only_our_own_network_knows(
    doctor: Ask, proxy: http.server.ThreadingHTTPServer
) -> None:
    """It answers, and yet no family is ever asked."""
    proxy.answer = (200, ALIVE)  # type: ignore[attr-defined]
    found = doctor(public_url, PUBLIC_URL=f"http://{INSIDE}:{proxy.server_port}")["public url"]
    assert [each.mark for each in found] == ["note", "note"]
    assert "nobody is asked for an answer" in found[0].text
    assert found[0].mend == (
        "set ALERTD_PUBLIC_URL to the https:// address by which phones outside reach your proxy",
    )
    assert "without encryption" in found[1].text


# --- this machine ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Usage:
    """Tells of any folder that so many bytes are left."""

    free: int

    def __call__(self, _folder: Path) -> "Usage":
        return self


def test_a_disk_that_fills_up(tmp_path: Path) -> None:
    """With SQLite on it nobody could be told; with Postgres elsewhere, logs stop."""
    sqlite = seen(tmp_path)
    postgres = seen(tmp_path, ALERTD_DATABASE_URL="postgresql:///alertd")
    for free, mark, of_postgres in ((2**31, [], []), (2**29, ["note"], ["note"]), (2**20, ["wrong"], ["note"])):
        assert [each.mark for each in disk(sqlite, Usage(free))] == mark
        assert [each.mark for each in disk(postgres, Usage(free))] == of_postgres
    [finding] = disk(sqlite, Usage(5 * 2**20))
    assert finding.text == f"5 MB are left for {tmp_path / 'data'}"
    assert disk(sqlite) == [] or shutil.disk_usage(tmp_path).free < 2**30


def test_time_zones_that_nobody_knows(tmp_path: Path) -> None:
    assert zones(seen(tmp_path)) == []
    [finding] = zones(seen(tmp_path), ["America/Nowhere", "UTC"])
    assert (finding.mark, "America/Nowhere" in finding.text, "tzdata" in finding.mend[0]) == ("wrong", True, True)


def test_a_service_without_a_name_in_some_language(doctor: Ask, tmp_path: Path) -> None:
    """The languages are told; what one of them lacks is worth knowing."""
    folder = tmp_path / "config"
    shutil.copytree(CONFIG, folder)
    (folder / "services.yaml").write_text(
        "services: {follow: {names: {en: Follow}}, share: {names: {en: Share, es: Compartir}}}"
    )
    found = doctor(policies, CONFIG=str(folder))
    assert "default, follow; languages en, es" in said(found, "policies", "ok")
    assert "no name for follow in es" in said(found, "services", "note")  # where all have names: `doctor` says ok


def test_each_question_is_asked_and_each_answer_is_of_a_known_kind(tmp_path: Path) -> None:
    """Whoever adds one keeps to three marks, and says the way out of what is wrong."""
    env = {"ALERTD_DATA_DIR": str(tmp_path / "data"), "ALERTD_URL": "http://127.0.0.1:1"}
    found = examine(env)
    assert {each.what for each in found} >= {
        "settings",
        "policies",
        "database",
        "redis",
        "api",
        "sms",
        "push",
        "email",
    }
    for each in found:
        assert each.mark in {"ok", "note", "wrong"}
        assert each.text
        assert each.mend or each.mark != "wrong", each


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0004, "0 ms"),
        (0.85, "850 ms"),
        (12, "12 s"),
        (93, "93 s"),
        (420, "7 min"),
        (9000, "2 h"),
        (4e5, "5 days"),
    ],
)
def test_lengths_of_time_are_said_as_people_say_them(seconds: float, words: str) -> None:
    assert lasting(seconds) == words
