"""What the policy commands say."""

from pathlib import Path

import pytest

from tests.listening import Shell, alertd
from tests.served import CONFIG

__all__ = ["alertd"]


def test_families_that_fit_and_families_that_do_not(alertd: Shell) -> None:
    """0 and 1; by window and channel, with the rate that would do."""
    assert alertd("policy", "check", str(CONFIG), "--families", "1500") == 0
    assert "1,500 families fit into every window." in alertd.out
    assert alertd("policy", "check", str(CONFIG), "--families", "1501") == 1
    row = next(line for line in alertd.out.splitlines() if line.startswith("critical, first notice"))
    assert row.split()[3] == "NO"
    assert "1,500 sms" in row
    assert "raise twilio.rate_per_second from 10 to 10.1" in " ".join(alertd.out.split())
    assert alertd("policy", "check", str(CONFIG), "--families", "0") == 2


def test_a_higher_rate_holds_more_families(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTD_TWILIO__RATE_PER_SECOND", "100")
    told = alertd.json("policy", "check", str(CONFIG), "--families", "15000")
    assert told["audience"]["fits"] is True
    by_day = next(w for w in told["audience"]["windows"] if (w["severity"], w["when"]) == ("critical", "by day"))
    assert by_day["most"] == {"push": 4350000, "sms": 43500}
    assert by_day["audience"] == 43500


def test_a_folder_with_mistakes_is_not_measured(alertd: Shell, tmp_path: Path) -> None:
    assert alertd("policy", "check", str(tmp_path), "--families", "10") == 1
    assert "services.yaml: cannot be read" in alertd.out
    assert "fit into" not in alertd.out
