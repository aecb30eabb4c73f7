"""Twilio's later word on an SMS: whether Twilio said it, and what it means.

- Status callbacks: https://www.twilio.com/docs/messaging/guides/track-outbound-message-status
- Statuses: https://www.twilio.com/docs/messaging/api/message-resource#message-status-values
- Signatures: https://www.twilio.com/docs/usage/security#validating-requests

A signature has no time in it: whoever has seen a callback may send it again for ever. It then changes nothing.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha1
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

from alertd.domain.receipt import Word
from alertd.ports import Callback, Forged, Report
from channels.twilio_codes import CODES, Reaction

_SIGNATURE = "x-twilio-signature"
_MOST_FIELDS = 100  # of a form; Twilio sends about fifteen
_ATTEMPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9][0-9]{0,4})")
_MESSAGE_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}")
_PORTS = {"https": 443, "http": 80}

_TAKEN = ("accepted", "scheduled", "queued", "sending", "sent", "partially_delivered")
_WORDS: Mapping[str, Word] = {
    **dict.fromkeys(_TAKEN, Word.ACCEPTED),
    "delivered": Word.DELIVERED,
    "read": Word.READ,
    **dict.fromkeys(("undelivered", "failed", "canceled"), Word.UNDELIVERED),
}
_NEVER = {Reaction.REFUSED, Reaction.OPTED_OUT}
_OURS = {Reaction.MISCONFIGURED, Reaction.ACCOUNT}


class StatusCallback:
    """Reads what is sent to one URL of ours, in the name of one account."""

    def __init__(self, url: str, auth_token: str) -> None:
        self._url, self._token = url, auth_token.encode()

    def read(self, callback: Callback) -> Report | None:
        """What Twilio says; None where it is about nothing that alertd sent, or a status that it does not know.

        Raises Forged unless Twilio signed it: for this URL, whatever name the request came by.
        """
        signature = callback.headers.get(_SIGNATURE)
        if not signature:
            raise Forged("it is not signed")
        try:
            body = callback.body.decode("utf-8")
            form = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
        except ValueError:  # not UTF-8, or so many fields
            raise Forged("it is no form of Twilio's") from None
        url = f"{self._url}?{callback.query}" if callback.query else self._url
        given = signature.encode("utf-8", "replace")
        right = [hmac.compare_digest(given, sign(each, form, self._token)) for each in _written(url)]
        if not any(right):
            raise Forged("the signature is not Twilio's, or is one for another URL")
        return _report(callback.query, dict(form))


def sign(url: str, form: Iterable[tuple[str, str]], token: bytes) -> bytes:
    """The signature of a form sent to a URL: HMAC-SHA1 over the URL and each name with its value, in order."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    return b64encode(hmac.new(token, text.encode("utf-8"), sha1).digest())


def _written(url: str) -> tuple[str, str]:
    """The URL as it is, and the other way in which Twilio may write it: with or without the usual port."""
    parts = urlsplit(url)
    usual = _PORTS.get(parts.scheme)
    if parts.port is None:
        other = parts._replace(netloc=f"{parts.netloc}:{usual}")
    elif parts.port == usual:
        other = parts._replace(netloc=parts.netloc.rpartition(":")[0])
    else:
        return url, url
    return url, other.geturl()


def _report(query: str, form: Mapping[str, str]) -> Report | None:
    named = _ATTEMPT.fullmatch(parse_qs(query).get("attempt", [""])[0])
    sid = form.get("MessageSid", "")
    word = _WORDS.get(form.get("MessageStatus", ""))
    if named is None or word is None or not _MESSAGE_SID.fullmatch(sid):
        return None
    delivery, attempt = UUID(named[1]), int(named[2])
    if word is not Word.UNDELIVERED:
        return Report(delivery, attempt, word, sid)
    code = form.get("ErrorCode", "")
    if not code.isdecimal() or len(code) > 6:
        return Report(delivery, attempt, word, sid, form["MessageStatus"])
    reaction = CODES.get(int(code), (Reaction.LATER, ""))[0]
    if reaction in _NEVER:
        return Report(delivery, attempt, Word.REFUSED, sid, code, opted_out=reaction is Reaction.OPTED_OUT)
    return Report(delivery, attempt, word, sid, code, ours=reaction in _OURS)
