"""One connection to a mail server: commands out, replies in, TLS and log-in at the start.

SMTP: https://www.rfc-editor.org/rfc/rfc5321; pipelining: RFC 2920; STARTTLS: RFC 3207; AUTH: RFC 4954.
"""

import asyncio
import ipaddress
import socket
from base64 import b64encode
from collections import deque
from dataclasses import dataclass
from typing import cast

from alertd.ports import Later, Misconfigured
from channels.addresses import connect, look_up
from channels.smtp_errors import Reply, Stage, error_for
from channels.tls import tls_context

_REPLY_LIMIT = 64 * 1024
"""Bytes of replies not yet asked for; a server that says more is not spoken to any further."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where and how to connect; `tls` is "implicit", "starttls" or "none"."""

    host: str
    port: int
    tls: str
    user: str = ""
    password: str = ""


class ConnectionEnded(Exception):
    """The server hung up, or said what is no SMTP; what that means depends on the stage."""


class SmtpConnection(asyncio.Protocol):
    """Speaks with one server; one conversation at a time. Its errors never hold what was sent."""

    def __init__(self) -> None:
        self._replies: deque[Reply] = deque()
        self._lines: list[str] = []
        self._rest = b""
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self.extensions: dict[str, str] = {}
        self.dirty = False  # the last message stopped half-way: RSET before the next
        self.idle_since = 0.0  # loop.time()

    # --- asyncio's side ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._ended:  # what comes after nonsense cannot be trusted to be the next reply
                break
            self._take(line.rstrip(b"\r"))
        if len(self._rest) > _REPLY_LIMIT or len(self._lines) + len(self._replies) > 1000:
            self._end()
        self._wake()

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def _take(self, line: bytes) -> None:
        """One line of a reply: `250-text` goes on, `250 text` or `250` ends it."""
        if not (line[:3].isdigit() and len(line) >= 3 and line[3:4] in {b"", b" ", b"-"}):
            self._end()
            return
        self._lines.append(line[4:].decode("utf-8", "replace"))
        if line[3:4] != b"-":
            self._replies.append(Reply(int(line[:3]), "\n".join(self._lines)))
            self._lines = []

    def _end(self) -> None:
        self._ended = True
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- our side ---------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Open, and the server has said nothing since the last answer (such as 421, closing)."""
        return not self._ended and not self._replies and not self._rest and not self._lines

    def write(self, data: bytes) -> None:
        """Hand bytes to the network. Raises ConnectionEnded if it is known to be gone."""
        if self._ended or self._transport is None or self._transport.is_closing():
            raise ConnectionEnded
        self._transport.write(data)

    async def reply(self) -> Reply:
        """The next reply. Raises ConnectionEnded."""
        while not self._replies:
            if self._ended:
                raise ConnectionEnded
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self._replies.popleft()

    async def ask(self, line: bytes) -> Reply:
        """One command, with its CRLF, and its reply. Raises ConnectionEnded."""
        self.write(line)
        return await self.reply()

    def abort(self) -> None:
        """Close at once, without a word."""
        self._end()

    def quit(self) -> None:
        """Say goodbye, and close once that is sent; the answer is of no interest."""
        if self.usable and self._transport is not None:
            self._transport.write(b"QUIT\r\n")
            self._transport.close()
        self._ended = True

    # --- the start of a conversation ----------------------------------------------------------------

    @classmethod
    async def open(cls, server: Server) -> "SmtpConnection":
        """Connect, encrypt and log in. Raises Later or Misconfigured; a connection that fails is closed."""
        tls = server.host if server.tls == "implicit" else None
        try:
            connection = await connect(cls, await look_up(server.host, server.port), tls)
        except OSError as error:  # ssl.SSLError and socket.gaierror are OSErrors
            raise _unreachable(error) from None
        begun = False
        try:
            await connection._begin(server)
            begun = True
        except ConnectionEnded:
            raise Later("connection_lost", "the server hung up before it was given anything") from None
        except OSError as error:
            raise _unreachable(error) from None
        finally:
            if not begun:
                connection.abort()
        return connection

    async def _begin(self, server: Server) -> None:
        self._expect(Stage.GREETING, await self.reply(), 220)
        await self._hello()
        if server.tls == "starttls":
            await self._encrypt(server)
            await self._hello()
        if server.user:
            await self._log_in(server)

    async def _hello(self) -> None:
        assert self._transport is not None
        reply = await self.ask(f"EHLO {_own_name(self._transport)}\r\n".encode("ascii"))
        self._expect(Stage.HELLO, reply, 250)
        lines = (line.upper().partition(" ") for line in reply.text.split("\n")[1:])
        self.extensions = {keyword: parameters for keyword, _, parameters in lines}

    async def _encrypt(self, server: Server) -> None:
        if "STARTTLS" not in self.extensions:
            raise Misconfigured("no_starttls", "the server offers no STARTTLS; see ALERTD_SMTP__URL", account=True)
        self._expect(Stage.TLS, await self.ask(b"STARTTLS\r\n"), 220)
        if not self.usable:  # whatever came before TLS could be anyone's (CVE-2011-0411)
            raise ConnectionEnded
        assert self._transport is not None
        transport = await asyncio.get_running_loop().start_tls(
            self._transport, self, tls_context(), server_hostname=server.host
        )
        if transport is None:
            raise ConnectionEnded
        self._transport = transport

    async def _log_in(self, server: Server) -> None:
        offered = self.extensions.get("AUTH", "").split()
        if "PLAIN" in offered:
            reply = await self.ask(b"AUTH PLAIN %s\r\n" % _encoded(f"\0{server.user}\0{server.password}"))
        elif "LOGIN" in offered:
            reply = await self.ask(b"AUTH LOGIN\r\n")
            for answer in (server.user, server.password):
                self._expect(Stage.LOGIN, reply, 334)
                reply = await self.ask(_encoded(answer) + b"\r\n")
        else:
            raise Misconfigured(
                "no_auth", "the server offers no log-in that alertd knows (PLAIN, LOGIN)", account=True
            )
        self._expect(Stage.LOGIN, reply, 235)

    @staticmethod
    def _expect(stage: Stage, reply: Reply, code: int) -> None:
        if reply.code != code:
            raise error_for(stage, reply)


def _own_name(transport: asyncio.Transport) -> str:
    """How we introduce ourselves: our host's full name, else our address in brackets (RFC 5321 4.1.4)."""
    name = socket.gethostname()
    if "." in name and name.isascii():
        return name
    address = ipaddress.ip_address(transport.get_extra_info("sockname")[0].partition("%")[0])
    return f"[{'IPv6:' if address.version == 6 else ''}{address}]"


def _encoded(text: str) -> bytes:
    return b64encode(text.encode())


def _unreachable(error: OSError) -> Later:
    kind = {"gaierror": "dns", "SSLError": "tls", "SSLCertVerificationError": "tls"}.get(type(error).__name__)
    return Later(kind or "unreachable", "no connection to the mail server; nothing was sent")
