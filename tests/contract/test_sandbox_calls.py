"""The Twilio stand-in takes calls: it checks them, keeps what is said, and tells what became of them."""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from alertd.sandbox.faults import Fault
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings
from alertd.sandbox.twiml_reading import BadTwiml, read_twiml

TO, CALLER = "+14155550123", "+14155550100"
ATTEMPT = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.2"
THANKS = '<Response><Say language="en-US">Thank you.</Say></Response>'


class Caller:
    """Whoever calls, and is told of it at URLs of its own."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.session, self.here = sandbox, session, ""
        self.told: list[tuple[str, str | None]] = []  # status, who answered
        self.keys: list[tuple[str, str | None]] = []  # digits, who answered

    async def form_of(self, request: web.Request) -> dict[str, Any]:
        form: dict[str, Any] = dict(await request.post())
        signature = request.headers["X-Twilio-Signature"]
        url = f"{self.here}{request.path_qs}"
        assert RequestValidator(self.sandbox.auth_token).validate(url, form, signature)
        assert request.query["attempt"] == ATTEMPT
        return form

    async def status(self, request: web.Request) -> web.Response:
        form = await self.form_of(request)
        self.told.append((form["CallStatus"], form.get("AnsweredBy")))
        return web.Response(status=204)

    async def voice(self, request: web.Request) -> web.Response:
        form = await self.form_of(request)
        self.keys.append((form["Digits"], form.get("AnsweredBy")))
        return web.Response(text=THANKS, content_type="application/xml")

    @property
    def twiml(self) -> str:
        said = '<Say language="es-MX">Follow no funciona.</Say><Pause length="1"/><Say>Pulse 1.</Say>'
        return f'<Response><Gather action="{self.here}/voice?attempt={ATTEMPT}">{said}</Gather></Response>'

    async def call(self, **changes: Any) -> tuple[int, dict[str, Any]]:
        login = b64encode(f"{self.sandbox.account_sid}:{self.sandbox.auth_token}".encode()).decode()
        url = f"{self.sandbox.twilio_url}/2010-04-01/Accounts/{self.sandbox.account_sid}/Calls.json"
        form = {
            "To": TO,
            "From": CALLER,
            "Twiml": self.twiml,
            "MachineDetection": "DetectMessageEnd",
            "StatusCallback": f"{self.here}/status?attempt={ATTEMPT}",
        } | changes
        events = [("StatusCallbackEvent", "initiated"), ("StatusCallbackEvent", "completed")]
        fields = [(name, value) for name, value in form.items() if value is not None]
        async with self.session.post(
            url, data=[*fields, *events], headers={"Authorization": f"Basic {login}"}
        ) as response:
            return response.status, await response.json()

    async def until_told(self, count: int) -> list[tuple[str, str | None]]:
        assert await self.sandbox.wait_for(lambda: len(self.sandbox.callbacks()) >= count)
        return self.told

    async def press(self, sid: str, body: Any) -> tuple[int, dict[str, Any]]:
        url = f"{self.sandbox.url}/control/calls/{sid}/press"
        async with self.session.post(url, json=body) as response:
            return response.status, await response.json()


@pytest.fixture
async def caller(tmp_path: Path, sandbox_key: None) -> AsyncIterator[Caller]:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox, aiohttp.ClientSession() as session:
        made = Caller(sandbox, session)
        app = web.Application()
        app.router.add_post("/status", made.status)
        app.router.add_post("/voice", made.voice)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.here = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
        await runner.cleanup()


async def test_what_is_said_lies_in_the_inbox_and_somebody_has_taken_the_call(caller: Caller) -> None:
    status, made = await caller.call()
    assert (status, made["status"]) == (201, "queued")
    assert await caller.until_told(2) == [("initiated", None), ("completed", "human")]
    (heard,) = caller.sandbox.messages(channel="voice", to=TO)
    assert (heard.text, heard.provider_id, heard.reference, heard.sender) == (
        "Follow no funciona.\nPulse 1.",
        made["sid"],
        ATTEMPT,
        CALLER,
    )
    assert caller.keys == []


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("no_answer", [("initiated", None), ("no-answer", None)]),
        ("busy", [("initiated", None), ("busy", None)]),
        ("failed", [("initiated", None), ("failed", None)]),
        ("machine", [("initiated", None), ("completed", "machine_end_beep")]),
        ("callback_reversed", [("completed", "human"), ("initiated", None)]),
        ("callback_twice", [("initiated", None)] * 2 + [("completed", "human")] * 2),
    ],
)
async def test_every_way_in_which_a_call_may_end(caller: Caller, kind: Any, told: list[Any]) -> None:
    caller.sandbox.set_faults(Fault(kind=kind))
    await caller.call()
    assert await caller.until_told(len(told)) == told


async def test_somebody_presses_a_key_and_what_they_hear_is_shown(caller: Caller) -> None:
    caller.sandbox.set_faults(Fault(kind="press"))
    await caller.call()
    await caller.until_told(3)
    assert caller.keys == [("1", "human")]
    (pressed,) = [line for line in caller.sandbox.callbacks() if line.said is not None]
    assert (pressed.status, pressed.answer, pressed.said) == ("pressed 1", 200, "Thank you.")
    async with caller.session.get(f"{caller.sandbox.url}/inbox/voice/{TO}") as response:
        page = await response.text()
    for words in ("Follow no funciona.", "pressed 1", "Thank you.", ">completed</span>"):
        assert words in page


async def test_a_key_may_be_pressed_later_by_the_control_and_by_a_machine(caller: Caller) -> None:
    caller.sandbox.set_faults(Fault(kind="machine"))
    _, made = await caller.call()
    await caller.until_told(2)
    assert await caller.press(made["sid"], {"digits": "1"}) == (200, {"answer": 200, "said": "Thank you."})
    assert caller.keys == [("1", "machine_end_beep")]
    assert (await caller.press("CA0", {}))[0] == 404
    assert (await caller.press(made["sid"], {"digit": "1"}))[0] == 400
    _, silent = await caller.call(Twiml="<Response><Say>Bye.</Say></Response>")
    assert (await caller.press(silent["sid"], {}))[0] == 400


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": "nobody"}, 21211),
        ({"To": None}, 21211),
        ({"To": "+15005550001"}, 21217),
        ({"To": "+15005550002"}, 21214),
        ({"To": "+15005550003"}, 21215),
        ({"To": "+15005550004"}, 21216),
        ({"From": "Alerts"}, 21212),
        ({"Twiml": None}, 21205),
        ({"Twiml": "<Response><Say>"}, 12100),
        ({"Twiml": "<Response><Dance/></Response>"}, 12100),
        ({"Twiml": "x" * 4001}, 20422),
        ({"Timeout": "601"}, 20422),
        ({"MachineDetection": "Maybe"}, 20422),
        ({"StatusCallback": "nowhere"}, 21205),
        ({"Colour": "red"}, 20001),
    ],
)
async def test_what_twilio_does_not_take_is_refused_with_its_code(
    caller: Caller, changes: dict[str, Any], code: int
) -> None:
    status, answer = await caller.call(**changes)
    assert (status, answer["code"]) == (400, code)
    assert caller.sandbox.messages() == []
    assert [line.code for line in caller.sandbox.refusals()] == [str(code)]


@pytest.mark.parametrize(
    "document",
    ["", "<Say>no response</Say>", "<Response>bare</Response>", "<!DOCTYPE x [<!ENTITY a 'b'>]><Response/>"],
)
def test_what_is_no_twiml_is_not_read(document: str) -> None:
    with pytest.raises(BadTwiml):
        read_twiml(document)
