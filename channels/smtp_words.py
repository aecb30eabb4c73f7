"""What a mail server's reply says in words, where it has no enhanced code to say it with. Pure.

Where a word may be about us, or about no one, it is not taken for a word on the mailbox: "mailbox unavailable" is
also what servers say for reasons of policy (RFC 5321 section 4.2.3), an "account disabled" may be our own, and
words in other languages than English say nothing here. `said` is what `words_of` makes of a reply.
"""

import re

_WHO = r"(?:user|username|mailbox|recipient|account|addressee|address|local[ -]part)"
_MAILBOX = r"(?:user|mailbox|recipient)"  # an account or an address that is disabled may be ours
_KIND = r"(?:(?:local|destination|e-?mail|mail|recipient|user|mailbox) )*"
_ABSENT = r"(?:unknown|invalid|non-?existent|unroute?able|unrecogni[sz]ed)"
_CLOSED = r"(?:inactive|disabled|deactivated|deleted|closed|discontinued)"
_IS = r"(?: name| address| id)?:?(?: (?:is|was|has been))?(?: currently)?"
_NOT_THERE = re.compile(
    "|".join(
        (
            rf"\bno (?:such|valid|known) {_KIND}(?:{_WHO}|person)\b",
            r"\bno mailbox\b",  # qmail: "sorry, no mailbox here by that name"
            rf"\b{_ABSENT} {_KIND}{_WHO}\b",
            rf"\bbad destination {_KIND}{_WHO}\b",
            rf"\b{_CLOSED} {_KIND}{_MAILBOX}\b",
            rf"\bnot an? (?:valid|known|local|existing) {_KIND}{_WHO}\b",
            rf"\b{_WHO}{_IS} (?:{_ABSENT}|not (?:found|known|valid|local|recogni[sz]ed))\b",
            rf"\b{_WHO} (?:cannot|can not|can't|could not) be found\b",
            rf"\b{_MAILBOX}{_IS} {_CLOSED}\b",
            rf"\b{_WHO}\b[^.;:]{{0,50}} (?:does not|doesn't|doesnt|did not) exist\b",
            rf"\b{_WHO}\b[^.;:]{{0,30}} no longer (?:exists|valid|active|in use)\b",
            r"\buser (?:does not|doesn't|doesnt) have an? .{0,40}\baccount\b",  # Yahoo
            r"\bresolver\.adr\.recip(?:ient)?notfound\b",  # Exchange
            r"\bmailbox name (?:is )?not allowed\b",  # what 553 says (RFC 5321 section 4.2.2)
        )
    )
)

_OURS = re.compile(
    r"\b(?:un)?(?:relay(?! recipient)|sender|auth|spf|dkim|dmarc|polic|block|blacklist|limit|spam|rcpthosts)"
)
"""Words of who refuses us and not the reader; but Postfix knows nobody "in relay recipient table"."""

_OURS_TOO = re.compile(
    r"\b(?:(?:un)?verif|call(?:out|back)|reverse|hostname|client|prohibit|credential|reputation|temporar)"
    r"|\b(?:your|helo|ehlo|ip|r?dns|ptr|tls|login|password|banned|denied|return[ -]path|mail from|outgoing)\b"
    r"|\bdomain of\b"
)
"""More of them, where no enhanced code says that it is about the mailbox: a server that asks ours back for our
sender may quote what it was answered, "no such user"."""

_TOO_MUCH = re.compile(r"\b(?:rate|quickly|limits?|exceed\w*|too many|per (?:hour|day))\b")
"""Words of who would have taken it at another time."""

_FULL = re.compile(
    r"\b(?:over)?quota\b|\b(?:is|mailbox|inbox|account|storage) full\b|\bfull (?:mailbox|inbox)\b"
    r"|\b(?:mailbox|inbox|storage)\b.{0,30}\bexceed"
)
"""Words of a mailbox that has no room now."""

_OUR_QUOTA = re.compile(r"\b(?:your|send\w*|sent|outgoing|daily|hourly|per (?:hour|day))\b")

_LATER = re.compile(r"\bgr[ea]y-?list|\btry (?:it )?(?:again )?(?:later|in)\b|\btemporar")
"""Words of who takes it later."""

_TOO_BIG = re.compile(r"\bsize\b")
"""A limit that no waiting helps against, but where it is the mailbox that has grown."""


def words_of(text: str) -> str:
    """The server's words in lower case, without what it quotes: addresses, and pages that explain."""
    return " ".join(word for word in text.lower().split() if "@" not in word and "://" not in word)


def about_us(said: str) -> bool:
    """Whether somebody refuses us, whatever the code says."""
    return _OURS.search(said) is not None


def not_there(said: str) -> bool:
    """Whether the words name the mailbox, and as one that is not there; nothing in them may be about us."""
    return _NOT_THERE.search(said) is not None and not about_us(said) and _OURS_TOO.search(said) is None


def no_room(said: str) -> bool:
    """Whether it is the mailbox that has no room now."""
    return _FULL.search(said) is not None and _OUR_QUOTA.search(said) is None and not too_big(said)


def too_big(said: str) -> bool:
    """Whether it is the message that is too big."""
    return _TOO_BIG.search(said) is not None and ("message" in said or _FULL.search(said) is None)


def too_much(said: str) -> bool:
    """Whether it would have been taken, were there fewer of them."""
    return (_TOO_MUCH.search(said) or _FULL.search(said)) is not None and not too_big(said)


def later(said: str) -> bool:
    """Whether it is taken at another try."""
    return _LATER.search(said) is not None
