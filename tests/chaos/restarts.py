"""Parts of alertd that are stopped and started again one after the other, as an upgrade or a new setting wants it."""

import signal
import time
from collections.abc import Callable

from tests.chaos.drill import Drill

LANES = ("urgent", "bulk")
MOST = 25.0  # seconds that a stop may take


def rolling(drill: Drill) -> None:
    """Stop every process by SIGTERM, and start it again with whatever its environment holds now."""
    restart_workers(drill)
    restart(drill, "api", drill.rig.start_api)


def restart_workers(drill: Drill) -> None:
    """Those that hand over: workers and sweepers."""
    for lane in LANES:
        restart(drill, f"worker-{lane}", lambda lane=lane: drill.rig.start_worker(lane))  # type: ignore[misc]
    for name in drill.rig.sweepers:
        restart(drill, name, lambda name=name: drill.rig.start_sweeper(name))  # type: ignore[misc]


def restart(drill: Drill, name: str, start: Callable[[], None]) -> None:
    """One of them; that it stops in time is part of every row."""
    process = drill.rig.processes[name]
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    took = time.monotonic() - began
    if took > MOST:
        drill.said.append(f"{name} took {took:.0f} s to stop")
    start()
