"""Whether Twilio said it: the signature of a form that it sends to a URL of ours.

https://www.twilio.com/docs/usage/security#validating-requests

A signature has no time in it: whoever has seen a request may send it again for ever. What it says counts once.
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha1
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

from alertd.ports import Callback, Forged

_SIGNATURE = "x-twilio-signature"
_MOST_FIELDS = 100  # of a form; Twilio sends fifteen to thirty
_ATTEMPT = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9][0-9]{0,4})")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Attempt:
    """The try that a URL of ours names in its query, as `attempt=`."""

    delivery: UUID
    number: int  # 1, 2, ...


class Signed:
    """Reads forms that are sent to one URL of ours, in the name of one account.

    `tokens`: the account's auth token and, while it is rotated, the one before: Twilio signs with whichever is its
    primary one, https://www.twilio.com/docs/iam/api/authtoken. An empty one signs nothing.
    """

    def __init__(self, url: str, *tokens: str) -> None:
        self._url, self._tokens = url, [token.encode() for token in tokens if token]

    def read(self, callback: Callback) -> Mapping[str, str]:
        """The fields of a form that Twilio has signed.

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
        right = [
            hmac.compare_digest(given, sign(each, form, token)) for each in _written(url) for token in self._tokens
        ]
        if not any(right):
            raise Forged("the signature is not Twilio's, or is one for another URL")
        return dict(form)


def sign(url: str, form: Iterable[tuple[str, str]], token: bytes) -> bytes:
    """The signature of a form sent to a URL: HMAC-SHA1 over the URL and each name with its value, in order."""
    text = url + "".join(name + value for name, value in sorted(set(form)))
    return b64encode(hmac.new(token, text.encode("utf-8"), sha1).digest())


def attempt_of(query: str) -> Attempt | None:
    """The try that a signed URL names; None: it names none of ours."""
    named = _ATTEMPT.fullmatch(parse_qs(query).get("attempt", [""])[0])
    return Attempt(UUID(named[1]), int(named[2])) if named is not None else None


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
