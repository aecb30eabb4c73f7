"""What each of Twilio's error codes means for a message or a call: one row per code, one reaction per row.

Every code has a page: `https://www.twilio.com/docs/api/errors/<code>`. Those from 30001 on come with a
message that was created and failed at once. A code means the same for a message and for a call.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import Enum

from alertd.ports import Cause, ChannelError, Later, Misconfigured, Refused, Unknown


class Reaction(Enum):
    """What the table says; one per error class, and one for opted out."""

    LATER = "later"
    SLOWER = "later, and not so many at once"
    AWAY = "later, as this phone cannot be reached now"
    REFUSED = "refused"
    OPTED_OUT = "opted out"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    ACCOUNT = "misconfigured, and nobody's message can pass"


LATER, SLOWER, AWAY, REFUSED, OPTED_OUT, UNKNOWN, MISCONFIGURED, ACCOUNT = Reaction

CODES: Mapping[int, tuple[Reaction, str]] = {
    # The account and its credentials.
    10001: (ACCOUNT, "the account is not active"),
    20003: (ACCOUNT, "the account SID or the auth token is wrong, or the account is suspended"),
    20005: (ACCOUNT, "the account is not active"),
    20006: (ACCOUNT, "access denied"),
    20008: (ACCOUNT, "test credentials reach nobody"),
    20404: (ACCOUNT, "no such account or URL"),
    30002: (ACCOUNT, "the account is suspended"),
    10005: (ACCOUNT, "calls are disabled for this account"),
    # The sender. The newer codes split 21212 and 21606 (changelog of 10 July 2024).
    21212: (ACCOUNT, "the sender is not valid"),
    21408: (MISCONFIGURED, "the account may not send to this region (Messaging Geo Permissions)"),
    21603: (ACCOUNT, "no sender"),
    21606: (ACCOUNT, "the sender cannot send messages from this account"),
    21607: (ACCOUNT, "the sender must be able to send SMS"),
    21608: (
        MISCONFIGURED,
        "a trial account, or one without an approved compliance profile, sends to verified numbers only",
    ),
    21609: (MISCONFIGURED, "the status callback is no URL"),
    21612: (MISCONFIGURED, "this sender cannot reach this number; another of yours may"),
    21616: (ACCOUNT, "the sender matches several numbers"),
    21659: (ACCOUNT, "the sender is no Twilio number"),
    21660: (ACCOUNT, "the sender belongs to another account"),
    21661: (ACCOUNT, "the sender cannot send SMS"),
    21701: (ACCOUNT, "the messaging service does not exist"),
    21703: (ACCOUNT, "the messaging service holds no number"),
    21704: (MISCONFIGURED, "the messaging service holds no sender for this number"),
    21705: (ACCOUNT, "the messaging service is not valid"),
    30032: (ACCOUNT, "the toll-free sender is not verified"),
    30023: (MISCONFIGURED, "a carrier's limit of the day for this brand is reached (A2P 10DLC)"),
    30027: (MISCONFIGURED, "T-Mobile's limit of the day for this brand is reached (A2P 10DLC)"),
    30033: (ACCOUNT, "the campaign is suspended (A2P 10DLC)"),
    30034: (ACCOUNT, "the sender is not registered (A2P 10DLC)"),
    30035: (ACCOUNT, "the sender is being registered (A2P 10DLC)"),
    63038: (ACCOUNT, "the account's limit of the day is reached"),
    # The caller, and whom the account may call.
    21203: (MISCONFIGURED, "the account may not call abroad"),
    21210: (ACCOUNT, "the caller is neither a number of this account nor one verified for it"),
    21213: (ACCOUNT, "no caller"),
    21215: (MISCONFIGURED, "the account may not call this region (Voice Geo Permissions)"),
    21216: (MISCONFIGURED, "Twilio blocks calls to it: held for fraud, or the account lacks a customer profile"),
    21219: (MISCONFIGURED, "a trial account calls verified numbers only"),
    # The content.
    12100: (MISCONFIGURED, "what is to be said is no TwiML"),
    21205: (MISCONFIGURED, "a URL of the call is not valid"),
    21602: (MISCONFIGURED, "the text is empty"),
    21605: (MISCONFIGURED, "the text is too long"),
    21617: (MISCONFIGURED, "the text is longer than 1,600 characters"),
    21619: (MISCONFIGURED, "the text is empty"),
    21624: (MISCONFIGURED, "the validity period is out of range"),
    30007: (MISCONFIGURED, "filtered as unwanted"),
    # This number.
    21201: (REFUSED, "no number"),
    21202: (REFUSED, "a premium number"),
    21211: (REFUSED, "not a telephone number"),
    21214: (REFUSED, "cannot be reached"),
    21217: (REFUSED, "not a telephone number"),
    21266: (REFUSED, "is the sender itself"),
    21401: (REFUSED, "not a telephone number"),
    21604: (REFUSED, "no number"),
    21610: (OPTED_OUT, "its owner replied STOP"),
    21614: (REFUSED, "not a mobile number"),
    21635: (REFUSED, "a landline"),
    30005: (REFUSED, "unknown, or no longer in service"),
    # The moment.
    10004: (SLOWER, "too many calls at once for this account"),
    14107: (AWAY, "too many replies to one number"),
    20429: (SLOWER, "too many requests at once; this one was not processed"),
    20503: (LATER, "Twilio is unavailable"),
    21611: (SLOWER, "this sender's queue is full"),
    30001: (SLOWER, "the queue is full"),
    30022: (SLOWER, "too many at once for this campaign (A2P 10DLC)"),
    30003: (AWAY, "the phone is off or out of reach"),
    30004: (AWAY, "blocked, by its owner or its carrier, which may be lifted"),
    30006: (AWAY, "a landline, or its carrier cannot be reached now or from this sender"),
    30008: (AWAY, "the carrier gave no reason"),
    30036: (AWAY, "its time was over before it could be delivered"),
    30500: (LATER, "an error inside Twilio, after the message was created"),
    # An error inside Twilio; "not idempotent", so a message may exist all the same.
    20500: (UNKNOWN, "an error inside Twilio; the message may exist"),
}


def error_for(status: int, code: object, retry_after: timedelta | None) -> ChannelError:
    """The error for an answer that accepts no message, from its HTTP status and, if it has one, Twilio's code."""
    name = str(code) if isinstance(code, int) else f"http_{status}"
    if status >= 500 and status != 503:  # a gateway's 502 or 504 too: what is behind it may have gone on
        return Unknown(name, "an error at the provider; it may have the message")
    if isinstance(code, int) and code in CODES:
        reaction, sentence = CODES[code]
        return _ERRORS[reaction](name, sentence, retry_after)
    if status == 429:
        return Later(name, "too many requests at once", retry_after=retry_after, cause=Cause.PACE)
    if status in {408, 503}:
        return Later(name, "not taken now", retry_after=retry_after)
    if 300 <= status < 400:
        return Misconfigured("redirect", "the base URL leads elsewhere; redirects are not followed", account=True)
    if status in {401, 403}:
        return Misconfigured(name, "the account SID or the auth token is wrong", account=True)
    return Misconfigured(name, "not taken, for a reason that is not about the number")


def explain(code: str) -> str | None:
    """What a code means, and its page; None for what is none of Twilio's."""
    if not code.isascii() or not code.isdigit():
        return None
    known = CODES.get(int(code))
    page = f"https://www.twilio.com/docs/api/errors/{code}"
    return f"{known[1]}; {page}" if known else page


_ERRORS: Mapping[Reaction, Callable[[str, str, timedelta | None], ChannelError]] = {
    LATER: lambda code, detail, wait: Later(code, detail, retry_after=wait),
    SLOWER: lambda code, detail, wait: Later(code, detail, retry_after=wait, cause=Cause.PACE),
    AWAY: lambda code, detail, wait: Later(code, detail, retry_after=wait, cause=Cause.ADDRESS),
    REFUSED: lambda code, detail, _: Refused(code, detail),
    OPTED_OUT: lambda code, detail, _: Refused(code, detail, opted_out=True),
    UNKNOWN: lambda code, detail, _: Unknown(code, detail),
    MISCONFIGURED: lambda code, detail, _: Misconfigured(code, detail),
    ACCOUNT: lambda code, detail, _: Misconfigured(code, detail, account=True),
}
