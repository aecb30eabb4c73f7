"""One `alertd up` per data folder."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self


class AlreadyRunning(Exception):
    """Another alertd runs on this data folder."""


class UpLock:
    """Holds `data_dir/up.lock`; may be entered again while held.

    The kernel lets go of it when the process ends, however it ends: no stale lock is possible, and the file
    stays. Raises AlreadyRunning, which says who holds it and what to do.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "up.lock"
        self._depth = 0
        self._file = -1

    def __enter__(self) -> Self:
        if self._depth == 0:
            self._file = self._take()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            os.close(self._file)

    def _take(self) -> int:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(file, 20).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise AlreadyRunning(
                f"alertd already runs on {self._path.parent} (process {holder}). Stop that one with ctrl-c or "
                f"`kill {holder}`, or give this one a folder of its own with ALERTD_DATA_DIR."
            ) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        return file
