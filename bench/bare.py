"""The ceiling: two processes that send with aiohttp and store nothing, plan nothing, retry nothing."""

import asyncio
import sys
import time
from itertools import pairwise

from bench.measurement import Measurement, Mismatch
from bench.processes import die_with_parent, usage
from bench.servers import STOP_SECONDS, Rig

PROCESSES = 2
READY_SECONDS = 30.0
RUN_SECONDS = 120.0


class Bare:
    """Two senders, each with half of the messages."""

    name = "bare"
    full = 50_000
    quick = 5_000

    def __init__(self) -> None:
        self._senders: list[asyncio.subprocess.Process] = []

    async def prepare(self, rig: Rig, n: int, /) -> None:
        """Start both and wait until they have imported everything."""
        url = f"{rig.provider.url}/v1/projects/loopback/messages:send"
        for first, end in pairwise(n * i // PROCESSES for i in range(PROCESSES + 1)):
            sender = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bench.bare_sender", url, str(first), str(end - first)),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                preexec_fn=die_with_parent,
            )
            self._senders.append(sender)
        await self._all_say(b"ready\n", READY_SECONDS)

    async def run(self, n: int, /) -> Measurement:
        """From the word to go until both have every answer."""
        pids = [sender.pid for sender in self._senders]
        before = usage(*pids)
        began = time.perf_counter()
        for sender in self._senders:
            assert sender.stdin is not None
            sender.stdin.write(b"go\n")
        await self._all_say(b"done\n", RUN_SECONDS)
        seconds = time.perf_counter() - began
        after = usage(*pids)
        return Measurement(n, seconds, (after.cpu_seconds - before.cpu_seconds) / n * 1e6, after.peak_mb)

    async def close(self) -> None:
        """End both."""
        for sender in self._senders:
            assert sender.stdin is not None
            sender.stdin.close()
            try:
                async with asyncio.timeout(STOP_SECONDS):
                    await sender.wait()
            except TimeoutError:
                sender.kill()
                await sender.wait()
        self._senders.clear()

    async def _all_say(self, word: bytes, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            for sender in self._senders:
                assert sender.stdout is not None
                if await sender.stdout.readline() != word:
                    raise Mismatch(f"a bare sender ended without saying {word.decode().strip()}")


bare = Bare()
