"""A whole outage with everything that goes wrong, and canaries for every address and secret: none of them sings.

What is searched is all that alertd writes where it does not have to: logs of every process at `debug`, tracebacks,
metrics, the broker's traffic, command lines of processes, bodies of errors, what commands print, records of acts.
"""

import base64
import json
import os
import re
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from tests.conftest import DIALECTS
from tests.integration import town
from tests.integration.rig import Rig
from tests.servers import wait_until

pytestmark = pytest.mark.integration
PATIENCE = 90.0

AUTH_TOKEN = "c4na7y" * 5 + "aa"
PASSWORD = "canary-password-of-the-mail-server"
HOOK, SWITCH = "canary-hook-of-the-owner", "canary-switch-of-the-dead-man"
NAME = "Canarina"
WORDS = "Canary word of ours"
LINK = re.compile(r"/[ar]/([\w-]{32})")


class Quarters:
    """The families, one for each way in which something goes wrong, and all that may not be read anywhere."""

    def __init__(self) -> None:
        self.town = town.Town()
        self.addresses: list[str] = []
        self.by_trouble: dict[str, tuple[str, str, str]] = {}  # number, mailbox, token
        for trouble in ("none", "dead", "off", "hang", "busy", "down", "drip", "lost", "forged", "nonsense"):
            self._family(trouble)

    def _family(self, trouble: str) -> None:
        which = len(self.by_trouble)
        number, mailbox = f"+1415555{100 + which:04}", f"canary.{trouble}@example.org"
        token = f"canary-{trouble}:APA91b" + f"Zz9-_{which}" * 20
        self.by_trouble[trouble] = (number, mailbox, token)
        self.addresses += (number, mailbox, token)
        on = [town.on("push", token), town.on("sms", number), town.on("email", mailbox)]
        who = town.person("mia", *on, preferences=town.want("push", "sms", "email")) | {"name": NAME}
        self.town.add(f"fam-{trouble}", [who])

    def faults(self) -> list[Mapping[str, object]]:
        """Of the providers, by address."""

        def on(trouble: str, **fault: object) -> Mapping[str, object]:
            channel = {"sms": 0, "email": 1, "push": 2}[str(fault["channel"])]
            return {**fault, "to": [self.by_trouble[trouble][channel]]}

        return [
            on("off", kind="undelivered", channel="sms"),
            on("hang", kind="hang", channel="sms", count=1, hold_s=60),
            on("hang", kind="hang", channel="push", count=1, hold_s=60),
            on("hang", kind="smtp_hang", channel="email", count=1, hold_s=60),
            on("busy", kind="429", channel="sms", count=1, retry_after_s=1),
            on("busy", kind="429", channel="push", count=1, retry_after_s=1),
            on("busy", kind="smtp_451", channel="email", count=1),
            on("down", kind="5xx", channel="sms", count=1, status=500),
            on("down", kind="5xx", channel="push", count=1, status=503, retry_after_s=1),
            on("drip", kind="slow_drip", channel="sms", count=1, drip_s=60),
            on("lost", kind="drop_after_accept", channel="sms", count=1),
            on("lost", kind="drop_after_accept", channel="push", count=1),
            on("forged", kind="callback_forged", channel="sms"),
        ]


def forms(secret: str) -> set[bytes]:
    """As which it may turn up: as it is, quoted, without its plus, in base64."""
    bare = secret.lstrip("+")
    found = {bare, quote(bare, safe=""), json.dumps(bare)[1:-1]}
    return {each.encode() for each in found} | {base64.b64encode(bare.encode()).rstrip(b"=")[:-1]}


def singing(canaries: Sequence[str], heard: bytes) -> list[str]:
    """Which of them can be read in something."""
    return [each for each in canaries if any(form in heard for form in forms(each))]


@contextmanager
def trap() -> Iterator[str]:
    """A web server that fails at whatever it is asked: a responder's hook, a dead man's switch. Its host and port."""

    class Fails(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(500)

        do_POST = do_GET  # noqa: N815  as the library names it

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Fails)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Tap:
    """All that goes through the broker, as its own MONITOR tells it."""

    def __init__(self, path: Path) -> None:
        self.heard = bytearray()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._socket.sendall(b"MONITOR\r\n")
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while part := self._socket.recv(65536):
            self.heard += part


def command_lines(rig: Rig) -> bytes:
    """Of every process of alertd's, as anybody on the machine can read them; the stand-ins' are the test's own."""
    found = b""
    for name, process in rig.processes.items():
        if name != "sandbox":
            found += Path(f"/proc/{process.pid}/cmdline").read_bytes()
            for child in rig.worker_children(name):
                found += Path(f"/proc/{child}/cmdline").read_bytes()
    return found


def bad_requests(rig: Rig, place: Quarters) -> Iterator[str]:
    """What people and strangers ask wrongly, with addresses and secrets in it: the bodies of the answers."""
    number, mailbox, token = place.by_trouble["none"]
    key, machine = rig.secrets
    mine = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    lines = mine | {"Content-Type": "application/x-ndjson"}
    bad = {**place.town.families[0], "id": "fam-bad"}
    wrong_number, wrong_mailbox = f"{number}99999999", f"{mailbox}@@example.org"
    for to in (wrong_number, wrong_mailbox, token):
        person = town.person("mia", town.on("sms", to)) | {"name": NAME}
        body = json.dumps({**bad, "caregivers": [person, person]}).encode()
        yield rig.raw("PUT", "/v1/families/fam-bad", body, mine)[1]
        yield rig.raw("POST", "/v1/families:import", body + b"\n", lines)[1]
        yield rig.raw("POST", "/v1/channel-tests", json.dumps({"channel": "sms", "to": to}).encode(), mine)[1]
        yield rig.raw("POST", "/v1/acknowledgements", json.dumps({"acknowledge": to}).encode(), mine)[1]
    rig.raw(
        "GET", f"/v1/families/{quote(mailbox)}", headers=mine
    )  # the answer names it, as it was asked for; no log does
    yield rig.raw("GET", "/v1/incidents", headers={"Authorization": f"Bearer {key[:-1]}"})[1]
    yield rig.raw("GET", "/v1/incidents", headers={"Authorization": f"Bearer {machine}"})[1]
    yield rig.raw("POST", "/v1/incidents", f'{{"title": "{WORDS}", "to": "{number}"'.encode(), mine)[1]
    form = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "delivered", "To": number, "From": mailbox}
    path = f"/v1/providers/twilio/status?attempt={number}"
    for signature in ("", AUTH_TOKEN):
        yield rig.raw("POST", path, urlencode(form).encode(), {"X-Twilio-Signature": signature})[1]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_address_and_no_secret_is_readable_where_it_need_not_be(
    fresh_database: Callable[[str], str], tmp_path: Path, dialect: str
) -> None:
    place = Quarters()
    folder = tmp_path / "rig"
    seen: dict[str, bytes] = {}
    with trap() as elsewhere:
        stand_ins = ["--auth-token", AUTH_TOKEN, "--smtp-login", f"alerts:{PASSWORD}"]
        with Rig(
            folder,
            fresh_database(dialect),
            window=60.0,
            sandbox=stand_ins,
            ALERTD_LOG__LEVEL="debug",
            ALERTD_RESPONDERS__OWNER=f"json://{elsewhere}/{HOOK}",
            ALERTD_DEAD_MAN__URL=f"http://{elsewhere}/{SWITCH}",
            ALERTD_TIMING__LEASE_SECONDS="8",
            ALERTD_TIMING__CALL_SECONDS="4",
        ) as rig:
            rig.sign_in()
            tap = Tap(rig.redis_socket)
            dead = place.by_trouble["dead"]
            place.town.dead.update(sms=[dead[0]], email=[dead[1]], push=[dead[2]])
            rig.move_in(place.town)
            rig.sandbox("POST", "/faults", place.faults())
            rig.open({"en": WORDS, "es": WORDS})
            wait_until("all but the dead have heard", lambda: _unheard(rig) == {"fam-dead"}, PATIENCE)

            links = sorted({found for m in rig.accepted() for found in LINK.findall(m.text)})
            assert links
            for path in (f"/a/{links[0]}", f"/a/{links[0][:-1]}~", f"/r/{links[0]}"):
                for method in ("GET", "POST"):
                    seen[f"{method} {path[:3]} {len(seen)}"] = rig.raw(method, path)[1].encode()
            body = json.dumps({"acknowledge": links[-1]}).encode()
            status, told = rig.raw("POST", "/v1/acknowledgements", body, {"Content-Type": "application/json"})
            assert (status, json.loads(told)["caregiver"]) == (200, NAME)
            for number, answer in enumerate(bad_requests(rig, place)):
                seen[f"error {number}"] = answer.encode()
            seen["a test"] = rig.command_line("channel", "test", "sms", place.by_trouble["none"][0]).encode()

            # A worker dies with messages in its hands; the database fails under statements that hold addresses.
            before = _hits(rig)
            rig.stop_sweeper()  # it would help, and not be killed
            rig.sandbox("POST", "/faults", [{"kind": "hang", "channel": "push", "count": 2, "hold_s": 30}])
            rig.update({"en": f"{WORDS} again", "es": WORDS})
            wait_until("messages hang", lambda: _hits(rig) > before, PATIENCE)
            for worker in ("worker-bulk", "worker-urgent"):  # whoever has them
                for child in rig.worker_children(worker):
                    os.kill(child, signal.SIGKILL)
            rig.start_sweeper()
            rig.change("ALTER TABLE address RENAME TO gone")
            try:
                line = json.dumps(place.town.families[0]).encode()
                key = {"Authorization": f"Bearer {rig.secrets[0]}", "Content-Type": "application/json"}
                status, answer = rig.raw("PUT", "/v1/families/fam-none", line, key)
                assert status in (500, 503), answer
                seen["a broken database"] = answer.encode()
                wait_until("workers fail at it", lambda: "Traceback" in _logs(rig), PATIENCE)
            finally:
                rig.change("ALTER TABLE gone RENAME TO address")
            wait_until("it goes on", rig.at_rest, PATIENCE)
            rig.resolve({"en": f"{WORDS}, over", "es": WORDS})
            wait_until("it is over", rig.at_rest, PATIENCE)

            for path in ("/metrics", "/readyz", "/openapi.json"):
                seen[path] = rig.raw("GET", path)[1].encode()
            seen["command lines"] = command_lines(rig)
            for words in (
                "doctor",
                "incident show 1",
                "incident timeline 1",
                "incident reach 1",
                "incident report 1",
            ):
                seen[words] = rig.command_line(*words.split()).encode()
            seen["delivery list"] = rig.command_line("delivery", "list", "--limit", "500", "-o", "json").encode()
            seen["records"] = repr(
                [
                    rig.rows(f"SELECT {column} FROM {table}")
                    for table, column in (
                        ("act", "detail"), ("act", "who"), ("attempt", "code"), ("delivery", "code"),
                        ("trouble", "code"), ("page", "code"), ("audit", "body"), ("census", "body"),
                        ("idempotency", "response"),
                    )
                ]
            ).encode()  # fmt: skip
            assert rig.rows("SELECT count(*) FROM delivery WHERE reader IS NOT NULL") == [(0,)]
            private_key = json.loads(next((folder / "sandbox").glob("*.json")).read_text())["private_key"]
            keys = rig.secrets
            accepted = rig.accepted()
    assert len(tap.heard) > 1000, "the broker was listened to"
    seen["broker"] = bytes(tap.heard)
    callbacks = {str(m.request["StatusCallback"]) for m in accepted if m.channel == "sms"}
    assert len(callbacks) > 10, "each names its own try"
    seen["urls that providers call"] = "\n".join(callbacks).encode()
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not _may_hold_them(file, folder):
            seen[f"file {file.relative_to(folder)}"] = file.read_bytes()
    assert {f"file {name}.log" for name in ("api", "sweeper", "worker-bulk", "worker-urgent")} <= set(seen)

    canaries = [
        *place.addresses, *links, *keys, AUTH_TOKEN, PASSWORD, HOOK, SWITCH, NAME, WORDS,
        f"AC5a4db0c5a4db0c5a4db0c5a4db0c5a4d:{AUTH_TOKEN}", *private_key.splitlines()[1:-1],
    ]  # fmt: skip
    # They sang where they may: or this test would find nothing whatever was written.
    sung = "\n".join(f"{m.to} {m.text} {m.request}" for m in accepted).encode()
    assert {each for each in place.addresses if each not in dead} <= set(singing(canaries, sung))
    found = {
        where: names
        for where, heard in seen.items()
        if (names := [each for each in singing(canaries, heard) if each != WORDS or not _for_readers(where)])
    }
    assert found == {}
    logs = b"".join(seen[f"file {name}.log"] for name in ("api", "sweeper", "worker-bulk", "worker-urgent"))
    for happened in (b"link_forged", b"callback_forged", b"Traceback", b"not_accepted", b"leases_expired"):
        assert happened in logs, f"{happened!r} did not happen, so it was not searched"


def _for_readers(where: str) -> bool:
    """Whether our own words to families stand there by right: on the page behind a link, and where we look them up."""
    return where.startswith(("GET /a", "POST /a")) or where in ("incident show 1", "incident timeline 1")


def _unheard(rig: Rig) -> set[str]:
    return {row[0] for row in rig.rows("SELECT family_id FROM watch WHERE heard_at IS NULL")}


def _hits(rig: Rig) -> int:
    return sum(fault["hits"] for fault in rig.sandbox("GET", "/faults")["faults"])


def _logs(rig: Rig) -> str:
    return "".join(rig.log(name) for name in ("worker-bulk", "worker-urgent", "sweeper"))


def _may_hold_them(file: Path, folder: Path) -> bool:
    """The stand-ins' own files, and the database."""
    inside = file.relative_to(folder)
    return inside.parts[0] in ("sandbox", "sandbox.log", "config") or ".db" in file.name or "sqlite" in file.name
