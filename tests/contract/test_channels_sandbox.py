"""The channels and the sandbox, each written from the providers' documents, understand each other."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from alertd.ports import Channel, ChannelError, Later, Message, Misconfigured, Receipt, Refused, Unknown
from alertd.sandbox.faults import Fault
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings
from channels.fcm_push import FcmConfig
from channels.registry import CHANNELS
from channels.smtp_email import SmtpConfig
from channels.twilio_sms import TwilioConfig
from channels.twilio_voice import TwilioVoiceConfig
from tests.contract.samples.push import SAMPLE as PUSH
from tests.contract.samples.situations import message_to

TO = {"sms": "+14155550123", "voice": "+14155550123", "push": PUSH.to, "email": "mia@example.org"}
DEAD = {"sms": "+14155550124", "voice": "+14155550124", "push": PUSH.to[:-4] + "dead", "email": "gone@example.org"}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_dir=tmp_path, smtp_login=("alerts", "a p@ss/word"))) as sandbox:
        yield sandbox


@pytest.fixture(params=["sms", "push", "email", "voice"])
async def channel(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Channel]:
    configs: dict[str, Any] = {
        "sms": TwilioConfig(
            sandbox.account_sid, sandbox.auth_token, "+14155550100", base_url=sandbox.twilio_url, deadline=1.0
        ),
        "voice": TwilioVoiceConfig(
            sandbox.account_sid, sandbox.auth_token, "+14155550100", base_url=sandbox.twilio_url, deadline=1.0
        ),
        "push": FcmConfig(sandbox.credentials_file, base_url=sandbox.fcm_url, deadline=3.0),
        "email": SmtpConfig(sandbox.smtp_url, "Alerts <alerts@example.org>", patience=1.0, deadline=1.0),
    }
    channel = CHANNELS[request.param].build(configs[request.param], lambda: datetime.now(UTC))  # noqa: TID251
    yield channel
    await channel.close()


def a_message(channel: Channel, to: dict[str, str] = TO, **changes: Any) -> Message:
    return message_to(to[channel.name], **changes)


async def test_what_is_sent_is_what_is_heard(channel: Channel, sandbox: Sandbox) -> None:
    message = a_message(channel)
    receipt = await channel.send(message)
    (heard,) = sandbox.messages()
    assert (heard.channel, heard.to) == (channel.name, message.to)
    if channel.name != "email":  # a mail server's queue id is for its log; a letter is known by its Message-ID
        assert heard.provider_id == receipt.provider_id
    assert heard.text.split() == message.text.split()
    if channel.name not in ("sms", "voice"):
        assert heard.title == message.title
        assert heard.priority == "high"
    if channel.name == "email":
        assert heard.html is not None
        assert message.html is not None
        assert heard.html.split() == message.html.split()
    if channel.name not in (
        "sms",
        "voice",
    ):  # they name their attempt in the status callback, of which there is none here
        assert heard.reference is not None
        # An e-mail names its delivery: all its tries are one letter.
        assert heard.reference == (str(message.delivery) if channel.name == "email" else message.attempt_id)
    assert sandbox.refusals() == []


async def test_soft_is_soft(channel: Channel, sandbox: Sandbox) -> None:
    await channel.send(a_message(channel, loud=False))
    (heard,) = sandbox.messages()
    assert heard.priority in {"normal", None}


async def test_the_dead_are_refused(channel: Channel, sandbox: Sandbox) -> None:
    sandbox.bury(sms={DEAD["sms"]}, push={DEAD["push"]}, email={DEAD["email"]}, voice={DEAD["voice"]})
    with pytest.raises(Refused):
        await channel.send(a_message(channel, DEAD))
    assert isinstance(await channel.send(a_message(channel)), Receipt)


FAULTS: list[tuple[Fault, str, type[ChannelError]]] = [
    *((fault, name, reaction) for name in ("sms", "push", "voice") for fault, reaction in (
        (Fault(kind="5xx", status=500), Unknown), (Fault(kind="5xx", status=502), Unknown),
        (Fault(kind="5xx", status=503), Later), (Fault(kind="5xx", status=504), Unknown),
        (Fault(kind="429", retry_after_s=7), Later), (Fault(kind="hang"), Unknown), (Fault(kind="drop"), Unknown),
        (Fault(kind="slow_drip"), Unknown), (Fault(kind="drop_after_accept"), Unknown),
        (Fault(kind="bad_json"), Unknown), (Fault(kind="redirect"), Misconfigured),
        (Fault(kind="auth"), Misconfigured),
    )),
    (Fault(kind="invalid_number"), "sms", Refused),
    (Fault(kind="invalid_number"), "voice", Refused),
    (Fault(kind="opted_out"), "sms", Refused),
    (Fault(kind="unregistered"), "push", Refused),
    (Fault(kind="smtp_550"), "email", Refused),
    (Fault(kind="smtp_550", stage="data"), "email", Misconfigured),  # 5.7.1 after DATA is about the content
    (Fault(kind="smtp_451"), "email", Later),
    (Fault(kind="smtp_451", stage="data"), "email", Later),
    (Fault(kind="smtp_hang"), "email", Later),
    (Fault(kind="smtp_hang", stage="data"), "email", Unknown),
    (Fault(kind="smtp_drop_after_data"), "email", Unknown),
    (Fault(kind="hang", channel="email", stage="data"), "email", Unknown),
    (Fault(kind="drop", channel="email"), "email", Later),
    (Fault(kind="auth", channel="email"), "email", Misconfigured),
]  # fmt: skip


def _named(value: object) -> str | None:
    return (
        f"{value.kind}-{value.status if value.kind == '5xx' else value.stage}"
        if isinstance(value, Fault)
        else None
    )


@pytest.mark.parametrize(("fault", "channel", "reaction"), FAULTS, indirect=["channel"], ids=_named)
async def test_each_fault_has_its_reaction(
    fault: Fault, channel: Channel, reaction: type[ChannelError], sandbox: Sandbox
) -> None:
    sandbox.set_faults(fault)
    with pytest.raises(reaction) as caught:
        await channel.send(a_message(channel))
    assert type(caught.value) is reaction
    if fault.kind == "429":
        assert isinstance(caught.value, Later)
        assert caught.value.retry_after == timedelta(seconds=7)
    if fault.kind == "opted_out":
        assert isinstance(caught.value, Refused)
        assert caught.value.opted_out
    sandbox.set_faults()
    assert isinstance(await channel.send(a_message(channel)), Receipt)
