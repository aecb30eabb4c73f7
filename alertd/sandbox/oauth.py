"""The OAuth token endpoint: a signed assertion of the service account for an access token that expires.

https://developers.google.com/identity/protocols/oauth2/service-account#httprest
"""

import asyncio
import secrets
from urllib.parse import parse_qs

import jwt
from aiohttp import web

from alertd.sandbox.http_answers import json_answer
from alertd.sandbox.service_account import ServiceAccount

PATH = "/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = frozenset(
    {"https://www.googleapis.com/auth/firebase.messaging", "https://www.googleapis.com/auth/cloud-platform"}
)
"""Either lets its holder send: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages/send"""


class TokenEndpoint:
    """Gives and knows access tokens; several asked for at once are all good."""

    def __init__(self, account: ServiceAccount, *, ttl_s: int) -> None:
        self._account, self._ttl_s = account, ttl_s
        self._expiry: dict[str, float] = {}  # token -> event loop time

    def routes(self) -> list[web.RouteDef]:
        """What to serve, and where."""
        return [web.post(PATH, self._grant)]

    def is_good(self, token: str) -> bool:
        """Whether we gave this token and it has not expired."""
        expiry = self._expiry.get(token)
        if expiry is None:
            return False
        if asyncio.get_running_loop().time() >= expiry:
            del self._expiry[token]
            return False
        return True

    def revoke_all(self) -> int:
        """Make every token bad at once, as when a key is taken away; how many there were."""
        count = len(self._expiry)
        self._expiry.clear()
        return count

    async def _grant(self, request: web.Request) -> web.Response:
        form = parse_qs((await request.read()).decode("ascii", "replace"))
        if form.get("grant_type") != [GRANT]:
            return _error("unsupported_grant_type", "Invalid grant_type: only the JWT bearer grant is known here.")
        try:
            claims = self._account.verify(form.get("assertion", [""])[0])
        except jwt.InvalidTokenError as error:
            return _error("invalid_grant", f"Invalid JWT: {type(error).__name__}.")
        if not SCOPES & set(str(claims.get("scope", "")).split()):
            return _error("invalid_scope", "Neither firebase.messaging nor cloud-platform was asked for.")
        token = f"ya29.sandbox-{secrets.token_urlsafe(32)}"
        now = asyncio.get_running_loop().time()
        self._expiry = {known: expiry for known, expiry in self._expiry.items() if expiry > now}
        self._expiry[token] = now + self._ttl_s
        return json_answer({"access_token": token, "expires_in": self._ttl_s, "token_type": "Bearer"})


def _error(error: str, description: str) -> web.Response:
    return json_answer({"error": error, "error_description": description}, 400)
