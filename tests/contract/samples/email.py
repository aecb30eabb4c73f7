"""Replies of mail servers: RFC 5321 and 3463, in the words of those that are common."""

import email
import email.policy
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from alertd.ports import Later, Message, Refused
from tests.contract.samples.mail_server import MailServer, Trouble, mail_server
from tests.contract.samples.situations import SHORT, Case, Situation

PASSWORD = "a password/with@signs"
SENDER = "Alertas de Follow ñ <alerts@example.org>"


def says(stage: str, word: str | Trouble) -> Any:
    def prepare(provider: MailServer) -> None:
        provider.says[stage] = word

    return prepare


class _Email:
    name = "email"
    to = "mia.o'hara+kids@example.org"
    secrets = (PASSWORD, "a%20password%2Fwith%40signs")
    cases: Mapping[Situation, Case] = {
        Situation.ACCEPTED: Case(),
        Situation.REFUSED: Case(says("RCPT", f"550 5.1.1 <{to}>: Recipient address rejected"), "550 5.1.1"),
        Situation.THROTTLED: Case(says("MAIL", "451 4.7.1 Slow down"), "451 4.7.1"),
        Situation.SERVER_ERROR: Case(
            says("CONTENT", "451 4.3.0 Error: queue file write error"),
            "451 4.3.0",
            reaction=Later,
            because="a server that answers has said who is responsible for the message (RFC 5321 6.1)",
        ),
        Situation.UNAVAILABLE: Case(says("GREETING", "421 4.3.2 shutting down"), "421 4.3.2"),
        Situation.UNREACHABLE: Case(code="unreachable", settings={"url": "smtp://127.0.0.1:1"}),
        Situation.HANGS: Case(says("CONTENT", Trouble.HANG), "timeout", settings={"deadline": SHORT}),
        Situation.DRIPS: Case(says("CONTENT", Trouble.TRICKLE), "timeout", settings={"deadline": SHORT}),
        Situation.DROPS_BEFORE: Case(says("DATA", Trouble.DROP), "connection_lost"),
        Situation.DROPS_AFTER: Case(says("CONTENT", Trouble.DROP), "connection_lost"),
        Situation.NONSENSE: Case(says("CONTENT", "<html>welcome</html>"), "connection_lost"),
        Situation.REDIRECT: Case(
            says("RCPT", f"551 5.1.6 <{to}> has moved to <mia@elsewhere.example.org>"),
            "551 5.1.6",
            reaction=Refused,
            because="what a mail server says about is this mailbox, not itself (RFC 5321 3.4)",
        ),
        Situation.NOT_ALLOWED: Case(
            says("AUTH", "535 5.7.8 Authentication failed for alerts: a password/with@signs"), "535 5.7.8"
        ),
        Situation.NOT_CONFIGURED: Case(code="not_configured", settings={"url": None}),
    }
    not_applicable: Mapping[Situation, str] = {}

    def provider(self) -> AbstractAsyncContextManager[MailServer]:
        return mail_server()

    def settings(self, provider: MailServer, folder: Path) -> dict[str, Any]:
        provider.extensions += ("AUTH LOGIN PLAIN",)
        url = f"smtp://alerts:a%20password%2Fwith%40signs@127.0.0.1:{provider.port}"
        return {"url": url, "from_": SENDER}

    def keeps_contract(self, provider: MailServer) -> int:
        """RFC 5321 and 5322: what came behind DATA is a letter without a defect, in lines that may be sent."""
        for content in provider.contents:
            letter = email.message_from_bytes(content, policy=email.policy.default)
            assert [part.defects for part in letter.walk() if part.defects] == []
            assert {"from", "to", "date", "message-id", "subject"} <= {name.lower() for name in letter}
            assert content.isascii()
            assert all(len(line) <= 998 for line in content.split(b"\r\n"))
        return len(provider.contents)

    def check(self, provider: MailServer, message: Message, provider_id: str) -> None:
        assert provider_id == "019a0000-0000-7000-8000-000000000001@example.org"
        (mail,) = provider.mails
        assert (mail.sender, mail.recipient) == ("alerts@example.org", self.to)
        letter = email.message_from_bytes(mail.content, policy=email.policy.default)
        headers = {
            "From": SENDER,
            "To": self.to,
            "Subject": message.title,
            "Message-ID": f"<{provider_id}>",
            "Date": "Wed, 04 Nov 2026 20:00:00 +0000",
            "References": "<019a0000-0000-7000-8000-000000000002@example.org>",
            "In-Reply-To": "<019a0000-0000-7000-8000-000000000002@example.org>",
            "Auto-Submitted": "auto-generated",
            "Importance": "high",
            "X-Priority": "1",
            "Content-Language": "es",
        }
        assert {name: str(letter[name]) for name in headers} == headers
        for wanted, kind in ((message.text, "plain"), (message.html, "html")):
            part = letter.get_body((kind,))
            assert part is not None
            assert wanted is not None
            assert part.get_content().splitlines() == wanted.splitlines()
        assert mail.content.isascii()
        assert all(len(line) <= 998 for line in mail.content.split(b"\r\n"))
        assert mail.content.replace(b"\r\n", b"").isascii()
        assert b"\r" not in mail.content.replace(b"\r\n", b"")
        assert b"\n" not in mail.content.replace(b"\r\n", b"")


SAMPLE = _Email()
