"""Replying as a phone of the sandbox: signed as the real library checks it, and answered by the TwiML."""

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings

TO, FROM = "+14155550123", "+14155550100"


class Listener:
    """Whoever sends SMS, and hears what is replied."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox, self.session, self.url = sandbox, session, ""
        self.heard: list[tuple[str, str, str, bool]] = []  # from, to, text, properly signed
        self.twiml, self.status = "<Response><Message>Thank you &amp; bye.</Message></Response>", 200

    async def listen(self, request: web.Request) -> web.Response:
        form: dict[str, Any] = dict(await request.post())
        if request.path.endswith("/status"):
            return web.Response(status=204)
        signed = RequestValidator(self.sandbox.auth_token).validate(
            f"{self.url}{request.path_qs}", form, request.headers["X-Twilio-Signature"]
        )
        self.heard.append((form["From"], form["To"], form["Body"], signed))
        return web.Response(status=self.status, text=self.twiml, content_type="text/xml")

    async def send(self, callback: str | None) -> None:
        form = {"To": TO, "From": FROM, "Body": "Follow is down."}
        if callback is not None:
            form["StatusCallback"] = callback
        url = f"{self.sandbox.twilio_url}/2010-04-01/Accounts/{self.sandbox.account_sid}/Messages.json"
        login = b64encode(f"{self.sandbox.account_sid}:{self.sandbox.auth_token}".encode()).decode()
        async with self.session.post(url, data=form, headers={"Authorization": f"Basic {login}"}) as answer:
            assert answer.status == 201

    async def reply(self, text: str, **headers: str) -> tuple[int, str]:
        """As the form on the phone's page does; redirects are followed."""
        url = f"{self.sandbox.url}/inbox/sms/{TO}"
        async with self.session.post(url, data={"text": text}, headers=headers) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def listener(tmp_path: Path) -> AsyncIterator[Listener]:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox, aiohttp.ClientSession() as session:
        made = Listener(sandbox, session)
        app = web.Application()
        app.add_routes([web.post("/{rest:.*}", made.listen)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield made
        await runner.cleanup()


async def test_a_phone_replies_and_reads_the_answer(listener: Listener) -> None:
    await listener.send(f"{listener.url}/v1/providers/twilio/status?attempt=x.1")
    status, page = await listener.reply("¿Ya <b>funciona</b>?")
    assert status == 200
    assert listener.heard == [(TO, FROM, "¿Ya <b>funciona</b>?", True)]
    assert "¿Ya &lt;b&gt;funciona&lt;/b&gt;?" in page
    assert "Thank you &amp; bye." in page
    assert [message.text for message in listener.sandbox.messages(to=TO)] == [
        "Follow is down.",
        "Thank you & bye.",
    ]
    await listener.reply("And again")
    assert listener.heard[-1] == (TO, FROM, "And again", True), "also where the newest message is an answer"


@pytest.mark.parametrize("twiml", ["<Response/>", "no xml", '<!DOCTYPE a [<!ENTITY b "c">]><Response/>', ""])
async def test_no_answer_is_none(listener: Listener, twiml: str) -> None:
    listener.twiml = twiml
    await listener.send(f"{listener.url}/status")
    assert (await listener.reply("1"))[0] == 200
    assert len(listener.sandbox.messages(to=TO)) == 1


async def test_what_was_refused_stands_on_the_page(listener: Listener) -> None:
    listener.status = 403
    await listener.send(f"{listener.url}/status")
    _, page = await listener.reply("1")
    assert "(403)" in page
    assert len(listener.sandbox.messages(to=TO)) == 1


async def test_who_types_is_not_disturbed(listener: Listener) -> None:
    """A page that looks for news every three seconds would take the half written reply away."""
    await listener.send(f"{listener.url}/status")
    for refresh, form in (("1", False), ("0", True)):
        async with listener.session.get(f"{listener.sandbox.url}/inbox/sms/{TO}?refresh={refresh}") as answer:
            page = await answer.text()
        assert ('<form id="reply"' in page) is form
        assert ('http-equiv="refresh"' in page) is not form
        assert "reply" in page.lower()


async def test_who_may_not_write(listener: Listener) -> None:
    """Nobody else's page, no empty text, and to nobody who is not on this machine."""
    await listener.send("https://alerts.example.org/status")
    assert (await listener.reply("1"))[0] == 409
    await listener.send(None)
    assert (await listener.reply("1"))[0] == 409
    await listener.send(f"{listener.url}/status")
    assert (await listener.reply("1", Origin="https://evil.example.org"))[0] == 403
    assert (await listener.reply(" "))[0] == 400
    assert (await listener.reply("a" * 1601))[0] == 400
    assert listener.heard == []
