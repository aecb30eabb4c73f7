"""What a mailbox shows of a mail: subject, text, HTML, importance.

Python's modern mail policy parses every header into objects, 3 ms a mail here; the old one plus these few
functions take a tenth of that.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from typing import Literal

_FOLD = re.compile(r"\r?\n[ \t]+")


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, decoded; header names in lower case are the keys of `first`, all headers are in `headers`."""

    headers: list[list[str]]  # name and value, in order
    first: Mapping[str, str]
    text: str | None
    html: str | None

    @property
    def priority(self) -> Literal["high", "normal"]:
        """https://www.rfc-editor.org/rfc/rfc4021#section-2.1.54 (Importance) and the older X-Priority."""
        urgent = self.first.get("importance", "").lower() == "high"
        return "high" if urgent or self.first.get("x-priority", "").startswith("1") else "normal"


def read_mail(content: bytes) -> Mail:
    """The mail in the bytes after DATA; never fails, as a mailbox shows something of everything."""
    message = message_from_bytes(content)
    headers = [[name, _decoded(value)] for name, value in message.raw_items()]
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name.lower(), value)
    parts: dict[str, str] = {}
    for part in message.walk():
        kind = part.get_content_type()
        if kind in {"text/plain", "text/html"} and kind not in parts and _is_shown(part):
            parts[kind] = _text(part)
    return Mail(headers, first, parts.get("text/plain"), parts.get("text/html"))


def clean(text: str) -> str:
    """The text with bytes that were no ASCII (lone surrogates, here) read as UTF-8: it must fit into JSON."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not text.isascii() else text


def _decoded(value: str) -> str:
    unfolded = _FOLD.sub(" ", clean(str(value))).strip()
    if "=?" not in unfolded:
        return unfolded
    try:
        return clean(str(make_header(decode_header(unfolded))))
    except (HeaderParseError, LookupError, ValueError):  # shown as it came, as mail programs do
        return unfolded


def _is_shown(part: Message) -> bool:
    return not part.is_multipart() and part.get_content_disposition() != "attachment"


def _text(part: Message) -> str:
    raw = part.get_payload(decode=True)
    content = raw if isinstance(raw, bytes) else b""
    try:
        text = content.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:  # a charset that Python doesn't know
        text = content.decode("utf-8", "replace")
    return clean(text.replace("\r\n", "\n"))
