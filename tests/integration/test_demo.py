"""The demo, whole: real Redis, real workers, the stand-ins, and a verdict."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alertd.demo.families import sample
from alertd.sandbox.log import read_accepted

pytestmark = pytest.mark.integration

# Real providers in the environment of whoever runs the demo: it must not so much as look at them.
STRANGE = {
    "ALERTD_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/no",
    "ALERTD_TWILIO__BASE_URL": "http://127.0.0.1:9",
}


def test_the_fast_demo_tells_every_family_and_says_so(tmp_path: Path) -> None:
    """It plays the first twenty hours in under a minute; getting up and down comes on top."""
    call = f"run(fast=True, output='json', keep_dir=Path({str(tmp_path)!r}))"
    done = subprocess.run(
        [sys.executable, "-c", f"from pathlib import Path; from alertd.demo import run; raise SystemExit({call})"],
        env={**os.environ, **STRANGE},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["passed"] is True
    assert told["families"] == {"all": 200, "heard": 195, "unreached": 5}
    assert {each["family"] for each in told["unreached"]} == sample().unreachable
    assert {each["rest"] for each in told["unreached"]} == {"no_address"}
    assert told["updates"]["human"] == 5
    assert told["updates"]["holdings"] >= 2
    assert told["all_clear"]["told"] > 300
    assert "human" in done.stderr
    assert "opens the incident" in done.stderr
    log = list(read_accepted(tmp_path / "data" / "sandbox"))
    assert len(log) == sum(channel["messages"] for channel in told["reach"].values())
    assert "+1" not in done.stderr.replace("+1***", "")  # no whole number is shown


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at its processes in /proc")
def test_ctrl_c_ends_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    call = f"run(fast=True, keep_dir=Path({str(tmp_path)!r}))"
    with subprocess.Popen(
        [sys.executable, "-c", f"from pathlib import Path; from alertd.demo import run; raise SystemExit({call})"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        try:
            lines = [next(line for line in demo.stdout if "opens the incident" in line)]
            parts = _below(demo.pid)
            assert len(parts) >= 6  # sandbox, Redis, API, sweeper, two workers and their children
            demo.send_signal(signal.SIGINT)
            said, _ = demo.communicate(timeout=60)
        finally:
            demo.kill()
    assert "Stopped before the end of the story" in said, (lines, said)
    assert demo.returncode == 1
    assert [part for part in parts if _alive(part)] == []


def _below(pid: int) -> list[int]:
    """The processes that a process started, and those that they started."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (task / "children").read_text().split()):
            found += [child, *_below(child)]
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
