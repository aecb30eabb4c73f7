"""The link in a nudge or page: signed, names nothing but the page, and acknowledges by a button (R8)."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from datetime import timedelta
from uuid import UUID

VALID_AFTER_END = timedelta(days=7)
"""So long after the end of its incident a link still says how things stand."""

_PAGE = b"page"  # so that no signature of another sort of link fits
_ID, _MAC = 16, 8  # bytes
_CHARS = 32  # what 24 bytes take


def page_token(secret: bytes, page_id: UUID) -> str:
    """What stands behind /r/ in the link of one page."""
    return urlsafe_b64encode(page_id.bytes + _mac(secret, page_id.bytes)).decode()


def read_page_token(secret: bytes, token: str) -> UUID | None:
    """The page that a token names; None if it was not made with this secret."""
    if len(token) != _CHARS or not token.isascii():
        return None
    try:
        raw = urlsafe_b64decode(token)
    except (Error, ValueError):
        return None
    # Equal bytes have one spelling only: what decodes to them otherwise was tampered with.
    if len(raw) != _ID + _MAC or urlsafe_b64encode(raw).decode() != token:
        return None
    if not hmac.compare_digest(raw[_ID:], _mac(secret, raw[:_ID])):
        return None
    return UUID(bytes=raw[:_ID])


def _mac(secret: bytes, page_id: bytes) -> bytes:
    return hmac.digest(secret, _PAGE + page_id, "sha256")[:_MAC]
