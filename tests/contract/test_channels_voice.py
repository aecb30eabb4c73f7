"""Calls through Twilio: the form as Twilio's own SDK would send it, what is said, and what each code means."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlencode
from xml.etree import ElementTree

import pytest
from twilio.http import HttpClient as TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twilio.twiml.voice_response import Gather, VoiceResponse

from alertd.ports import ChannelError, Keyed, Later, Message, Misconfigured, Pressed, Receipt, Refused, Unknown
from alertd.sandbox.twiml_reading import read_twiml
from channels.twilio_voice import TwilioVoice, TwilioVoiceConfig
from channels.twiml import LIMIT, twiml
from tests.contract.samples.http_provider import HttpProvider, Reply, http_provider
from tests.contract.samples.situations import NOW, message_to
from tests.contract.samples.sms import ACCOUNT, SENDER, TOKEN, failed
from tests.contract.samples.voice import CALL, KEYS, STATUS, created, keeps_contract

TO = "+14155550123"
ATTEMPT = "019a0000-0000-7000-8000-000000000001.2"
LINK = "https://alerts.example.org/a/xyz"


@asynccontextmanager
async def voice(provider: HttpProvider, **changes: Any) -> AsyncIterator[TwilioVoice]:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_": SENDER, "base_url": provider.url}
    channel = TwilioVoice(TwilioVoiceConfig(**(given | changes)), lambda: NOW)
    try:
        yield channel
    finally:
        await channel.close()


async def form_of(message: Message, **changes: Any) -> dict[str, list[str]]:
    """The fields that Twilio gets for a message, which keep its contract."""
    async with http_provider(lambda _: created()) as provider, voice(provider, **changes) as channel:
        assert await channel.send(message) == Receipt(CALL)
    (request,) = provider.requests
    keeps_contract(request)
    return parse_qs(request.body.decode(), strict_parsing=True)


async def outcome_of(reply: Reply) -> Receipt | ChannelError:
    async with http_provider(lambda _: reply) as provider, voice(provider) as channel:
        try:
            return await channel.send(message_to(TO))
        except ChannelError as error:
            return error


class Recorder(TwilioHttpClient):  # type: ignore[misc]
    """Stands where the SDK would go to the network, and keeps what it would send."""

    def __init__(self) -> None:
        self.sent: dict[str, Any] = {}

    def request(self, method: str, url: str, **given: Any) -> Response:
        self.sent = {"method": method, "url": url, **given}
        return Response(201, json.dumps({"sid": CALL}))


async def test_the_request_is_the_one_that_the_official_sdk_makes() -> None:
    message = message_to(TO, link=LINK)
    said = VoiceResponse()
    gather = Gather(input="dtmf", num_digits=1, timeout=10, action=f"{KEYS}?attempt={ATTEMPT}", method="POST")
    for number, line in enumerate(message.text.splitlines()):
        if number:
            gather.pause(length=1)
        gather.say(line, language="es-MX")
    said.append(gather)
    recorder = Recorder()
    Client(ACCOUNT, TOKEN, http_client=recorder).calls.create(
        to=TO,
        from_=SENDER,
        twiml=said.to_xml(xml_declaration=False),
        timeout=40,
        time_limit=240,
        machine_detection="DetectMessageEnd",
        status_callback=f"{STATUS}?attempt={ATTEMPT}",
        status_callback_event=["initiated", "completed"],
    )
    async with (
        http_provider(lambda _: created()) as provider,
        voice(provider, status_callback=STATUS, keypad=KEYS) as channel,
    ):
        await channel.send(message)
    (request,) = provider.requests
    sdk = recorder.sent
    assert f"https://api.twilio.com{request.path}" == sdk["url"]
    assert request.method == sdk["method"].upper()
    ours, theirs = parse_qs(request.body.decode()), parse_qs(urlencode(sdk["data"], doseq=True))
    (own,), (official,) = ours.pop("Twiml"), theirs.pop("Twiml")
    assert ElementTree.canonicalize(own) == ElementTree.canonicalize(official)
    assert ours == theirs
    basic = b64encode(":".join(sdk["auth"]).encode()).decode()
    assert request.headers["authorization"] == f"Basic {basic}"


async def test_who_is_not_asked_is_told_and_no_key_is_waited_for() -> None:
    (document,) = (await form_of(message_to(TO), keypad=KEYS))["Twiml"]
    assert "Gather" not in document
    assert "StatusCallback" not in await form_of(message_to(TO))
    (document,) = (await form_of(message_to(TO, link=LINK)))["Twiml"]  # nobody could tell us of the key
    assert "Gather" not in document


@pytest.mark.parametrize(
    ("locale", "language"),
    [("en", "en-US"), ("es", "es-MX"), ("es-US", "es-US"), ("es-419", "es-MX"), ("pt-BR", "pt-BR"), ("fr", "fr")],
)
async def test_a_language_is_said_as_twilio_knows_it(locale: str, language: str) -> None:
    (document,) = (await form_of(message_to(TO, locale=locale)))["Twiml"]
    assert set(read_twiml(document).languages) == {language}


@pytest.mark.parametrize(
    "text",
    ["down " * 2000, "<Hangup/> & \"quotes\" ]]> 'x'", "a\ud800b\0\x0b\ufffe", "&" * 3000, "\n\n", "x" * 9000, ""],
)
async def test_any_text_can_be_said(text: str) -> None:
    (document,) = (await form_of(message_to(TO, text=f"Hello.\n{text}\nGoodbye.")))["Twiml"]
    assert len(document) <= LIMIT
    lines = read_twiml(document).lines
    assert (lines[0], lines[-1]) == ("Hello.", "Goodbye.")
    assert "Hangup" not in document or "&lt;Hangup/&gt;" in document


def test_what_is_too_long_loses_the_ends_of_its_longest_lines() -> None:
    lines = read_twiml(twiml([("en", "Hello."), ("en", "down " * 900), ("en", "Press 1.")], KEYS)).lines
    assert lines[0] == "Hello."
    assert lines[1].startswith("down down")
    assert lines[1].endswith("...")
    assert lines[2] == "Press 1."


async def test_an_address_stays_in_its_field() -> None:
    async with http_provider(lambda _: failed(400, 21211)) as provider, voice(provider) as channel:
        with pytest.raises(Refused):
            await channel.send(message_to("1&From=+14155550199"))
    assert parse_qs(provider.requests[0].body.decode())["From"] == [SENDER]


async def test_a_reply_says_something_and_may_wait_for_another_key() -> None:
    async with http_provider(lambda _: created()) as provider, voice(provider, keypad=KEYS) as channel:
        assert isinstance(channel, Keyed)
        done = channel.reply([("es", "Gracias. Adiós."), ("en", "Goodbye.")])
        message = message_to(TO)
        pressed = Pressed(message.delivery, message.attempt, CALL, "5", machine=False)
        again = channel.reply([("en", "Press 1.")], pressed)
    assert done.media_type == "application/xml"
    heard = read_twiml(done.body.decode())
    assert (heard.lines, heard.languages) == (["Gracias. Adiós.", "Goodbye."], ["es-MX", "en-US"])
    assert heard.action is None
    assert read_twiml(again.body.decode()).action == f"{KEYS}?attempt={ATTEMPT}"


# --- what the answers mean --------------------------------------------------------------------------

TABLE: list[tuple[int, int, type[ChannelError], str]] = [
    (400, 21201, Refused, "no number"),
    (400, 21202, Refused, "a premium number"),
    (400, 21211, Refused, "no telephone number"),
    (400, 21214, Refused, "cannot be reached"),
    (400, 21217, Refused, "no telephone number"),
    (401, 20003, Misconfigured, "our credentials"),
    (403, 10005, Misconfigured, "calls are disabled for the account"),
    (400, 21203, Misconfigured, "calls abroad are not enabled: no family may suffer for it"),
    (400, 21210, Misconfigured, "the caller is not ours"),
    (400, 21212, Misconfigured, "the caller is no number"),
    (400, 21213, Misconfigured, "no caller"),
    (400, 21215, Misconfigured, "a region that the account has not enabled"),
    (400, 21216, Misconfigured, "blocked by Twilio, perhaps for want of our customer profile"),
    (400, 21219, Misconfigured, "a trial account"),
    (400, 12100, Misconfigured, "our TwiML"),
    (400, 21205, Misconfigured, "our URL"),
    (400, 99999, Misconfigured, "a code that nobody has heard of takes no address away"),
    (429, 20429, Later, "too many requests"),
    (429, 10004, Later, "too many calls at once"),
    (503, 20503, Later, "unavailable"),
    (500, 20500, Unknown, "the call may exist"),
    (502, 99999, Unknown, "a gateway that gave up waiting"),
]


@pytest.mark.parametrize(("status", "code", "reaction", "because"), TABLE)
async def test_a_code_has_its_reaction(status: int, code: int, reaction: type[ChannelError], because: str) -> None:
    outcome = await outcome_of(failed(status, code))
    assert type(outcome) is reaction, because
    assert isinstance(outcome, ChannelError)
    assert outcome.code == str(code)


@pytest.mark.parametrize("sid", [None, "", 5, "CA123", "SM" + "1c" * 16, CALL + "\n"])
async def test_without_a_sid_nobody_knows(sid: object) -> None:
    outcome = await outcome_of(created(sid=sid))
    assert isinstance(outcome, Unknown)
    assert outcome.code == "no_sid"


@pytest.mark.parametrize("status", ["failed", "busy", "no-answer", "canceled"])
async def test_a_call_that_was_made_and_given_up(status: str) -> None:
    outcome = await outcome_of(created(status=status))
    assert isinstance(outcome, Later)
    assert outcome.code == status


# --- configuration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account_sid": None}, "ALERTD_TWILIO__ACCOUNT_SID"),
        ({"auth_token": ""}, "ALERTD_TWILIO__AUTH_TOKEN"),
        ({"from_": None}, "ALERTD_TWILIO__VOICE_FROM"),
        ({"from_": "Alerts"}, "ALERTD_TWILIO__VOICE_FROM"),
        ({"from_": "72345"}, "ALERTD_TWILIO__VOICE_FROM"),
    ],
)
def test_a_mistake_names_the_setting(changes: dict[str, Any], named: str) -> None:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_": SENDER}
    (problem,) = TwilioVoiceConfig(**(given | changes)).problems()
    assert named in problem
    assert TOKEN not in problem
