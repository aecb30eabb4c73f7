"""E-mails as bytes: composed by the standard library once per content, then addressed per reader.

- Format: https://www.rfc-editor.org/rfc/rfc5322; dots: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
- Auto-Submitted: https://www.rfc-editor.org/rfc/rfc3834#section-5
- List-Unsubscribe: https://www.rfc-editor.org/rfc/rfc2369#section-3.2; with one press: RFC 8058
- Importance: https://www.rfc-editor.org/rfc/rfc2156#section-5.3.4; X-Priority is what older programs read
"""

import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from functools import lru_cache
from uuid import UUID

from alertd.ports import Message, Refused
from channels import Now
from channels.sendable import sendable

_TEMPLATES = 256
"""Contents kept; composing one takes 2 ms, addressing it a few microseconds."""

_POLICY = email.policy.SMTP.clone(cte_type="7bit")  # quoted-printable or base64: any server takes it

_MAILBOX = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")
"""Printable ASCII, no blanks or angle brackets, one @: nothing that could begin a header or a command."""

_LINK = re.compile(r"https?://[!-;=?-~]{1,900}")
"""Printable ASCII, no blanks or angle brackets, and short enough for one line (RFC 5322 2.1.1)."""

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


def mailbox_of(sender: str) -> str:
    """The address in "Alerts <alerts@example.org>"; "" if there is none that a mail server would take."""
    address = parseaddr(sender)[1]
    return address if _MAILBOX.fullmatch(address) and sender.isprintable() else ""


class Letters:
    """Makes what follows DATA for a message, its last dot included."""

    def __init__(self, sender: str, now: Now) -> None:
        self._now = now
        self._domain = mailbox_of(sender).rpartition("@")[2]
        self._common = lru_cache(_TEMPLATES)(self._compose)
        self._sender = sender

    def message_id(self, message: Message) -> str:
        """`delivery@domain`: every try of a message has the same.

        Where an answer was lost and the letter is sent again, servers and mail programs know the second by it for
        the first one, and show one. By it a bounce finds its way back, too.
        """
        return f"{message.delivery}@{self._domain}"

    def letter(self, message: Message) -> bytes:
        """The whole e-mail. Raises Refused for an address that is none."""
        if not _MAILBOX.fullmatch(message.to):
            raise Refused("invalid_address", "not a mailbox")
        return b"To: %s\r\nMessage-ID: <%s>\r\nDate: %s\r\n%s%s" % (
            message.to.encode(),
            self.message_id(message).encode(),
            _date(int(self._now().timestamp())),
            _unsubscribe(message.unsubscribe),
            self._common(
                message.title, message.text, message.html, message.locale, message.incident, message.loud
            ),
        )

    def _compose(self, title: str, text: str, html: str | None, locale: str, incident: UUID, loud: bool) -> bytes:
        """All that is the same for every reader: the other headers, the body with its dots, the last dot."""
        letter = EmailMessage(policy=_POLICY)
        letter["From"] = self._sender
        letter["Subject"] = " ".join(sendable(title).split())
        thread = f"<{incident}@{self._domain}>"
        letter["In-Reply-To"] = thread
        letter["References"] = thread
        letter["Auto-Submitted"] = "auto-generated"
        if loud:
            letter["Importance"] = "high"
            letter["X-Priority"] = "1"
        letter.set_content(sendable(text))
        if html is not None:
            letter.add_alternative(sendable(html), subtype="html")
        if re.fullmatch(r"[A-Za-z0-9-]{1,35}", locale):
            letter["Content-Language"] = locale
        lines = letter.as_bytes()
        return _LEADING_DOT.sub(b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n") + b".\r\n"


def _unsubscribe(link: str | None) -> bytes:
    """Where no more is asked for; with one press, without a look at the page, only over https (RFC 8058, 3.1)."""
    if link is None or not _LINK.fullmatch(link):
        return b""
    header = b"List-Unsubscribe: <%s>\r\n" % link.encode()
    return header + _ONE_CLICK if link.startswith("https:") else header


_ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    """The date header's value, which changes once a second."""
    return format_datetime(datetime.fromtimestamp(second, UTC)).encode()
