"""The dead man's switch over HTTP: one GET that says "all is well" to whoever watches from outside."""

from urllib.parse import urlsplit

from alertd.ports import Later, NotPinged, Unknown
from channels.http import HttpClient

DEADLINE = 10.0
"""Seconds for one ping, from the name look-up to the answer; the next one comes 30 s later."""


class HttpDeadMan:
    """Asks one URL, a secret: whoever has it can silence the alarm. Follows no redirect, retries nothing."""

    def __init__(self, url: str, *, deadline: float = DEADLINE) -> None:
        parts = urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        origin = f"{parts.scheme}://{parts.netloc}"
        self._http = HttpClient(origin, {"Accept": "*/*"}, connections=1, deadline=deadline)

    async def ping(self) -> None:
        """Say that all is well. Raises NotPinged for any answer but 2xx, and for none in time."""
        try:
            answer = await self._http.get(self._path)
        except (Later, Unknown) as error:
            raise NotPinged(error.code) from None
        if not answer.ok:
            raise NotPinged(f"answered {answer.status}")

    async def close(self) -> None:
        """Give the connection back."""
        await self._http.close()
