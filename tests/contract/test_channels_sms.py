"""SMS through Twilio: the form as Twilio's own SDK would send it, and what each code means."""

import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from twilio.http import HttpClient as TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from alertd.ports import ChannelError, Later, Message, Misconfigured, Receipt, Refused, Unknown
from channels.twilio_codes import CODES, error_for
from channels.twilio_sms import TwilioConfig, TwilioSms
from tests.contract.samples.http_provider import HttpProvider, Reply, http_provider
from tests.contract.samples.situations import NOW, message_to
from tests.contract.samples.sms import ACCOUNT, SENDER, SID, TOKEN, created, failed, keeps_contract
from tests.contract.samples.sms_codes import NOTES

TO = "+14155550123"
SERVICE = "MG" + "2d" * 16
CALLBACK = "https://alerts.example.org/status?kind=sms"


@asynccontextmanager
async def sms(provider: HttpProvider, **changes: Any) -> AsyncIterator[TwilioSms]:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_": SENDER, "base_url": provider.url}
    channel = TwilioSms(TwilioConfig(**(given | changes)), lambda: NOW)
    try:
        yield channel
    finally:
        await channel.close()


async def form_of(message: Message, **changes: Any) -> dict[str, str]:
    """The fields that Twilio gets for a message, which keep its contract."""
    async with http_provider(lambda _: created()) as provider, sms(provider, **changes) as channel:
        assert await channel.send(message) == Receipt(SID)
    (request,) = provider.requests
    keeps_contract(request)
    return {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}


async def outcome_of(reply: Reply) -> Receipt | ChannelError:
    async with http_provider(lambda _: reply) as provider, sms(provider) as channel:
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
        return Response(201, json.dumps({"sid": SID}))


async def test_the_request_is_the_one_that_the_official_sdk_makes() -> None:
    message = message_to(TO)
    recorder = Recorder()
    Client(ACCOUNT, TOKEN, http_client=recorder).messages.create(
        to=TO,
        from_=SENDER,
        body=message.text,
        validity_period=1683,
        status_callback=f"{CALLBACK}&attempt={message.attempt_id}",
    )
    async with (
        http_provider(lambda _: created()) as provider,
        sms(provider, status_callback=CALLBACK) as channel,
    ):
        await channel.send(message)
    (request,) = provider.requests
    sdk = recorder.sent
    assert f"https://api.twilio.com{request.path}" == sdk["url"]
    assert request.method == sdk["method"].upper()
    assert parse_qs(request.body.decode()) == parse_qs(urlencode(sdk["data"]))
    assert request.headers["content-type"] == sdk["headers"]["Content-Type"]
    basic = b64encode(":".join(sdk["auth"]).encode()).decode()
    assert request.headers["authorization"] == f"Basic {basic}"


async def test_a_messaging_service_chooses_the_sender() -> None:
    form = await form_of(message_to(TO), messaging_service_sid=SERVICE)
    assert form["MessagingServiceSid"] == SERVICE
    assert "From" not in form


async def test_an_alphanumeric_sender_is_quoted() -> None:
    assert (await form_of(message_to(TO), from_="A&B Alerts"))["From"] == "A&B Alerts"


@pytest.mark.parametrize(
    ("useful_for", "seconds"),
    [
        (timedelta(0), "1"),
        (timedelta(seconds=-5), "1"),
        (timedelta(seconds=0.4), "1"),
        (timedelta(minutes=30), "1800"),
        (timedelta(hours=10), "36000"),
        (timedelta(days=400), "36000"),
    ],
)
async def test_the_provider_drops_what_is_useful_no_longer(useful_for: timedelta, seconds: str) -> None:
    assert (await form_of(message_to(TO, useful_for=useful_for)))["ValidityPeriod"] == seconds


async def test_no_callback_where_none_is_configured() -> None:
    assert "StatusCallback" not in await form_of(message_to(TO))


async def test_a_text_that_is_too_long_is_sent_without_its_end() -> None:
    form = await form_of(message_to(TO, text="down " * 400))
    assert len(form["Body"]) <= 1600
    assert form["Body"].startswith("down down")
    assert form["Body"].endswith("...")


@pytest.mark.parametrize(
    ("text", "sent"),
    [("caf\u00e9 \U0001f642 100 % +1 &=#\r\n", None), ("a\ud800b", "a?b"), ("a\0b", "ab"), ("x" * 1600, None)],
)
async def test_any_text_arrives(text: str, sent: str | None) -> None:
    assert (await form_of(message_to(TO, text=text)))["Body"] == (sent or text)


async def test_an_address_stays_in_its_field() -> None:
    async with http_provider(lambda _: failed(400, 21211)) as provider, sms(provider) as channel:
        with pytest.raises(Refused):
            await channel.send(message_to("1&From=+14155550199"))
    assert parse_qs(provider.requests[0].body.decode())["From"] == [SENDER]


@pytest.mark.parametrize("base", ["", "/", "/twilio", "/twilio/"])
async def test_the_base_url_may_have_a_path(base: str) -> None:
    async with (
        http_provider(lambda _: created()) as provider,
        sms(provider, base_url=provider.url + base) as channel,
    ):
        await channel.send(message_to(TO))
    path = f"{base.rstrip('/')}/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert [request.path for request in provider.requests] == [path]


# --- what the answers mean --------------------------------------------------------------------------

TABLE: list[tuple[int, int, type[ChannelError]]] = [
    # HTTP status, Twilio's code, reaction. First the issue's own list.
    (400, 21211, Refused),
    (400, 21214, Refused),
    (400, 21612, Misconfigured),  # this sender and this number: from another it may be reached
    (400, 21614, Refused),
    (400, 21635, Refused),
    (400, 21610, Refused),
    (401, 20003, Misconfigured),
    (404, 20404, Misconfigured),
    (400, 21212, Misconfigured),
    (400, 21408, Misconfigured),  # a region that the account has not enabled: no family may suffer for it
    (400, 21606, Misconfigured),
    (400, 21608, Misconfigured),
    (400, 21617, Misconfigured),
    (400, 21703, Misconfigured),
    (400, 99999, Misconfigured),  # a code that nobody has heard of does not take away an address
    (429, 20429, Later),
    (429, 21611, Later),
    (400, 14107, Later),
    (503, 20503, Later),
    (500, 20500, Unknown),
    (504, 20503, Unknown),  # a gateway that gave up waiting, whatever code it puts there
    (500, 99999, Unknown),
]


@pytest.mark.parametrize(("status", "code", "reaction"), [*TABLE, *NOTES])
async def test_a_code_has_its_reaction(status: int, code: int, reaction: type[ChannelError]) -> None:
    outcome = await outcome_of(failed(status, code))
    assert type(outcome) is reaction
    assert isinstance(outcome, ChannelError)
    assert outcome.code == str(code)


@pytest.mark.parametrize(
    ("status", "reaction", "code"),
    [
        (400, Misconfigured, "http_400"),
        (401, Misconfigured, "http_401"),
        (403, Misconfigured, "http_403"),
        (404, Misconfigured, "http_404"),
        (408, Later, "http_408"),
        (418, Misconfigured, "http_418"),
        (429, Later, "http_429"),
        (500, Unknown, "http_500"),
        (502, Unknown, "http_502"),
        (503, Later, "http_503"),
        (504, Unknown, "http_504"),
        (301, Misconfigured, "redirect"),
        (308, Misconfigured, "redirect"),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<h1>sorry</h1>", b"[]", b'{"code": "x"}', b'{"code": null}'])
async def test_a_status_without_a_code_has_its_reaction(
    status: int, reaction: type[ChannelError], code: str, body: bytes
) -> None:
    outcome = await outcome_of(Reply(status, body))
    assert type(outcome) is reaction
    assert isinstance(outcome, ChannelError)
    assert outcome.code == code


async def test_who_replied_stop_has_opted_out() -> None:
    outcome = await outcome_of(failed(400, 21610))
    assert isinstance(outcome, Refused)
    assert outcome.opted_out
    other = await outcome_of(failed(400, 21211))
    assert isinstance(other, Refused)
    assert not other.opted_out


@pytest.mark.parametrize("code", CODES)
def test_every_row_of_the_table_makes_an_error(code: int) -> None:
    error = error_for(400, code, timedelta(seconds=3))
    assert error.code == str(code)
    assert error.detail == CODES[code][1]
    if isinstance(error, Later):
        assert error.retry_after == timedelta(seconds=3)


@pytest.mark.parametrize("status", ["queued", "accepted", "sending", "sent", "scheduled", "anything new", None, 7])
async def test_a_message_with_a_sid_was_taken(status: object) -> None:
    assert await outcome_of(created(status=status, error_code="odd")) == Receipt(SID)


@pytest.mark.parametrize("sid", [None, "", 5, "SM123", "AC" + "1c" * 16, "SM" + "1c" * 16 + "\n"])
async def test_without_a_sid_nobody_knows(sid: object) -> None:
    outcome = await outcome_of(created(sid=sid))
    assert isinstance(outcome, Unknown)
    assert outcome.code == "no_sid"


@pytest.mark.parametrize(
    ("status", "code", "reaction", "told"),
    [
        ("failed", 30005, Refused, "30005"),
        ("failed", 30001, Later, "30001"),
        ("undelivered", 30034, Misconfigured, "30034"),
        ("failed", None, Later, "failed"),
        ("canceled", 12345, Later, "canceled"),
    ],
)
async def test_a_message_that_was_made_and_given_up(
    status: str, code: int | None, reaction: type[ChannelError], told: str
) -> None:
    outcome = await outcome_of(created(status=status, error_code=code))
    assert type(outcome) is reaction
    assert isinstance(outcome, ChannelError)
    assert outcome.code == told


# --- configuration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"account_sid": None}, "ALERTD_TWILIO__ACCOUNT_SID"),
        ({"account_sid": "SK" + "0" * 32}, "ALERTD_TWILIO__ACCOUNT_SID"),
        ({"account_sid": ACCOUNT + "\n"}, "ALERTD_TWILIO__ACCOUNT_SID"),
        ({"auth_token": ""}, "ALERTD_TWILIO__AUTH_TOKEN"),
        ({"from_": None}, "ALERTD_TWILIO__FROM"),
        ({"messaging_service_sid": "AC1"}, "ALERTD_TWILIO__MESSAGING_SERVICE_SID"),
        ({"from_": "Follow Alerts Team"}, "at most 11 characters"),
        ({"from_": "Ñandú"}, "A-Z, a-z, 0-9, space"),
        ({"from_": "1 415 555 0100 x"}, "like +14155550100"),
        ({"from_": "?"}, "ALERTD_TWILIO__FROM"),
        ({"from_": "12"}, "3 to 8 digits"),
        ({"from_": "123456789"}, "3 to 8 digits"),
        ({"from_": "+04155550100"}, "like +14155550100"),
        ({"from_": "whatsapp:+14155550100"}, "like +14155550100"),
        ({"from_": "+- _&."}, "with a letter"),
    ],
)
def test_a_mistake_names_the_setting(changes: dict[str, Any], named: str) -> None:
    given = {"account_sid": ACCOUNT, "auth_token": TOKEN, "from_": SENDER}
    (problem,) = TwilioConfig(**(given | changes)).problems()
    assert named in problem
    assert TOKEN not in problem


@pytest.mark.parametrize(
    "sender",
    [
        *("+14155550100", "+34600000000", "4155550100", "(415) 555-0100", "1-415-555-0100", "123", "12345678"),
        *("Follow", "A&B Alerts", "Help + you", "Team_1", "24 h-Follow", "Follow.org", "1a"),
    ],
)
def test_what_twilio_sends_from_is_taken(sender: str) -> None:
    assert TwilioConfig(ACCOUNT, TOKEN, sender).problems() == []


def test_a_messaging_service_needs_no_sender() -> None:
    assert TwilioConfig(ACCOUNT, TOKEN, None, SERVICE).problems() == []
