"""A provider on loopback that answers as it is told, and misbehaves in ways that no web framework lets one."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto


class Trouble(Enum):
    """What comes instead of an answer."""

    HANG = auto()  # read, and nothing more
    DROP_UNREAD = auto()  # hang up before reading
    DROP = auto()  # read, and hang up
    HALF = auto()  # hang up in the middle of the answer
    NOT_HTTP = auto()
    SLOW = auto()  # a byte now and then, for ever


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """An answer byte by byte, for what a well-behaved one does not show."""

    data: bytes
    hangs_up: bool = False


Script = Callable[[Request], Reply | Raw | Trouble]


@dataclass
class HttpProvider:
    """`script` decides the answer to each request; all requests are kept."""

    script: Script
    requests: list[Request] = field(default_factory=list)
    connections: int = 0  # ever made
    open: int = 0
    port: int = 0
    tls: bool = False

    @property
    def url(self) -> str:
        return f"{'https://localhost' if self.tls else 'http://127.0.0.1'}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            # What is already decided for everybody needs no request.
            while True:
                if self.script is DROPS_UNREAD:
                    return
                request = await _read(reader)
                self.requests.append(request)
                answer = self.script(request)
                if isinstance(answer, Trouble):
                    await _misbehave(answer, reader, writer)
                    return
                writer.write(answer.data if isinstance(answer, Raw) else _bytes(answer))
                await writer.drain()
                if isinstance(answer, Raw) and answer.hangs_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


def DROPS_UNREAD(_: Request) -> Trouble:
    return Trouble.DROP_UNREAD


@asynccontextmanager
async def http_provider(script: Script, tls: ssl.SSLContext | None = None) -> AsyncIterator[HttpProvider]:
    """The provider, listening while the block runs."""
    provider = HttpProvider(script, tls=tls is not None)
    running: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(provider.serve(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0, ssl=tls)
    provider.port = server.sockets[0].getsockname()[1]
    try:
        yield provider
    finally:
        server.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    method, path, _ = first.split(" ")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


async def _misbehave(trouble: Trouble, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    if trouble is Trouble.HANG:
        await reader.read()  # until the client gives up
    elif trouble is Trouble.HALF:
        writer.write(b'HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{"sid": "SM')
        await writer.drain()
    elif trouble is Trouble.NOT_HTTP:
        writer.write(b"\x00\x01 220 this is no web server\r\n\r\n")
        await writer.drain()
    elif trouble is Trouble.SLOW:
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)


def _bytes(reply: Reply) -> bytes:
    headers = {"Content-Type": "application/json", "Content-Length": str(len(reply.body)), **reply.headers}
    lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + reply.body
