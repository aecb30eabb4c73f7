"""Keeps one part alive: waits for what it needs, starts it, starts it again, and stops it in its turn."""

import asyncio
import contextlib
import subprocess
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from alertd.supervisor.part import Part, PartEvent, PartStatus, Restarts, State, What
from alertd.supervisor.process import LARGEST_LOG, Process, last_lines, make_room

_PATIENCE = 10.0  # seconds that a part waits for those it needs before it starts without them
_SLOW = 30.0  # seconds until a part that is not ready is told to be slow
_LOOK_AT_LOG = 60.0  # seconds between two looks at how long a log has grown
_ANSWER = 5.0  # seconds that one question whether it is ready may take


class Keeper:
    """One part and its processes, one after another."""

    def __init__(
        self,
        part: Part,
        *,
        log_file: Path | None,
        restarts: Restarts,
        tell: Callable[[PartEvent], None],
        stopping: asyncio.Event,
        hurry: asyncio.Event,
    ) -> None:
        self.part = part
        self.needs: list[Keeper] = []
        self.needed_by: list[Keeper] = []
        self.was_ready = asyncio.Event()
        self.gone = asyncio.Event()  # stopped for good
        self.tried = asyncio.Event()  # was ready, or has failed once
        self._log_file, self._restarts, self._tell = log_file, restarts, tell
        self._stopping, self._hurry = stopping, hurry
        self._state = State.WAITING
        self._pid: int | None = None
        self._restarted = 0
        self._ended = ""

    def status(self) -> PartStatus:
        """How the part is now."""
        return PartStatus(self.part.name, self._state, self._pid, self._restarted, self._ended, self._log_file)

    async def keep(self) -> None:
        """Run the part until everything stops."""
        deaths = 0
        try:
            needs = [keeper.tried for keeper in self.needs]
            await first_of(all_set(needs), self._stopping.wait(), within=_PATIENCE)
            while not self._stopping.is_set():
                began = asyncio.get_running_loop().time()
                why = await self._live()
                if self._stopping.is_set():
                    break
                lived = asyncio.get_running_loop().time() - began
                deaths = 1 if lived >= self._restarts.healthy_after else deaths + 1
                await self._mourn(deaths, why)
        finally:
            self._state = State.STOPPED
            self.gone.set()

    async def _live(self) -> str:
        """One life of the part, until it ends or is stopped; what kept it from starting, if anything did."""
        self._state = State.STARTING
        try:
            process = await Process.start(self.part, self._log_file)
        except (OSError, subprocess.SubprocessError) as error:
            self._ended = "could not start"
            return str(error)
        self._pid = process.pid
        self._say(What.STARTED)
        asking = asyncio.create_task(self._ask_until_ready())
        shortening = asyncio.create_task(self._keep_log_short())
        try:
            await first_of(process.wait(), self._stopping.wait())
            asking.cancel()
            if process.running:
                await self._stop(process)
        finally:
            process.kill_all()  # its children have nobody to stop them any more
            await process.wait()
            self._ended, self._pid = process.ended, None
            for beside in (asking, shortening):
                beside.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await beside
        return ""

    async def _keep_log_short(self) -> None:
        """A part may run for months, and its log lies beside the database."""
        while self._log_file is not None:
            await asyncio.sleep(_LOOK_AT_LOG)
            try:
                make_room(self._log_file, LARGEST_LOG)
            except OSError as error:  # a full disk: the part is to go on
                self._say(What.LONG_LOG, why=error.strerror or str(error))

    async def _ask_until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        slow_at, pause, answer = loop.time() + _SLOW, 0.02, "not ready"
        while self.part.ready is not None:
            try:
                if await asyncio.wait_for(self.part.ready(), _ANSWER):
                    break
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a part, we go on asking, and say so
                answer = repr(error)
            if loop.time() >= slow_at:
                self._say(What.SLOW, why=answer)
                slow_at = float("inf")
            await asyncio.sleep(pause)
            pause = min(0.5, pause * 1.5)
        self._state = State.READY
        self.was_ready.set()
        self.tried.set()
        self._say(What.READY)

    async def _mourn(self, deaths: int, why: str) -> None:
        pause = self._restarts.pause(deaths)
        self._state = State.RESTARTING
        self._restarted += 1
        self.tried.set()
        self._say(What.DIED, why=why, deaths=deaths, restart_in_seconds=pause)
        if deaths % self._restarts.tell_every == 0:
            lines = last_lines(self._log_file)
            self._say(What.FAILING, why=why, deaths=deaths, restart_in_seconds=pause, last_lines=lines)
        await first_of(self._stopping.wait(), within=pause)

    async def _stop(self, process: Process) -> None:
        self._state = State.STOPPING
        await first_of(all_set([keeper.gone for keeper in self.needed_by]), process.wait())
        self._say(What.STOPPING)
        process.signal(self.part.stop_signal)
        await first_of(process.wait(), self._hurry.wait(), within=self.part.stop_grace_seconds)
        if process.running:
            self._say(What.KILLED)
            process.kill_all()
        await process.wait()
        self._ended = process.ended
        self._say(What.STOPPED)

    def _say(
        self,
        what: What,
        *,
        why: str = "",
        deaths: int = 0,
        restart_in_seconds: float | None = None,
        last_lines: tuple[str, ...] = (),
    ) -> None:
        self._tell(
            PartEvent(self.part.name, what, self._pid, self._ended, why, restart_in_seconds, deaths, last_lines)
        )


async def all_set(events: Iterable[asyncio.Event]) -> None:
    """Return when all of them are set."""
    for event in events:
        await event.wait()


async def first_of(*those: Awaitable[object], within: float | None = None) -> None:
    """Return when one of them is done or `within` seconds have passed; the others are given up."""
    tasks = [asyncio.ensure_future(one) for one in those]
    try:
        await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
