"""E-mails as bytes: composed by the standard library once per content, then addressed per reader.

- Format: https://www.rfc-editor.org/rfc/rfc5322; dots: https://www.rfc-editor.org/rfc/rfc5321#section-4.5.2
- Auto-Submitted: https://www.rfc-editor.org/rfc/rfc3834#section-5
- List-Unsubscribe: https://www.rfc-editor.org/rfc/rfc2369#section-3.2; with one press: RFC 8058
- Importance: https://www.rfc-editor.org/rfc/rfc2156#section-5.3.4; X-Priority is what older programs read
"""

import email.policy
import re
from datetime import UTC, datetime
from email.errors import HeaderParseError, ObsoleteHeaderDefect
from email.header import Header
from email.message import EmailMessage
from email.utils import format_datetime, quote
from functools import lru_cache
from typing import Any
from uuid import UUID

from alertd.ports import Message, Refused
from channels import Now
from channels.sendable import sendable

_TEMPLATES = 256
"""Contents kept; composing one takes 2 ms, addressing it a few microseconds."""

# Quoted-printable or base64: any server takes it. Lines as RFC 2045 section 6.7 has them; the default is 78.
_POLICY = email.policy.SMTP.clone(cte_type="7bit", max_line_length=76)

_MAILBOX = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")
"""Printable ASCII, no blanks or angle brackets, one @: nothing that could begin a header or a command."""

_NOBODY = ("", "")
_UNQUOTED = re.compile(r"([^<>\"@\\()]+)<([^<>]+)>")  # a name as people write it, and an address
_ENCODED = "=?"  # begins a word of RFC 2047
_LONGEST_NAME = 69  # characters with quotes, to fit a line of 76 after "From: "

_LINK = re.compile(r"https?://[!-;=?-~]{1,900}")
"""Printable ASCII, no blanks or angle brackets, and short enough for one line (RFC 5322 2.1.1)."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,128}")
"""What is different in each reader's link: nothing in it is written otherwise in quoted-printable."""

STAND_IN = "-what-stands-here-differs-for-each-"
_BROKEN = re.compile(rb"(?:=\r\n)?".join(re.escape(byte).encode() for byte in STAND_IN))
_MARK = b"\0"  # no letter holds one

_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


def mailbox_of(sender: str) -> str:
    """The address in "Alerts <alerts@example.org>"; "" unless it is one that a mail server would take."""
    return _author(sender)[1]


def _author(sender: str) -> tuple[str, str]:
    """Name and address of the one author; both are "" where there is none, several, or a group of them.

    A name may hold what RFC 5322 wants quoted, like "Alerts: Follow", where nobody can take it for an address.
    """
    if not sender.isprintable():
        return _NOBODY
    plain = _UNQUOTED.fullmatch(sender.strip())
    if plain is not None and _ENCODED not in sender:
        return (" ".join(plain[1].split()), plain[2]) if _MAILBOX.fullmatch(plain[2]) else _NOBODY
    try:
        header: Any = _POLICY.header_factory("From", sender)
        groups, addresses = header.groups, header.addresses
        broken = [each for each in header.defects if not isinstance(each, ObsoleteHeaderDefect)]
    except (HeaderParseError, LookupError, AttributeError, ValueError):
        return _NOBODY  # what Python's parser stumbles over is no address
    if broken or len(addresses) != 1 or [each.display_name for each in groups] != [None]:
        return _NOBODY
    name, address = addresses[0].display_name, addresses[0].addr_spec
    return (name, address) if name.isprintable() and _MAILBOX.fullmatch(address) else _NOBODY


def _from(sender: str) -> bytes:
    """The header, of lines that every server takes. The library's own loses the quotes of a name that it folds."""
    name, address = _author(sender)
    if not name:
        return b"From: %s\r\n" % address.encode()
    if name.isascii() and _ENCODED not in name and len(quoted := f'"{quote(name)}"') <= _LONGEST_NAME:
        shown = quoted
    else:
        shown = Header(name, "utf-8", maxlinelen=75, header_name="From").encode(linesep="\r\n")
    return b"From: %s\r\n <%s>\r\n" % (shown.encode(), address.encode())


class Letters:
    """Makes what follows DATA for a message, its last dot included."""

    def __init__(self, sender: str, now: Now) -> None:
        self._now = now
        self._domain = mailbox_of(sender).rpartition("@")[2]
        self._common = lru_cache(_TEMPLATES)(self._compose)
        self._from = _from(sender)

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
        token, text, html = _without_token(message)
        parts = self._common(
            message.title, text, html, message.locale, message.incident, message.loud, token is not None
        )
        return b"To: %s\r\nMessage-ID: <%s>\r\nDate: %s\r\n%s%s" % (
            message.to.encode(),
            self.message_id(message).encode(),
            _date(int(self._now().timestamp())),
            _unsubscribe(message.unsubscribe),
            parts[0] if token is None else token.join(parts),
        )

    def _compose(
        self, title: str, text: str, html: str | None, locale: str, incident: UUID, loud: bool, cut: bool
    ) -> list[bytes]:
        """All that is the same for every reader: the other headers, the body with its dots, the last dot.

        `cut`: in pieces, between which each reader's own token belongs.
        """
        letter = EmailMessage(policy=_POLICY)
        letter["Subject"] = " ".join(sendable(title).split())
        thread = f"<{incident}@{self._domain}>"
        letter["In-Reply-To"] = thread
        letter["References"] = thread
        letter["Auto-Submitted"] = "auto-generated"
        if loud:
            letter["Importance"] = "high"
            letter["X-Priority"] = "1"
        how = "quoted-printable" if cut else None  # whatever is shortest
        letter.set_content(sendable(text), cte=how)
        if html is not None:
            letter.add_alternative(sendable(html), subtype="html", cte=how)
        if re.fullmatch(r"[A-Za-z0-9-]{1,35}", locale):
            letter["Content-Language"] = locale
        lines = self._from + letter.as_bytes()
        if cut:  # wherever the lines were broken, a token has a line of its own
            lines = _BROKEN.sub(b"=\r\n%s=\r\n" % _MARK, lines)
        whole = _LEADING_DOT.sub(b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n") + b".\r\n"
        return whole.split(_MARK)


def _without_token(message: Message) -> tuple[bytes | None, str, str | None]:
    """The token of this reader's own link, and the words as all read them; None: there is none to part."""
    token = (message.link or "").rpartition("/")[2]
    text, html = message.text, message.html
    if not _TOKEN.fullmatch(token) or STAND_IN in text or (html is not None and STAND_IN in html):
        return None, text, html
    return (
        token.encode(),
        text.replace(token, STAND_IN),
        html.replace(token, STAND_IN) if html is not None else None,
    )


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
