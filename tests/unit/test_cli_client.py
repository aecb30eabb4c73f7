"""How the command line meets a server: absent, dropping, slow, foreign, and the right one."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from alertd.cli.client import Api
from alertd.cli.failed import Failed
from alertd.free_port import free_port
from tests.listening import Shell, alertd

__all__ = ["alertd"]

Answer = Callable[[socket.socket], None]


@contextmanager
def server(*answers: Answer) -> Iterator[tuple[str, list[bytes]]]:
    """Takes one connection per answer, reads the request, and answers so; yields its URL and what it read."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            for answer in answers:
                connection, _ = listener.accept()
                with connection:
                    heard.append(_request(connection))
                    answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join(10)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    wanted = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def drop(_connection: socket.socket) -> None:
    """Hang up without a word."""


def half(connection: socket.socket) -> None:
    """Hang up in the middle of the answer."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def saying(status: int, body: object, kind: str = "application/json") -> Answer:
    """Answer well-formed."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()

    def answer(connection: socket.socket) -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(raw)}\r\n\r\n"
        connection.sendall(head.encode() + raw)

    return answer


def header(request: bytes, name: bytes) -> bytes | None:
    """A header of a request as it was sent."""
    for line in request.partition(b"\r\n\r\n")[0].split(b"\r\n"):
        if line.lower().startswith(name.lower() + b":"):
            return line.partition(b":")[2].strip()
    return None


DONE = {
    "incident": 1, "update": 1, "state": "investigating", "dry_run": False,
    "preview": {"families": 1, "messages": {"sms": 1}, "seconds": 0.1, "exact": True},
}  # fmt: skip


@pytest.mark.parametrize("arguments", [("incident", "list"), ("family", "export"), ("event", "send", "EVENT")])
def test_nobody_listens(
    alertd: Shell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """69, one sentence, and the command that starts it."""
    (tmp_path / "event.json").write_text("{}")
    monkeypatch.setenv("ALERTD_URL", f"http://127.0.0.1:{free_port()}")
    given = [str(tmp_path / "event.json") if each == "EVENT" else each for each in arguments]
    assert alertd(*given) == 69
    assert "does not answer" in alertd.err
    assert "start it with: alertd up" in alertd.err
    assert len(alertd.err.splitlines()) == 2


@pytest.mark.parametrize("breaking", [drop, half])
def test_a_dropped_connection_is_tried_once_more_with_the_same_key(
    alertd: Shell, monkeypatch: pytest.MonkeyPatch, breaking: Answer
) -> None:
    """The server does it once however often it hears it, so asking again is safe."""
    with server(saying(200, DONE | {"dry_run": True}), breaking, saying(201, DONE)) as (url, heard):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd("incident", "open", "--service", "follow", "--severity", "major", "--title", "x") == 0
    keys = [header(request, b"Idempotency-Key") for request in heard]
    assert keys[1] is not None
    assert keys[1] == keys[2]
    assert heard[1] == heard[2]
    assert b"dry_run=true" in heard[0]
    assert b"dry_run" not in heard[1]
    assert "Incident 1 is open" in alertd.out


def test_two_command_lines_are_two_commands(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each makes its own key: saying the same twice on purpose is allowed."""
    with server(*[saying(200, DONE)] * 4) as (url, heard):
        monkeypatch.setenv("ALERTD_URL", url)
        for _ in range(2):
            assert alertd("incident", "resolve", "1") == 0
    keys = [header(request, b"Idempotency-Key") for request in heard]
    assert keys[0] == keys[1] != keys[2] == keys[3]


def test_a_connection_that_drops_twice(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """69, and what that means for what was asked."""
    with server(drop, drop) as (url, _):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd("incident", "list") == 69
    assert "dropped the connection twice" in alertd.err
    assert "at most once" in alertd.err


def silence(connection: socket.socket) -> None:
    """Read on, and never answer."""
    connection.settimeout(10)
    while connection.recv(65536):
        pass


OPEN = ("incident", "open", "--service", "follow", "--severity", "major", "--title", "x", "--yes")


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits a minute here."""
    monkeypatch.setattr("alertd.cli.client.PATIENCE", 0.3)


def test_an_answer_that_does_not_come(alertd: Shell, monkeypatch: pytest.MonkeyPatch, impatient: None) -> None:
    """69: it may have been done; how to look, and the key with which asking again does it once."""
    with server(saying(200, DONE | {"dry_run": True}), silence) as (url, heard):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd(*OPEN) == 69
    key = (header(heard[1], b"Idempotency-Key") or b"").decode()
    assert "did not answer within" in alertd.err
    assert "may have been carried out" in alertd.err
    assert f"--idempotency-key {key}" in alertd.err
    refusal = {"error": {"code": "conflict", "message": "it is open already", "incident": 1}}
    with server(saying(409, refusal), saying(201, DONE)) as (url, heard):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd(*OPEN, "--idempotency-key", key) == 0
    assert "Incident 1 is open" in alertd.out, "the kept answer, though a dry run finds the incident in the way"
    assert header(heard[1], b"Idempotency-Key") == key.encode()
    with server(silence) as (url, _):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd(*OPEN) == 69
    assert "carried out" not in alertd.err, "a dry run does nothing"


def test_an_import_that_gets_no_answer(
    alertd: Shell, monkeypatch: pytest.MonkeyPatch, impatient: None, tmp_path: Path
) -> None:
    """69: the same file again is safe by itself, and needs no key."""
    (tmp_path / "families.jsonl").write_text("{}\n")
    with server(silence) as (url, _):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd("family", "import", str(tmp_path / "families.jsonl")) == 69
    assert "import the whole file again, which is safe" in alertd.err
    assert "--idempotency-key" not in alertd.err


def failure(alertd: Shell) -> dict[str, Any]:
    """The one JSON object on standard error."""
    assert alertd.out == ""
    told: dict[str, Any] = json.loads(alertd.err)["error"]
    return told


@pytest.mark.parametrize("asked", [("-o", "json"), ("--output=json",)])
def test_programs_get_errors_as_json(
    alertd: Shell, monkeypatch: pytest.MonkeyPatch, impatient: None, asked: tuple[str, ...]
) -> None:
    """One object on standard error, of the API's shape; exit codes as for people."""
    monkeypatch.setenv("ALERTD_URL", f"http://127.0.0.1:{free_port()}")
    assert alertd("incident", "list", *asked) == 69
    assert (failure(alertd)["code"], failure(alertd)["exit"]) == ("unreachable", 69)
    assert failure(alertd)["way_out"] == "start it with: alertd up"
    assert alertd(*asked, "incident", "open", "--service", "follow") == 2
    assert (failure(alertd)["code"], failure(alertd)["exit"]) == ("usage", 2)
    assert "--severity" in failure(alertd)["message"]
    assert alertd("incident", "update", "one", "--message", "x", *asked) == 2
    assert alertd("incident", "nonsense", *asked) == 2
    assert "nonsense" in failure(alertd)["message"]
    error = {"code": "invalid", "message": "is odd", "field": "severity"}
    with server(saying(422, {"error": error})) as (url, _):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd(*OPEN, *asked) == 1
    assert failure(alertd) == error | {"exit": 1}
    with server(saying(200, DONE | {"dry_run": True}), silence) as (url, _):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd(*OPEN, *asked) == 69
    assert failure(alertd)["carried_out"] == "unknown"
    assert failure(alertd)["idempotency_key"] in failure(alertd)["way_out"]


@pytest.mark.parametrize(
    "foreign", [saying(200 + 200, b"<html>", "text/html"), saying(302, b""), saying(500, {"detail": "?"})]
)
def test_another_server(alertd: Shell, monkeypatch: pytest.MonkeyPatch, foreign: Answer) -> None:
    """1, and where to look; redirects are not followed with a key."""
    with server(foreign) as (url, _):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd("incident", "list") == 1
    assert "this is no alertd" in alertd.err
    assert "ALERTD_URL" in alertd.err


@pytest.mark.parametrize("url", ["nonsense", "ftp://host", "http://", "http://user@host", "http://host?x=1"])
def test_a_url_that_is_none(alertd: Shell, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """1, with an example."""
    monkeypatch.setenv("ALERTD_URL", url)
    assert alertd("incident", "list") == 1
    assert "http://127.0.0.1:8420" in alertd.err


def test_the_key_of_the_data_folder_stays_on_this_machine(tmp_path: Path) -> None:
    """It is found without being named, and is never sent to another host."""
    (tmp_path / "api-key").write_text("ald_secret\n")
    env = {"ALERTD_DATA_DIR": str(tmp_path)}
    assert Api.here(env) == Api("http://127.0.0.1:8420", "ald_secret")
    assert Api.here(env | {"ALERTD_API__PORT": "9000"}).url == "http://127.0.0.1:9000"
    assert Api.here(env | {"ALERTD_URL": "http://localhost:8420/"}).key == "ald_secret"
    assert Api.here(env | {"ALERTD_URL": "https://alertd.example.org"}).key is None
    assert Api.here(env | {"ALERTD_URL": "https://alertd.example.org", "ALERTD_API_KEY": "mine"}).key == "mine"
    assert Api.here(env | {"ALERTD_API_KEY": "mine"}).key == "mine"


def test_a_broken_key_file_is_told(tmp_path: Path) -> None:
    """Without the bytes that are in it."""
    (tmp_path / "api-key").write_bytes(b"\xff\xfe")
    with pytest.raises(Failed, match="cannot be read"):
        Api.here({"ALERTD_DATA_DIR": str(tmp_path)})


def test_settings_with_mistakes_are_told(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """1, naming the variables."""
    monkeypatch.setenv("ALERTD_API__PORT", "many")
    monkeypatch.setenv("ALERTD_API__PROT", "1")
    assert alertd("incident", "list") == 1
    assert "ALERTD_API__PORT" in alertd.err
    assert "ALERTD_API__PROT" in alertd.err
    assert "Traceback" not in alertd.err


def test_the_key_travels_in_the_header_only(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """And is not printed, whatever happens."""
    with server(saying(401, {"error": {"code": "unauthenticated", "message": "no"}})) as (url, heard):
        monkeypatch.setenv("ALERTD_URL", url)
        monkeypatch.setenv("ALERTD_API_KEY", "ald_12345678_secret")
        assert alertd("incident", "list") == 1
    assert header(heard[0], b"Authorization") == b"Bearer ald_12345678_secret"
    assert b"secret" not in heard[0].splitlines()[0]
    assert "secret" not in alertd.out + alertd.err


def test_several_mistakes_are_all_printed_in_the_words_of_the_command(
    alertd: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fields of the API become options."""
    problems: list[dict[str, Any]] = [
        {"field": "services[0].service", "message": "is odd"},
        {"field": "next_in", "message": "has no unit"},
        {"field": "message.es", "message": "is long"},
    ]
    error = {"code": "invalid", "message": "is odd", "field": "services", "problems": problems}
    with server(saying(422, {"error": error})) as (url, _):
        monkeypatch.setenv("ALERTD_URL", url)
        assert alertd("incident", "open", "--service", "follow", "--severity", "major", "--title", "x") == 1
    assert alertd.err.splitlines() == [
        "alertd: 3 mistakes:",
        "  --service: is odd",
        "  --next-in: has no unit",
        "  --message: is long",
    ]
