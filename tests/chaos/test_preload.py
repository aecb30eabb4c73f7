"""What single processes are told by the C library: an hour that is not there, and a disk that takes nothing."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.drill import now
from tests.chaos.preload import Preloaded, preloaded

_SHOWS = "import time, datetime; print(time.time(), datetime.datetime.now().timestamp(), time.monotonic())"
_WRITES = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as books:
    books.execute("PRAGMA journal_mode=WAL")
    books.execute("CREATE TABLE IF NOT EXISTS book (page)")
    books.execute("INSERT INTO book VALUES (1)")
"""


@pytest.fixture
def faults() -> Iterator[Preloaded]:
    if shutil.which("cc") is None:
        pytest.skip("NOT TRIED with faults of single processes: no C compiler (cc) on PATH")
    with preloaded() as made:
        yield made


def python(faults: Preloaded, disk: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **faults.env(disk)}
    return subprocess.run([sys.executable, "-c", *arguments], env=env, capture_output=True, text=True, check=False)


def test_a_wall_clock_steps_and_the_monotonic_one_goes_on(faults: Preloaded, tmp_path: Path) -> None:
    for seconds in (3600, -3600, 0):
        faults.step_clock(seconds)
        wall, of_datetime, monotonic = map(float, python(faults, tmp_path, _SHOWS).stdout.split())
        assert wall - now() == pytest.approx(seconds, abs=60)
        assert of_datetime - now() == pytest.approx(seconds, abs=60)
        assert monotonic == pytest.approx(time.monotonic(), abs=60)


def test_a_disk_takes_nothing_until_it_has_room_again(faults: Preloaded, tmp_path: Path) -> None:
    disk, other = tmp_path / "disk", tmp_path / "other"
    disk.mkdir()
    other.mkdir()
    assert python(faults, disk, _WRITES, str(disk / "books.db")).returncode == 0
    faults.fill_disk(full=True)
    refused = python(faults, disk, _WRITES, str(disk / "books.db"))
    assert "sqlite3.OperationalError: " in refused.stderr
    assert python(faults, disk, _WRITES, str(other / "books.db")).returncode == 0
    faults.fill_disk(full=False)
    assert python(faults, disk, _WRITES, str(disk / "books.db")).returncode == 0
