"""Nobody says anything, and what has to tell families so fails just then."""

import signal
from collections.abc import Callable

from tests.chaos.drill import Drill, now
from tests.chaos.row import Row
from tests.integration.town import HOLDING, SECOND

Fault = Callable[[Drill], None]

BEFORE = 0.4
"""Of the window, after a word: the fault begins. Holdings set out when three quarters of it are over (R2)."""

WINDOW = 15.0
"""Seconds: seven windows have to pass."""

_SET_OUT = 0.7
"""Of the window, after a word: no holding has set out yet."""

OVER = 1.1
"""Of the window, after a word: the fault is over, for those that families cannot be told under."""


def _through(drill: Drill) -> None:
    """Every family is told on time all the same, so nothing excuses a row."""
    drill.until_told(HOLDING)


def _over_it(drill: Drill) -> None:
    """It outlasts the deadline."""
    drill.waits(max(drill.first_said(SECOND) + OVER * drill.row.window - now(), 0.0))


def _no_redis(drill: Drill) -> None:
    drill.rig.kill("redis")
    _through(drill)
    drill.rig.start_redis()


def _redis_frozen(drill: Drill) -> None:
    with drill.stopped("redis"):
        _through(drill)


def _one_sweeper(drill: Drill) -> None:
    drill.rig.kill("sweeper")
    _through(drill)
    drill.rig.start_sweeper("sweeper")


def _no_sweeper(drill: Drill) -> None:
    with drill.fault():
        for name in drill.rig.sweepers:
            drill.rig.kill(name)
        _over_it(drill)
        for name in drill.rig.sweepers:
            drill.rig.start_sweeper(name)


def _no_postgres(drill: Drill) -> None:
    before = _withheld(drill)
    with drill.fault():
        drill.postgres.stop(signal.SIGQUIT)
        _over_it(drill)
        drill.postgres.start()
    if _withheld(drill) <= before:
        drill.said.append("no sweeper said that it withholds the ping, as nobody knows how families are")


def _withheld(drill: Drill) -> int:
    """How often a sweeper said that it could not ask; families that are missing are another reason."""
    lines = (line for name in drill.rig.sweepers for line in drill.rig.log(name).splitlines())
    return sum('"ping_withheld"' in line and "families_unaccounted" not in line for line in lines)


def _no_provider(drill: Drill) -> None:
    with drill.fault():
        drill.rig.sandbox("POST", "/faults", [{"kind": "5xx", "channel": each} for each in ("sms", "push")])
        _over_it(drill)
        drill.well()


def _workers_frozen(drill: Drill) -> None:
    with drill.stopped("worker-urgent", "worker-bulk"):
        _through(drill)


def _silent(*faults: Fault) -> Callable[[Drill], None]:
    def run(drill: Drill) -> None:
        """A word, and then nothing: once for each fault, which begins before holdings set out."""
        drill.opens()
        for number, fault in enumerate(faults, 1):
            drill.says(SECOND, f" ({number})")
            drill.until_all_told(SECOND)
            drill.waits(max(drill.first_said(SECOND) + BEFORE * drill.row.window - now(), 0.0))
            drill.noted(fault.__name__.strip("_").replace("_", " "))
            if now() - drill.first_said(SECOND) > _SET_OUT * drill.row.window:
                drill.said.append(f"{fault.__name__} began too late to say anything: the machine is busy")
            fault(drill)
            drill.until_told(HOLDING)
        drill.ends()

    return run


ROWS = (
    Row(
        name="silence-kept",
        what="nobody speaks for a window while Redis is gone, while it stands still, while one sweeper of two is gone, and while all workers stand still: families hear on time",
        run=_silent(_no_redis, _redis_frozen, _one_sweeper, _workers_frozen),
        window=WINDOW,
        machine=4.0,  # less than a lease
    ),
    Row(
        name="silence-broken",
        what="nobody speaks for a window, and both sweepers, Postgres or every provider are gone until it is over: families hear as soon as those are back",
        run=_silent(_no_sweeper, _no_postgres, _no_provider),
        window=WINDOW,
        switched=True,
        crashes=1,
    ),
)
