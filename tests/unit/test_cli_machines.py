"""What people see of machines on the command line: what is suspected, and what they can do about it."""

import json
from pathlib import Path
from typing import Any

import pytest

from alertd import wiring
from alertd.ingest.reading import Mistakes
from alertd.settings import load
from alertd.usecases.ripen import ripen
from tests import make
from tests.listening import Daemon, Shell, alertd, listening

__all__ = ["alertd", "listening"]

EVENT: dict[str, Any] = {
    "source": "statusbot", "id": "1", "alert": "probe", "service": "follow", "severity": "critical",
    "status": "firing", "title": "Probe fails",
}  # fmt: skip


@pytest.fixture
def sends(alertd: Shell, listening: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """`alertd event send` with a machine's key."""
    listening.run(listening.served.families(make.family()))
    machine = listening.run(listening.served.key("event:write")).secret

    def send(*options: str, **changes: Any) -> str:
        file = tmp_path / "event.json"
        file.write_text(json.dumps(EVENT | changes))
        with monkeypatch.context() as patch:
            patch.setenv("ALERTD_API_KEY", machine)
            assert alertd("event", "send", str(file), *options) == 0, alertd.err
        return alertd.out.strip()

    return send


def test_a_suspicion_says_when_families_are_told_and_how_to_decide(
    alertd: Shell, listening: Daemon, sends: Any
) -> None:
    assert sends("--dry-run").startswith(
        "Nothing was done. It would open an incident, as a suspicion that waits for somebody to confirm it."
    )
    assert sends() == ("It opened incident 1, as a suspicion; alertd incident show 1 says when families are told.")
    assert alertd("incident", "list") == 0
    assert "suspected, not told yet" in alertd.out
    assert alertd("incident", "show", "1") == 0
    for line in (
        "unless somebody does something",
        'to tell them now: alertd incident update 1 --message "..."',
        "a false alarm: alertd incident cancel 1",
        "notice by statusbot (suspected, critical)",
    ):
        assert line in " ".join(alertd.out.split())
    assert (
        alertd("incident", "open", "--service", "follow", "--severity", "critical", "--title", "Down", "--yes")
        == 0
    )
    assert alertd.out.startswith(
        "Incident 1, which a machine suspected, is confirmed: Down. Its families are being told.\n"
    )
    assert alertd("incident", "show", "1") == 0
    assert "1 notice (investigating, critical)" in alertd.out
    assert "not told yet" not in alertd.out


def test_what_waits_for_a_human_says_so(alertd: Shell, sends: Any) -> None:
    sends(severity="minor")
    assert alertd("incident", "show", "1") == 0
    assert "families are told only once somebody confirms it" in alertd.out


def test_an_end_that_is_coming_is_shown(alertd: Shell, listening: Daemon, sends: Any) -> None:
    sends()
    listening.served.clock.advance(minutes=5)
    listening.run(ripen(listening.served.deps))
    assert "is resolved at 20:20:00 UTC unless an alert fires again" in sends(id="2", status="resolved")
    assert alertd("incident", "show", "1") == 0
    assert "all quiet" in alertd.out
    assert alertd("incident", "timeline", "1") == 0
    for text in ("Suspected by statusbot: Probe fails", "Nobody had confirmed it", "Resolving by statusbot"):
        assert text in alertd.out


def test_a_wish_that_is_not_granted_names_the_way_out(sends: Any) -> None:
    assert sends(source="cron").startswith(
        'It is noted, and no family is told: policy follow does not let source "cron" open by itself; to open it: '
        "alertd incident open --service follow --severity critical"
    )


def test_labels_that_mean_no_service_keep_the_api_from_starting(tmp_path: Path) -> None:
    """Else every one of those alerts would be a note, until somebody reads it."""
    env = {
        "HOME": str(tmp_path),
        "ALERTD_ALERTMANAGER__SERVICE": "backend=folow,app=follow",
        "ALERTD_ALERTMANAGER__REGION": "us-east-1=us, moon=Moon Base",
        "ALERTD_ALERTMANAGER__SEVERITY": "sev1=critical",
    }
    settings = load(env)
    with pytest.raises(Mistakes) as refused:
        wiring.alertmanager_labels(settings, wiring.declared_services(settings))
    assert [str(problem) for problem in refused.value.problems] == [
        'alertmanager.service.backend: "folow" is no service; did you mean "follow"?',
        'alertmanager.region.moon: "moon base" is no region; write for example "us-west"',
    ]
    with pytest.raises(Mistakes) as unreadable:
        load(env | {"ALERTD_ALERTMANAGER__SEVERITY": "sev1=fatal", "ALERTD_ALERTMANAGER__SERVICE": "backend"})
    assert [str(problem) for problem in unreadable.value.problems] == [
        "ALERTD_ALERTMANAGER__SERVICE: must be a table; in the environment write for example "
        "page=critical,warning=minor",
        "ALERTD_ALERTMANAGER__SEVERITY: must be 'critical', 'major' or 'minor'",
    ]
