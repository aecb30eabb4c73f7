"""Calls through Twilio, which answers as for SMS: https://www.twilio.com/docs/usage/twilios-response"""

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from alertd.ports import Message
from alertd.sandbox.twilio_call_contract import CREATE_CALL, typed
from alertd.sandbox.twilio_contract import parse_form
from alertd.sandbox.twiml_reading import read_twiml
from tests.contract.samples import sms
from tests.contract.samples.http_provider import HttpProvider, Reply, Request, http_provider
from tests.contract.samples.situations import Case, Situation
from tests.contract.samples.sms import ACCOUNT, SENDER, TOKEN, keeps_published

CALL = "CA" + "1c" * 16
STATUS = "https://alerts.example.org/v1/providers/twilio/status"
KEYS = "https://alerts.example.org/v1/providers/twilio/voice"


def created(**changes: Any) -> Reply:
    body = {"sid": CALL, "status": "queued", "answered_by": None, "to": "+14155550123"}
    return Reply(201, json.dumps(body | changes).encode())


class _Voice:
    name = "voice"
    to = "+14155550123"
    secrets = sms.SAMPLE.secrets
    cases: Mapping[Situation, Case] = sms.SAMPLE.cases  # the same account says it in the same words
    not_applicable: Mapping[Situation, str] = {}

    def provider(self) -> AbstractAsyncContextManager[HttpProvider]:
        return http_provider(lambda _: created())

    def settings(self, provider: HttpProvider, folder: Path) -> dict[str, Any]:
        return {
            "account_sid": ACCOUNT,
            "auth_token": TOKEN,
            "from_": SENDER,
            "base_url": provider.url,
            "status_callback": STATUS,
            "keypad": KEYS,
        }

    def keeps_contract(self, provider: HttpProvider) -> int:
        for request in provider.requests:
            keeps_contract(request)
        return len(provider.requests)

    def check(self, provider: HttpProvider, message: Message, provider_id: str) -> None:
        assert provider_id == CALL
        (request,) = provider.requests
        form = parse_qs(request.body.decode(), strict_parsing=True)
        assert read_twiml(form.pop("Twiml")[0]).lines == [
            " ".join(line.split()) for line in message.text.splitlines()
        ]
        assert form == {
            "To": [message.to],
            "From": [SENDER],
            "Timeout": ["40"],
            "TimeLimit": ["240"],
            "MachineDetection": ["DetectMessageEnd"],
            "StatusCallbackEvent": ["initiated", "completed"],
            "StatusCallback": [f"{STATUS}?attempt=019a0000-0000-7000-8000-000000000001.2"],
        }


def keeps_contract(request: Request) -> None:
    """Twilio's own OpenAPI document, and what its prose adds to that."""
    keeps_published(request)
    assert CREATE_CALL.violations(typed(parse_form(request.body))) == []


SAMPLE = _Voice()
