"""The command line of outage events: sent from a file, and what machines told in vain."""

import io
import json
import sys
from pathlib import Path

import pytest

from alertd.ingest.alertmanager import BUILT_IN, parse
from alertd.usecases.take_machine_events import take_machine_events
from tests.listening import Daemon, Shell, alertd, listening
from tests.unit.test_cli_incidents import families

__all__ = ["alertd", "families", "listening"]

EVENT = {
    "source": "desk", "id": "1", "alert": "a", "service": "follow", "severity": "critical",
    "status": "firing", "title": "Follow is down",
}  # fmt: skip


def test_events_from_a_file_and_from_standard_input(
    alertd: Shell, families: Daemon, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each says what became of it."""
    file = tmp_path / "event.json"
    file.write_text(json.dumps(EVENT))
    said = []
    assert alertd("event", "send", str(file), "--dry-run") == 0
    assert alertd.out == (
        "Nothing was done. It would open an incident. "
        "It touches 2 families that use follow: 2 push, 2 sms, handed over in under a second.\n"
    )
    for _ in range(2):
        assert alertd("event", "send", str(file)) == 0
        said.append(alertd.out)
    piped = io.TextIOWrapper(io.BytesIO(json.dumps(EVENT | {"id": "2", "status": "resolved"}).encode()))
    monkeypatch.setattr(sys, "stdin", piped)
    assert alertd("event", "send", "-") == 0
    said.append(alertd.out)
    assert said == [
        "It opened incident 1.\n",
        "It was taken before; nothing was done.\n",
        "It resolved incident 1.\n",
    ]
    file.write_text("{")
    assert alertd("event", "send", str(file)) == 1
    assert "not JSON" in alertd.err
    file.write_text("")
    assert alertd("event", "send", str(file)) == 1
    assert alertd("event", "send", str(tmp_path / "nothing.json")) == 1
    assert "No such file" in alertd.err


def test_an_event_that_did_less_than_it_asked(alertd: Shell, families: Daemon, tmp_path: Path) -> None:
    """The answer says why, and the way out."""
    file = tmp_path / "event.json"

    def send(**changes: str) -> str:
        file.write_text(json.dumps(EVENT | changes))
        assert alertd("event", "send", str(file)) == 0
        return alertd.out

    send()
    stays = "incident 1 stays critical: it is not this alert's alone; to lower it: "
    lower = "alertd incident update 1 --severity minor\n"
    other = {"alert": "b", "severity": "minor"}
    assert send(id="2", **other) == f"It is noted, and no family is told: {stays}{lower}"
    assert send(id="3", **other, message="Late.") == f"It is update 2 of incident 1. But {stays}{lower}"


def test_what_machines_told_in_vain_is_shown(alertd: Shell, families: Daemon) -> None:
    """What, why, and whether somebody on our side has heard of it; no control character of a machine's gets out."""
    assert alertd("event", "ignored") == 0
    assert alertd.out == "There is none.\n"
    alerts = [
        {"status": "firing", "labels": {"alertname": f"Disk\x1b{n}"}, "startsAt": "2026-11-04T19:58:00Z"}
        for n in range(12)
    ]
    group = parse({"version": "4", "alerts": alerts}, BUILT_IN, families.served.app.state.served.services)
    families.run(take_machine_events(families.served.deps, "alertmanager", group))

    assert alertd("event", "ignored") == 0

    assert "alertmanager: unmapped" in alertd.out
    assert "and 2 more" in alertd.out
    assert "the alert has no label service" in alertd.out
    assert "nobody yet" in alertd.out
    assert "\x1b" not in alertd.out
