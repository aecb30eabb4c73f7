"""The HTTP client that the channels share: one request, its answer, or why there is none.

It keeps connections open, follows no redirects, trusts no environment variable with a proxy, retries nothing,
and tells apart what decides whether a message may be sent again: nothing was sent (Later), or the provider
may have it (Unknown).

The work is done by pyreqwest, which is Rust's reqwest: a third of the CPU that aiohttp takes for a message
(docs/decisions/0009).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import DetailedPyreqwestError, PoolTimeoutError, PyreqwestError, RequestTimeoutError
from pyreqwest.http import Url
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from alertd.ports import ChannelError, Later, Unknown
from channels import Now

DEADLINE = 10.0
"""Seconds for one request, from asking for a connection to the last byte of the answer; the lease is 30 s."""

CONNECT_DEADLINE = 4.0
"""Seconds for name look-up, TCP and TLS. Nothing is sent before."""

POOL_SHARE = 0.2
"""Of the deadline may go on waiting for one of the connections; the channel's slots leave hardly any wait."""

IDLE = timedelta(seconds=15)
"""How long an idle connection is kept: a provider that closes it first costs a message its certainty."""

ANSWER_LIMIT = 64 * 1024
"""Bytes read of an answer; the providers' are below 2 KiB."""

LONGEST_WAIT = timedelta(hours=1)
"""The longest Retry-After believed: a family cannot wait for a provider that says "next week"."""

_USER_AGENT = "alertd"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered; `body` ends at `ANSWER_LIMIT`. Names of `headers` are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """The provider took the message, if the body agrees."""
        return 200 <= self.status < 300


class HttpClient:
    """Connections to one provider; made when the first message is sent, and kept until `close`.

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
        self._headers = {"Accept": "application/json", **headers}
        self._connections, self._deadline = connections, deadline
        self._client: Client | None = None
        self._urls: dict[str, Url] = {}

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str] | None = None, within: float | None = None
    ) -> Answer:
        """One POST; `within` shortens the deadline (seconds).

        Raises Later if nothing was sent, Unknown if the provider may have received the request and its whole
        answer did not come. Who is cancelled while waiting leaves a request that goes on until its deadline.
        """
        client = self._client or self._open()
        parsed = self._urls.get(url)
        if parsed is None:
            parsed = self._urls[url] = Url(url)
        request = client.post(parsed).body_bytes(body)
        if headers:
            request = request.headers(headers)
        if within is not None:
            request = request.timeout(timedelta(seconds=within))
        return await _send(request)

    async def get(self, url: str) -> Answer:
        """One GET. Raises as `post`."""
        return await _send((self._client or self._open()).get(url))

    async def close(self) -> None:
        """Give the connections back."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def _open(self) -> Client:
        waits = self._deadline * POOL_SHARE
        answers = self._deadline - waits
        self._client = (
            ClientBuilder()
            .user_agent(_USER_AGENT)
            .default_headers(self._headers)
            .max_connections(self._connections)
            .pool_timeout(timedelta(seconds=waits))
            .pool_max_idle_per_host(self._connections)
            .pool_idle_timeout(IDLE)
            # Getting a connection always ends first, so a timeout later than that means that bytes were sent.
            .connect_timeout(timedelta(seconds=min(CONNECT_DEADLINE, answers * 0.8)))
            .timeout(timedelta(seconds=answers))
            .follow_redirects(False)
            .referer(False)
            .no_proxy()
            .gzip(False)
            .brotli(False)
            .zstd(False)
            .deflate(False)
            .build()
        )
        return self._client


async def _send(request: RequestBuilder) -> Answer:
    try:
        async with request.streamed_read_buffer_limit(ANSWER_LIMIT).build_streamed() as response:
            return Answer(response.status, await _read(response), response.headers)
    except PyreqwestError as error:
        raise _trouble(error) from None


async def _read(response: Response) -> bytes:
    """The body up to `ANSWER_LIMIT`; what is longer costs the connection."""
    body = bytearray()
    while len(body) < ANSWER_LIMIT:
        chunk = await response.body_reader.read(ANSWER_LIMIT - len(body))
        if not chunk:
            break
        body += chunk
    return bytes(body)


def _trouble(error: PyreqwestError) -> ChannelError:
    """What a failure means. Its causes are read to tell failures apart; they quote the URL and are not passed on.

    Its class alone does not do: a timeout or an end while waiting for the answer is a ConnectError too. Only what
    names connecting as the step that failed has sent nothing; all that is not understood counts as sent.
    """
    causes = (error.details["causes"] or []) if isinstance(error, DetailedPyreqwestError) else []
    why = " ".join(cause["message"] for cause in causes).lower()
    if isinstance(error, PoolTimeoutError):
        return Later("connect_timeout", "no connection in time; nothing was sent")
    if _CONNECTING in why:
        return _unconnected(why)
    if isinstance(error, RequestTimeoutError):
        return Unknown("timeout", "sent, and no answer in time")
    if "invalid http" in why:
        return Unknown("not_http", "sent, and the answer was not HTTP")
    return Unknown("connection_lost", "sent, and the connection ended before the whole answer")


_CONNECTING = "client error (connect)"
"""How hyper names the step before anything is sent; tests/contract/test_channels_http.py holds it to that."""


def _unconnected(why: str) -> Later:
    if "timed out" in why:
        return Later("connect_timeout", "no connection in time; nothing was sent")
    if "dns error" in why:
        return Later("dns", "the provider's name could not be looked up; nothing was sent")
    if any(word in why for word in ("certificate", "tls", "corrupt message")):
        return Later("tls", "no TLS connection that can be trusted; nothing was sent")
    return Later("unreachable", "no connection; nothing was sent")


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
