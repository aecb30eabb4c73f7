"""Workers that get no more memory, as where a machine or a container has none left."""

import os
import resource
from contextlib import suppress
from pathlib import Path

from tests.chaos.drill import Drill
from tests.chaos.row import Row
from tests.integration.town import SECOND

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SECONDS = 3.0


def _starved(drill: Drill) -> None:
    """For some seconds no child of the worker gets another page; what fails then is tried again."""

    def during() -> None:
        drill.until_some_told(SECOND, 0.1)
        with drill.fault():
            pids = drill.rig.worker_children("worker-bulk")
            before = {pid: resource.prlimit(pid, resource.RLIMIT_AS) for pid in pids}
            for pid, (_, hard) in before.items():
                size = int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * _PAGE
                resource.prlimit(pid, resource.RLIMIT_AS, (size, hard))
            drill.waits(_SECONDS)
            for pid, limits in before.items():
                with suppress(ProcessLookupError):  # it gave up
                    resource.prlimit(pid, resource.RLIMIT_AS, limits)
        if "MemoryError" not in drill.rig.log("worker-bulk") and not any(map(drill.rig.gone, pids)):
            drill.said.append("no worker lacked memory")

    drill.slow(0.4)
    drill.story(during)


ROWS = (
    Row(
        name="worker-starved",
        what="a worker gets no more memory for three seconds",
        run=_starved,
        crashes=1,
    ),
)
