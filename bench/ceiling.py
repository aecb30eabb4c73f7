"""How fast the loopback provider is alone: so that no variant's figure is really the provider's.

The load comes from a bare asyncio.Protocol in the harness's own process with ready-made requests, because
any real HTTP client would be slower than the provider. As many connections as the senders use, one request
under way on each, as HTTP clients do; a larger `DEPTH` pipelines.
"""

import asyncio
import json
import time
from dataclasses import dataclass
from functools import partial
from typing import cast

import uvloop

from bench import processes
from bench.measurement import Mismatch
from bench.messages import payload, token
from bench.servers import Rig

CONNECTIONS = 300
DEPTH = 1
_END = b"messages/"  # once in every answer


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Rate of accepted pushes, and what each cost the provider's process."""

    rate: float
    cpu_us: float


class _Load(asyncio.Protocol):
    """Keeps `DEPTH` requests under way on one connection until its share is answered."""

    def __init__(self, requests: list[bytes], done: asyncio.Future[None]) -> None:
        self._requests, self._done = requests, done
        self._sent = self._answered = 0
        self._transport: asyncio.Transport
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass
        self._more(DEPTH)

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        answered = data.count(_END)
        self._tail = data[data.rfind(_END) + len(_END) :] if answered else data
        self._answered += answered
        if self._answered == len(self._requests):
            self._done.set_result(None)
        else:
            self._more(answered)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or Mismatch("the provider closed a connection"))

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def _more(self, count: int) -> None:
        if batch := self._requests[self._sent : self._sent + count]:
            self._sent += len(batch)
            self._transport.write(b"".join(batch))


def measure(rig: Rig, n: int) -> Ceiling:
    """Send n pushes as fast as the provider takes them; raises `Mismatch` when it counted otherwise."""
    rig.provider.reset()
    requests = [_request(i) for i in range(n)]
    before = processes.usage(rig.provider_pid).cpu_seconds
    port = int(rig.provider.url.rpartition(":")[2])
    seconds = uvloop.run(_flood(port, [requests[i::CONNECTIONS] for i in range(CONNECTIONS)]))
    cpu = processes.usage(rig.provider_pid).cpu_seconds - before
    if rig.provider.count() != n:
        raise Mismatch(f"the provider counted {rig.provider.count()} of {n}")
    rig.provider.reset()
    return Ceiling(n / seconds, cpu / n * 1e6)


async def _flood(port: int, shares: list[list[bytes]]) -> float:
    loop = asyncio.get_running_loop()
    ends = [loop.create_future() for _ in shares]
    began = time.perf_counter()
    loads = []
    for share, end in zip(shares, ends, strict=True):
        _, load = await loop.create_connection(partial(_Load, share, end), "127.0.0.1", port)
        loads.append(load)
    async with asyncio.timeout(60):
        await asyncio.gather(*ends)
    seconds = time.perf_counter() - began
    for load in loads:
        load.close()
    return seconds


def _request(index: int) -> bytes:
    body = json.dumps(payload(token(index))).encode()
    head = (
        "POST /v1/projects/loopback/messages:send HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n"
        "Content-Type: application/json\r\nAuthorization: Bearer loopback\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
