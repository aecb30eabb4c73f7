"""What a provider answers over HTTP, and how long it asks us to wait."""

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered; `body` ends at `ANSWER_LIMIT`. Names of `headers` are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """The provider took the message, if the body agrees."""
        return 200 <= self.status < 300


def retry_after(answer: Answer, now: Now) -> timedelta | None:
    """The wait that an answer asks for, at most `LONGEST_WAIT`; None without a Retry-After that makes sense.

    RFC 9110 section 10.2.3: seconds, or a date, which is compared with the answer's own clock where it says it.
    """
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:6])), LONGEST_WAIT)
    until = _date(text)
    if until is None:
        return None
    wait = until - (_date(answer.headers.get("date", "")) or now())
    return min(max(wait, timedelta()), LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
