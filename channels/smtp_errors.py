"""What a mail server's reply means for a message: by the stage it came at, its code, and its enhanced code.

- Codes: https://www.rfc-editor.org/rfc/rfc5321#section-4.2 (4xx: later; 5xx: not so)
- Enhanced codes: https://www.rfc-editor.org/rfc/rfc3463 (x.1: address, x.2: mailbox, x.4: routing, x.7: policy)
- Authentication: https://www.rfc-editor.org/rfc/rfc4954#section-6
- Exchange Online: https://learn.microsoft.com/troubleshoot/exchange/email-delivery/ndr/non-delivery-reports-in-exchange-online

Only what can be about nothing but the mailbox suspends an address: an enhanced code of it, or, where a server has
none, words that say in English that there is no such mailbox. To ask a dead one again costs a message over
the next channel; to suspend one for a fault of our own costs a family all that is sent there, for good.
"""

import re
from dataclasses import dataclass
from enum import Enum

from alertd.ports import Cause, ChannelError, Later, Misconfigured, Refused, Unknown
from channels.smtp_words import about_us, later, no_room, not_there, too_big, too_much, words_of


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

_NO_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1", "5.4.1"})
"""This mailbox is not there, or takes nothing (RFC 3463, RFC 7505); 5.4.1 is Exchange Online's word for that.

Of the other 5.1 and 5.2 codes some are about the sender (5.1.7, 5.1.8, 5.1.20); 5.1.0 and 5.2.0 say nothing.
"""

_NO_MAILBOX_AFTER_ALL = frozenset({"5.1.1"})
"""The same, where the whole message was read first: what else is said then is mostly about the message."""

_BARE = frozenset({550, 551, 552, 553, 554, 556})
"""What may be about the mailbox without an enhanced code, where the words say so: much else is refused so, too."""

_BARE_NO_MAIL = 556
"""The one that says nothing else: the reader's domain takes no mail at all (RFC 7504)."""

_BARE_FULL = 552
"""At RCPT, which is to be taken for 452 (RFC 5321 section 4.5.3.1.10)."""

_DAY_OVER = "5.1.90"
"""Exchange Online: our account has written to as many as it may in a day."""

_HOUR_OVER = frozenset({"5.2.121", "5.2.122"})
"""Exchange Online: this mailbox has got as much as it takes in an hour, from us or from anybody."""

_SEND_AS = frozenset({"5.2.252", "5.7.60"})
"""Exchange Online: our login may not send as FROM. Older servers say so in words, under 5.2.0."""

_NO_LOGIN = 530
"""Authentication is required (RFC 4954 section 6)."""


def error_for(stage: Stage, reply: Reply) -> ChannelError:
    """The error for a reply that does not carry the message on."""
    if 400 <= reply.code < 500 or reply.enhanced == _FULL:
        # Greylisting, a full mailbox, a domain that has no server now: another reader's letter may pass.
        one = stage in {Stage.RECIPIENT, Stage.DATA, Stage.CONTENT} and reply.code != _CLOSING
        cause = Cause.ADDRESS if one else Cause.PROVIDER
        return Later(reply.name, f"not taken now, at {stage.value}", cause=cause)
    if reply.code < 400:
        return _out_of_step(stage, reply)
    if _may_not_send_as(reply):
        return Misconfigured(reply.name, f"our login may not send as the sender, at {stage.value}", account=True)
    if stage in {Stage.RECIPIENT, Stage.CONTENT}:
        limit = _limit(stage, reply)
        if limit is not None:
            return Later(reply.name, f"over a limit, at {stage.value}", cause=limit)
        if _about_recipient(stage, reply):
            return Refused(reply.name, "the mailbox does not take messages")
    before_anybody = stage not in {Stage.RECIPIENT, Stage.DATA, Stage.CONTENT}
    account = before_anybody or reply.code == _NO_LOGIN
    return Misconfigured(reply.name, f"refused at {stage.value}{_words(stage, reply)}", account=account)


def _may_not_send_as(reply: Reply) -> bool:
    return reply.enhanced in _SEND_AS or "sendasdenied" in reply.text.lower()


def _limit(stage: Stage, reply: Reply) -> Cause | None:
    """Whose limit it is that this message met; None: it is refused for something else."""
    enhanced = reply.enhanced
    if enhanced == _DAY_OVER:
        return Cause.PROVIDER
    if enhanced in _HOUR_OVER:
        return Cause.ADDRESS
    said = words_of(reply.text)
    if enhanced:
        passes = too_much(said) or later(said)
        return Cause.ADDRESS if enhanced.startswith("5.2.") and passes else None
    if stage is not Stage.RECIPIENT or reply.code not in _BARE:
        return None
    if no_room(said) or (reply.code == _BARE_FULL and not too_big(said)):
        return Cause.ADDRESS
    if too_much(said):
        return Cause.PACE
    return Cause.ADDRESS if later(said) else None


def _about_recipient(stage: Stage, reply: Reply) -> bool:
    said = words_of(reply.text)
    if reply.enhanced:
        known = _NO_MAILBOX if stage is Stage.RECIPIENT else _NO_MAILBOX_AFTER_ALL
        return reply.enhanced in known and not about_us(said)
    if stage is not Stage.RECIPIENT or reply.code not in _BARE:
        return False
    return not_there(said) or (reply.code == _BARE_NO_MAIL and not about_us(said))


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
