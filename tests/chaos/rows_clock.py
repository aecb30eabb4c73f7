"""The wall clock of one node is an hour wrong, and steps again while families wait."""

from tests.chaos.drill import Drill
from tests.chaos.restarts import restart
from tests.chaos.row import Row
from tests.integration.town import HOLDING, SECOND, THIRD

HOUR = 3600
_NODE = ("worker-bulk", "sweeper-2")


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


ROWS = (
    Row(
        name="clock-steps",
        what="the wall clock of a worker and a sweeper steps an hour ahead, two hours back, and to the right time",
        run=_steps,
        preloaded=_NODE,
    ),
)
