"""Requests that the Twilio stand-in makes itself: signed as Twilio signs them, to this machine only.

https://www.twilio.com/docs/usage/security#validating-requests
"""

import asyncio
import hmac
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1
from urllib.parse import urlsplit

import aiohttp

from alertd.sandbox.settings import is_loopback
from alertd.sandbox.twilio_login import Login

AT_ONCE = 8  # requests under way
PATIENCE_S = 15.0  # https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides


class Requests:
    """Posts forms for as long as the sandbox runs."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, form: Mapping[str, str], *, forged: bool = False) -> tuple[int | None, str]:
        """The HTTP status, None where nobody was there or answered, and the body."""
        token = b"somebody else's" if forged else self._login.auth_token.encode()
        headers = {"X-Twilio-Signature": signature(url, form, token), "User-Agent": "TwilioProxy/1.1"}
        async with self._slots:
            if self._session is None:
                self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
            for _ in range(2):  # as Twilio does: once more where nobody was there
                try:
                    async with self._session.post(
                        url, data=form, headers=headers, allow_redirects=False
                    ) as response:
                        return response.status, await response.text()
                except aiohttp.ClientConnectorError:
                    continue
                except (aiohttp.ClientError, TimeoutError, UnicodeDecodeError):
                    break
        return None, ""

    async def close(self) -> None:
        """Let go of connections."""
        if self._session is not None:
            await self._session.close()


def may_be_called(url: object) -> bool:
    """Whether it is a URL on this machine: no other is ever called."""
    return isinstance(url, str) and is_loopback(urlsplit(url).hostname or "")


def signature(url: str, form: Mapping[str, str], token: bytes) -> str:
    """HMAC-SHA1 over the URL and each field's name and value, in the order of the names."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    return b64encode(hmac.new(token, text.encode("utf-8"), sha1).digest()).decode()
