"""What the Twilio stand-in says later: signed as the real library checks it, and wrong in every way that is asked for."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from alertd.sandbox.faults import BadFault, Fault, read_faults
from alertd.sandbox.log import read_callbacks
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings
from alertd.sandbox.twilio_requests import AT_ONCE

TO, OTHER = "+14155550123", "+14155550124"
ATTEMPT = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b.2"


class Listener:
    """Whoever sends SMS, and is told of them at a URL of its own."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.session = sandbox, session
        self.heard: list[tuple[str, str, str | None, bool]] = []  # message, status, code, properly signed
        self.sids: list[str] = []
        self.answer = 204
        self.busy = self.busiest = 0
        self.hold, self.full = asyncio.Event(), asyncio.Event()
        self.hold.set()
        self.url = ""

    async def listen(self, request: web.Request) -> web.Response:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        if self.busy == AT_ONCE:
            self.full.set()
        form: dict[str, Any] = dict(await request.post())
        await self.hold.wait()
        self.busy -= 1
        right = RequestValidator(self.sandbox.auth_token).validate(
            f"{self.url.partition('/status')[0]}{request.path_qs}", form, request.headers["X-Twilio-Signature"]
        )
        self.heard.append((form["MessageSid"], form["MessageStatus"], form.get("ErrorCode"), right))
        return web.Response(status=self.answer)

    async def send(self, to: str = TO, **fields: str) -> str:
        """One SMS; its sid."""
        login = b64encode(f"{self.sandbox.account_sid}:{self.sandbox.auth_token}".encode()).decode()
        url = f"{self.sandbox.twilio_url}/2010-04-01/Accounts/{self.sandbox.account_sid}/Messages.json"
        sender = {} if "MessagingServiceSid" in fields else {"From": "+14155550100"}
        form = {"To": to, "Body": "Still down.", "StatusCallback": self.url, **sender, **fields}
        async with self.session.post(url, data=form, headers={"Authorization": f"Basic {login}"}) as response:
            assert response.status == 201
            return str((await response.json())["sid"])

    async def until_told(self, count: int) -> list[tuple[str, str | None, bool]]:
        """Wait until so many callbacks are in the sandbox's log; what was heard, without the sids."""
        assert await self.sandbox.wait_for(lambda: len(self.sandbox.callbacks()) >= count)
        return [(status, code, right) for _, status, code, right in self.heard]

    async def json(self, path: str) -> Any:
        async with self.session.get(f"{self.sandbox.url}{path}") as response:
            return await response.json()


@pytest.fixture
async def listener(tmp_path: Path, sandbox_key: None) -> AsyncIterator[Listener]:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox, aiohttp.ClientSession() as session:
        made = Listener(sandbox, session)
        app = web.Application()
        app.router.add_post("/status", made.listen)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/status?attempt={ATTEMPT}"
        yield made
        made.hold.set()
        await runner.cleanup()


async def test_an_honest_provider_tells_in_order_and_signs_it(listener: Listener, tmp_path: Path) -> None:
    sid = await listener.send()
    assert await listener.until_told(2) == [("sent", None, True), ("delivered", None, True)]
    kept = list(read_callbacks(tmp_path))
    assert [
        (line.seq, line.provider_id, line.reference, line.status, line.forged, line.answer) for line in kept
    ] == [
        (1, sid, ATTEMPT, "sent", False, 204),
        (2, sid, ATTEMPT, "delivered", False, 204),
    ]
    shown = (await listener.json("/callbacks"))["callbacks"]
    assert [(line["status"], line["answer"]) for line in shown] == [("sent", 204), ("delivered", 204)]


async def test_a_messaging_service_tells_that_it_is_queued(listener: Listener) -> None:
    await listener.send(MessagingServiceSid="MG" + "0" * 32)
    assert [status for status, _, _ in await listener.until_told(3)] == ["queued", "sent", "delivered"]


async def test_who_does_not_ask_is_told_nothing_and_no_other_machine_is_called(listener: Listener) -> None:
    await listener.send(StatusCallback="https://alerts.example.org/status")
    last = await listener.send()
    await listener.until_told(2)
    assert {line.provider_id for line in listener.sandbox.callbacks()} == {last}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(kind="callback_twice"), [("sent", None, True)] * 2 + [("delivered", None, True)] * 2),
        (Fault(kind="callback_reversed"), [("delivered", None, True), ("sent", None, True)]),
        (
            Fault(kind="callback_forged"),
            [("undelivered", "30005", False), ("sent", None, True), ("delivered", None, True)],
        ),
        (Fault(kind="undelivered"), [("sent", None, True), ("undelivered", "30003", True)]),
        (Fault(kind="undelivered", code=30005), [("sent", None, True), ("undelivered", "30005", True)]),
        (Fault(kind="callback_late", delay_s=0.3), [("sent", None, True), ("delivered", None, True)]),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
async def test_every_way_to_tell_it_wrong(listener: Listener, fault: Fault, expected: list[Any]) -> None:
    listener.sandbox.set_faults(fault)
    began = asyncio.get_running_loop().time()
    await listener.send()
    assert await listener.until_told(len(expected)) == expected
    assert asyncio.get_running_loop().time() - began >= fault.delay
    assert [line.forged for line in listener.sandbox.callbacks()] == [not right for *_, right in expected]


async def test_nobody_is_told_of_one_and_everybody_of_the_next(listener: Listener) -> None:
    """A fault of what is told later counts messages, and spoils no answer."""
    listener.sandbox.set_faults(Fault(kind="callback_never", count=1), Fault(kind="5xx", prefix="+1999"))
    await listener.send()
    second = await listener.send()
    await listener.until_told(2)
    assert {line.provider_id for line in listener.sandbox.callbacks()} == {second}


async def test_a_message_whose_answer_was_lost_is_told_of_all_the_same(listener: Listener) -> None:
    listener.sandbox.set_faults(Fault(kind="drop_after_accept"))
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await listener.send()
    assert await listener.until_told(2) == [("sent", None, True), ("delivered", None, True)]


async def test_what_became_of_it_is_shown(listener: Listener) -> None:
    listener.sandbox.set_faults(Fault(kind="undelivered", to=(TO,)))
    lost, good = await listener.send(), await listener.send(OTHER)
    await listener.until_told(4)
    for to, sid, status, code in ((TO, lost, "undelivered", 30003), (OTHER, good, "delivered", None)):
        login = b64encode(f"{listener.sandbox.account_sid}:{listener.sandbox.auth_token}".encode()).decode()
        url = (
            f"{listener.sandbox.twilio_url}/2010-04-01/Accounts/{listener.sandbox.account_sid}/Messages/{sid}.json"
        )
        async with listener.session.get(url, headers={"Authorization": f"Basic {login}"}) as response:
            fetched = await response.json()
        assert (fetched["status"], fetched["error_code"]) == (status, code)
        async with listener.session.get(f"{listener.sandbox.url}/inbox/sms/{to}") as response:
            page = await response.text()
        assert f">{status} {code}</span>" in page if code else f">{status}</span>" in page
        assert f"{status}{f' {code}' if code else ''} → 204" in page


async def test_few_requests_at_a_time(listener: Listener) -> None:
    listener.hold.clear()
    for _ in range(2 * AT_ONCE):
        await listener.send()
    async with asyncio.timeout(10):
        await listener.full.wait()
    listener.hold.set()
    await listener.until_told(4 * AT_ONCE)
    assert listener.busiest == AT_ONCE


@pytest.mark.parametrize("kind", ["callback_late", "undelivered"])
async def test_a_sandbox_stops_though_it_has_more_to_tell(listener: Listener, kind: Any) -> None:
    """The fixture leaves it while this waits for an hour."""
    listener.sandbox.set_faults(Fault(kind=kind, delay_s=3600))
    await listener.send()
    assert listener.sandbox.callbacks() == []


async def test_whoever_does_not_listen_is_noted(listener: Listener) -> None:
    await listener.send(StatusCallback=f"http://127.0.0.1:1/status?attempt={ATTEMPT}")
    await listener.until_told(2)
    assert [line.answer for line in listener.sandbox.callbacks()] == [None, None]
    listener.answer = 503
    await listener.send()
    await listener.until_told(4)
    assert [line.answer for line in listener.sandbox.callbacks()][2:] == [503, 503]


def test_a_fault_of_sms_hits_no_other_channel() -> None:
    with pytest.raises(BadFault, match="channel"):
        read_faults('{"kind": "undelivered", "channel": "email"}')
    with pytest.raises(BadFault, match="code"):
        read_faults('{"kind": "undelivered", "code": 7}')


async def test_while_tokens_are_rotated_both_log_in_and_the_primary_signs(listener: Listener) -> None:
    async def rotate(**tokens: str) -> None:
        url = f"{listener.sandbox.url}/control/login"
        async with listener.session.put(url, json=tokens) as answer:
            assert answer.status == 200

    async def may_send(token: str) -> bool:
        login = b64encode(f"{listener.sandbox.account_sid}:{token}".encode()).decode()
        url = f"{listener.sandbox.twilio_url}/2010-04-01/Accounts/{listener.sandbox.account_sid}.json"
        async with listener.session.get(url, headers={"Authorization": f"Basic {login}"}) as answer:
            return answer.status == 200

    old = listener.sandbox.auth_token
    await rotate(auth_token=old, secondary="new")
    assert (await may_send(old), await may_send("new"), await may_send("newer")) == (True, True, False)
    await listener.send()
    assert {right for *_, right in await listener.until_told(2)} == {True}  # by the old one, as before
    await rotate(auth_token="new", secondary=old)
    await listener.send()
    assert [right for *_, right in (await listener.until_told(4))[2:]] == [
        False,
        False,
    ]  # no longer by the old one
    await rotate(auth_token="new")
    assert (await may_send(old), await may_send("new")) == (False, True)
    async with listener.session.put(f"{listener.sandbox.url}/control/login", json={"auth_token": ""}) as answer:
        assert answer.status == 400
