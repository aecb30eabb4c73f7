"""What the auditor itself found while nothing was wrong: design section 5's question, all through a row."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from tests.chaos.evidence import Allowed

_FOUND = frozenset({"families_unaccounted", "audit_failed"})


def complaints(logs: Sequence[str], faults: Sequence[tuple[float, float]], allowed: Allowed) -> list[str]:
    """A sentence for what sweepers went on complaining of for longer than a busy machine may be late.

    `logs`: of each sweeper. What they say in a fault, or in the time after it that recovery takes, says nothing.
    """
    moments = sorted(
        at
        for log in logs
        for at in _complained(log)
        if not any(began <= at <= healed + allowed.recovery + allowed.machine for began, healed in faults)
    )
    found, since = [], moments[0] if moments else 0.0
    for before, after in pairwise([*moments, float("inf")]):
        if after - before > allowed.machine:
            if before - since > allowed.machine:
                found.append(f"the auditor was not content for {before - since:.0f} s")
            since = after
    return found


def _complained(log: str) -> Iterator[float]:
    """Unix seconds."""
    for line in log.splitlines():
        if line.startswith("{") and line.endswith("}"):
            said = json.loads(line)
            if said.get("event") in _FOUND:
                yield datetime.fromisoformat(said["timestamp"]).timestamp()
