"""The loopback mail server that is not the bottleneck: takes every letter, and counts by recipient.

Run `python -m bench.mail_provider`; the first line it prints is its port. It speaks as much SMTP as clients need
(RFC 5321), offers PIPELINING (RFC 2920), and two commands of its own: `XRESET` forgets, `XCOUNT` answers how many
letters it took and the digest of their recipients (`digest`). It looks at nothing in a letter but where it ends.
"""

import asyncio
import signal
from collections.abc import Iterable
from hashlib import sha256
from typing import cast

import uvloop

MAX_LETTER = 1024 * 1024
_END = b"\r\n.\r\n"
_FIXED = {
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"DATA": b"354 go ahead\r\n",
    b"RSET": b"250 2.0.0 Ok\r\n",
    b"NOOP": b"250 2.0.0 Ok\r\n",
    b"HELO": b"250 mail.example.org\r\n",
    b"EHLO": b"250-mail.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}


def digest(recipients: Iterable[str]) -> str:
    """Equal for equal sets of mailboxes."""
    return sha256("\n".join(sorted(set(recipients))).encode()).hexdigest()


class Book:
    """What was taken since the last reset."""

    def __init__(self) -> None:
        self.accepted = 0
        self.recipients: set[str] = set()


class Conversation(asyncio.Protocol):
    """One client's connection."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rest = b""
        self._in_letter = False
        self._to = ""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self._transport.write(b"220 mail.example.org ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Answer every whole command and letter in what has come so far; keep the rest."""
        data = self._rest + data
        start = 0
        answers: list[bytes] = []
        while True:
            mark = _END if self._in_letter else b"\r\n"
            end = data.find(mark, start)
            if end < 0:
                break
            answers.append(self._letter() if self._in_letter else self._command(data[start:end]))
            start = end + len(mark)
        self._rest = data[start:]
        if answers:
            self._transport.write(b"".join(answers))
        if len(self._rest) > MAX_LETTER:
            self._transport.abort()

    def _letter(self) -> bytes:
        self._in_letter = False
        self._book.accepted += 1
        self._book.recipients.add(self._to)
        return b"250 2.0.0 Ok: queued\r\n"

    def _command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"RCPT":
            self._to = line[line.find(b"<") + 1 : line.find(b">")].decode("ascii", "replace")
            return b"250 2.1.5 Ok\r\n"
        self._in_letter = verb == b"DATA"
        if line == b"XRESET":
            self._book.accepted, self._book.recipients = 0, set()
            return b"250 2.0.0 Ok\r\n"
        if line == b"XCOUNT":
            return f"250 {self._book.accepted} {digest(self._book.recipients)}\r\n".encode()
        return _FIXED.get(verb, b"500 5.5.2 what?\r\n")


async def serve() -> None:
    """Serve on a free loopback port, print it, and go on until SIGTERM."""
    loop = asyncio.get_running_loop()
    book = Book()
    server = await loop.create_server(lambda: Conversation(book), "127.0.0.1", 0)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    print(server.sockets[0].getsockname()[1], flush=True)
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve())
