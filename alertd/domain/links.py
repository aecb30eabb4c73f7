"""Signed links: who holds one was sent it. They name a message or a page of ours, and nothing about anybody."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from uuid import UUID

TOKEN_CHARS = 32
"""A token's length: 16 bytes of id and 8 of signature, as base64url. Every character counts in an SMS."""

VALID_AFTER_END = timedelta(days=7)
"""A link works as long as its incident is open, and so long after its end."""

_SIGNATURE = 8  # bytes: whoever guesses asks us each time, and one in 10^19 is right
_STAND_IN = "x" * TOKEN_CHARS


class Purpose(Enum):
    """What a link is for: no signature of one sort fits another."""

    ANSWER = b"answer"  # a caregiver's; it names a delivery
    PAGE = b"page"  # a responder's; it names a nudge or page
    OPT_OUT = b"opt out"  # whoever reads at an address; it names the address's row
    PREFERENCES = b"preferences"  # a caregiver's; it names the delivery whose link led there


@dataclass(slots=True)
class Links:
    """Makes links that answer a message."""

    base: str  # where the API is reached from outside, without a slash at the end
    secret: bytes = field(repr=False)  # becomes another while the process runs, where the key is rotated
    replies: bool = False  # an SMS can be answered by a reply as well

    @property
    def stand_in(self) -> str:
        """A link of the same length for all messages alike, so that their words are composed once."""
        return f"{self.base}/a/{_STAND_IN}"

    @property
    def on_to_preferences(self) -> str:
        """From the page that answers a message to the one where its reader says how they want to be told."""
        return f"../p/{_STAND_IN}"

    def fill_in_preferences(self, html: str, delivery: UUID) -> str:
        """A page with its own link in place of `on_to_preferences`."""
        return html.replace(_STAND_IN, sign(self.secret, Purpose.PREFERENCES, delivery))

    def fill_in(self, text: str, delivery: UUID) -> str:
        """The text of a message with its own link in place of the stand-in."""
        return text.replace(_STAND_IN, sign(self.secret, Purpose.ANSWER, delivery))

    def opt_out(self, address: UUID) -> str:
        """Where whoever reads at this address may say that they want no more there."""
        return f"{self.base}/u/{sign(self.secret, Purpose.OPT_OUT, address)}"


def sign(secret: bytes, purpose: Purpose, named: UUID) -> str:
    """The token that names this for a purpose."""
    signature = hmac.digest(secret, purpose.value + named.bytes, "sha256")[:_SIGNATURE]
    return urlsafe_b64encode(named.bytes + signature).decode()


def read(secret: bytes, purpose: Purpose, token: str) -> UUID | None:
    """What a token names; None if we did not make it with this secret, for this purpose."""
    if len(token) != TOKEN_CHARS or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except Error:
        return None
    if len(raw) != 16 + _SIGNATURE:
        return None
    named = UUID(bytes=raw[:16])
    # The whole token, so that no second spelling of it is taken.
    return named if hmac.compare_digest(sign(secret, purpose, named), token) else None
