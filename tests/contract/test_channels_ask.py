"""A channel asks its provider about our account: what it says, what it refuses; and nothing is sent."""

import json
from pathlib import Path

import pytest

from alertd.ports import Answers, ChannelError, Later, Misconfigured
from channels.fcm_push import FcmConfig, FcmPush
from channels.smtp_email import SmtpConfig, SmtpEmail
from channels.twilio_sms import TwilioConfig, TwilioSms
from tests.contract.samples.http_provider import Reply, Trouble, http_provider
from tests.contract.samples.mail_server import mail_server
from tests.contract.samples.push import GRANTED, service_account
from tests.contract.samples.situations import NOW

ACCOUNT = "AC" + "0" * 32


def account(status: str) -> Reply:
    return Reply(200, json.dumps({"sid": ACCOUNT, "status": status, "type": "Full"}).encode())


def refused(status: int, code: int) -> Reply:
    return Reply(status, json.dumps({"code": code, "message": "?", "status": status}).encode())


TWILIO = [
    (refused(401, 20003), Misconfigured, "20003"),
    (refused(404, 20404), Misconfigured, "20404"),
    (account("suspended"), Misconfigured, "account"),
    (Reply(200, b"[]"), Misconfigured, "account"),
    (Reply(503), Later, "http_503"),
    (Trouble.HANG, Later, "timeout"),
]


async def twilio(answer: Reply | Trouble) -> str:
    async with http_provider(lambda _: answer) as provider:
        config = TwilioConfig(ACCOUNT, "token", "+14155550100", base_url=provider.url, deadline=0.5)
        channel = TwilioSms(config, lambda: NOW)
        assert isinstance(channel, Answers)
        try:
            return await channel.ask()
        finally:
            await channel.close()
            assert [(r.method, r.path) for r in provider.requests] == [
                ("GET", f"/2010-04-01/Accounts/{ACCOUNT}.json")
            ]
            assert provider.requests[0].headers["authorization"].startswith("Basic ")


async def test_twilio_is_asked_for_the_account() -> None:
    assert await twilio(account("active")) == "the account is active"


@pytest.mark.parametrize(("answer", "error", "code"), TWILIO)
async def test_what_twilio_refuses(answer: Reply | Trouble, error: type[ChannelError], code: str) -> None:
    with pytest.raises(error) as caught:
        await twilio(answer)
    assert caught.value.code == code


async def test_google_is_asked_for_a_token_and_no_more(tmp_path: Path) -> None:
    async with http_provider(lambda _: GRANTED) as provider:
        file = service_account(tmp_path, f"{provider.url}/token")
        channel = FcmPush(FcmConfig(credentials_file=file, base_url=provider.url), lambda: NOW)
        assert (await channel.ask()).startswith("Google gives a token for project ")
        await channel.close()
    assert [request.path for request in provider.requests] == ["/token"]


async def test_the_mail_server_is_greeted_and_left() -> None:
    async with mail_server() as server:
        channel = SmtpEmail(SmtpConfig(url=f"smtp://127.0.0.1:{server.port}", from_="a@example.org"), lambda: NOW)
        assert await channel.ask() == "it greets us"
        await channel.close()
    assert server.mails == []
