"""How work that is in no hurry steps back for what is urgent."""

import os
from contextlib import suppress
from pathlib import Path

_NICEST = 19


def step_back(by: int) -> None:
    """Add so much to this process's niceness, and give as much to its session's where that is the worker's own.

    Linux shares the processors among sessions first (autogroups, sched(7)); within each of them only, niceness
    counts. Each part of `alertd up` has a session of its own: with niceness alone what is urgent took 66 ms behind
    20,000 bulk messages, and 48 ms so (`bench.moments`, in turns).
    """
    os.nice(by)
    if os.getsid(0) not in (os.getpid(), os.getppid()):
        return  # a terminal's, say: whatever else was started there would step back too
    # Not where there is no such thing; EAGAIN where another process of this worker has done it just now.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(min(by, _NICEST)))
