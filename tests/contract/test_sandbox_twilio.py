"""The Twilio stand-in takes what the real client sends, answers what the real contract says, refuses the rest."""

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from openapi_core.validation.response.exceptions import InvalidData
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from alertd.sandbox.log import read_accepted
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings

pytestmark = pytest.mark.usefixtures("sandbox_key")

SPEC = Path(__file__).parents[1] / "data" / "twilio" / "twilio_messages_calls.openapi.json"
FROM, TO = "+14155550100", "+14155550123"
SERVICE = "MG" + "0" * 32
ATTEMPT = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.2"
CALLBACK = f"https://alerts.example.org/v1/providers/twilio/status?d={ATTEMPT}"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        yield sandbox


class ToLoopback(TwilioHttpClient):  # type: ignore[misc]
    """The real client's HTTP, with the host exchanged; keeps the last exchange for the contract's judge."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=5, max_retries=0)
        self._base_url = base_url

    def request(self, method: str, url: str, **rest: Any) -> Any:
        return super().request(method, url.replace("https://api.twilio.com", self._base_url), **rest)


def client(sandbox: Sandbox, token: str | None = None) -> Client:
    return Client(sandbox.account_sid, token or sandbox.auth_token, http_client=ToLoopback(sandbox.twilio_url))


async def refused(call: Callable[[], object]) -> TwilioRestException:
    with pytest.raises(TwilioRestException) as caught:
        await asyncio.to_thread(call)
    return caught.value


async def post(sandbox: Sandbox, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """A request that the real client would not make."""
    url = f"{sandbox.twilio_url}/2010-04-01/Accounts/{sandbox.account_sid}/Messages.json"
    login = b64encode(f"{sandbox.account_sid}:{sandbox.auth_token}".encode()).decode()
    async with (
        aiohttp.ClientSession() as session,
        session.post(url, data=form, headers={"Authorization": f"Basic {login}"}) as response,
    ):
        return response.status, await response.json()


async def test_the_real_client_sends_fetches_and_lists(sandbox: Sandbox) -> None:
    twilio = client(sandbox)
    sent = await asyncio.to_thread(
        twilio.messages.create, to=TO, from_=FROM, body="Follow is down. ¿Qué hacer?", status_callback=CALLBACK,
        validity_period=3600,
    )  # fmt: skip
    assert (sent.status, sent.to, sent.body) == ("queued", TO, "Follow is down. ¿Qué hacer?")
    fetched = await asyncio.to_thread(twilio.messages(sent.sid).fetch)
    assert (fetched.sid, fetched.status, fetched.num_segments) == (sent.sid, "delivered", "1")
    other = await asyncio.to_thread(twilio.messages.create, to="+14155550124", from_=FROM, body="x")
    listed = await asyncio.to_thread(twilio.messages.list, to=TO)
    assert [message.sid for message in listed] == [sent.sid]
    everything = await asyncio.to_thread(twilio.messages.list, page_size=1)
    assert [message.sid for message in everything] == [other.sid, sent.sid]  # the newest first, over two pages
    later = await asyncio.to_thread(twilio.messages.list, date_sent_after=sent.date_created.replace(year=2999))
    assert later == []


async def test_what_was_accepted_is_in_the_log_with_what_was_sent(sandbox: Sandbox) -> None:
    await asyncio.to_thread(
        client(sandbox).messages.create, to=TO, messaging_service_sid=SERVICE, body="Still down.",
        status_callback=CALLBACK,
    )  # fmt: skip
    [line] = read_accepted(sandbox.log_path)
    assert (line.channel, line.to, line.text, line.sender) == ("sms", TO, "Still down.", SERVICE)
    assert line.reference == ATTEMPT
    assert line.request["StatusCallback"] == CALLBACK
    assert line.title is None
    assert line.html is None
    assert line.fault is None


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"To": ""}, 21604, 400),
        ({"To": "5146"}, 21211, 400),
        ({"To": "+0123"}, 21211, 400),
        ({"To": TO + "\n"}, 21211, 400),
        ({"To": "+15005550001"}, 21211, 400),
        ({"To": "+15005550002"}, 21612, 400),
        ({"To": "+15005550003"}, 21408, 400),
        ({"To": "+15005550004"}, 21610, 400),
        ({"To": "+15005550009"}, 21614, 400),
        ({"From": ""}, 21603, 400),
        ({"From": "not a sender at all"}, 21212, 400),
        ({"From": "+15005550007"}, 21606, 400),
        ({"Body": ""}, 21602, 400),
        ({"Body": "x" * 1601}, 21617, 400),
        ({"StatusCallback": "callback"}, 21609, 400),
        ({"StatusCallback": "https://under_score.example.org/"}, 21609, 400),
        ({"ValidityPeriod": "0"}, 21624, 400),
        ({"ValidityPeriod": "36001"}, 21624, 400),
        ({"ValidityPeriod": "soon"}, 21624, 400),
        ({"MessagingServiceSid": "MG123"}, 20422, 400),
        ({"ScheduleType": "whenever"}, 20422, 400),
        ({"Colour": "red"}, 20001, 400),
    ],
)
async def test_a_bad_request_gets_twilios_code(
    sandbox: Sandbox, changes: dict[str, str], code: int, status: int
) -> None:
    got, body = await post(sandbox, {"To": TO, "From": FROM, "Body": "Still down."} | changes)
    assert (got, body["code"], body["status"]) == (status, code, status)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert body["message"]
    assert sandbox.messages() == []
    [refusal] = sandbox.refusals()
    assert (refusal.outcome, refusal.code) == ("contract", str(code))


@pytest.mark.parametrize("limit", [{"Body": "x" * 1600}, {"ValidityPeriod": "36000"}, {"ValidityPeriod": "1"}])
async def test_the_limits_themselves_are_fine(sandbox: Sandbox, limit: dict[str, str]) -> None:
    status, _ = await post(sandbox, {"To": TO, "From": FROM, "Body": "Still down."} | limit)
    assert status == 201


async def test_the_real_client_understands_the_errors(sandbox: Sandbox) -> None:
    create = client(sandbox).messages.create
    error = await refused(lambda: create(to="5146", from_=FROM, body="x"))
    assert (error.status, error.code) == (400, 21211)
    assert "5146" in error.msg  # as Twilio does: whoever logs this logs an address
    error = await refused(lambda: client(sandbox, "wrong").messages.create(to=TO, from_=FROM, body="x"))
    assert (error.status, error.code) == (401, 20003)
    error = await refused(client(sandbox).messages("SM" + "0" * 32).fetch)
    assert (error.status, error.code) == (404, 20404)
    stranger = client(sandbox).api.accounts("AC" + "0" * 32).messages
    error = await refused(lambda: stranger.create(to=TO, from_=FROM, body="x"))
    assert (error.status, error.code) == (404, 20404)
    error = await refused(client(sandbox).calls("CA" + "0" * 32).fetch)
    assert (error.status, error.code) == (404, 20404)


async def test_a_dead_number_is_refused_for_ever_and_others_are_not(sandbox: Sandbox) -> None:
    sandbox.bury(sms=[TO])
    create = client(sandbox).messages.create
    for _ in range(2):
        error = await refused(lambda: create(to=TO, from_=FROM, body="x"))
        assert error.code == 21211
    await asyncio.to_thread(create, to="+14155550124", from_=FROM, body="x")
    assert [message.to for message in sandbox.messages()] == ["+14155550124"]
    assert [(r.outcome, r.to) for r in sandbox.refusals()] == [("dead", TO)] * 2


@pytest.mark.parametrize("sender", [{"From": FROM}, {"MessagingServiceSid": SERVICE}])
async def test_both_sides_of_an_exchange_keep_the_published_contract(
    sandbox: Sandbox, sender: dict[str, str]
) -> None:
    """Judged by openapi-core from Twilio's own file, by no code of the sandbox."""
    form = {"To": TO, "Body": "Still down.", "StatusCallback": CALLBACK} | sender
    status, body = await post(sandbox, form)
    contract = OpenAPI.from_dict(json.loads(SPEC.read_text("utf-8")))
    path = f"/2010-04-01/Accounts/{sandbox.account_sid}/Messages.json"
    request = MockRequest(
        "https://api.twilio.com", "post", path,
        data="&".join(f"{key}={value}" for key, value in form.items()).replace("+", "%2B").encode(),
        content_type="application/x-www-form-urlencoded",
        headers={"Authorization": "Basic " + b64encode(b"user:token").decode()},
    )  # fmt: skip
    contract.validate_request(request)
    contract.validate_response(request, MockResponse(json.dumps(body).encode(), status_code=status))
    broken = body | {"sid": "SM123"}
    with pytest.raises(InvalidData):
        contract.validate_response(request, MockResponse(json.dumps(broken).encode(), status_code=status))
