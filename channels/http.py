"""The HTTP client that the channels share: one request, its answer, or why there is none.

It keeps connections open, follows no redirects, trusts no environment variable with a proxy, retries nothing,
and tells apart what decides whether a message may be sent again: nothing was sent (Later), or the provider
may have it (Unknown).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from alertd.ports import Later, Unknown
from channels import Now
from channels.tls import tls_context

DEADLINE = 10.0
"""Seconds for one request, from asking for a connection to the last byte of the answer; the lease is 30 s."""

CONNECT_DEADLINE = 4.0
"""Seconds for getting a connection: from the pool, or name look-up, TCP and TLS. Nothing is sent before."""

ANSWER_LIMIT = 64 * 1024
"""Bytes read of an answer; the providers' are below 2 KiB."""

LONGEST_WAIT = timedelta(hours=1)
"""The longest Retry-After believed: a family cannot wait for a provider that says "next week"."""

_USER_AGENT = "alertd"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered; `body` ends at `ANSWER_LIMIT`."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """The provider took the message, if the body agrees."""
        return 200 <= self.status < 300


class HttpClient:
    """Connections to one provider; made in the loop that sends first, and kept until `close`.

    `connections` bounds the requests under way; more wait for a connection, as part of their deadline.
    `deadline` is in seconds, as `DEADLINE`.
    """

    def __init__(
        self,
        headers: Mapping[str, str],
        *,
        connections: int,
        deadline: float = DEADLINE,
    ) -> None:
        self._headers = {"User-Agent": _USER_AGENT, "Accept": "application/json", **headers}
        self._connections = connections
        self._whole = self._timeout(deadline)
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: URL, body: bytes, headers: Mapping[str, str] | None = None, within: float | None = None
    ) -> Answer:
        """One POST; `within` shortens the deadline (seconds).

        Raises Later if nothing was sent, Unknown if the provider may have received the request and its whole
        answer did not come.
        """
        return await self._request("POST", url, body, headers, within)

    async def get(self, url: URL) -> Answer:
        """One GET. Raises as `post`."""
        return await self._request("GET", url, None, None, None)

    async def _request(
        self, method: str, url: URL, body: bytes | None, headers: Mapping[str, str] | None, within: float | None
    ) -> Answer:
        session = self._session or self._open()
        timeout = self._whole if within is None else self._timeout(within)
        try:
            async with session.request(
                method, url, data=body, headers=headers, allow_redirects=False, timeout=timeout
            ) as response:
                return Answer(response.status, await _read(response), response.headers)
        except aiohttp.ConnectionTimeoutError:
            raise Later("connect_timeout", "no connection in time; nothing was sent") from None
        except aiohttp.ClientConnectorDNSError:
            raise Later("dns", "the provider's name could not be looked up; nothing was sent") from None
        except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
            raise Later("tls", "no TLS connection that can be trusted; nothing was sent") from None
        except aiohttp.ClientConnectorError:
            raise Later("unreachable", "no connection; nothing was sent") from None
        except TimeoutError:
            raise Unknown("timeout", "sent, and no answer in time") from None
        except aiohttp.ClientResponseError:
            raise Unknown("not_http", "sent, and the answer was not HTTP") from None
        except (aiohttp.ClientError, OSError):
            raise Unknown("connection_lost", "sent, and the connection ended before the whole answer") from None

    async def close(self) -> None:
        """Give the connections back."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections, ssl=tls_context()),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept-Encoding",),
            auto_decompress=False,
        )
        return self._session

    @staticmethod
    def _timeout(total: float) -> aiohttp.ClientTimeout:
        # Getting a connection always ends first, so a timeout later than that means that bytes were sent.
        connect = min(CONNECT_DEADLINE, total * 0.8)
        return aiohttp.ClientTimeout(total=total, connect=connect, ceil_threshold=total + 1)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The body up to `ANSWER_LIMIT`; what is longer costs the connection."""
    length = response.content_length
    if length is not None and length <= ANSWER_LIMIT:
        return await response.read()
    body = bytearray()
    while len(body) < ANSWER_LIMIT:
        chunk = await response.content.readany()
        if not chunk:
            return bytes(body)
        body += chunk
    response.close()
    return bytes(body[:ANSWER_LIMIT])


def retry_after(answer: Answer, now: Now) -> timedelta | None:
    """The wait that an answer asks for, at most `LONGEST_WAIT`; None without a Retry-After that makes sense.

    RFC 9110 section 10.2.3: seconds, or a date, which is compared with the answer's own clock where it says it.
    """
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:6])), LONGEST_WAIT)
    until = _date(text)
    if until is None:
        return None
    wait = until - (_date(answer.headers.get("Date", "")) or now())
    return min(max(wait, timedelta()), LONGEST_WAIT)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
