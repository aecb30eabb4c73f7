"""What an answer of FCM other than 200 means for a message.

- Codes: https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode
- Shape: https://firebase.google.com/docs/cloud-messaging/error-codes (a bad token and a bad message differ
  only in the details)
- Waiting: https://firebase.google.com/docs/cloud-messaging/scale-fcm (429: at least a minute; 5xx: at least
  ten seconds)
"""

from datetime import timedelta

import msgspec

from alertd.ports import Cause, ChannelError, Later, Misconfigured, Refused, Unknown
from channels.http_answer import UNREADABLE

_PAGE = "https://firebase.google.com/docs/reference/fcm/rest/v1/ErrorCode"
_AFTER_QUOTA = timedelta(seconds=60)
_AFTER_UNAVAILABLE = timedelta(seconds=10)


class _Violation(msgspec.Struct):
    field: str = ""


class _Detail(msgspec.Struct, rename="camel"):
    error_code: str = ""  # of google.firebase.fcm.v1.FcmError
    field_violations: tuple[_Violation, ...] = ()  # of google.rpc.BadRequest


class _Error(msgspec.Struct):
    status: str = ""
    message: str = ""
    details: tuple[_Detail, ...] = ()


class _Body(msgspec.Struct):
    error: _Error


_read = msgspec.json.Decoder(_Body).decode

_NOT_TAKEN: dict[str, tuple[type[ChannelError], str]] = {
    "UNREGISTERED": (Refused, "the app is gone from this phone, or has a new token"),
    "SENDER_ID_MISMATCH": (Misconfigured, "the token belongs to another Firebase project"),
    "THIRD_PARTY_AUTH_ERROR": (Misconfigured, "the APNs key or web push key in Firebase is wrong"),
    "APNS_AUTH_ERROR": (Misconfigured, "the APNs key in Firebase is wrong"),
    "UNAUTHENTICATED": (Misconfigured, "Google does not take the service account's token"),
    "PERMISSION_DENIED": (Misconfigured, "the service account may not send messages for this project"),
    "NOT_FOUND": (Misconfigured, "no such Firebase project, or a wrong base URL"),
}

_ACCOUNT = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"})
"""Nobody's message can pass; the others concern one token, or the phones of one maker."""


def error_for(status: int, body: bytes, retry_after: timedelta | None) -> ChannelError:
    """The error for an answer that accepts no message."""
    error = _error(body)
    code = next((detail.error_code for detail in error.details if detail.error_code), "") or error.status
    if code == "INVALID_ARGUMENT":
        return _invalid(error)
    if code in _NOT_TAKEN and 400 <= status < 500:
        kind, sentence = _NOT_TAKEN[code]
        return Misconfigured(code, sentence, account=True) if code in _ACCOUNT else kind(code, sentence)
    name = code if code.replace("_", "").isalnum() else f"http_{status}"
    if status == 429:
        return Later(name, "over the quota", retry_after=retry_after or _AFTER_QUOTA, cause=Cause.PACE)
    if status == 503:
        return Later(name, "FCM is unavailable", retry_after=retry_after or _AFTER_UNAVAILABLE)
    if status == 408:
        return Later(name, "not taken now", retry_after=retry_after)
    if status >= 500:
        return Unknown(name, "an error inside FCM; it may have the message")
    if 300 <= status < 400:
        return Misconfigured("redirect", "the base URL leads elsewhere; redirects are not followed", account=True)
    return Misconfigured(name, "not taken, for a reason that is not about the phone")


def explain(code: str) -> str | None:
    """What a code means, and the page of all codes; None for what is none of FCM's."""
    if code == "INVALID_ARGUMENT":
        return f"not a registration token, or a message that FCM does not take; {_PAGE}"
    known = _NOT_TAKEN.get(code)
    return f"{known[1]}; {_PAGE}" if known else None


def rejects_token(status: int, body: bytes) -> bool:
    """Whether our access token was refused, so that another may be taken (not: Apple refuses Google's)."""
    if status != 401:
        return False
    return not any(detail.error_code for detail in _error(body).details)


def _invalid(error: _Error) -> ChannelError:
    """A bad token concerns one phone; a bad message concerns all, and no phone may suffer for it."""
    fields = [violation.field for detail in error.details for violation in detail.field_violations]
    if fields:
        about_token = all(field == "message.token" for field in fields)
    else:
        about_token = "registration token" in error.message.lower()
    if about_token:
        return Refused("INVALID_ARGUMENT", "not a registration token")
    return Misconfigured("INVALID_ARGUMENT", "FCM does not take the message, whoever it is for")


def _error(body: bytes) -> _Error:
    try:
        return _read(body).error
    except UNREADABLE:
        return _Error()
