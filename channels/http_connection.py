"""One HTTP/1.1 connection to a provider, and what is known when it fails.

The parser is llhttp, Node's, by way of httptools; the transport is the loop's. What stands here is what no library
says: whether the provider may have the message.
"""

import asyncio
import select
from collections.abc import Iterable
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from alertd.ports import Unknown
from channels.http_answer import ANSWER_LIMIT, Answer
from channels.standstill import grace

_FRAMED = frozenset({b"content-length", b"transfer-encoding"})
"""Either says where a body ends; without them the end of the connection does (RFC 9112 section 6.3)."""


class Connection(asyncio.Protocol):
    """Carries one request at a time; whoever asks has it for themselves until the answer is there."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self.until: float | None = None  # when the answer is late, by the loop's clock (`channels.http_deadlines`)
        self._timer: asyncio.TimerHandle | None = None  # what is given after that
        self._ended = False  # by us
        self._begin()
        self.idle_since = 0.0  # loop.time() when it was last given back

    @property
    def usable(self) -> bool:
        """The provider has not hung up, and no answer is under way."""
        return (
            self._waiting is None
            and not self._ended
            and self._transport is not None
            and not self._transport.is_closing()
        )

    @property
    def descriptor(self) -> int:
        """Its number for the kernel; only while it is usable."""
        assert self._transport is not None
        return cast("int", self._transport.get_extra_info("socket").fileno())

    async def ask(self, request: bytes, until: float) -> Answer:
        """Send a request and wait for its whole answer.

        Raises Unknown if it does not come by `until`, or `grace` after that, where somebody says so by `passed`:
        from here on the provider may have the request. So it may when the waiting task is cancelled, which ends
        the connection.
        """
        assert self._transport is not None
        waiting: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting, self.until = waiting, until
        self._begin()
        try:
            self._transport.write(request)
            return await waiting
        finally:
            self.until = None
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._waiting is waiting:
                self._waiting = None
                self.close()

    def close(self) -> None:
        """End the connection, also under a request."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()

    # What the transport tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are not derived from it

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.close()  # nobody asked: what it says could be taken for the answer to the next request
            return
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self._fail("not_http", "sent, and the answer was not HTTP")
            return
        self._read += len(data)
        if self._read > 2 * ANSWER_LIMIT and not self._chunks:
            self._fail("not_http", "sent, and the answer was headers without end")

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is None and self._heard and not self._framed and not self._ended:
            self._answer()
        self._fail("connection_lost", "sent, and the connection ended before the whole answer")

    # What the parser finds.

    def on_message_begin(self) -> None:
        if self._waiting is None:
            self.close()  # a second answer

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._heard = True
        for name, _ in self._headers:
            if name.lower() in _FRAMED:
                self._framed = True

    def on_body(self, body: bytes) -> None:
        if self._waiting is None:
            return
        self._chunks.append(body)
        self._length += len(body)
        if self._length >= ANSWER_LIMIT:
            self._answer()
            self.close()

    def on_message_complete(self) -> None:
        if self._waiting is None:
            return
        if self._parser.get_status_code() < 200:
            self._begin()  # "I have begun": the answer follows
            return
        # Who answers before the request has left would find the rest of it before the next one.
        keep = self._parser.should_keep_alive() and not self._unsent()
        self._answer()
        if not keep:
            self.close()

    def passed(self) -> None:
        """The deadline; the answer may be here, and only not read yet."""
        assert self.until is not None
        self._timer = asyncio.get_running_loop().call_later(grace(self.until), self._too_late)
        self.until = None

    def _too_late(self) -> None:
        self._fail("timeout", "sent, and no answer in time")

    def _unsent(self) -> bool:
        return self._transport is not None and self._transport.get_write_buffer_size() > 0

    def _begin(self) -> None:
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._length = 0
        self._read = 0
        self._heard = self._framed = False

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            body = b"".join(self._chunks)[:ANSWER_LIMIT]
            waiting.set_result(Answer(self._parser.get_status_code(), body, self._headers))

    def _fail(self, code: str, detail: str) -> None:
        waiting, self._waiting = self._waiting, None
        self.close()
        if waiting is not None and not waiting.done():
            waiting.set_exception(Unknown(code, detail))


def unread(connections: Iterable[Connection]) -> set[Connection]:
    """Those on which something has come that the loop has not read yet: an end, or what nobody asked for."""
    usable = {each.descriptor: each for each in connections if each.usable}
    poll = select.poll()
    for descriptor in usable:
        poll.register(descriptor, select.POLLIN)
    return {usable[descriptor] for descriptor, _ in poll.poll(0)}
