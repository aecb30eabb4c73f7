"""The six faults that matter most, in two outages of few families: they are played with every test.

Nine processes have to start for an outage, which costs more than all that happens in it: so three faults share one,
each hits a word of its own, and the next word waits until everybody has been told. Three of them kill what is at work,
so a message may come twice; in the other outage none may.
"""

import signal
from collections.abc import Callable

from tests.chaos.drill import Drill
from tests.chaos.row import Pace, Row
from tests.chaos.rows_database import restart, restart_behind
from tests.chaos.rows_workers import kill_children
from tests.integration.town import SECOND, THIRD
from tests.servers import NotReady

Act = Callable[[Drill], None]
"""One word about both outages, and what happens to it until everybody has heard it."""


def _night(*acts: Act) -> Act:
    def run(drill: Drill) -> None:
        drill.opens()
        for act in acts:
            try:
                act(drill)
                drill.until_all_told(drill.newest)
            except NotReady as error:
                raise NotReady(f"{act.__name__.strip('_')}: {error}") from error
            drill.well()
        drill.ends()

    return run


def _killed_after_accept(drill: Drill) -> None:
    drill.says(SECOND, " (1)")
    with drill.fault():
        drill.reached("after_accept")


def _worker_killed(drill: Drill) -> None:
    drill.slow(1.0)
    drill.says(SECOND, " (2)")
    drill.until_some_told(SECOND, 0.1)
    kill_children(drill, 1)


def _postgres_immediate(drill: Drill) -> None:
    drill.slow(1.0)
    drill.says(SECOND, " (3)")
    restart(drill, SECOND, signal.SIGQUIT)
    drill.until_all_told(SECOND)
    restart_behind(drill, THIRD, signal.SIGQUIT)


def _provider_storm(drill: Drill) -> None:
    with drill.fault():
        drill.rig.sandbox("POST", "/faults", [{"kind": "5xx", "channel": each} for each in ("sms", "push")])
        drill.says(SECOND, " (1)")
        drill.waits(2)
        drill.well()


def _redis_down(drill: Drill) -> None:
    drill.rig.kill("redis")
    drill.says(SECOND, " (2)")
    drill.until_all_told(SECOND)
    drill.rig.start_redis()


def _two_sweepers(drill: Drill) -> None:
    for lane in ("urgent", "bulk"):
        drill.rig.kill(f"worker-{lane}")
    drill.slow(0.2)
    drill.says(SECOND, " (3)")


# A machine that stands still for ten seconds, or is half as fast, is late and nothing else: what would be told twice for
# that would say nothing of alertd. So leases are short only where a crash is what repeats are excused by. There the
# sweeper leaves work to workers for longer: else one that stood still would find nothing left, and reach no failpoint.
_CRASHES = Pace(lease=8.0, call=5.0, unknown=3.0, sweep=0.25, hints=30.0, backoff=10.0)
_NO_CRASH = Pace(lease=30.0, call=None, unknown=10.0, sweep=0.25, hints=2.0, backoff=60.0)

NIGHTS = (
    Row(
        name="crashes",
        what="killed-after-accept, worker-killed, postgres-immediate",
        run=_night(_killed_after_accept, _worker_killed, _postgres_immediate),
        families=120,  # the first slice holds a hundred
        critical=8,
        crashes=3,
        pace=_CRASHES,
        sweepers=1,
        failpoints={"worker-bulk": "after_accept=kill:10"},
        window=120.0,
        machine=30.0,
    ),
    Row(
        name="no-crash",
        what="provider-storm, redis-down, two-sweepers",
        run=_night(_provider_storm, _redis_down, _two_sweepers),
        families=120,
        critical=8,
        dialect="sqlite",
        pace=_NO_CRASH,
        bulk=1,
        window=120.0,
        machine=30.0,
    ),
)
"""Each is a test; `make chaos ROWS=quick` plays the six by themselves, on all families."""
