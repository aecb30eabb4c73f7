"""Basic authentication, as Twilio's REST API asks for it; its tokens may be rotated.

https://www.twilio.com/docs/iam/api/authtoken: besides the primary token there may be a secondary one, which logs
in as well; what Twilio itself sends is signed with the primary. Promoted, the secondary one takes its place.
"""

import hmac
from base64 import b64decode
from binascii import Error as BadBase64

from aiohttp import web

from alertd.sandbox import twilio_errors
from alertd.sandbox.twilio_errors import TwilioError


class Login:
    """The one account that this stand-in has."""

    def __init__(self, account_sid: str, auth_token: str) -> None:
        self.account_sid, self.auth_token = account_sid, auth_token
        self.secondary: str | None = None

    def stranger(self, request: web.Request) -> TwilioError | None:
        """20003 for wrong credentials, 20404 for an account that is not theirs."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            given = b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
        except BadBase64:
            given = b""
        tokens = [token for token in (self.auth_token, self.secondary) if token is not None]
        if not any(hmac.compare_digest(given, f"{self.account_sid}:{token}".encode()) for token in tokens):
            return twilio_errors.AUTHENTICATE
        account = request.match_info.get("account", self.account_sid)
        return None if account == self.account_sid else twilio_errors.NOT_FOUND
