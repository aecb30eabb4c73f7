"""Faults of all kinds, one after another, as the dice fall; the seed that is printed repeats them."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from tests.chaos.drill import Drill
from tests.chaos.footprint import MINUTE, Footprint, Watching, grown
from tests.chaos.restarts import LANES, restart
from tests.chaos.row import Row
from tests.chaos.rows_broker import redis_is_told
from tests.chaos.rows_clock import HOUR, NODE
from tests.chaos.rows_cluster import ring
from tests.chaos.rows_database import read_only
from tests.integration.town import HOLDING, SECOND

STRETCH = 60.0  # seconds of faults before an outage ends, and modules are imported, and caches fill
CALM = 75.0  # seconds: the window, and some more


def _a_child_dies(drill: Drill) -> None:
    lane = drill.dice.choice(("urgent", "bulk"))
    pids = drill.rig.worker_children(f"worker-{lane}")
    if pids:
        os.kill(drill.dice.choice(pids), signal.SIGKILL)


def _a_sweeper_dies(drill: Drill) -> None:
    name = drill.dice.choice(drill.rig.sweepers)
    drill.rig.kill(name)
    drill.waits(drill.dice.uniform(0, 2))
    drill.rig.start_sweeper(name)


def _a_worker_stands_still(drill: Drill) -> None:
    with drill.stopped("worker-bulk"):
        drill.waits(drill.dice.uniform(1, 8))


def _redis_dies(drill: Drill) -> None:
    drill.rig.kill("redis")
    drill.waits(drill.dice.uniform(0, 4))
    drill.rig.start_redis()


def _redis_forgets(drill: Drill) -> None:
    redis_is_told(drill, b"FLUSHALL")


def _redis_stands_still(drill: Drill) -> None:
    with drill.stopped("redis"):
        drill.waits(drill.dice.uniform(1, 4))


def _the_api_dies(drill: Drill) -> None:
    drill.rig.kill("api")
    drill.rig.start_api()


def _a_worker_restarts(drill: Drill) -> None:
    lane = drill.dice.choice(LANES)
    restart(drill, f"worker-{lane}", lambda: drill.rig.start_worker(lane))


def _a_clock_steps(drill: Drill) -> None:
    drill.faults.step_clock(drill.dice.choice((-HOUR, 0, HOUR)))


def _nothing_can_be_written(drill: Drill) -> None:
    read_only(drill, drill.dice.uniform(0, 3))


def _hints_come_often(drill: Drill) -> None:
    ring(drill, 100)


def _connections_end(drill: Drill) -> None:
    drill.postgres.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'alertd'")


def _the_database_restarts(drill: Drill) -> None:
    drill.postgres.stop(signal.SIGQUIT)
    drill.postgres.start()


def _a_provider(*faults: str) -> Callable[[Drill], None]:
    def run(drill: Drill) -> None:
        kind, channel = drill.dice.choice(faults), drill.dice.choice(("sms", "push"))
        drill.rig.sandbox("POST", "/faults", {"kind": kind, "channel": channel, "count": 30, "for_s": 3})

    run.__name__ = "_a_provider_fails"
    return run


def _callbacks(*faults: str) -> Callable[[Drill], None]:
    def run(drill: Drill) -> None:
        drill.rig.sandbox("POST", "/faults", {"kind": drill.dice.choice(faults), "channel": "sms"})

    run.__name__ = "_callbacks_are_wrong"
    return run


ACTS: Sequence[Callable[[Drill], None]] = (
    _a_child_dies,
    _a_sweeper_dies,
    _a_worker_stands_still,
    _redis_dies,
    _redis_forgets,
    _redis_stands_still,
    _hints_come_often,
    _the_api_dies,
    _a_worker_restarts,
    _a_clock_steps,
    _connections_end,
    _nothing_can_be_written,
    _the_database_restarts,
    _a_provider("5xx", "429", "drop", "drop_after_accept", "bad_json", "hang", "slow_drip"),
    _callbacks("callback_twice", "callback_reversed", "callback_forged", "callback_late"),
)
"""What may happen."""


def _soak(drill: Drill) -> None:
    """Faults for a minute; a minute of calm; faults, and outages that end and come again; a minute of calm.

    What alertd holds is looked at in the calm: a process that was just killed has yet to fill its pools.
    """
    ends = time.monotonic() + drill.soak - CALM
    numbers = count(1)
    drill.opens()
    with Watching(drill.rig) as watching:
        _rounds(drill, STRETCH, numbers)
        first = _calm(drill, watching)
        while (left := ends - time.monotonic()) > 0:
            drill.begins_anew()
            _rounds(drill, min(STRETCH, left), numbers)
        last = _calm(drill, watching)
    found, wrong = grown(first, last)
    drill.noted(found)
    drill.said += wrong
    drill.holds_and_ends()


def _calm(drill: Drill, watching: Watching) -> list[Footprint]:
    """Nothing is wrong, and humans say nothing for longer than the window; the looks of the last minute of it."""
    drill.noted("all is calm")
    began = time.monotonic()
    drill.until_told(HOLDING)
    drill.waits(max(0.0, CALM - (time.monotonic() - began)))
    ended = time.monotonic()
    return watching.within(ended - MINUTE, ended)


def _rounds(drill: Drill, seconds: float, numbers: Iterator[int]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        number, act = next(numbers), drill.dice.choice(ACTS)
        drill.says(SECOND, f" ({number})")
        drill.noted(f"round {number}: {act.__name__.strip('_').replace('_', ' ')}")
        with drill.fault():
            drill.waits(drill.dice.uniform(0, 1))
            act(drill)
        drill.supervised()
        drill.until_all_told(SECOND)
        drill.well()


ROWS = (
    Row(
        name="soak",
        what="fifteen kinds of these faults, one after another for minutes, as the dice fall; before and after it a minute of calm",
        run=_soak,
        crashes=None,
        preloaded=NODE,
        silence=False,
        window=60.0,  # humans speak in every round: on a busy machine a shorter one would only add holdings
    ),
)
