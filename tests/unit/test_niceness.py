"""What is bulk steps back: itself, and its session where that is its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STEP_BACK = """
import os
from workers.niceness import step_back
step_back(7)
print(os.nice(0))
try:
    print(open("/proc/self/autogroup").read())
except OSError:
    pass
"""
AUTOGROUPS = Path("/proc/sys/kernel/sched_autogroup_enabled")


def stepped_back(*, leader: bool) -> list[str]:
    """Niceness, and the session's where the kernel knows of such."""
    nested = (
        STEP_BACK if leader else f"import subprocess, sys; subprocess.run([sys.executable, '-c', {STEP_BACK!r}])"
    )
    wrapped = nested if leader else f"import subprocess, sys; subprocess.run([sys.executable, '-c', {nested!r}])"
    done = subprocess.run(
        [sys.executable, "-c", wrapped], start_new_session=True, capture_output=True, text=True, check=True
    )
    return done.stdout.split("\n")


def test_it_adds_to_its_niceness() -> None:
    assert stepped_back(leader=True)[0] == str(min(os.nice(0) + 7, 19))


@pytest.mark.skipif(not AUTOGROUPS.exists(), reason="this kernel shares the processors among processes only")
def test_its_own_session_steps_back_and_nobody_elses() -> None:
    assert stepped_back(leader=True)[1].endswith(" nice 7")
    assert stepped_back(leader=False)[1].endswith(" nice 0")  # two below the leader: a shell's, or a terminal's
