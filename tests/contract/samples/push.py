"""FCM's answers: https://firebase.google.com/docs/cloud-messaging/error-codes; the token endpoint: RFC 6749."""

import functools
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from alertd.ports import Message, Unknown
from alertd.sandbox.fcm_contract import broken_rule, canonical
from tests.contract.samples.http_provider import HttpProvider, Reply, Request, Trouble, http_provider
from tests.contract.samples.situations import NOW, SHORT, Case, Situation

PROJECT = "alertd-test"
ACCESS = "ya29.an-access-token-of-the-test"
NAME = f"projects/{PROJECT}/messages/0:1700000000000000%0000000000000000"
PUBLISHED = Path(__file__).parents[3] / "alertd" / "sandbox" / "contracts" / "fcm.v1.send.schema.json"
FCM = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
GRANTED = Reply(200, json.dumps({"access_token": ACCESS, "expires_in": 3599, "token_type": "Bearer"}).encode())
SENT = Reply(200, json.dumps({"name": NAME}).encode())


def failed(http: int, status: str, code: str = "", field: str = "", text: str = "", **headers: str) -> Reply:
    details: list[dict[str, Any]] = []
    if code:
        details.append({"@type": FCM, "errorCode": code})
    if field:
        details.append({"@type": BAD_REQUEST, "fieldViolations": [{"field": field, "description": "no"}]})
    error = {"code": http, "message": text or "It says why here.", "status": status, "details": details}
    body = json.dumps({"error": error}).encode()
    return Reply(http, body, {k.replace("_", "-"): v for k, v in headers.items()})


def sends(reply: Reply | Trouble, token: Reply | Trouble = GRANTED) -> Any:
    """Answers differ by path: the token endpoint, and all else."""

    def prepare(provider: HttpProvider) -> None:
        provider.script = lambda request: token if request.path == "/token" else reply

    return prepare


@functools.cache
def private_key() -> str:
    """A key made for this run; making one takes a while."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pkcs8 = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption()).decode()


@functools.cache
def load_library() -> None:
    """Google's library, which the first push loads: on a busy machine that takes longer than a test's deadline."""
    for name in ("firebase_admin.credentials", "firebase_admin.messaging", "google.auth.transport.requests"):
        import_module(name)


def service_account(folder: Path, token_uri: str) -> Path:
    """A key file as Firebase's console gives it out; whoever has one is about to push."""
    load_library()
    file = folder / "service-account.json"
    file.write_text(
        json.dumps(
            {
                "type": "service_account",
                "project_id": PROJECT,
                "private_key_id": "1",
                "private_key": private_key(),
                "client_email": f"alertd@{PROJECT}.iam.example.org",
                "token_uri": token_uri,
            }
        )
    )
    return file


class _Push:
    name = "push"
    to = "fXy_-Z9:APA91b" + "Aa1-_" * 28

    @property
    def secrets(self) -> tuple[str, ...]:
        """The token, and a line of the key."""
        return (ACCESS, private_key().splitlines()[1])

    cases: Mapping[Situation, Case] = {
        Situation.ACCEPTED: Case(),
        Situation.REFUSED: Case(sends(failed(404, "NOT_FOUND", "UNREGISTERED")), "UNREGISTERED"),
        Situation.THROTTLED: Case(
            sends(failed(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Retry_After="90")),
            "QUOTA_EXCEEDED",
            retry_after=timedelta(seconds=90),
        ),
        Situation.SERVER_ERROR: Case(sends(failed(500, "INTERNAL", "INTERNAL")), "INTERNAL"),
        Situation.UNAVAILABLE: Case(
            sends(failed(503, "UNAVAILABLE", "UNAVAILABLE", Retry_After="20")),
            "UNAVAILABLE",
            retry_after=timedelta(seconds=20),
        ),
        Situation.UNREACHABLE: Case(code="unreachable", settings={"base_url": "http://127.0.0.1:1"}),
        Situation.HANGS: Case(sends(Trouble.HANG), "timeout", settings={"deadline": 2.0}),
        Situation.DRIPS: Case(sends(Trouble.SLOW), "timeout", settings={"deadline": 2.0}),
        Situation.DROPS_BEFORE: Case(
            sends(Trouble.DROP),
            "connection_lost",
            reaction=Unknown,
            because="over HTTP nobody can tell whether it was read before the connection ended",
        ),
        Situation.DROPS_AFTER: Case(sends(Trouble.HALF), "connection_lost"),
        Situation.NONSENSE: Case(sends(Reply(200, b'{"name": 5}')), "no_name"),
        Situation.REDIRECT: Case(sends(Reply(302, b"", {"Location": "http://127.0.0.1:1/"})), "redirect"),
        Situation.NOT_ALLOWED: Case(sends(failed(401, "UNAUTHENTICATED")), "UNAUTHENTICATED"),
        Situation.NOT_CONFIGURED: Case(code="not_configured", settings={"credentials_file": None}),
    }
    not_applicable: Mapping[Situation, str] = {}

    def provider(self) -> AbstractAsyncContextManager[HttpProvider]:
        return http_provider(lambda request: GRANTED if request.path == "/token" else SENT)

    def settings(self, provider: HttpProvider, folder: Path) -> dict[str, Any]:
        file = service_account(folder, f"{provider.url}/token")
        return {"credentials_file": file, "base_url": provider.url}

    def keeps_contract(self, provider: HttpProvider) -> int:
        sent = [request for request in provider.requests if request.path != "/token"]
        for request in sent:
            keeps_contract(request)
        return len(sent)

    def check(self, provider: HttpProvider, message: Message, provider_id: str) -> None:
        assert provider_id == NAME
        token, request = provider.requests
        assert token.path == "/token"
        assert request.path == f"/v1/projects/{PROJECT}/messages:send"
        assert request.headers["authorization"] == f"Bearer {ACCESS}"
        assert json.loads(request.body) == {
            "message": {
                "token": message.to,
                "notification": {"title": message.title, "body": message.text},
                "data": {
                    "incident": str(message.incident),
                    "update": "3",
                    "attempt": "019a0000-0000-7000-8000-000000000001.2",
                },
                "android": {
                    "priority": "high",
                    "ttl": "1683s",
                    "collapse_key": str(message.incident),
                    "notification": {
                        "tag": str(message.incident),
                        "channel_id": "outage_loud",
                        "notification_priority": "PRIORITY_HIGH",
                        "sound": "default",
                    },
                },
                "apns": {
                    "headers": {
                        "apns-priority": "10",
                        "apns-collapse-id": str(message.incident),
                        "apns-expiration": str(int(NOW.timestamp()) + 1683),
                    },
                    "payload": {
                        "aps": {
                            "sound": "default",
                            "thread-id": str(message.incident),
                            "interruption-level": "time-sensitive",
                        }
                    },
                },
            }
        }


def keeps_contract(request: Request) -> None:
    """Google's discovery document as JSON Schema, and the rules beside it."""
    body = canonical(json.loads(request.body))
    jsonschema.Draft202012Validator(json.loads(PUBLISHED.read_text())).validate(body)
    assert isinstance(body, dict)
    assert broken_rule(body) is None


SAMPLE = _Push()
assert SHORT < 2.0  # a first push fetches a token too
