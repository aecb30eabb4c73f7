"""The SMTP stand-in takes mail as a real server does; what it keeps is what a mailbox would show."""

import asyncio
import smtplib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest

from alertd.sandbox.faults import Fault
from alertd.sandbox.log import read_accepted
from alertd.sandbox.server import Sandbox
from alertd.sandbox.settings import SandboxSettings

pytestmark = pytest.mark.usefixtures("sandbox_key")

T = TypeVar("T")
MIA, ANA = "mia@example.org", "ana@example.org"
DELIVERY = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b"


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(data_dir=tmp_path)) as sandbox:
        yield sandbox


def mail(to: str = MIA, subject: str = "Follow is down", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "alerts@example.org"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = format_datetime(datetime(2019, 11, 30, 16, 3, tzinfo=UTC))
    message["Message-ID"] = f"<{DELIVERY}@example.org>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Check by hand.\nSin número: ¡llame!\n.\nThe line above is a dot.")
    message.add_alternative("<p>Check <b>by hand</b>.</p>", subtype="html")
    return message


async def with_client(sandbox: Sandbox, talk: Callable[[smtplib.SMTP], T]) -> T:
    """Talk to the sandbox with the standard library's client, off the event loop."""
    address = urlsplit(sandbox.smtp_url)

    def run() -> T:
        with smtplib.SMTP(address.hostname or "", address.port or 0, timeout=10) as client:
            return talk(client)

    return await asyncio.to_thread(run)


async def test_a_mail_arrives_with_both_its_parts(sandbox: Sandbox) -> None:
    await with_client(sandbox, lambda client: client.send_message(mail(Importance="high")))
    [line] = read_accepted(sandbox.log_path)
    assert (line.channel, line.to, line.sender, line.title) == (
        "email",
        MIA,
        "alerts@example.org",
        "Follow is down",
    )
    assert line.text == "Check by hand.\nSin número: ¡llame!\n.\nThe line above is a dot.\n"
    assert line.html == "<p>Check <b>by hand</b>.</p>\n"
    assert line.reference == DELIVERY
    assert line.priority == "high"
    assert ["Message-ID", f"<{DELIVERY}@example.org>"] in line.request["headers"]


async def test_one_mail_to_two_mailboxes_is_two_lines(sandbox: Sandbox) -> None:
    await with_client(sandbox, lambda client: client.send_message(mail(), to_addrs=[MIA, ANA]))
    first, second = sandbox.messages()
    assert [first.to, second.to] == [MIA, ANA]
    assert first.provider_id == second.provider_id


async def test_one_connection_carries_many_mails(sandbox: Sandbox) -> None:
    def send_three(client: smtplib.SMTP) -> None:
        for number in range(3):
            client.send_message(mail(subject=f"Update {number}"))

    await with_client(sandbox, send_three)
    assert [line.title for line in sandbox.messages()] == ["Update 0", "Update 1", "Update 2"]


async def test_what_the_server_offers(sandbox: Sandbox) -> None:
    def offered(client: smtplib.SMTP) -> set[str]:
        client.ehlo()
        return set(client.esmtp_features)

    offers = await with_client(sandbox, offered)
    assert {"pipelining", "8bitmime", "smtputf8", "size"} <= offers
    assert "auth" not in offers


async def test_addresses_and_subjects_beyond_ascii(sandbox: Sandbox) -> None:
    await with_client(sandbox, lambda client: client.send_message(mail("josé@example.org", "¿Qué hacer?")))
    [line] = sandbox.messages()
    assert (line.to, line.title) == ("josé@example.org", "¿Qué hacer?")


async def test_commands_may_come_in_one_packet(sandbox: Sandbox) -> None:
    address = urlsplit(sandbox.smtp_url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        assert (await reader.readline()).startswith(b"220 ")
        writer.write(
            b"EHLO client.example.org\r\nMAIL FROM:<alerts@example.org>\r\nRCPT TO:<mia@example.org>\r\nDATA\r\n"
        )
        async with asyncio.timeout(10):
            while not (await reader.readline()).startswith(b"354 "):
                pass
        writer.write(mail().as_bytes().replace(b"\n", b"\r\n").replace(b"\r\n.\r\n", b"\r\n..\r\n") + b"\r\n.\r\n")
        assert (await reader.readline()).startswith(b"250 2.0.0 Ok: queued as ")
    finally:
        writer.close()
    assert [line.to for line in sandbox.messages()] == [MIA]


async def test_a_dead_mailbox_is_refused_and_the_others_hear(sandbox: Sandbox) -> None:
    sandbox.bury(email=["Mia@Example.org"])
    refused = await with_client(sandbox, lambda client: client.send_message(mail(), to_addrs=[MIA, ANA]))
    code, text = refused[MIA]
    assert code == 550
    assert text.startswith(b"5.1.1 ")
    assert [line.to for line in sandbox.messages()] == [ANA]
    assert [(r.outcome, r.code) for r in sandbox.refusals()] == [("dead", "550 5.1.1")]


@pytest.mark.parametrize("header", ["From", "Date"])
async def test_a_mail_without_a_required_header_is_refused(sandbox: Sandbox, header: str) -> None:
    message = mail()
    del message[header]

    def send(client: smtplib.SMTP) -> None:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("alerts@example.org", [MIA], message.as_bytes())
        assert caught.value.smtp_code == 554

    await with_client(sandbox, send)
    assert sandbox.messages() == []
    assert [(r.outcome, r.code) for r in sandbox.refusals()] == [("contract", "554 5.6.0")]


async def test_bytes_that_are_no_text_do_not_stop_the_log(sandbox: Sandbox) -> None:
    raw = b"From: a@example.org\r\nDate: Sat, 30 Nov 2019 16:03:00 +0000\r\nSubject: \xff\xfe\r\n" + (
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff\xfe hello\r\n"
    )
    await with_client(sandbox, lambda client: client.sendmail("a@example.org", [MIA], raw))
    [line] = read_accepted(sandbox.log_path)
    assert "hello" in line.text


# --- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "code"), [("smtp_550", "550 5.1.1"), ("smtp_451", "451 4.3.0"), ("auth", "530 5.7.0")]
)
async def test_refusals_at_rcpt(sandbox: Sandbox, kind: str, code: str) -> None:
    sandbox.set_faults(Fault(kind=kind, to=(MIA,), channel="email"))  # type: ignore[arg-type]
    refused = await with_client(sandbox, lambda client: client.send_message(mail(), to_addrs=[MIA, ANA]))
    assert f"{refused[MIA][0]} {refused[MIA][1].decode()}".startswith(f"{code} ")
    assert [line.to for line in sandbox.messages()] == [ANA]
    assert [(r.outcome, r.to, r.code) for r in sandbox.refusals()] == [(kind, MIA, code)]


@pytest.mark.parametrize(("kind", "code"), [("smtp_550", 550), ("smtp_451", 451)])
async def test_refusals_after_data(sandbox: Sandbox, kind: str, code: int) -> None:
    sandbox.set_faults(Fault(kind=kind, stage="data", count=1))  # type: ignore[arg-type]

    def send(client: smtplib.SMTP) -> None:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.send_message(mail())
        assert caught.value.smtp_code == code
        client.send_message(mail())

    await with_client(sandbox, send)
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize("kind", ["smtp_drop_after_data", "drop_after_accept"])
async def test_dropped_after_data_the_mail_is_in_the_log(sandbox: Sandbox, kind: str) -> None:
    sandbox.set_faults(Fault(kind=kind))  # type: ignore[arg-type]

    def send(client: smtplib.SMTP) -> None:
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            client.send_message(mail())
        client.close()

    await with_client(sandbox, send)
    assert [line.fault for line in read_accepted(sandbox.log_path)] == [kind]


async def test_dropped_before_it_is_not(sandbox: Sandbox) -> None:
    sandbox.set_faults(Fault(kind="drop", channel="email"))

    def send(client: smtplib.SMTP) -> None:
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            client.send_message(mail())
        client.close()

    await with_client(sandbox, send)
    assert sandbox.messages() == []
    assert [refusal.outcome for refusal in sandbox.refusals()] == ["drop"]


@pytest.mark.parametrize("stage", ["rcpt", "data"])
async def test_a_hang_lasts_until_the_fault_is_lifted(sandbox: Sandbox, stage: str) -> None:
    sandbox.set_faults(Fault(kind="smtp_hang", stage=stage))  # type: ignore[arg-type]

    def send(client: smtplib.SMTP) -> None:
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            client.send_message(mail())
        client.close()

    talk = asyncio.create_task(with_client(sandbox, send))
    assert await sandbox.wait_for(lambda: [r.outcome for r in sandbox.refusals()] == ["smtp_hang"])
    assert not talk.done()
    sandbox.set_faults()
    await talk
    assert sandbox.messages() == []


async def test_with_a_login_nobody_sends_without_it(tmp_path: Path) -> None:
    async with Sandbox(SandboxSettings(data_dir=tmp_path, smtp_login=("alertd", "pass word"))) as sandbox:
        assert urlsplit(sandbox.smtp_url).username == "alertd"

        def send(client: smtplib.SMTP) -> None:
            with pytest.raises(smtplib.SMTPSenderRefused):
                client.send_message(mail())
            with pytest.raises(smtplib.SMTPAuthenticationError):
                client.login("alertd", "wrong")
            client.login("alertd", "pass word")
            client.send_message(mail())

        await with_client(sandbox, send)
        assert [line.to for line in sandbox.messages()] == [MIA]
