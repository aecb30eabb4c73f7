"""Twilio's answers, as its API gives them: https://www.twilio.com/docs/usage/twilios-response"""

import json
from base64 import b64encode
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from openapi_core import OpenAPI
from openapi_core.testing import MockRequest

from alertd.ports import Message, Unknown
from alertd.sandbox.twilio_contract import CREATE, parse_form, typed
from tests.contract.samples.http_provider import DROPS_UNREAD, HttpProvider, Reply, Request, Trouble, http_provider
from tests.contract.samples.situations import SHORT, Case, Situation

ACCOUNT = "AC" + "0a" * 16
TOKEN = "7b" * 16
SENDER = "+14155550100"
SID = "SM" + "1c" * 16
PUBLISHED = Path(__file__).parents[2] / "data" / "twilio" / "twilio_messages_calls.openapi.json"


def created(**changes: Any) -> Reply:
    body = {"sid": SID, "status": "queued", "error_code": None, "num_segments": "1", "to": "+14155550123"}
    return Reply(201, json.dumps(body | changes).encode())


def failed(status: int, code: int, **headers: str) -> Reply:
    body = {
        "code": code,
        "message": "The number +14155550123 is what this is about.",
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Reply(status, json.dumps(body).encode(), {k.replace("_", "-"): v for k, v in headers.items()})


def answer(reply: Reply | Trouble) -> Any:
    def prepare(provider: HttpProvider) -> None:
        provider.script = lambda _: reply

    return prepare


def unread(provider: HttpProvider) -> None:
    provider.script = DROPS_UNREAD


NOBODY = {"base_url": "http://127.0.0.1:1"}  # port 1 is nobody's


class _Sms:
    name = "sms"
    to = "+14155550123"
    secrets = (TOKEN, b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode())
    cases: Mapping[Situation, Case] = {
        Situation.ACCEPTED: Case(),
        Situation.REFUSED: Case(answer(failed(400, 21211)), "21211"),
        Situation.THROTTLED: Case(
            answer(failed(429, 20429, Retry_After="7")), "20429", retry_after=timedelta(seconds=7)
        ),
        Situation.SERVER_ERROR: Case(answer(failed(500, 20500)), "20500"),
        Situation.UNAVAILABLE: Case(
            answer(failed(503, 20503, Retry_After="Wed, 04 Nov 2026 20:00:30 GMT")),
            "20503",
            retry_after=timedelta(seconds=30),
        ),
        Situation.UNREACHABLE: Case(code="unreachable", settings=NOBODY),
        Situation.HANGS: Case(answer(Trouble.HANG), "timeout", settings={"deadline": SHORT}),
        Situation.DRIPS: Case(answer(Trouble.SLOW), "timeout", settings={"deadline": SHORT}),
        Situation.DROPS_BEFORE: Case(
            unread,
            "connection_lost",
            reaction=Unknown,
            because="over HTTP nobody can tell whether it was read before the connection ended",
        ),
        Situation.DROPS_AFTER: Case(answer(Trouble.DROP), "connection_lost"),
        Situation.NONSENSE: Case(answer(Reply(200, b"<html>welcome</html>")), "no_sid"),
        Situation.REDIRECT: Case(answer(Reply(307, b"", {"Location": "http://127.0.0.1:1/"})), "redirect"),
        Situation.NOT_ALLOWED: Case(answer(failed(401, 20003)), "20003"),
        Situation.NOT_CONFIGURED: Case(code="not_configured", settings={"auth_token": None}),
    }
    not_applicable: Mapping[Situation, str] = {}

    def provider(self) -> AbstractAsyncContextManager[HttpProvider]:
        return http_provider(lambda _: created())

    def settings(self, provider: HttpProvider, folder: Path) -> dict[str, Any]:
        return {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "from_": SENDER,
            "base_url": provider.url,
            "status_callback": "https://alerts.example.org/v1/providers/twilio/status",
        }

    def keeps_contract(self, provider: HttpProvider) -> int:
        for request in provider.requests:
            keeps_contract(request)
        return len(provider.requests)

    def check(self, provider: HttpProvider, message: Message, provider_id: str) -> None:
        assert provider_id == SID
        (request,) = provider.requests
        form = {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}
        assert form == {
            "To": message.to,
            "From": SENDER,
            "Body": message.text,
            "ValidityPeriod": "1683",
            "StatusCallback": "https://alerts.example.org/v1/providers/twilio/status"
            "?attempt=019a0000-0000-7000-8000-000000000001.2",
        }


def keeps_contract(request: Request) -> None:
    """Twilio's own OpenAPI document, and what its prose adds to that."""
    keeps_published(request)
    assert CREATE.violations(typed(parse_form(request.body))) == []


def keeps_published(request: Request) -> None:
    """Twilio's own OpenAPI document, of messages and of calls."""
    published = OpenAPI.from_dict(json.loads(PUBLISHED.read_text()))
    published.validate_request(
        MockRequest(
            "https://api.twilio.com",
            request.method.lower(),
            request.path,
            headers=request.headers,
            data=request.body,
            content_type=request.headers["content-type"],
        )
    )


SAMPLE = _Sms()
