"""The HTTP client that the channels share: one request, its answer, or why there is none.

It keeps connections open, follows no redirects, trusts no environment variable with a proxy, retries nothing,
and tells apart what decides whether a message may be sent again: nothing was sent (Later), or the provider
may have it (Unknown). Why it is our own: docs/decisions/0012.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from alertd.ports import Cause, Later
from channels.http_answer import Answer
from channels.http_connection import Connection, unread
from channels.http_deadlines import Deadlines
from channels.http_origin import Origin
from channels.http_slots import Slots

DEADLINE = 10.0
"""Seconds for one request, from asking for a connection to the last byte of the answer; the lease is 30 s."""

CONNECT_DEADLINE = 4.0
"""Seconds for name look-up, TCP and TLS. Nothing is sent before."""

POOL_SHARE = 0.2
"""Of the deadline may go on waiting for one of the connections; the channel's slots leave hardly any wait."""

CONNECT_SHARE = 0.8
"""Of what is then left may go on connecting, so that a timeout after that means that bytes were sent."""

LEAST_SHARE = (1 - POOL_SHARE) * (1 - CONNECT_SHARE) / 2
"""Of the deadline must be left for the answer: half of what the other two leave when both are used up."""

IDLE = 15.0
"""Seconds for which an idle connection is used: a provider that closes it first costs a message its certainty."""

UNSEEN = 0.02
"""Seconds for which an idle connection is used without asking the kernel whether the provider has hung up: the
loop sees that by itself unless it was held up, as it is while a slice of families is planned."""

_PATHS = 16
"""Heads of requests kept; every channel has one path or two."""


class HttpClient:
    """Connections to one provider, which `base_url` names; made when they are needed, and kept until `close`.

    `connections` bounds the requests under way; more wait for a connection, as part of their deadline.
    `deadline` and `idle` are in seconds, as `DEADLINE` and `IDLE`. `headers` go with every request.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        connections: int,
        deadline: float = DEADLINE,
        idle: float = IDLE,
    ) -> None:
        self._origin = Origin.of(base_url)
        self._prefix = urlsplit(base_url).path.rstrip("/")
        common = {"Host": self._origin.header, "User-Agent": "alertd", "Accept": "application/json", **headers}
        self._headers = header_lines(common)
        self._head = lru_cache(_PATHS)(self._head_of)
        self._deadline, self._trusted_for = deadline, idle
        self._slots = Slots(connections)
        self._idle: deque[Connection] = deque()  # the one that was used last at its end
        self._open: set[Connection] = set()
        self._deadlines = Deadlines(self._open)
        self._looked_at = 0.0  # when the kernel was asked what has come on the idle ones
        self._closed = False

    async def post(self, path: str, body: bytes, headers: bytes = b"", within: float | None = None) -> Answer:
        """One POST; `path` may hold a query; `headers`: `header_lines`; `within` shortens the deadline (seconds).

        Raises Later if nothing was sent, Unknown if the provider may have received the request and its whole
        answer did not come. Whoever is cancelled while waiting ends the connection.
        """
        head = self._head("POST", path)
        return await self._ask(b"%s%sContent-Length: %d\r\n\r\n%s" % (head, headers, len(body), body), within)

    async def get(self, path: str) -> Answer:
        """One GET. Raises as `post`."""
        return await self._ask(self._head("GET", path) + b"\r\n", None)

    async def close(self) -> None:
        """Give the connections back; what is under way is Unknown, and what waits for a connection is Later."""
        self._closed = True
        self._deadlines.close()
        for connection in self._open:
            connection.close()

    def _head_of(self, method: str, path: str) -> bytes:
        line = f"{method} {self._prefix}{path} HTTP/1.1\r\n"
        if line.count(" ") != 2 or "\r" in path or "\n" in path:
            raise ValueError("a path must be quoted")
        return line.encode("ascii") + self._headers

    async def _ask(self, request: bytes, within: float | None) -> Answer:
        now = asyncio.get_running_loop().time
        seconds = self._deadline if within is None else within
        until = now() + seconds
        if not self._slots.take():
            try:
                await self._slots.wait(seconds * POOL_SHARE)
            except TimeoutError:
                raise Later("connect_timeout", "no connection in time; nothing was sent") from None
        try:
            connection = self._waiting(now()) or await self._connect(until - now())
            if until - now() < seconds * LEAST_SHARE:
                # We stood still, and it would be sent when its lease may be over.
                self._give_back(connection, now())
                raise Later("connect_timeout", "connected too late; nothing was sent", cause=Cause.STANDSTILL)
            self._deadlines.watch(until)
            try:
                return await connection.ask(request, until)
            finally:
                self._give_back(connection, now())
        finally:
            self._slots.give_back()

    def _waiting(self, now: float) -> Connection | None:
        """The connection that was used last: the others may grow too old to be trusted."""
        while self._idle:
            if now - max(self._idle[-1].idle_since, self._looked_at) >= UNSEEN:
                self._look(now)
                continue
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < self._trusted_for:
                return connection
            self._end(connection)
        return None

    def _look(self, now: float) -> None:
        """End the idle connections on which something has come; all at once: a batch takes all of them."""
        heard = unread(self._idle)
        for connection in heard:
            self._end(connection)
        self._idle = deque(each for each in self._idle if each not in heard)
        self._looked_at = now

    async def _connect(self, left: float) -> Connection:
        connection = await self._origin.connect(min(CONNECT_DEADLINE, left * CONNECT_SHARE))
        if self._closed or not connection.usable:  # by us meanwhile, or by the provider at once
            connection.close()
            raise Later("unreachable", "the connection ended before its use; nothing was sent")
        self._open.add(connection)
        return connection

    def _give_back(self, connection: Connection, now: float) -> None:
        if connection.usable:
            connection.idle_since = now
            self._idle.append(connection)
            while self._idle and now - self._idle[0].idle_since >= self._trusted_for:  # a burst had needed them
                self._end(self._idle.popleft())
        else:
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        connection.close()
        self._open.discard(connection)


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Headers as they are sent. Raises ValueError for a value that would begin a line of its own."""
    text = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if text.count("\n") != len(headers) or text.count("\r") != len(headers):
        raise ValueError("a header's value must be one line")
    return text.encode("latin-1")
