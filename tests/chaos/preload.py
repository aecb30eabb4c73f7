"""Single processes whose wall clock is wrong, or whose disk is full: a few functions of the C library say so to them.

No tool for it can be relied on to be installed, a C compiler can be on the machines where this is played: `faults.c`.
"""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import NotReady

_SOURCE = Path(__file__).parent / "faults.c"


class Preloaded:
    """What is wrong for all processes that were started with `env`."""

    def __init__(self, folder: Path) -> None:
        self._told, self._library = folder / "told", folder / "faults.so"
        self._seconds, self._full = 0, False
        self._tell()
        compiler = shutil.which("cc")
        if compiler is None:
            raise NotReady("there is no C compiler (cc), which this row needs")
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", str(self._library), str(_SOURCE), "-ldl"], check=True
        )
        self._library.chmod(0o755)

    def env(self, disk: Path | None = None) -> dict[str, str]:
        """For a process; `disk`: the folder for which it may be full."""
        more = {"CHAOS_DISK": str(disk.resolve())} if disk is not None else {}
        return {"LD_PRELOAD": str(self._library), "CHAOS_FAULTS": str(self._told), **more}

    def step_clock(self, seconds: int) -> None:
        """Their wall clocks show so much more than the right time from now on; 0: the right one."""
        self._seconds = seconds
        self._tell()

    def fill_disk(self, *, full: bool) -> None:
        """Nothing more can be written, as where there is no block left and none is written over; or it can again."""
        self._full = full
        self._tell()

    def _tell(self) -> None:
        numbers = struct.pack("=qq", self._seconds, self._full)
        if not self._told.exists():
            self._told.write_bytes(numbers)
            self._told.chmod(0o644)
        with self._told.open("r+b") as file:  # in place: it is mapped
            file.write(numbers)


@contextmanager
def preloaded() -> Iterator[Preloaded]:
    """In a folder that whoever runs Postgres may read. Raises NotReady where nothing can be compiled."""
    with tempfile.TemporaryDirectory(prefix="alertd-faults-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield Preloaded(folder)
