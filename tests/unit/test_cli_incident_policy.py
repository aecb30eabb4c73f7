"""Another policy while the outage lasts, at the command line."""

import io
from pathlib import Path

import pytest

from alertd.cli.incident_policy import _sooner
from tests import make
from tests.listening import Daemon, Shell, alertd, listening

__all__ = ["alertd", "listening"]

SHORT = "policy: follow\nservices: [follow, share]\nsilence:\n  window: {critical: 20m}\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def outage(alertd: Shell, listening: Daemon) -> Daemon:
    """Two families know that follow is down."""
    listening.run(
        listening.served.families(
            make.family(make.caregiver("mia", "push")),
            make.family(make.caregiver("ana", "sms"), id="fam-2"),
        )
    )
    opening = ("--service", "follow", "--severity", "critical", "--title", "Follow is down", "--yes")
    assert alertd("incident", "open", *opening) == 0, alertd.err
    listening.run(listening.served.work())
    return listening


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "shorter.yaml"
    made.write_text(SHORT)
    return made


def test_it_shows_what_changes_for_whom_and_does_it(alertd: Shell, outage: Daemon, file: Path) -> None:
    assert alertd("incident", "policy", "1", str(file)) == 0, alertd.err
    assert "silence.window.critical  30m -> 20m" in alertd.err
    assert "It touches 2 families: 2 hear sooner than they were told, nobody later." in alertd.err
    assert "News now would take 1 push, 1 sms." in " ".join(alertd.err.split())
    assert "Incident 1 goes by policy follow now." in alertd.out
    assert alertd("incident", "timeline", "1") == 0
    assert "silence.window.critical 30m -> 20m" in " ".join(alertd.out.split())


def test_a_dry_run_only_shows(alertd: Shell, outage: Daemon, file: Path) -> None:
    told = alertd.json("incident", "policy", "1", str(file), "--dry-run")
    assert (told["dry_run"], told["sooner"]) == (True, 2)
    assert alertd("incident", "policy", "1", str(file), "--dry-run") == 0
    assert "30m -> 20m" in alertd.out
    assert alertd("incident", "timeline", "1") == 0
    assert "30m -> 20m" not in alertd.out


def test_at_a_terminal_it_asks_once_and_yes_does_not(
    alertd: Shell, outage: Daemon, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert alertd("incident", "policy", "1", str(file)) == 1
    assert "Take this policy for the incident?" in alertd.err
    assert "nothing was done" in alertd.err
    assert alertd("incident", "policy", "1", str(file), "--yes") == 0
    assert alertd("incident", "policy", "1", str(file), "--yes") == 1
    assert "nothing would change" in alertd.err


def test_every_mistake_of_the_file_is_told_with_its_line(
    alertd: Shell, outage: Daemon, file: Path, tmp_path: Path
) -> None:
    file.write_text(SHORT.replace("20m", "5s") + "floor: [push]\n")
    assert alertd("incident", "policy", "1", str(file), "--yes") == 1
    assert "2 mistakes" in alertd.err
    assert "shorter.yaml:4: silence.window.critical: is 5s" in alertd.err
    assert "shorter.yaml:5: floor[0]: push never counts" in alertd.err
    assert alertd("incident", "policy", "1", str(tmp_path / "none.yaml"), "--yes") == 1
    assert "cannot be read" in alertd.err
    assert alertd("incident", "policy", "7", str(file), "--yes") == 1


def test_who_cannot_be_paged_by_it_is_said_before_it_is_taken(alertd: Shell, outage: Daemon, file: Path) -> None:
    """Nobody is set here at all: the file does not make it worse, and is taken."""
    file.write_text(SHORT + "responders: {owner: ann, lead: ben, duty-manager: ben}\n")
    assert alertd("incident", "policy", "1", str(file)) == 0, alertd.err
    assert "ann cannot be nudged or paged: set ALERTD_RESPONDERS__ANN" in " ".join(alertd.err.split())
    assert "ALERTD_RESPONDERS__BEN" in alertd.out


@pytest.mark.parametrize(
    ("quiet", "why"),
    [("1h", "1 later than by the policy so far, none than they were told."), ("wait", "1 later: in quiet hours")],
)
def test_why_somebody_hears_later_is_said_only_where_it_is_so(quiet: str, why: str) -> None:
    windows = [{"key": "silence.quiet.critical", "before": "30m", "after": quiet}]
    assert why in _sooner({"families": 2, "sooner": 0, "later": 1, "exact": True, "windows": windows})
