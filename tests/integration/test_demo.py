"""The demo, whole: real Redis, real workers, the stand-ins, and a verdict."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alertd.demo.families import sample
from alertd.sandbox.log import read_accepted
from alertd.settings.reading import shipped_config

pytestmark = pytest.mark.integration

# Real providers in the environment of whoever runs the demo: it must not so much as look at them.
STRANGE = {
    "ALERTD_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/no",
    "ALERTD_TWILIO__BASE_URL": "http://127.0.0.1:9",
}


# The demo's story is 1,800 times as fast as the world. A test shares the machine with other tests, and the story waits
# for nobody: at this speed the machine may stand still for ten seconds, which one that runs such tests was seen to do.
SPEED = 240

# No step of the ladder falls due within those ten seconds (40 minutes) of an end: whether it was still told would be
# chance. Who is touched at 04:10 is asked again at 07:40 and 09:40, who comes with Share at 09:30 and 11:30.
MORNING = """\
zone: America/Los_Angeles
begins: 2019-11-30 04:00
ends: 2019-11-30 12:05
acts:
  - at: 2019-11-30 04:10
    alert: {name: FollowerReadingsLate, service: follow, severity: major, summary: Readings arrive late}
  - at: 2019-11-30 05:40
    alert: {name: FollowerReadingsStopped, service: follow, severity: page, summary: No readings arrive}
  - at: 2019-11-30 06:45
    open:
      services: [follow]
      severity: critical
      title: Readings and alarms do not reach followers
      works: [sensor_works]
      do: [check_by_hand]
      next_in: 6h
      message: {en: No cause found yet., es: Aún no sabemos la causa.}
  - at: 2019-11-30 07:30
    update: {add_scope: [share], message: {en: Not fixed., es: Sin arreglar.}}
  - at: 2019-11-30 10:45
    resolve: {message: {en: It has held so far., es: Por ahora aguanta.}}
answers:
  - {at: 2019-11-30 06:00, share: 25%}
  - {at: 2019-11-30 10:20, share: 10%, by: [grandparent]}
fast: {ends: 2019-11-30 12:05}
"""

DAWN = """\
zone: America/Los_Angeles
begins: 2019-11-30 04:00
ends: 2019-11-30 06:50
acts:
  - at: 2019-11-30 04:10
    alert: {name: FollowerReadingsStopped, service: follow, severity: page, summary: No readings arrive}
  - at: 2019-11-30 06:00
    open:
      services: [follow]
      severity: critical
      title: Readings and alarms do not reach followers
      message: {en: No cause found yet., es: Aún no sabemos la causa.}
  - at: 2019-11-30 06:10
    resolve: {message: {en: It has held so far., es: Por ahora aguanta.}}
fast: {ends: 2019-11-30 06:50}
"""


def a_scenario(folder: Path, script: str = MORNING) -> Path:
    shutil.copytree(shipped_config() / "scenarios" / "demo", folder)
    (folder / "weekend.yaml").write_text(script)
    settings = (folder / "alertd.yaml").read_text()
    (folder / "alertd.yaml").write_text(settings.replace("rate: 1800", f"rate: {SPEED}"))
    return folder


def command(*arguments: str) -> list[str]:
    call = f"from pathlib import Path; from alertd.demo import run; raise SystemExit(run({', '.join(arguments)}))"
    return [sys.executable, "-c", call]


def test_the_demo_tells_every_family_and_says_so(tmp_path: Path) -> None:
    scenario, folder = a_scenario(tmp_path / "scenario"), tmp_path / "demo"
    done = subprocess.run(
        command("output='json'", f"scenario=Path({str(scenario)!r})", f"keep_dir=Path({str(folder)!r})"),
        env={**os.environ, **STRANGE},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["passed"] is True
    assert told["story"]["rate"] == SPEED
    assert told["families"] == {"all": 200, "heard": 195, "unreached": 5}
    assert {each["family"] for each in told["unreached"]} == sample().unreachable
    assert {each["rest"] for each in told["unreached"]} == {"no_address"}
    assert told["updates"]["human"] == 3
    assert told["updates"]["machine"] == 3  # both alerts, and what families were told with nobody awake
    assert told["raised"]["families"] == 195 - told["grown"]["families"]
    assert told["raised"]["woken"] > 50
    assert told["grown"]["families"] >= 10  # they use Share alone
    assert told["grown"]["more"] > 100  # they use both
    assert told["suspected_messages"] > 200
    assert told["pages"]["owner"] >= 1
    [asked] = told["asked"]
    assert 30 < asked["answered"] < 100
    assert asked["not_enough"] >= 1
    assert asked["others_told"] > 30
    assert asked["unanswered"] + asked["unreachable"] + asked["answered"] == 195
    assert told["updates"]["holdings"] >= 1
    assert told["all_clear"]["told"] > 300
    assert told["promises_kept"] == 0  # it was over before the promised time
    assert "Alertmanager opens it" in done.stderr
    assert 'nobody has confirmed it: families are told that it "may have problems"' in done.stderr
    assert "Alertmanager raises it" in done.stderr
    assert "update 2, adds share" in done.stderr
    assert "wakes up and confirms it" in done.stderr
    assert "follow their link and say that they know" in done.stderr
    assert "owner is told: PAGE: incident 1 was opened by a machine" in done.stderr
    log = list(read_accepted(folder / "data" / "sandbox"))
    told_families = sum(channel["messages"] for channel in told["reach"].values())
    assert len(log) == told_families + sum(told["pages"].values())
    assert "+1" not in done.stderr.replace("+1***", "")  # no whole number is shown


def test_a_daemon_that_tells_a_suspicion_as_a_fact_fails_the_demo(tmp_path: Path) -> None:
    scenario, folder = a_scenario(tmp_path / "scenario", DAWN), tmp_path / "demo"
    shutil.copytree(shipped_config() / "templates", scenario / "templates")
    for language in ("en", "es"):
        phrases = scenario / "templates" / language / "phrases.yaml"
        text = phrases.read_text()
        for suspected, fact in (("may be down", "are down"), ("Puede que {{ services }} no", "{{ services }} no")):
            text = text.replace(suspected, fact)
        phrases.write_text(text)
    done = subprocess.run(
        command("output='json'", f"scenario=Path({str(scenario)!r})", f"keep_dir=Path({str(folder)!r})"),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["passed"] is False
    wrong = [fault for fault in told["faults"] if fault["rule"] == "suspicion"]
    assert len(wrong) > 100
    assert any("was told as a fact" in fault["what"] for fault in wrong)


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks at its processes in /proc")
def test_ctrl_c_ends_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        command("fast=True", f"keep_dir=Path({str(tmp_path)!r})"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        try:
            lines = [next(line for line in demo.stdout if "Alertmanager opens it" in line)]
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
