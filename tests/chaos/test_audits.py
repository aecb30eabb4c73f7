"""An auditor that complains while nothing is wrong breaks a row."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.chaos.audits import complaints
from tests.chaos.evidence import Allowed

ALLOWED = Allowed(window=16.0, recovery=14.0, machine=10.0)


def log(*moments: float, event: str = "families_unaccounted") -> str:
    lines = [
        json.dumps({"event": event, "timestamp": datetime.fromtimestamp(at, UTC).isoformat()}) for at in moments
    ]
    return "\n".join(["Traceback (most recent call last):", *lines, '{"event": "sweeper_stopp'])


def found(logs: Sequence[str], faults: Sequence[tuple[float, float]] = ()) -> list[str]:
    return complaints(logs, faults, ALLOWED)


def test_a_busy_machine_may_be_late_and_no_longer() -> None:
    assert found([log(100.0, 105.0, 110.0)]) == []
    assert found([log(100.0, 105.0, 111.0)]) == ["the auditor was not content for 11 s"]
    assert found([log(100.0, 108.0), log(104.0, 111.0, event="audit_failed")]) != []
    assert found([log(100.0, 108.0, 111.0, event="audited")]) == []


def test_what_is_said_once_and_once_again_much_later_is_no_complaint_of_all_that_time() -> None:
    assert found([log(100.0, 105.0, 150.0, 155.0)]) == []


def test_a_fault_and_the_time_after_it_explain_it() -> None:
    complaining = [log(*(float(at) for at in range(100, 140, 2)))]
    assert found(complaining, [(99.0, 116.0)]) == []
    assert found(complaining, [(99.0, 100.0)]) == ["the auditor was not content for 12 s"]
    assert found(complaining, [(150.0, 160.0)]) != []
