"""What a machine that stood still is forgiven, and what not."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.standstill import STILL, TICK, Standstill


def test_only_what_is_long_counts() -> None:
    watch = Standstill()
    for at in (100.0, 100.1, 101.0, 101.1, 138.2, 138.3, 140.3):
        watch.tick(at)
    assert watch.seconds == pytest.approx(37.1 + 2.0 - 2 * TICK)


def test_a_clock_that_goes_back_counts_nothing() -> None:
    watch = Standstill()
    for at in (100.0, 40.0, 40.1, 40.2):
        watch.tick(at)
    assert watch.seconds == 0.0


def test_a_process_that_is_stopped_stands_still() -> None:
    script = "import sys; from tests.standstill import Standstill\n"
    script += "with Standstill() as watch:\n    print(flush=True); sys.stdin.readline(); print(watch.seconds)"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(3 * TICK)
        os.kill(process.pid, signal.SIGSTOP)
        time.sleep(1.5 * STILL)
        os.kill(process.pid, signal.SIGCONT)
        time.sleep(3 * TICK)
        process.stdin.write("\n")
        process.stdin.flush()
        assert STILL < float(process.stdout.read()) < 3 * STILL
