"""`alertd demo`: everything up in this process's children, one performance, its report, and down again."""

import asyncio
import json
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal, TextIO
from urllib.parse import urlencode

from alertd import logs, up
from alertd.demo.answering import NoButton
from alertd.demo.client import ApiRefused, ApiSilent
from alertd.demo.families import sample
from alertd.demo.performance import Performance, Where
from alertd.demo.play import Stopped
from alertd.demo.report import Report
from alertd.demo.rules import rules_of
from alertd.demo.script import Script
from alertd.demo.script_file import read_script
from alertd.demo.stage import (
    SCRIPT,
    Stage,
    begin,
    demo_folder,
    make_alert_key,
    own_environment,
    set_stage,
    wind_clock,
)
from alertd.demo.view import View
from alertd.domain.errors import AlertdError
from alertd.policy_file import load_policies, load_services

_GOING_DOWN = 10.0  # seconds that the parts need to end, on a busy machine


@dataclass(slots=True)
class _Evening:
    """One attempt at a performance: what is needed to play it, and how it ended."""

    stage: Stage
    script: Script
    view: View
    stay: bool
    tell: Callable[[Report], None]
    stop: threading.Event = field(default_factory=threading.Event)
    report: Report | None = None
    trouble: str = ""
    stopped: bool = False


def play_demo(
    *,
    fast: bool,
    acts: int,
    stay: bool,
    keep_dir: Path | None,
    output: Literal["table", "json"],
    scenario: Path | None,
) -> int:
    """See `alertd.demo.run`."""
    out = sys.stderr if output == "json" else sys.stdout
    tell = _tell_json if output == "json" else _tell_lines
    logs.configure("warning", json=False)
    with own_environment(), demo_folder(keep_dir) as folder:
        try:
            stage = set_stage(folder.path, scenario)
            script = read_script(stage.config / SCRIPT, fast=fast, relapse=acts > 1)
            evening = _Evening(stage, script, _view(script, out), stay, tell)
            evening.view.say(_welcome(script, stage.settings.clock.rate))
            asyncio.run(_up(evening))
        except AlertdError as error:
            out.write(f"{error}\n")
            return 1
        if evening.report is not None and evening.report.passed:
            return 0
        if evening.stopped:
            out.write("Stopped before the end of the story: nothing was judged.\n")
            return 1
        if evening.trouble:
            out.write(f"FAILED: {evening.trouble}\n")
        out.write(_busy())
        folder.keep = True
        out.write(f"Logs and database are kept in {folder.path}\n")
        return 1


async def _up(evening: _Evening) -> None:
    """Bring everything up, have the play performed beside it, and bring it down."""
    stage, over, ready = evening.stage, asyncio.Event(), asyncio.Event()
    places: list[up.Where] = []

    def on_ready(where: up.Where) -> None:
        places.append(where)
        ready.set()

    await wind_clock(stage, evening.script.begins)
    running = asyncio.create_task(
        up.up(stage.settings, stage.env, sandbox=True, on_ready=on_ready, until=over), name="up"
    )
    came_up = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({running, came_up}, return_when=asyncio.FIRST_COMPLETED)
        if not places:
            evening.stopped = True
            return
        playing = asyncio.create_task(asyncio.to_thread(_perform, evening, places[0]))
        await asyncio.wait({running, playing}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done() and evening.trouble:
            # Ctrl-c ends the parts first, and a play that meets that has not failed.
            await asyncio.wait({running}, timeout=_GOING_DOWN)
            evening.stopped = running.done()
        evening.stop.set()  # ctrl-c brings everything down while the play goes on
        await playing
        if evening.stay and evening.report is not None and not running.done():
            _invite(evening, places[0])
            await asyncio.wait({running})
    finally:
        evening.stop.set()
        came_up.cancel()
        over.set()
        await running


def _perform(evening: _Evening, where: up.Where) -> None:
    """Prepare, play and report, in a thread of its own."""
    stage, script, view = evening.stage, evening.script, evening.view
    policies = load_policies(stage.config).values()
    policy = next(policy for policy in policies if script.opening.services[0] in policy.services)
    assert where.key_file is not None
    assert where.sandbox is not None
    performance = Performance(
        Where(
            where.api,
            where.key_file.read_text().strip(),
            asyncio.run(make_alert_key(stage)),
            where.sandbox,
            where.data_dir / "sandbox",
        ),
        script,
        sample(),
        rules_of(policy, load_services(stage.config / "services.yaml"), stage.settings.clock.rate),
        view,
    )
    try:
        performance.prepare()
        view.say(f"Up: {where.redis}")
        view.say(f"What each phone, app and mailbox receives: {_inbox(script, where)}")
        view.say()
        clock = asyncio.run(begin(stage, script.begins))
        evening.report = performance.perform(clock, evening.stop)
    except (AlertdError, ApiRefused, ApiSilent, NoButton) as error:
        evening.trouble = str(error)
    except Stopped:
        evening.stopped = True
    else:
        evening.tell(evening.report)
        if not evening.stay:
            view.say("\nTo look at the inbox afterwards: alertd demo --stay")


def _view(script: Script, out: TextIO) -> View:
    live = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return View(out, zone=script.zone, begins=script.begins, ends=script.ends, live=live)


def _welcome(script: Script, rate: float) -> str:
    hours, minutes = round(script.length / timedelta(hours=1)), script.length / timedelta(minutes=1) / rate
    return (
        f"The outage of Thanksgiving 2019, {hours} hours of it, told to 200 made-up families by alertd itself:\n"
        "Redis, API, workers and sweeper, against stand-ins for the SMS, push and mail providers.\n"
        f"The story takes {minutes:.1f} minutes. Getting everything up ..."
    )


def _busy() -> str:
    """A word on other work, where there is some: story time does not wait for a machine that is busy elsewhere."""
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load < 1.2 * cores:
        return ""
    return (
        f"This machine is busy (load {load:.1f} on {cores} cores), and the story does not wait for it: try again "
        "when it is quieter.\n"
    )


def _invite(evening: _Evening, where: up.Where) -> None:
    evening.view.say(f"\nStill up, and so is the inbox: {_inbox(evening.script, where)}\nStop with ctrl-c.")


def _inbox(script: Script, where: up.Where) -> str:
    """The sandbox's page, on the clock of the story."""
    return f"{where.inbox}?{urlencode({'tz': script.zone})}"


def _tell_lines(report: Report) -> None:
    sys.stdout.write("\n".join(report.lines()) + "\n")
    sys.stdout.flush()


def _tell_json(report: Report) -> None:
    sys.stdout.write(json.dumps(report.as_json(), indent=2) + "\n")
    sys.stdout.flush()
