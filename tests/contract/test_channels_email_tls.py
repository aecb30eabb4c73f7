"""E-mail: encryption and log-in, with a real server and with one that misbehaves."""

import asyncio
import ssl
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import uvloop
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from alertd.free_port import free_port
from alertd.ports import ChannelError, Later, Misconfigured, Receipt, Refused
from channels.smtp_email import SmtpConfig, SmtpEmail
from channels.tls import tls_context
from tests.contract.letters import SENDER, TO, lines_of, outcome_of, parsed
from tests.contract.samples.authority import authority
from tests.contract.samples.mail_server import mail_server
from tests.contract.samples.situations import NOW, message_to

USER, PASSWORD = "alerts", "s3cret p@ss/word"
ENCODED = "s3cret%20p%40ss%2Fword"


class Mailbox:
    """What aiosmtpd hands over."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.says: dict[str, str] = {}  # by mailbox, at RCPT
        self.ports: set[int] = set()  # of those who spoke to it

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        self.ports.add(session.peer[1])
        reply = self.says.get(address, "250 2.1.5 Ok")
        if reply.startswith("2"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        encrypted = server.transport.get_extra_info("cipher") is not None
        self.mails.append((encrypted, session.authenticated, envelope))
        return "250 2.0.0 taken"


def _knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A server's certificate for localhost that this process trusts."""
    trust, context = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trust))
    tls_context.cache_clear()
    yield context
    tls_context.cache_clear()


@pytest.fixture(params=["starttls", "implicit"])
def real_server(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> Iterator[tuple[str, Mailbox]]:
    """aiosmtpd with a log-in that it asks for, over either kind of TLS."""
    mailbox = Mailbox()
    how: dict[str, Any] = (
        {"tls_context": tls, "require_starttls": True}
        if request.param == "starttls"
        else {"ssl_context": tls, "auth_require_tls": False}
    )
    controller = Controller(mailbox, "localhost", free_port(), authenticator=_knows, auth_required=True, **how)
    controller.start()
    scheme = "smtp+starttls" if request.param == "starttls" else "smtps"
    try:
        yield f"{scheme}://{{user}}@localhost:{controller.port}", mailbox
    finally:
        controller.stop()


def _on_uvloop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)


async def _two_letters(url: str) -> list[Receipt]:
    channel = SmtpEmail(SmtpConfig(url, SENDER), lambda: NOW)
    try:
        return [await channel.send(message_to(TO, attempt=n)) for n in (1, 2)]
    finally:
        await channel.close()


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it is TLS from the first byte
@pytest.mark.parametrize("run", [asyncio.run, _on_uvloop], ids=["asyncio", "uvloop"])
def test_a_real_server_takes_encrypted_letters_from_who_is_logged_in(
    real_server: tuple[str, Mailbox], run: Any
) -> None:
    url, mailbox = real_server
    receipts = run(_two_letters(url.format(user=f"{USER}:{ENCODED}")))
    assert len(receipts) == 2
    for encrypted, logged_in, envelope in mailbox.mails:
        assert encrypted
        assert logged_in
        assert (envelope.mail_from, envelope.rcpt_tos) == ("alerts@example.org", [TO])
    letter = parsed(mailbox.mails[0][2].content)
    assert letter["Message-ID"] == f"<{receipts[0].provider_id}>"
    part = letter.get_body(("plain",))
    assert part is not None
    assert lines_of(part.get_content()) == lines_of(message_to(TO).text)


async def _one_letter_each(url: str, to: list[str]) -> list[Any]:
    channel = SmtpEmail(SmtpConfig(url, SENDER), lambda: NOW)
    outcomes: list[Any] = []
    try:
        for n, each in enumerate(to):
            try:
                outcomes.append(await channel.send(message_to(each, delivery=UUID(int=n))))
            except ChannelError as error:
                outcomes.append(error)
    finally:
        await channel.close()
    return outcomes


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
@pytest.mark.parametrize("run", [asyncio.run, _on_uvloop], ids=["asyncio", "uvloop"])
def test_a_real_server_refuses_one_mailbox_defers_another_and_takes_the_rest(
    real_server: tuple[str, Mailbox], run: Any
) -> None:
    """Each word is about one reader, and costs the others neither their letter nor their connection."""
    url, mailbox = real_server
    mailbox.says = {"gone@example.org": "550 5.1.1 no such user", "full@example.org": "452 4.2.2 mailbox full"}
    to = ["gone@example.org", TO, "full@example.org", "ben@example.org"]
    gone, mia, full, ben = run(_one_letter_each(url.format(user=f"{USER}:{ENCODED}"), to))
    assert (type(gone), gone.code) == (Refused, "550 5.1.1")
    assert (type(full), full.code) == (Later, "452 4.2.2")
    assert isinstance(mia, Receipt)
    assert isinstance(ben, Receipt)
    assert [envelope.rcpt_tos for *_, envelope in mailbox.mails] == [[TO], ["ben@example.org"]]
    assert len(mailbox.ports) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_wrong_password_is_our_fault(real_server: tuple[str, Mailbox]) -> None:
    url, mailbox = real_server
    with pytest.raises(Misconfigured) as caught:
        asyncio.run(_two_letters(url.format(user=f"{USER}:wrong")))
    assert caught.value.code.startswith("535")
    assert "wrong" not in str(caught.value)
    assert mailbox.mails == []


@pytest.mark.parametrize("scheme", ["smtp+starttls", "smtps"])
async def test_no_letter_and_no_password_without_the_encryption_that_was_asked_for(scheme: str) -> None:
    async with mail_server() as server:
        outcome = await outcome_of(
            server, url=f"{scheme}://{USER}:{ENCODED}@localhost:{server.port}", patience=0.5
        )
    assert isinstance(outcome, Misconfigured if scheme == "smtp+starttls" else Later)
    assert not any("AUTH" in command or "MAIL" in command for command in server.commands)


async def test_words_before_the_encryption_are_nobodys() -> None:
    async with mail_server() as server:
        server.extensions = ("STARTTLS",)
        server.says["UNKNOWN"] = "220 go ahead\r\n250 injected"  # STARTTLS is unknown to it
        outcome = await outcome_of(server, url=f"smtp+starttls://localhost:{server.port}", patience=2.0)
    assert isinstance(outcome, Later)
    assert server.commands[-1] == "STARTTLS"


async def test_log_in_by_questions() -> None:
    async with mail_server() as server:
        server.extensions = ("AUTH LOGIN",)
        server.says |= {"AUTH": "334 VXNlcm5hbWU6", "UNKNOWN": ["334 UGFzc3dvcmQ6", "235 welcome"]}
        outcome = await outcome_of(server, url=f"smtp://{USER}:{ENCODED}@127.0.0.1:{server.port}")
    assert isinstance(outcome, Receipt)
    assert server.commands[1:4] == ["AUTH LOGIN", "YWxlcnRz", "czNjcmV0IHBAc3Mvd29yZA=="]


async def test_a_server_without_any_known_log_in() -> None:
    async with mail_server() as server:
        server.extensions = ("AUTH GSSAPI",)
        outcome = await outcome_of(server, url=f"smtp://{USER}:{ENCODED}@127.0.0.1:{server.port}")
    assert isinstance(outcome, Misconfigured)
    assert outcome.code == "no_auth"
