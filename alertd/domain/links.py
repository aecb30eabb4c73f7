"""Signed links in messages: who holds one was sent it. They name a delivery, and nothing about anybody."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass, field
from uuid import UUID

TOKEN_CHARS = 32
"""A token's length: 16 bytes of id and 8 of signature, as base64url. Every character counts in an SMS."""

_SIGNATURE = 8  # bytes: whoever guesses asks us each time, and one in 10^19 is right
_STAND_IN = "x" * TOKEN_CHARS
_PURPOSE = b"answer"


@dataclass(frozen=True, slots=True)
class Links:
    """Makes links that answer a message, and reads them back."""

    base: str  # where the API is reached from outside, without a slash at the end
    secret: bytes = field(repr=False)

    @property
    def stand_in(self) -> str:
        """A link of the same length for all messages alike, so that their words are composed once."""
        return f"{self.base}/a/{_STAND_IN}"

    def fill_in(self, text: str, delivery: UUID) -> str:
        """The text of a message with its own link in place of the stand-in."""
        return text.replace(_STAND_IN, sign(self.secret, delivery))


def sign(secret: bytes, delivery: UUID) -> str:
    """The token of a delivery."""
    signature = hmac.digest(secret, _PURPOSE + delivery.bytes, "sha256")[:_SIGNATURE]
    return urlsafe_b64encode(delivery.bytes + signature).decode()


def read(secret: bytes, token: str) -> UUID | None:
    """The delivery that a token names; None if we did not make it."""
    if len(token) != TOKEN_CHARS or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except Error:
        return None
    if len(raw) != 16 + _SIGNATURE:
        return None
    delivery = UUID(bytes=raw[:16])
    # The whole token, so that no second spelling of it is taken.
    return delivery if hmac.compare_digest(sign(secret, delivery), token) else None
