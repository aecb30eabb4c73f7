"""What a provider answers over HTTP, and how long it asks us to wait."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import msgspec

from channels import Now

ANSWER_LIMIT = 64 * 1024
"""Bytes read of an answer; the providers' are below 2 KiB."""

LONGEST_WAIT = timedelta(hours=1)
"""The longest Retry-After believed: a family cannot wait for a provider that says "next week"."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for an answer that is no JSON, holds bytes that are no UTF-8, or is nested without end."""


@dataclass(slots=True)  # one for each message: a frozen one takes three times as long to make
class Answer:
    """What a provider answered; `body` ends at `ANSWER_LIMIT`."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]]  # as they came

    @property
    def ok(self) -> bool:
        """The provider took the message, if the body agrees."""
        return 200 <= self.status < 300

    def header(self, name: str) -> str:
        """The value of a header, whose name is given in lower case; the last one, or "" where there is none.

        Decoded here: of an answer that took a message nobody asks for any.
        """
        wanted = name.encode()
        values = [value for each, value in self.headers if each.lower() == wanted]
        return values[-1].decode("latin-1") if values else ""


def retry_after(answer: Answer, now: Now) -> timedelta | None:
    """The wait that an answer asks for, at most `LONGEST_WAIT`; None without a Retry-After that makes sense.

    RFC 9110 section 10.2.3: seconds, or a date, which is compared with the answer's own clock where it says it.
    """
    text = answer.header("retry-after").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:6])), LONGEST_WAIT)
    until = _date(text)
    if until is None:
        return None
    wait = until - (_date(answer.header("date")) or now())
    return min(max(wait, timedelta()), LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
