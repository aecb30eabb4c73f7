"""A TCP proxy on loopback that can cut, refuse, delay, drip and hold up what passes: a network that fails.

It runs on an event loop in a thread of its own. What it changes holds for open connections and new ones at once.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

_PART = 65_536
_PATIENCE = 10.0

T = TypeVar("T")


class Proxy:
    """Leads from a port of its own to a server: (host, port), or the path of a unix socket."""

    def __init__(self, upstream: tuple[str, int] | Path, *, port: int = 0) -> None:
        self._upstream = upstream
        self.port = port  # known once it is entered
        self._delay = 0.0
        self._drip: tuple[int, float] | None = None  # bytes, and seconds for each part of so many
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows: asyncio.Event  # cleared: nothing passes
        self.taken = 0  # connections, ever

    def __enter__(self) -> Self:
        self._thread.start()
        self._ask(self._listen())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ask(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_PATIENCE)
        self._loop.close()

    # --- what may be done to it ----------------------------------------------------------------

    def cut(self) -> int:
        """Reset every open connection; new ones are taken. Returns how many there were."""
        return self._ask(self._cut())

    def refuse(self) -> None:
        """Reset what is open, and refuse what comes."""
        self._ask(self._refuse())

    def accept(self) -> None:
        """Listen again, on the same port."""
        self._ask(self._listen())

    def hold(self) -> None:
        """Take connections and let nothing pass, in neither direction, as behind a cable that was pulled."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def release(self) -> None:
        """Let everything pass again, also what was held up."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def delay(self, seconds: float) -> None:
        """Let each part wait so long, in each direction; 0: none."""
        self._delay = seconds

    def drip(self, count: int | None, every: float = 1.0) -> None:
        """Let so many bytes pass in so many seconds; None: all."""
        self._drip = (count, every) if count is not None else None

    # --- on its loop ---------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._flows = asyncio.Event()
        self._flows.set()
        self._loop.run_forever()

    def _ask(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._cut()

    async def _cut(self) -> int:
        gone = len(self._open) // 2
        for writer in self._open:
            _reset(writer)
        return gone

    async def _close(self) -> None:
        await self._refuse()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            there, back = await self._reach()
        except OSError:
            _reset(writer)
            return
        both = {writer, back}
        self._open |= both
        try:
            ways = [asyncio.create_task(self._pump(reader, back)), asyncio.create_task(self._pump(there, writer))]
            try:
                await asyncio.wait(ways)
            finally:
                for way in ways:
                    way.cancel()
        finally:
            self._open -= both
            for each in both:
                each.transport.abort()

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, Path):
            return await asyncio.open_unix_connection(self._upstream)
        return await asyncio.open_connection(*self._upstream)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One direction, until its end; the end is passed on, and the other direction goes on."""
        with suppress(OSError):
            while part := await source.read(_PART):
                await self._flows.wait()
                if self._delay:
                    await asyncio.sleep(self._delay)
                while part:
                    now, every = part, 0.0
                    if self._drip is not None:
                        count, every = self._drip
                        now = part[:count]
                    sink.write(now)
                    await sink.drain()
                    part = part[len(now) :]
                    if part and every:
                        await asyncio.sleep(every)
            if sink.can_write_eof():
                sink.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close it so that the other side is told at once, and not when it next says something."""
    with suppress(OSError):  # it has just been closed by the other side
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
