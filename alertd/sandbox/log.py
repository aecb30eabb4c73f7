"""The sandbox's log, read from disk: what the providers' stand-ins accepted, and what they did not.

For judges and tests. Imports nothing of alertd and needs no event loop. One JSON object per line:
`accepted.jsonl` was synced to disk before the sender was answered, `refused.jsonl` holds everything else that
came for a provider, `callbacks.jsonl` what the sender was told of its messages later. A last line without its
newline is still being written and is not given out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

Channel = Literal["sms", "push", "email", "voice", "page"]
CHANNELS: tuple[Channel, ...] = ("sms", "push", "email", "voice", "page")
"""`page` is the web hook by which responders are paged; families are told over the others."""

ACCEPTED = "accepted.jsonl"
REFUSED = "refused.jsonl"
CALLBACKS = "callbacks.jsonl"


class BrokenLog(Exception):
    """A complete line of the log cannot be read; names the file and the line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One message that a stand-in accepted for one phone, app or mailbox."""

    seq: int  # rises along the log
    at: float  # machine time, Unix seconds
    time: datetime  # the same, UTC
    story_time: datetime  # UTC; equals `time` unless the sandbox was given a story
    channel: Channel
    to: str  # E.164 number, registration token ("/topics/..." for a topic), mailbox, a responder's name
    sender: str | None  # From number or Messaging Service, FCM project, envelope sender
    title: str | None  # push title, e-mail subject
    text: str  # SMS body, push body, e-mail text part, what a call says line by line
    html: str | None  # e-mail HTML part
    priority: Literal["high", "normal"] | None  # push and e-mail; None for SMS
    reference: str | None  # the sender's own id for this try; see `alertd.sandbox.reference`
    provider_id: str  # the id we answered with
    fault: str | None  # the fault this message was accepted under, such as "drop_after_accept"
    request: dict[str, Any]  # what was sent: form fields, JSON message, or envelope and headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One request that a stand-in did not accept."""

    seq: int
    at: float
    time: datetime
    story_time: datetime
    channel: Channel
    to: str | None  # None where the request named nobody
    outcome: str  # a fault's kind, or "contract", "dead", "auth", "not_found", "dry_run", "followed_redirect"
    code: str  # the provider's code: "21211", "UNREGISTERED", "550 5.1.1"; "" where no answer was given
    detail: str
    request: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One status of a message that the sender was told, or somebody told it in our name."""

    seq: int
    at: float
    time: datetime
    story_time: datetime
    provider_id: str  # of the message
    reference: str | None  # of the message
    status: (
        str  # "queued", "sent", "delivered", "undelivered"; of a call "initiated", ..., "completed", "pressed 1"
    )
    error_code: int | None
    forged: bool  # with a signature that is not ours
    answer: int | None  # the HTTP status; None: nobody was there, or answered
    said: str | None = None  # what a call says to a key


Record = TypeVar("Record")

_accepted = msgspec.json.Decoder(Accepted)
_refusal = msgspec.json.Decoder(Refusal)
_told = msgspec.json.Decoder(Told)


def read_accepted(path: Path, *, after_seq: int = 0) -> Iterator[Accepted]:
    """Accepted messages in order, those with a higher `seq` than `after_seq`.

    `path` is the log itself or the sandbox's data folder. Raises BrokenLog, or OSError where there is no log.
    """
    return (a for a in _lines(path, ACCEPTED, _accepted) if a.seq > after_seq)


def read_refused(path: Path, *, after_seq: int = 0) -> Iterator[Refusal]:
    """What was not accepted, in order; otherwise as `read_accepted`."""
    return (r for r in _lines(path, REFUSED, _refusal) if r.seq > after_seq)


def read_callbacks(path: Path, *, after_seq: int = 0) -> Iterator[Told]:
    """What the sender was told later, in order; otherwise as `read_accepted`."""
    return (t for t in _lines(path, CALLBACKS, _told) if t.seq > after_seq)


def _lines(path: Path, name: str, decoder: msgspec.json.Decoder[Record]) -> Iterator[Record]:
    file = path / name if path.is_dir() else path
    with file.open("rb") as log:
        for number, line in enumerate(log, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield decoder.decode(line)
            except msgspec.MsgspecError as error:
                raise BrokenLog(f"{file.name}, line {number}: {error}") from error
