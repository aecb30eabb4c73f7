"""What tests of e-mail share: a channel to a server, what came of a letter, and the letter taken apart."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from typing import Any, cast
from uuid import UUID

from alertd.ports import ChannelError
from channels.smtp_email import SmtpConfig, SmtpEmail
from tests.contract.samples.mail_server import MailServer
from tests.contract.samples.situations import NOW, message_to

TO = "mia@example.org"
SENDER = "Alerts <alerts@example.org>"
OTHER = UUID("019a0000-0000-7000-8000-00000000000f")


@asynccontextmanager
async def mail_to(server: MailServer, **changes: Any) -> AsyncIterator[SmtpEmail]:
    given_ = {"url": f"smtp://127.0.0.1:{server.port}", "from_": SENDER}
    channel = SmtpEmail(SmtpConfig(**(given_ | changes)), lambda: NOW)
    try:
        yield channel
    finally:
        await channel.close()


async def outcome_of(server: MailServer, **changes: Any) -> Any:
    async with mail_to(server, **changes) as channel:
        try:
            return await channel.send(message_to(TO))
        except ChannelError as error:
            return error


def parsed(content: bytes) -> EmailMessage:
    return cast(EmailMessage, email.message_from_bytes(content, policy=cast(Any, email.policy.default)))


def delivered(letter: bytes) -> bytes:
    """What a server keeps: up to the lone dot, without the dots that were added (RFC 5321 4.5.2)."""
    content, dot, rest = letter.partition(b"\r\n.\r\n")
    assert (dot, rest) == (b"\r\n.\r\n", b"")
    return b"".join(line.removeprefix(b".") for line in (content + b"\r\n").splitlines(keepends=True))


def lines_of(words: str) -> list[str]:
    """Lines as mail knows them, without what no mail can carry, nor empty ones at the end."""
    clean = words.encode("utf-8", "replace").decode().replace("\0", "")
    lines = clean.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return lines


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 (the server has no event for each thing that may be waited for)
            await asyncio.sleep(0.005)
