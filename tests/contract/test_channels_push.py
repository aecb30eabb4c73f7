"""Push through FCM: the message that is sent, the access token it is sent with, and what each answer means."""

import asyncio
import json
import socket
import time
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from alertd import settings
from alertd.ports import ChannelError, Later, Message, Misconfigured, Receipt, Refused, Unknown
from alertd.wiring import build_channels
from channels.fcm_message import AndroidChannels, FcmMessages
from channels.fcm_push import FcmConfig, FcmPush
from channels.registry import CHANNELS
from tests.contract.samples.http_provider import HttpProvider, Reply, Request, Trouble, http_provider
from tests.contract.samples.push import (
    ACCESS,
    GRANTED,
    NAME,
    PROJECT,
    SAMPLE,
    SENT,
    failed,
    keeps_contract,
    service_account,
)
from tests.contract.samples.situations import NOW, message_to

TO = SAMPLE.to


def granted(token: str = ACCESS, **changes: Any) -> Reply:
    return Reply(200, json.dumps({"access_token": token, "expires_in": 3599} | changes).encode())


def scripted(
    sends: Callable[[Request], Reply | Trouble] = lambda _: SENT,
    token: Callable[[Request], Reply | Trouble] = lambda _: GRANTED,
) -> Callable[[Request], Reply | Trouble]:
    return lambda request: token(request) if request.path == "/token" else sends(request)


def in_turn(*replies: Reply | Trouble) -> Callable[[Request], Reply | Trouble]:
    """One after the other; the last one stays."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@asynccontextmanager
async def push(provider: HttpProvider, folder: Path, **changes: Any) -> AsyncIterator[FcmPush]:
    given: dict[str, Any] = {
        "credentials_file": service_account(folder, f"{provider.url}/token"),
        "base_url": provider.url,
    }
    channel = FcmPush(FcmConfig(**(given | changes)), lambda: NOW)
    try:
        yield channel
    finally:
        await channel.close()


async def outcome_of(script: Callable[[Request], Reply | Trouble], folder: Path, **changes: Any) -> Any:
    async with http_provider(script) as provider, push(provider, folder, **changes) as channel:
        try:
            return await channel.send(message_to(TO))
        except ChannelError as error:
            return error


def paths(provider: HttpProvider) -> list[str]:
    return ["token" if request.path == "/token" else "send" for request in provider.requests]


def body_of(message: Message, **given: Any) -> dict[str, Any]:
    """The message as FCM gets it, which keeps Google's contract."""
    body = FcmMessages(lambda: NOW, **given).body(message)
    keeps_contract(Request("POST", "", {}, body))
    document: dict[str, Any] = json.loads(body)["message"]
    return document


# --- the message ------------------------------------------------------------------------------------


def test_a_soft_push_makes_no_sound_and_wakes_no_screen() -> None:
    message = body_of(message_to(TO, loud=False))
    assert message["android"]["priority"] == "normal"
    assert "sound" not in message["android"]["notification"]
    assert message["apns"]["headers"]["apns-priority"] == "5"
    aps = message["apns"]["payload"]["aps"]
    assert "sound" not in aps
    assert aps["interruption-level"] == "passive"


@pytest.mark.parametrize("ends", [False, True], ids=["open", "the end"])
def test_loud_and_silent_come_over_channels_of_their_own_and_old_phones_read_the_priority(ends: bool) -> None:
    """From Android 8 on the sound is the channel's: without one a silent push rang as a loud one."""
    loud, soft = (
        body_of(message_to(TO, loud=loud, ends=ends))["android"]["notification"] for loud in (True, False)
    )
    assert (loud["channel_id"], loud["notification_priority"]) == ("outage_loud", "PRIORITY_HIGH")
    assert (soft["channel_id"], soft["notification_priority"]) == ("outage_soft", "PRIORITY_LOW")


def test_the_app_s_own_channels_are_used() -> None:
    own = AndroidChannels(loud="alarms", soft="news")
    named = [
        body_of(message_to(TO, loud=loud), channels=own)["android"]["notification"]["channel_id"]
        for loud in (True, False)
    ]
    assert named == ["alarms", "news"]


CRITICAL = {"critical": 1, "name": "default", "volume": 1.0}


@pytest.mark.parametrize(
    ("allowed", "changes", "sound", "level"),
    [
        (True, {"critical": True}, CRITICAL, "critical"),
        (False, {"critical": True}, "default", "time-sensitive"),
        (True, {"critical": False}, "default", "time-sensitive"),
        (True, {"critical": True, "ends": True}, "default", "time-sensitive"),
        (True, {"critical": True, "loud": False}, None, "passive"),
    ],
    ids=["allowed", "not set", "not critical", "the end", "silent"],
)
def test_only_what_is_critical_and_loud_breaks_through_a_muted_iphone_and_only_where_it_may(
    allowed: bool, changes: dict[str, Any], sound: object, level: str
) -> None:
    message = body_of(message_to(TO, **changes), critical_sound=allowed)
    aps = message["apns"]["payload"]["aps"]
    assert (aps.get("sound"), aps["interruption-level"]) == (sound, level)
    android = message["android"]["notification"].get("sound")
    assert android == (None if level == "passive" else "default"), (
        "Android has channels for that, and the app's user"
    )


async def test_the_setting_reaches_the_message(tmp_path: Path) -> None:
    async with http_provider(scripted()) as provider, push(provider, tmp_path, critical_sound=True) as channel:
        await channel.send(message_to(TO, critical=True))
        await channel.send(message_to(TO, critical=False))
    bodies = [json.loads(request.body)["message"] for request in provider.requests if request.path != "/token"]
    assert [body["apns"]["payload"]["aps"]["sound"] for body in bodies] == [CRITICAL, "default"]


async def test_the_settings_reach_the_message_that_is_sent(tmp_path: Path) -> None:
    async with http_provider(scripted()) as provider:
        read = settings.load(
            {
                "ALERTD_DATA_DIR": str(tmp_path),
                "ALERTD_FCM__CREDENTIALS_FILE": str(service_account(tmp_path, f"{provider.url}/token")),
                "ALERTD_FCM__BASE_URL": provider.url,
                "ALERTD_FCM__ANDROID_CHANNEL_LOUD": "alarms",
                "ALERTD_FCM__ANDROID_CHANNEL_SOFT": "news",
            }
        )
        channel = build_channels(read, lambda: NOW)["push"]
        for loud in (True, False):
            await channel.send(message_to(TO, loud=loud))
        await channel.close()
    bodies = [json.loads(request.body)["message"] for request in provider.requests if request.path != "/token"]
    assert [body["android"]["notification"]["channel_id"] for body in bodies] == ["alarms", "news"]


def test_what_the_app_acknowledges_with_comes_in_the_data() -> None:
    link = "https://alerts.example.org/a/" + "x" * 32
    assert body_of(message_to(TO, link=link))["data"]["acknowledge"] == link
    assert "acknowledge" not in body_of(message_to(TO))["data"]


def test_a_silent_push_does_not_erase_a_loud_one_that_a_phone_has_not_got_yet() -> None:
    """An Android phone that is off keeps one message per key: the newest loud and the newest silent one."""
    loud, soft = body_of(message_to(TO, loud=True)), body_of(message_to(TO, loud=False))
    end = body_of(message_to(TO, loud=False, ends=True))
    keys = [message["android"]["collapse_key"] for message in (loud, soft, end)]
    assert keys[0] != keys[1]
    assert keys[2] == keys[0], "the end takes the place of what it ends"


def test_on_the_screen_each_message_about_an_incident_replaces_the_one_before() -> None:
    """Found by a reviewer: on an iPhone the silent "still down" stayed beside "works again"."""
    changes: list[dict[str, Any]] = [{"loud": True}, {"loud": False}, {"loud": True, "ends": True}]
    messages = [body_of(message_to(TO, **change)) for change in [*changes, {"loud": False, "ends": True}]]
    incident = messages[0]["data"]["incident"]
    assert {m["apns"]["headers"]["apns-collapse-id"] for m in messages} == {incident}
    assert {m["android"]["notification"]["tag"] for m in messages} == {incident}
    assert len(incident) <= 64, "what APNs allows"


def test_the_same_content_for_two_phones_differs_in_what_is_theirs() -> None:
    messages = FcmMessages(lambda: NOW)
    one, two = message_to("token-1"), message_to("token-2", attempt=7, useful_for=timedelta(seconds=90))
    first, second = (json.loads(messages.body(message))["message"] for message in (one, two))
    assert (first["token"], second["token"]) == ("token-1", "token-2")
    assert first["data"]["attempt"] == one.attempt_id
    assert second["data"]["attempt"] == two.attempt_id
    assert (first["android"]["ttl"], second["android"]["ttl"]) == ("1683s", "90s")
    assert first["notification"] == second["notification"]


def test_another_update_is_another_message() -> None:
    messages = FcmMessages(lambda: NOW)
    updates = [json.loads(messages.body(message_to(TO, update=n)))["message"]["data"]["update"] for n in (3, 4, 3)]
    assert updates == ["3", "4", "3"]


@pytest.mark.parametrize("token", ['a"b', "a\\b", "ñ\U0001f642", "a\x00b", "</x>", '","topic":"all'])
def test_a_token_stays_a_token(token: str) -> None:
    assert json.loads(FcmMessages(lambda: NOW).body(message_to(token)))["message"]["token"] == token


@pytest.mark.parametrize("text", ["\U0001f642" * 2000, "x" * 5000, "ñ" * 3000])
@pytest.mark.parametrize("title", ["Follow is down", "é" * 200])
def test_a_text_that_is_too_long_is_sent_without_its_end(text: str, title: str) -> None:
    sent = body_of(message_to(TO, title=title, text=text))["notification"]
    assert sent["title"] == title
    assert sent["body"].endswith("...")
    assert text.startswith(sent["body"].removesuffix("..."))
    assert len(sent["body"].encode()) > 3000


@pytest.mark.parametrize("text", ["100 % sure", "50%d", "%(token)b %(ttl)ds %%", '"%(attempt)b"'])
def test_a_text_is_no_format(text: str) -> None:
    assert body_of(message_to("100%", title=text, text=text))["notification"] == {"title": text, "body": text}


def test_half_characters_stop_nothing() -> None:
    assert body_of(message_to(TO, text="a\ud800b\0c"))["notification"]["body"] == "a?bc"


@pytest.mark.parametrize(
    ("useful_for", "ttl"),
    [
        (timedelta(seconds=-1), "0s"),
        (timedelta(0), "0s"),
        (timedelta(minutes=30), "1800s"),
        (timedelta(days=300), "2419200s"),
    ],
)
def test_the_provider_drops_what_is_useful_no_longer(useful_for: timedelta, ttl: str) -> None:
    message = body_of(message_to(TO, useful_for=useful_for))
    assert message["android"]["ttl"] == ttl
    expires = int(message["apns"]["headers"]["apns-expiration"])
    assert expires == int(NOW.timestamp()) + int(ttl.rstrip("s"))


# --- what the answers mean --------------------------------------------------------------------------

NOT_A_TOKEN = "The registration token is not a valid FCM registration token"


@pytest.mark.parametrize(
    ("reply", "reaction", "code"),
    [
        (failed(404, "NOT_FOUND", "UNREGISTERED"), Refused, "UNREGISTERED"),
        (failed(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", text=NOT_A_TOKEN), Refused, "INVALID_ARGUMENT"),
        (failed(400, "INVALID_ARGUMENT", field="message.token"), Refused, "INVALID_ARGUMENT"),
        (failed(400, "INVALID_ARGUMENT", field="message.data[0].value"), Misconfigured, "INVALID_ARGUMENT"),
        (failed(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT"), Misconfigured, "INVALID_ARGUMENT"),
        (failed(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), Misconfigured, "SENDER_ID_MISMATCH"),
        (failed(403, "PERMISSION_DENIED"), Misconfigured, "PERMISSION_DENIED"),
        (failed(404, "NOT_FOUND"), Misconfigured, "NOT_FOUND"),
        (Reply(404, b"<h1>Not Found</h1>"), Misconfigured, "http_404"),
        (Reply(400, b'{"error": "x"}'), Misconfigured, "http_400"),
        (Reply(413, b""), Misconfigured, "http_413"),
        (Reply(408, b""), Later, "http_408"),
        (failed(500, "INTERNAL", "INTERNAL"), Unknown, "INTERNAL"),
        (failed(500, "INTERNAL", "UNREGISTERED"), Unknown, "UNREGISTERED"),
        (Reply(502, b"bad gateway"), Unknown, "http_502"),
        (Reply(301, b""), Misconfigured, "redirect"),
        (Reply(200, b"{}"), Unknown, "no_name"),
        (Reply(200, b'{"name": ""}'), Unknown, "no_name"),
        (Reply(200, b""), Unknown, "no_name"),
        (Reply(200, b'{"name": "\xff"}'), Unknown, "no_name"),
        (Reply(200, b'{"name": ' + b"[" * 50_000), Unknown, "no_name"),
        (Reply(503, b'{"error": {"status": "\xff"}}'), Later, "http_503"),
    ],
)
async def test_an_answer_has_its_reaction(
    reply: Reply, reaction: type[ChannelError], code: str, tmp_path: Path
) -> None:
    outcome = await outcome_of(scripted(lambda _: reply), tmp_path)
    assert type(outcome) is reaction, outcome
    assert outcome.code == code


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        (failed(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), 60),
        (failed(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", Retry_After="5"), 5),
        (Reply(429, b""), 60),
        (failed(503, "UNAVAILABLE", "UNAVAILABLE"), 10),
        (failed(503, "UNAVAILABLE", "UNAVAILABLE", Retry_After="Wed, 04 Nov 2026 20:02:00 GMT"), 120),
    ],
)
async def test_google_says_how_long_to_wait(reply: Reply, wait: int, tmp_path: Path) -> None:
    outcome = await outcome_of(scripted(lambda _: reply), tmp_path)
    assert isinstance(outcome, Later)
    assert outcome.retry_after == timedelta(seconds=wait)


# --- the access token ---------------------------------------------------------------------------------


async def test_many_sends_share_one_token(tmp_path: Path) -> None:
    async with http_provider(scripted()) as provider, push(provider, tmp_path) as channel:
        receipts = await asyncio.gather(*(channel.send(message_to(f"token-{n}")) for n in range(40)))
        await channel.send(message_to(TO))
    assert receipts == [Receipt(NAME)] * 40
    assert paths(provider).count("token") == 1
    sent = {json.loads(request.body)["message"]["token"] for request in provider.requests[1:]}
    assert sent == {f"token-{n}" for n in range(40)} | {TO}


async def test_the_sdks_own_sender_is_never_used(tmp_path: Path) -> None:
    """It has a thread for each message, and tries again by itself; it needs an app, and none is made."""
    import firebase_admin

    before = dict(firebase_admin._apps)
    async with http_provider(scripted()) as provider, push(provider, tmp_path) as channel:
        await channel.send(message_to(TO))
        assert firebase_admin._apps == before
    assert provider.connections == 2, "one to the token endpoint, one of our own to FCM"


async def test_a_token_is_renewed_before_its_end_while_it_goes_on_being_used(tmp_path: Path) -> None:
    asked = asyncio.Event()

    def second(_: Request) -> Reply | Trouble:
        asked.set()
        return Trouble.HANG

    tokens = in_turn(granted("first", expires_in=200), Trouble.HANG)
    async with http_provider(scripted(token=tokens)) as provider, push(provider, tmp_path) as channel:
        await channel.send(message_to(TO))
        provider.script = scripted(token=second)
        async with asyncio.timeout(2):  # the renewal hangs, and nobody waits for it
            await channel.send(message_to(TO))
            await channel.send(message_to(TO))
        await asyncio.wait_for(asked.wait(), 5)
        used = {request.headers.get("authorization") for request in provider.requests if request.path != "/token"}
    assert used == {"Bearer first"}
    assert paths(provider).count("token") == 2


async def test_a_token_that_has_ended_is_not_used(tmp_path: Path) -> None:
    tokens = in_turn(granted("first", expires_in=0), granted("second"))
    async with http_provider(scripted(token=tokens)) as provider, push(provider, tmp_path) as channel:
        await channel.send(message_to(TO))
        await channel.send(message_to(TO))
        await channel.send(message_to(TO))
    assert paths(provider) == ["token", "send", "token", "send", "send"]
    assert provider.requests[-1].headers["authorization"] == "Bearer second"


async def test_a_token_without_an_end_is_used(tmp_path: Path) -> None:
    token = Reply(200, b'{"access_token": "x"}')
    assert await outcome_of(scripted(token=lambda _: token), tmp_path) == Receipt(NAME)


def _issuer(request: Request) -> str:
    """The account that a token is asked for."""
    claims = parse_qs(request.body.decode())["assertion"][0].split(".")[1]
    return str(json.loads(urlsafe_b64decode(claims + "=="))["iss"])


def _write_key(file: Path, account: str) -> None:
    """Another key in the same file, as whoever rotates it puts it there."""
    key = json.loads(file.read_text())
    file.write_text(json.dumps(key | {"client_email": f"{account}@{PROJECT}.iam.example.org"}))


async def test_a_new_key_in_the_same_file_is_used_once_google_refuses_the_old_one(tmp_path: Path) -> None:
    """Whoever mends it by night restarts nothing."""

    def token(request: Request) -> Reply:
        return GRANTED if _issuer(request).startswith("new@") else Reply(400, b'{"error": "invalid_grant"}')

    async with http_provider(scripted(token=token)) as provider, push(provider, tmp_path) as channel:
        with pytest.raises(Misconfigured) as refused:
            await channel.send(message_to(TO))
        assert refused.value.code == "invalid_grant"
        _write_key(tmp_path / "service-account.json", "new")
        assert await channel.send(message_to(TO)) == Receipt(NAME)


async def test_while_a_file_is_being_replaced_the_key_that_was_in_it_goes_on(tmp_path: Path) -> None:
    tokens = in_turn(granted("first", expires_in=0), granted("second", expires_in=0))
    async with http_provider(scripted(token=tokens)) as provider, push(provider, tmp_path) as channel:
        await channel.send(message_to(TO))
        file = tmp_path / "service-account.json"
        file.write_text("{")
        assert await channel.send(message_to(TO)) == Receipt(NAME)
        provider.script = scripted(token=lambda _: Reply(400, b'{"error": "invalid_grant"}'))
        with pytest.raises(Misconfigured, match="no service account key"):  # and this is what there is to mend
            await channel.send(message_to(TO))


async def test_a_refused_token_is_replaced_once(tmp_path: Path) -> None:
    sends = in_turn(failed(401, "UNAUTHENTICATED"), SENT)
    tokens = in_turn(granted("revoked"), granted("good"))
    async with http_provider(scripted(sends, tokens)) as provider, push(provider, tmp_path) as channel:
        assert await channel.send(message_to(TO)) == Receipt(NAME)
    assert paths(provider) == ["token", "send", "token", "send"]
    assert provider.requests[-1].headers["authorization"] == "Bearer good"


async def test_a_second_refusal_is_our_fault(tmp_path: Path) -> None:
    async with (
        http_provider(scripted(lambda _: failed(401, "UNAUTHENTICATED"))) as provider,
        push(provider, tmp_path) as channel,
    ):
        with pytest.raises(Misconfigured) as caught:
            await channel.send(message_to(TO))
    assert caught.value.code == "UNAUTHENTICATED"
    assert paths(provider) == ["token", "send", "token", "send"]


async def test_apple_refusing_googles_key_is_no_reason_for_another_token(tmp_path: Path) -> None:
    reply = failed(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR")
    async with http_provider(scripted(lambda _: reply)) as provider, push(provider, tmp_path) as channel:
        with pytest.raises(Misconfigured) as caught:
            await channel.send(message_to(TO))
    assert caught.value.code == "THIRD_PARTY_AUTH_ERROR"
    assert paths(provider) == ["token", "send"]


@pytest.mark.parametrize(
    ("token", "reaction", "code"),
    [
        (Trouble.HANG, Later, "token_timeout"),
        (Trouble.SLOW, Later, "token_timeout"),
        (Trouble.DROP, Later, "token_unreachable"),
        (Trouble.NOT_HTTP, Later, "token_unreachable"),
        (Reply(200, b'"just a word"'), Later, "token_nonsense"),
        (Reply(200, b"<html>welcome</html>"), Later, "token_nonsense"),
        (Reply(200, b"{}"), Misconfigured, "token_refused"),
        (Reply(400, b'{"error": "invalid_grant", "error_description": "no"}'), Misconfigured, "invalid_grant"),
        (Reply(401, b'{"error": {"a": 1}}'), Misconfigured, "token_refused"),
        (Reply(404, b"nothing"), Misconfigured, "token_refused"),
        (Reply(302, b"", {"Location": "http://127.0.0.1:1/"}), Misconfigured, "token_refused"),
    ],
)
async def test_without_a_token_nothing_is_sent(
    token: Reply | Trouble, reaction: type[ChannelError], code: str, tmp_path: Path
) -> None:
    async with (
        http_provider(scripted(token=lambda _: token)) as provider,
        push(provider, tmp_path, deadline=3.0) as channel,
    ):
        with pytest.raises(reaction) as caught:
            async with asyncio.timeout(5):
                await channel.send(message_to(TO))
    assert caught.value.code == code
    assert set(paths(provider)) == {"token"}


async def test_a_token_endpoint_with_trouble_is_asked_again_and_then_later(tmp_path: Path) -> None:
    async with (
        http_provider(scripted(token=lambda _: Reply(503, b"busy"))) as provider,
        push(provider, tmp_path, deadline=20.0) as channel,
    ):
        with pytest.raises(Later) as caught:
            await channel.send(message_to(TO))
    assert caught.value.code == "token_unavailable"
    assert paths(provider) == ["token"] * 3


async def test_a_token_endpoint_that_nobody_runs(tmp_path: Path) -> None:
    file = service_account(tmp_path, "http://127.0.0.1:1/token")
    outcome = await outcome_of(scripted(), tmp_path, credentials_file=_moved(file))
    assert isinstance(outcome, Later)
    assert outcome.code == "token_unreachable"


async def test_after_trouble_with_the_token_the_next_send_tries_again(tmp_path: Path) -> None:
    tokens = in_turn(Reply(400, b'{"error": "invalid_grant"}'), GRANTED)
    async with http_provider(scripted(token=tokens)) as provider, push(provider, tmp_path) as channel:
        with pytest.raises(Misconfigured):
            await channel.send(message_to(TO))
        assert await channel.send(message_to(TO)) == Receipt(NAME)


def _moved(file: Path) -> Path:
    """Out of the way of the helper, which writes its own."""
    return file.rename(file.with_name("elsewhere.json"))


# --- the credentials file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content", ["", "{}", "no json", '{"type": "authorized_user"}', '{"type": "service_account"}', "\x00\xff"]
)
async def test_a_file_that_is_no_key_is_named_by_its_setting(content: str, tmp_path: Path) -> None:
    file = tmp_path / "secret-name.json"
    file.write_text(content)
    outcome = await outcome_of(scripted(), tmp_path, credentials_file=file)
    assert isinstance(outcome, Misconfigured)
    assert outcome.code == "credentials_file"
    assert "ALERTD_FCM__CREDENTIALS_FILE" in outcome.detail
    assert content == "" or content not in str(outcome)


async def test_a_key_that_cannot_sign(tmp_path: Path) -> None:
    file = service_account(tmp_path, "http://127.0.0.1:1/token")
    document = json.loads(file.read_text()) | {"private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END"}
    moved = _moved(file)
    moved.write_text(json.dumps(document))
    outcome = await outcome_of(scripted(), tmp_path, credentials_file=moved)
    assert isinstance(outcome, Misconfigured)
    assert "AAAA" not in str(outcome)


async def test_a_file_that_comes_later_mends_the_channel(tmp_path: Path) -> None:
    async with http_provider(scripted()) as provider:
        late = tmp_path / "service-account.json"
        config = FcmConfig(credentials_file=late, base_url=provider.url)
        channel = CHANNELS["push"].build(config, lambda: NOW)
        with pytest.raises(Misconfigured) as caught:
            await channel.send(message_to(TO))
        assert caught.value.code == "not_configured"
        assert "ALERTD_FCM__CREDENTIALS_FILE" in caught.value.detail
        service_account(tmp_path, f"{provider.url}/token")
        assert await channel.send(message_to(TO)) == Receipt(NAME)
        await channel.close()


def test_a_token_endpoint_that_hangs_does_not_hold_the_process(tmp_path: Path) -> None:
    """The thread that waits is left behind; `asyncio.run` would wait for one of `asyncio.to_thread`'s."""
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes connections, and never a request
        file = service_account(tmp_path, f"http://127.0.0.1:{mute.getsockname()[1]}/token")

        async def one_push() -> float:
            channel = FcmPush(FcmConfig(file, "http://127.0.0.1:1", deadline=0.4), lambda: NOW)
            with pytest.raises(Later):
                await channel.send(message_to(TO))
            await channel.close()
            return time.monotonic()

        ended = asyncio.run(one_push())
        assert time.monotonic() - ended < 2.0  # one try alone takes three
