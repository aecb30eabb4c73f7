"""An append-only file whose writers share one sync: nobody goes on before their own line is on disk."""

import asyncio
import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

Record = TypeVar("Record")

Sync = Callable[[int], None]
"""Makes the data of a file descriptor durable, as `os.fdatasync` does."""

sync_to_disk: Sync = getattr(os, "fdatasync", os.fsync)


class GroupCommit(Generic[Record]):
    """Lines that arrive while a sync is under way wait together for the next one.

    `committed` is told of each batch, in the order of the file, before its writers go on; it must not raise.
    One process has the file at a time: another would write over its lines.
    A write that fails (disk full) fails its writers, leaves no part of a line behind, and the next batch tries
    again. Opening cuts off a last line without a newline: it was never synced, so nobody was told of it.
    """

    def __init__(
        self,
        path: Path,
        encode: Callable[[Record], bytes],
        committed: Callable[[Sequence[Record]], None],
        sync: Sync = sync_to_disk,
    ) -> None:
        self._encode, self._committed, self._sync = encode, committed, sync
        self._file = _opened_alone(path)
        self._end = _cut_torn_line(self._file)
        _sync_folder(path.parent)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sync {path.name}")
        self._waiting: list[tuple[Record, bytes, asyncio.Future[None]]] = []
        self._commits: asyncio.Task[None] | None = None
        self.batches = 0  # how many syncs there were

    async def append(self, record: Record) -> None:
        """Return once the record is on disk. Raises OSError if it cannot be written, ValueError if not encoded.

        Records go to the file in the order of the calls. Cancelling the caller does not unwrite its record.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, self._encode(record) + b"\n", done))
        if self._commits is None or self._commits.done():
            self._commits = asyncio.create_task(self._commit_all())
        await done

    async def close(self) -> None:
        """Wait for what is under way, then close the file."""
        if self._commits is not None:
            await self._commits
        self._thread.shutdown()
        os.close(self._file)

    async def _commit_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                await loop.run_in_executor(self._thread, self._write, b"".join(line for _, line, _ in batch))
            except OSError as error:
                for _, _, done in batch:
                    if not done.done():
                        done.set_exception(error)
                continue
            self.batches += 1
            self._committed([record for record, _, _ in batch])
            for _, _, done in batch:
                if not done.done():  # its writer may have been cancelled meanwhile
                    done.set_result(None)

    def _write(self, data: bytes) -> None:
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._end + written)
            self._sync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(data)


def _cut_torn_line(file: int) -> int:
    """Length of the file up to and with its last newline; the file is cut there."""
    end = os.fstat(file).st_size
    while end > 0:
        start = max(0, end - 65_536)
        newline = os.pread(file, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    os.ftruncate(file, end)
    return end


def _sync_folder(folder: Path) -> None:
    """Make the file's name durable too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _opened_alone(path: Path) -> int:
    """The open file, locked for the life of this process. Raises OSError where another process has it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        raise OSError(
            errno.EBUSY,
            "another sandbox (of an alertd up --sandbox, perhaps) keeps its log here; use that one, or give this "
            "one a folder of its own with --data-dir",
            str(path.parent),
        ) from None
    return file
