"""What a mail server's reply means for a message: by the stage it came at, its code, and its enhanced code.

- Codes: https://www.rfc-editor.org/rfc/rfc5321#section-4.2 (4xx: later; 5xx: not so)
- Enhanced codes: https://www.rfc-editor.org/rfc/rfc3463 (x.1: address, x.2: mailbox, x.4: routing, x.7: policy)
- Authentication: https://www.rfc-editor.org/rfc/rfc4954#section-6
"""

import re
from dataclasses import dataclass
from enum import Enum

from alertd.ports import Cause, ChannelError, Later, Misconfigured, Refused, Unknown


class Stage(Enum):
    """How far the conversation has come."""

    GREETING = "greeting"
    HELLO = "EHLO"
    TLS = "STARTTLS"
    LOGIN = "AUTH"
    SENDER = "MAIL FROM"
    RECIPIENT = "RCPT TO"
    DATA = "DATA"
    CONTENT = "the end of the message"


_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply; `text` is the server's own words, one line each, and may quote addresses."""

    code: int
    text: str

    @property
    def enhanced(self) -> str:
        """The enhanced code ("5.1.1"), or "" if there is none."""
        found = _ENHANCED.match(self.text)
        return found.group(1) if found else ""

    @property
    def name(self) -> str:
        """Both codes, as they are told: "550 5.1.1"."""
        return f"{self.code} {self.enhanced}".rstrip()


_CLOSING = 421
"""The server closes the connection, whoever the letter is for (RFC 5321 section 4.2.3)."""

_FULL = "5.2.2"
"""The mailbox is full, which passes (RFC 3463 section 3.3)."""

_SENDER_ADDRESS = ("5.1.7", "5.1.8")
"""The sender's address is malformed; its domain has no mail server (RFC 3463 section 3.2)."""


def error_for(stage: Stage, reply: Reply) -> ChannelError:
    """The error for a reply that does not carry the message on."""
    if 400 <= reply.code < 500 or reply.enhanced == _FULL:
        # Greylisting, a full mailbox, a domain that has no server now: another reader's letter may pass.
        one = stage in {Stage.RECIPIENT, Stage.DATA, Stage.CONTENT} and reply.code != _CLOSING
        cause = Cause.ADDRESS if one else Cause.PROVIDER
        return Later(reply.name, f"not taken now, at {stage.value}", cause=cause)
    if reply.code < 400:
        return _out_of_step(stage, reply)
    if stage in {Stage.RECIPIENT, Stage.CONTENT} and _about_recipient(stage, reply):
        return Refused(reply.name, "the mailbox does not take messages")
    before_anybody = stage not in {Stage.RECIPIENT, Stage.DATA, Stage.CONTENT}
    return Misconfigured(reply.name, f"refused at {stage.value}{_words(stage, reply)}", account=before_anybody)


def _about_recipient(stage: Stage, reply: Reply) -> bool:
    enhanced = reply.enhanced
    if enhanced:
        # 5.4 is the way there, our relay's trouble; but 5.4.1 is what Exchange Online says of an unknown mailbox.
        return (enhanced.startswith(("5.1.", "5.2.")) or enhanced == "5.4.1") and enhanced not in _SENDER_ADDRESS
    # Without an enhanced code: 550 no such mailbox, 551 not local, 552 full, 553 name not allowed; 554 is
    # what most servers say to a relay that they do not know (RFC 5321 section 4.2.3).
    return stage is Stage.RECIPIENT and reply.code in {501, 550, 551, 552, 553, 556}


def _out_of_step(stage: Stage, reply: Reply) -> ChannelError:
    """A reply that no server should give there; only after the last dot may it hold the message."""
    if stage is Stage.CONTENT:
        return Unknown(reply.name, "no clear word on the message; the server may have it")
    return Later(reply.name, f"the server lost its place at {stage.value}; nothing was handed over")


def _words(stage: Stage, reply: Reply) -> str:
    """The server's own words, for whoever has to mend it, where they cannot be about a reader."""
    if stage not in {Stage.GREETING, Stage.HELLO, Stage.TLS, Stage.SENDER}:
        return ""
    words = ("***" if "@" in word else word for word in reply.text.split())
    told = "".join(c for c in " ".join(words) if c.isascii() and c.isprintable())
    return f": {told[:200]}" if told else ""
