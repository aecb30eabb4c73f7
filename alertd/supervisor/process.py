"""One process of a part: started so that it dies with us, its output kept, and ended with all it started."""

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from alertd.supervisor.part import Part

LARGEST_LOG = 10 * 1024 * 1024
"""Bytes; a larger one becomes `<part>.log.1`."""
_PR_SET_PDEATHSIG = 1  # prctl(2)
# Looked up here: between fork and exec there is no time for it.
_PRCTL = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


class Process:
    """A running process; make it with `start`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    @classmethod
    async def start(cls, part: Part, log_file: Path | None) -> "Process":
        """Start the part's program; its output goes to `log_file`, or to where ours goes.

        It gets a session of its own, so that ctrl-c on the terminal reaches only us. Call it from the main
        thread: Linux sends the death signal when the *thread* that forked ends (PR_SET_PDEATHSIG in prctl(2)).
        Raises OSError or subprocess.SubprocessError when it cannot be started.
        """
        output = _open(log_file) if log_file is not None else None
        try:
            return cls(
                await asyncio.create_subprocess_exec(
                    *part.argv,
                    env=os.environ | dict(part.env),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT if output is not None else None,
                    start_new_session=True,
                    preexec_fn=_before_exec(part),
                )
            )
        finally:
            if output is not None:
                os.close(output)

    async def wait(self) -> None:
        """Return when it has ended."""
        await self._process.wait()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    @property
    def ended(self) -> str:
        """How it ended: `exit code 3`, `SIGKILL`; empty while it runs."""
        code = self._process.returncode
        if code is None:
            return ""
        if code >= 0:
            return f"exit code {code}"
        return signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"

    def signal(self, number: signal.Signals) -> None:
        """Tell the process, not its children: they are its own to stop."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_all(self) -> None:
        """Kill the process and every child of it that is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter on macOS, for zombies
            os.killpg(self.pid, signal.SIGKILL)


def last_lines(log_file: Path | None, count: int = 10) -> tuple[str, ...]:
    """What a part wrote last."""
    if log_file is None or not log_file.exists():
        return ()
    with log_file.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - 8192))
        return tuple(file.read().decode(errors="replace").splitlines()[-count:])


def make_room(log_file: Path, largest: int) -> None:
    """Put what a running part has written aside, where that is more than `largest` bytes.

    It goes on writing into the same file, wherever its end is. What it writes in the moment of the copy is lost.
    """
    if log_file.exists() and log_file.stat().st_size > largest:
        try:
            shutil.copyfile(log_file, log_file.with_name(log_file.name + ".1"))
        finally:  # a disk that is full has room for the database then
            os.truncate(log_file, 0)


def _open(log_file: Path) -> int:
    log_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if log_file.exists() and log_file.stat().st_size > LARGEST_LOG:
        log_file.replace(log_file.with_name(log_file.name + ".1"))
    return os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _before_exec(part: Part) -> Callable[[], None] | None:
    """What the child does before it becomes the program; None where there is nothing to do."""
    if _PRCTL is None:
        return None
    supervisor = os.getpid()

    def prepare() -> None:
        if _PRCTL(_PR_SET_PDEATHSIG, int(part.stop_signal), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != supervisor:  # it died between fork and prctl: no signal will come
            os._exit(1)

    return prepare
