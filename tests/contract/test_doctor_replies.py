"""Whether Twilio's console sends replies where alertd listens: what its API says of a number and of a service."""

import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from alertd.cli.look_at_replies import replies
from channels.twilio_console import messaging_host
from tests.contract.surgery import Ask, doctor, said

__all__ = ["doctor"]

ACCOUNT, SERVICE, APP = "AC" + "0" * 32, "MG" + "1" * 32, "AP" + "2" * 32
OURS = "http://127.0.0.1:8420/v1/providers/twilio/inbound"
NUMBER_ASKED = f"/2010-04-01/Accounts/{ACCOUNT}/IncomingPhoneNumbers.json?PhoneNumber=%2B14155550100"


class Twilio(http.server.ThreadingHTTPServer):
    """Answers every question with `answer`: status and JSON; remembers what was asked."""

    answer: tuple[int, Any] = (200, {})

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        super().__init__(("127.0.0.1", 0), _Answering)


class _Answering(http.server.BaseHTTPRequestHandler):
    server: Twilio

    def do_GET(self) -> None:
        self.server.asked.append(("GET", self.path))
        assert (self.headers["Authorization"] or "").startswith("Basic ")
        status, body = self.server.answer
        told = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        pass


@pytest.fixture
def twilio() -> Iterator[Twilio]:
    """Twilio's API on this machine."""
    with Twilio() as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def asked(twilio: Twilio, **more: str) -> dict[str, str]:
    """Settings by which texts ask for replies; Twilio calls this machine, as it is on it."""
    return {
        "TWILIO__BASE_URL": f"http://127.0.0.1:{twilio.server_port}",
        "TWILIO__ACCOUNT_SID": ACCOUNT,
        "TWILIO__AUTH_TOKEN": "token",
        "TWILIO__FROM": "+14155550100",
        "TWILIO__REPLIES": "true",
        **more,
    }


def number(**fields: Any) -> tuple[int, Any]:
    whole = {
        "phone_number": "+14155550100",
        "sms_application_sid": "",
        "sms_method": "POST",
        "sms_url": OURS,
        "voice_url": "",
    }
    return 200, {"incoming_phone_numbers": [{**whole, **fields}], "page": 0}


def service(**fields: Any) -> tuple[int, Any]:
    whole = {
        "sid": SERVICE,
        "inbound_method": "POST",
        "inbound_request_url": OURS,
        "use_inbound_webhook_on_number": False,
    }
    return 200, {**whole, **fields}


def test_a_number_that_sends_them_here(doctor: Ask, twilio: Twilio) -> None:
    twilio.answer = number()
    assert said(doctor(replies, **asked(twilio)), "replies", "ok") == f"Twilio sends them to {OURS}"
    assert twilio.asked == [("GET", NUMBER_ASKED)]


def test_a_service_that_sends_them_here(doctor: Ask, twilio: Twilio) -> None:
    twilio.answer = service()
    found = doctor(replies, **asked(twilio, TWILIO__MESSAGING_SERVICE_SID=SERVICE))
    assert said(found, "replies", "ok") == f"Twilio sends them to {OURS}"
    assert twilio.asked == [("GET", f"/v1/Services/{SERVICE}")]


DEMO = "https://demo.twilio.com/welcome/sms/reply/"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (number(sms_url=DEMO), "Twilio sends those to https://demo.twilio.com/...: every one is lost"),
        (number(sms_url=OURS.replace("http:", "https:")), "Twilio sends those to https://127.0.0.1:8420/..."),
        (number(sms_url="https://me:secret@example.org/in?token=secret"), "to https://example.org/...: every one"),
        (number(sms_url="http://[bad"), "to what is no URL: every one is lost"),
        (number(sms_url=""), "Twilio sends those nowhere: every one is lost"),
        (number(sms_url=None, sms_method=None), "Twilio sends those nowhere: every one is lost"),
        (number(sms_method="GET"), "Twilio sends them by GET: every one is lost"),
        (number(sms_application_sid=APP), "replies go where a TwiML app leads, and alertd did not look there"),
        ((200, {"incoming_phone_numbers": []}), "Twilio does not tell where those to this sender go"),
        ((200, []), "Twilio does not tell where those to this sender go"),
        ((401, {"code": 20003, "status": 401}), "Twilio does not say where replies go (20003)"),
        ((503, {}), "Twilio does not say where replies go (http_503)"),
    ],
)
def test_a_number_that_does_not(doctor: Ask, twilio: Twilio, answer: tuple[int, Any], text: str) -> None:
    """Each names the URL that belongs there; what may be a secret of somebody else is not shown."""
    twilio.answer = answer
    told = said(doctor(replies, **asked(twilio)), "replies", "note")
    assert text in told
    assert OURS in told.partition(" -> ")[2]
    assert "secret" not in told
    assert "415555" not in told


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (service(inbound_request_url=None), "nowhere: every one is lost"),
        (service(use_inbound_webhook_on_number=True), "where the webhook of each of its numbers leads"),
        ((200, "?"), "Twilio does not tell where"),
        ((404, {"code": 20404, "status": 404}), "Twilio does not say where replies go (20404)"),
    ],
)
def test_a_service_that_does_not(doctor: Ask, twilio: Twilio, answer: tuple[int, Any], text: str) -> None:
    twilio.answer = answer
    found = doctor(replies, **asked(twilio, TWILIO__MESSAGING_SERVICE_SID=SERVICE))
    assert text in said(found, "replies", "note")


def test_a_stand_in_without_a_console_has_nothing_set_wrong(doctor: Ask, twilio: Twilio) -> None:
    twilio.answer = (404, {"code": 20404, "status": 404})
    assert doctor(replies, **asked(twilio)) == {}


def test_of_a_short_code_nobody_is_asked(doctor: Ask, twilio: Twilio) -> None:
    found = doctor(replies, **asked(twilio, TWILIO__FROM="12345"))
    assert "Twilio does not tell where those to this sender go" in said(found, "replies", "note")
    assert twilio.asked == []


@pytest.mark.parametrize(
    "settings",
    [{"TWILIO__REPLIES": "false"}, {"PUBLIC_URL": "http://alerts.example.org"}, {"TWILIO__ACCOUNT_SID": "AC1"}],
)
def test_nobody_is_asked_where_nothing_could_arrive(doctor: Ask, twilio: Twilio, settings: dict[str, str]) -> None:
    """No text asks for a reply; the sandbox calls no other machine; without an account there is nothing to ask."""
    assert doctor(replies, **asked(twilio, **settings)) == {}
    assert twilio.asked == []


@pytest.mark.parametrize(
    ("api", "messaging"),
    [
        ("https://api.twilio.com", "https://messaging.twilio.com"),
        ("https://api.dublin.ie1.twilio.com", "https://messaging.dublin.ie1.twilio.com"),
        ("http://127.0.0.1:8099", "http://127.0.0.1:8099"),
        ("https://api.example.org", "https://api.example.org"),
    ],
)
def test_services_live_on_a_host_of_their_own(api: str, messaging: str) -> None:
    assert messaging_host(api) == messaging
