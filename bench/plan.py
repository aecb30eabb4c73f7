"""How long the planner thinks about one family: `python -m bench.plan [--quick]`; writes PLAN.md.

Two parents with three addresses each and quiet hours, an incident with 12 updates, 40 deliveries, at the moment a
holding is owed: what nearly every family costs at every deadline of a long outage. Warm, without decoding. Beside
it the same at an instant that nobody has planned at before (a slice of families shares one), and by night.
"""

import gc
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, islice, repeat
from pathlib import Path

from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.incident import Kind
from alertd.domain.plan import plan
from alertd.domain.watch import Duty
from tests import make

RESULTS = Path(__file__).parent / "PLAN.md"
GOAL = 40.0
"""Microseconds, the median of the first row."""

_BATCH = 50  # plans between two readings of the clock
_ROUNDS, _QUICK = 400, 60
_HOLDINGS = (3, 4, 6, 8, 9, 11)
_CHANNELS = (("mia", "push"), ("mia", "sms"), ("ben", "push"), ("mia", "email"))


def duty(shift: float = 0) -> Duty:
    """The family of the goal; all of it `shift` minutes later than noon in Los Angeles."""
    steps = [
        (
            Kind.NOTICE if number == 1 else Kind.HOLDING if number in _HOLDINGS else Kind.PROGRESS,
            shift + 25.0 * (number - 1),
            {"human_number": None if number in _HOLDINGS else number},
        )
        for number in range(1, 13)
    ]
    told = [
        make.telling(
            make.own(name, channel),
            number,
            shift + 25.0 * (number - 1),
            next_by=shift + 25.0 * (number - 1) + 30,
            framing=Framing.NOTICE if number == 1 else Framing.HOLDING if number in _HOLDINGS else Framing.UPDATE,
            state=DeliveryState.DELIVERED,
        )
        for number in range(1, 13)
        for place, (name, channel) in enumerate(_CHANNELS)
        if place < 3 or number % 3 == 0
    ]
    hours = make.preferences(quiet_hours="22:00-06:30")
    parents = (
        make.caregiver(name, order=order, preferences=hours) for order, name in enumerate(("mia", "ben"), 1)
    )
    start = make.after(shift)
    return make.duty(
        incident=make.history(*steps),
        policy=make.climbing(),
        family=make.family(*parents),
        watch=make.watch(touched_at=start, next_by=start + timedelta(minutes=305)),
        tellings=told,
        answers=[replace(make.answer(), at=start)],
    )


def timed(of: Duty, instants: Iterator[datetime], rounds: int) -> list[float]:
    """Microseconds of processor for one plan, one figure a batch; garbage is collected between batches."""
    found = []
    for _ in range(rounds):
        moments = list(islice(instants, _BATCH))
        gc.collect(0)
        gc.disable()
        began = time.thread_time_ns()
        for moment in moments:
            plan(of, moment)
        found.append((time.thread_time_ns() - began) / 1000 / _BATCH)
        gc.enable()
    return found


def main() -> int:
    """Measure, check, tell; 1 when the goal was missed."""
    quick = "--quick" in sys.argv[1:]
    rounds = _QUICK if quick else _ROUNDS
    by_day, by_night = duty(), duty(9 * 60)
    assert len(by_day.tellings) == 40
    assert len(by_day.incident.updates) == 12
    rows = []
    for what, of, fresh in (
        ("by day", by_day, False),
        ("by day, at an instant of its own", by_day, True),
        ("in quiet hours", by_night, False),
    ):
        due = of.watch.next_by - timedelta(seconds=60)
        verdict = plan(of, due)
        assert verdict.holding, f"{what}: a holding is owed"
        instants = _ticking(due) if fresh else repeat(due)
        timed(of, instants, rounds // 10)  # warm
        rows.append((what, len(verdict.owed), sorted(timed(of, instants, rounds))))
    median = statistics.median(rows[0][2])
    lines = [f"| {what} | {owed} | {_spread(figures)} |" for what, owed, figures in rows]
    told = "\n".join(
        [
            "# One plan\n",
            f"`python -m bench.plan`, Python {platform.python_version()}; {rounds} x {_BATCH} plans, CPU time.",
            f"{os.cpu_count()} cores, 5-minute load {os.getloadavg()[1]:.1f}: what shares them slows this too.",
            "Two parents with three addresses each, quiet hours, 12 updates, 40 deliveries; a holding is owed.\n",
            "| when | deliveries owed | us a plan: median (p10 to p90) |\n|---|---:|---|",
            *lines,
            f"\nGoal: the first median under {GOAL:.0f} us: {'met' if median < GOAL else '**missed**'}.\n",
        ]
    )
    print(told)
    if not quick:
        RESULTS.write_text(told)
    return 0 if median < GOAL else 1


def _ticking(start: datetime) -> Iterator[datetime]:
    return (start + timedelta(microseconds=tick) for tick in count())


def _spread(figures: list[float]) -> str:
    at = [figures[int(len(figures) * share)] for share in (0.5, 0.1, 0.9)]
    return f"{at[0]:.1f} ({at[1]:.1f} to {at[2]:.1f})"


if __name__ == "__main__":
    sys.exit(main())
