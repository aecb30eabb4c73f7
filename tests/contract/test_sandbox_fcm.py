"""The FCM stand-in takes what the real firebase-admin sends, with tokens it gave itself, and refuses the rest."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import firebase_admin
import google.auth.transport.requests
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from firebase_admin import credentials, exceptions, messaging
from google.auth import jwt
from google.auth.crypt import RSASigner
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account

from alertd.sandbox.faults import Fault
from alertd.sandbox.log import read_accepted
from alertd.sandbox.server import CREDENTIALS, Sandbox
from alertd.sandbox.settings import SandboxSettings
from alertd.sandbox.story_clock import machine_time

TOKEN = "fMEP0vJqS6:APA91bHun4MxP5egoKMwt2KZFBaFUH-1RYqx"
pytestmark = [
    pytest.mark.usefixtures("sandbox_key"),
    # firebase-admin 7.7 prefers installation ids; registration tokens are what apps have today.
    pytest.mark.filterwarnings("ignore:Message.token is deprecated:DeprecationWarning"),
]

ATTEMPT = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.1"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        yield sandbox


@pytest.fixture
def app(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real SDK; the host it sends to is a constant of the class, read when the app first sends."""
    url = sandbox.fcm_url + "/v1/projects/{0}/messages:send"
    monkeypatch.setattr(messaging._MessagingService, "FCM_URL", url)
    credential = credentials.Certificate(str(sandbox.credentials_file))
    app = firebase_admin.initialize_app(credential, {"httpTimeout": 5}, name=sandbox.url)
    yield app
    firebase_admin.delete_app(app)


def push(to: str = TOKEN, **more: Any) -> messaging.Message:
    return messaging.Message(
        token=to, notification=messaging.Notification(title="Follow is down", body="Check by hand."), **more
    )


async def bearer(sandbox: Sandbox) -> str:
    """A token as google-auth gets it for any service account."""
    account = service_account.Credentials.from_service_account_file(  # type: ignore[no-untyped-call]
        str(sandbox.credentials_file), scopes=[SCOPE]
    )
    await asyncio.to_thread(account.refresh, google.auth.transport.requests.Request())
    return str(account.token)


async def post(
    sandbox: Sandbox, body: object, *, token: str | None = None, project: str = "alertd-sandbox"
) -> Any:
    """A request that the SDK would not make: status and body."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {token or await bearer(sandbox)}", "Content-Type": "application/json"}
    url = f"{sandbox.fcm_url}/v1/projects/{project}/messages:send"
    async with aiohttp.ClientSession() as session, session.post(url, data=data, headers=headers) as response:
        return response.status, await response.json()


# --- sending -----------------------------------------------------------------------------------------


async def test_the_real_sdk_sends_all_that_it_can_say(sandbox: Sandbox, app: Any) -> None:
    message = push(
        data={"attempt": ATTEMPT, "incident": "0190a1b2-0000-7000-8000-000000000000"},
        android=messaging.AndroidConfig(
            priority="high", ttl=timedelta(minutes=90), collapse_key="incident", direct_boot_ok=True,
            notification=messaging.AndroidNotification(
                channel_id="outages", tag="incident", priority="max", visibility="private", notification_count=1,
                vibrate_timings_millis=[100, 50], light_settings=messaging.LightSettings("#aabbcc", 200, 300),
            ),
        ),
        apns=messaging.APNSConfig(
            headers={"apns-priority": "10", "apns-collapse-id": "incident"},
            payload=messaging.APNSPayload(
                messaging.Aps(sound="default", custom_data={"interruption-level": "time-sensitive"}), free_key="x"
            ),
        ),
        webpush=messaging.WebpushConfig(notification=messaging.WebpushNotification("t", "b", tag="x")),
        fcm_options=messaging.FCMOptions(analytics_label="outage"),
    )  # fmt: skip
    name = await asyncio.to_thread(messaging.send, message, app=app)
    [line] = read_accepted(sandbox.log_path)
    assert name == line.provider_id
    assert name.startswith("projects/alertd-sandbox/messages/")
    assert (line.channel, line.to, line.title, line.text) == ("push", TOKEN, "Follow is down", "Check by hand.")
    assert line.reference == ATTEMPT
    assert line.priority == "high"
    assert line.request["message"]["android"]["collapseKey"] == "incident"  # as the schema spells it
    assert line.request["message"]["apns"]["payload"]["free_key"] == "x"  # what is free stays as it was sent


async def test_many_at_once(sandbox: Sandbox, app: Any) -> None:
    messages = [push(f"{TOKEN}-{n}") for n in range(20)]
    batch = await asyncio.to_thread(messaging.send_each, messages, app=app)
    assert batch.success_count == 20
    assert {line.to for line in sandbox.messages()} == {f"{TOKEN}-{n}" for n in range(20)}


@pytest.mark.parametrize(
    ("message", "priority"),
    [
        ({"notification": {"body": "x"}}, "high"),
        ({"data": {"text": "x"}}, "normal"),
        ({"notification": {"body": "x"}, "android": {"priority": "normal"}}, "normal"),
        ({"data": {"text": "x"}, "android": {"priority": "HIGH"}}, "high"),
        ({"notification": {"body": "x"}, "apns": {"headers": {"apns-priority": "5"}}}, "normal"),
    ],
)
async def test_the_log_tells_what_wakes_from_what_does_not(
    sandbox: Sandbox, message: dict[str, Any], priority: str
) -> None:
    status, _ = await post(sandbox, {"message": {"token": TOKEN} | message})
    assert status == 200
    assert [(line.priority, line.text) for line in sandbox.messages()] == [(priority, "x")]


async def test_a_dry_run_is_checked_and_not_delivered(sandbox: Sandbox, app: Any) -> None:
    await asyncio.to_thread(messaging.send, push(), dry_run=True, app=app)
    assert sandbox.messages() == []
    assert [refusal.outcome for refusal in sandbox.refusals()] == ["dry_run"]


# --- what is refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{not json", "the request"),
        ([], "the request"),
        ({"message": {"token": TOKEN, "colour": "red"}}, "message.colour"),
        ({"message": {"token": TOKEN, "android": {"priority": "URGENT"}}}, "message.android.priority"),
        ({"message": {"token": TOKEN, "android": {"ttl": "90 minutes"}}}, "message.android.ttl"),
        ({"message": {"token": TOKEN, "android": {"ttl": "2419201s"}}}, "message.android.ttl"),
        ({"message": {"token": TOKEN, "data": {"count": 1}}}, "message.data.count"),
        ({"message": {"token": TOKEN, "data": {"from": "x"}}}, "message.data"),
        ({"message": {"token": TOKEN, "data": {"google.x": "x"}}}, "message.data"),
        ({"message": {"token": TOKEN, "data": {"k": "x" * 4096}}}, "message"),
        ({"message": {"token": TOKEN, "topic": "all"}}, "message"),
        ({"message": {"notification": {"body": "x"}}}, "message"),
        ({}, "message"),
    ],
)
async def test_a_bad_body_is_an_invalid_argument_that_names_the_field(
    sandbox: Sandbox, body: object, field: str
) -> None:
    status, answer = await post(sandbox, body)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    [violations] = [
        detail["fieldViolations"]
        for detail in answer["error"]["details"]
        if detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    ]
    assert field in violations[0]["field"] or field in violations[0]["description"]
    assert TOKEN not in json.dumps(answer)
    assert sandbox.messages() == []
    assert [refusal.outcome for refusal in sandbox.refusals()] == ["contract"]


async def test_4096_bytes_are_fine(sandbox: Sandbox) -> None:
    status, _ = await post(sandbox, {"message": {"token": TOKEN, "data": {"k": "x" * 4095}}})
    assert status == 200


async def test_a_malformed_token_is_the_tokens_fault(sandbox: Sandbox) -> None:
    status, answer = await post(sandbox, {"message": {"token": "no token at all"}})
    assert status == 400
    assert answer["error"]["details"] == [
        {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT"}
    ]


async def test_a_dead_token_is_unregistered(sandbox: Sandbox, app: Any) -> None:
    sandbox.bury(push=[TOKEN])
    batch = await asyncio.to_thread(messaging.send_each, [push(), push("other")], app=app)
    assert isinstance(batch.responses[0].exception, messaging.UnregisteredError)
    assert batch.responses[1].success
    assert [(refusal.outcome, refusal.code) for refusal in sandbox.refusals()] == [("dead", "UNREGISTERED")]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(kind="unregistered"), messaging.UnregisteredError),
        (Fault(kind="429", retry_after_s=None), messaging.QuotaExceededError),
        (Fault(kind="auth"), exceptions.UnauthenticatedError),
        (Fault(kind="5xx", status=502), exceptions.UnavailableError),
    ],
)
async def test_the_real_sdk_understands_the_errors(
    sandbox: Sandbox, app: Any, fault: Fault, error: type[Exception]
) -> None:
    sandbox.set_faults(fault)
    batch = await asyncio.to_thread(messaging.send_each, [push()], app=app)
    assert isinstance(batch.responses[0].exception, error)


async def test_another_project_is_denied(sandbox: Sandbox) -> None:
    status, answer = await post(sandbox, {"message": {"token": TOKEN}}, project="somebody-elses")
    assert (status, answer["error"]["status"]) == (403, "PERMISSION_DENIED")


# --- tokens ----------------------------------------------------------------------------------------------


async def test_a_made_up_token_is_unauthenticated(sandbox: Sandbox) -> None:
    status, answer = await post(sandbox, {"message": {"token": TOKEN}}, token="made-up")
    assert (status, answer["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert [refusal.outcome for refusal in sandbox.refusals()] == ["auth"]


async def test_tokens_expire(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_dir=tmp_path, token_ttl_s=0)) as sandbox:
        status, _ = await post(sandbox, {"message": {"token": TOKEN}})
        assert status == 401


async def test_tokens_can_be_taken_back(sandbox: Sandbox) -> None:
    token = await bearer(sandbox)
    async with aiohttp.ClientSession() as session, session.delete(f"{sandbox.url}/control/tokens") as response:
        assert await response.json() == {"revoked": 1}
    status, _ = await post(sandbox, {"message": {"token": TOKEN}}, token=token)
    assert status == 401


def assertion(sandbox: Sandbox, key: str | None = None, **changes: Any) -> str:
    """A signed grant; `key` and `changes` make it wrong."""
    account = json.loads(sandbox.credentials_file.read_text("utf-8"))
    now = int(machine_time())
    claims = {
        "iss": account["client_email"], "aud": account["token_uri"], "iat": now, "exp": now + 3600, "scope": SCOPE
    }  # fmt: skip
    signer = RSASigner.from_string(key or account["private_key"])  # type: ignore[no-untyped-call]
    return str(jwt.encode(signer, claims | changes), "ascii")  # type: ignore[no-untyped-call]


def another_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


async def grant(sandbox: Sandbox, **form: str) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{sandbox.url}/token", data=form) as response,
    ):
        return response.status, await response.json()


async def test_a_good_assertion_gets_a_token(sandbox: Sandbox) -> None:
    status, answer = await grant(sandbox, grant_type=GRANT, assertion=assertion(sandbox))
    assert (status, answer["token_type"], answer["expires_in"]) == (200, "Bearer", 3600)


async def test_a_bad_assertion_gets_none(sandbox: Sandbox) -> None:
    good = assertion(sandbox)
    header, claims, _ = good.split(".")
    unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + claims + "."
    for wrong, error in (
        (assertion(sandbox, another_key()), "invalid_grant"),
        (assertion(sandbox, exp=int(machine_time()) - 3600), "invalid_grant"),
        (assertion(sandbox, aud="https://example.org/token"), "invalid_grant"),
        (assertion(sandbox, iss="somebody@example.org"), "invalid_grant"),
        (assertion(sandbox, scope="https://www.googleapis.com/auth/drive"), "invalid_scope"),
        (f"{header}.{claims}.AAAA", "invalid_grant"),
        (unsigned, "invalid_grant"),
        ("", "invalid_grant"),
    ):
        status, answer = await grant(sandbox, grant_type=GRANT, assertion=wrong)
        assert (status, answer["error"]) == (400, error), wrong
    status, answer = await grant(sandbox, grant_type="password", assertion=good)
    assert (status, answer["error"]) == (400, "unsupported_grant_type")


async def test_the_real_client_is_told_that_its_key_is_wrong(sandbox: Sandbox, tmp_path: Path) -> None:
    account = json.loads(sandbox.credentials_file.read_text("utf-8")) | {"private_key": another_key()}
    wrong = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
        account, scopes=[SCOPE]
    )
    with pytest.raises(RefreshError, match="invalid_grant"):
        await asyncio.to_thread(wrong.refresh, google.auth.transport.requests.Request())


async def test_the_credentials_are_private_and_survive_a_restart(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        file = sandbox.credentials_file
        assert file.stat().st_mode & 0o777 == 0o600
        first = json.loads(file.read_text("utf-8"))
        assert first["token_uri"] == f"{sandbox.url}/token"
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        second = json.loads(sandbox.credentials_file.read_text("utf-8"))
        assert second["private_key"] == first["private_key"]
        assert second["token_uri"] == f"{sandbox.url}/token"
        status, _ = await post(sandbox, {"message": {"token": TOKEN}})
        assert status == 200


@pytest.mark.parametrize("content", ["", "{}", '{"private_key": 1}', '{"private_key": "x"}'])
async def test_a_strangers_file_is_not_overwritten(tmp_path: Path, content: str) -> None:
    file = tmp_path / CREDENTIALS
    file.write_text(content)
    with pytest.raises(ValueError, match=CREDENTIALS):
        async with Sandbox(SandboxSettings(data_dir=tmp_path)):
            pass
    assert file.read_text() == content
