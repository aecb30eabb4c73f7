"""Basic authentication, as Twilio's REST API asks for it."""

import hmac
from base64 import b64decode
from binascii import Error as BadBase64

from aiohttp import web

from alertd.sandbox import twilio_errors
from alertd.sandbox.twilio_errors import TwilioError


class Login:
    """The one account that this stand-in has."""

    def __init__(self, account_sid: str, auth_token: str) -> None:
        self._account_sid, self._auth_token = account_sid, auth_token

    def stranger(self, request: web.Request) -> TwilioError | None:
        """20003 for wrong credentials, 20404 for an account that is not theirs."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            given = b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
        except BadBase64:
            given = b""
        if not hmac.compare_digest(given, f"{self._account_sid}:{self._auth_token}".encode()):
            return twilio_errors.AUTHENTICATE
        account = request.match_info.get("account", self._account_sid)
        return None if account == self._account_sid else twilio_errors.NOT_FOUND
