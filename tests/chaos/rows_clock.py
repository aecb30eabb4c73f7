"""The wall clock of one node is an hour wrong, and steps again while families wait."""

from tests.chaos.drill import Drill, now
from tests.chaos.restarts import restart
from tests.chaos.row import Row
from tests.integration.town import HOLDING, SECOND, THIRD

HOUR = 3600
NODE = ("worker-bulk", "sweeper-2")
_HOST = ("api", "worker-urgent", "worker-bulk", "sweeper", "sweeper-2")
_MINUTE = 65.0  # seconds in which all that runs has looked at the clock, beside what it takes to ask


def _steps(drill: Drill) -> None:
    """Ahead by an hour, behind by one, and right again; what it is when a process starts is wrong as well."""
    drill.opens()
    drill.slow(0.2)
    for phase, seconds in ((SECOND, HOUR), (THIRD, -HOUR)):
        drill.says(phase)
        drill.until_some_told(phase, 0.1)
        drill.faults.step_clock(seconds)
        drill.until_all_told(phase)
        restart(drill, "sweeper-2", lambda: drill.rig.start_sweeper("sweeper-2"))
    if "Discarding" in drill.rig.log("worker-bulk"):
        drill.said.append("a worker threw hints away, as its clock says that they have expired")
    drill.until_told(HOLDING)
    drill.faults.step_clock(0)
    drill.well()
    drill.ends()


def _host_steps(drill: Drill) -> None:
    """The clock of the one machine goes back by an hour, and is put right; each part looks at it once a minute."""
    drill.opens()
    drill.slow(0.2)
    drill.says(SECOND)
    drill.until_some_told(SECOND, 0.1)
    drill.faults.step_clock(-HOUR)
    stepped = now()
    for name, start in (
        ("sweeper-2", lambda: drill.rig.start_sweeper("sweeper-2")),
        ("worker-bulk", lambda: drill.rig.start_worker("bulk")),
    ):
        restart(drill, name, start)  # whoever begins now has nothing to count from
    drill.until_all_told(SECOND)
    drill.until_told(HOLDING)
    drill.waits(max(stepped + _MINUTE - now(), 0.0))
    drill.faults.step_clock(0)
    restart(drill, "sweeper", lambda: drill.rig.start_sweeper("sweeper"))
    drill.says(THIRD)
    drill.until_all_told(THIRD)
    drill.until_told(HOLDING)
    seen = sum(drill.rig.log(name).count("clock_stepped") for name in _HOST)
    if seen != 2:
        drill.said.append(f"the clock stepped twice, and parts saw it {seen} times")
    drill.well()
    drill.ends()


ROWS = (
    Row(
        name="clock-steps",
        what="the wall clock of a worker and a sweeper steps an hour ahead, two hours back, and to the right time",
        run=_steps,
        preloaded=NODE,
    ),
    Row(
        name="clock-steps-host",
        what="the wall clock of the one machine steps an hour back, and to the right time",
        run=_host_steps,
        dialect="sqlite",
        preloaded=_HOST,
    ),
)
