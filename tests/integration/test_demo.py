"""The demo, whole: real Redis, real workers, the stand-ins, and a verdict."""

import json
import os
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
