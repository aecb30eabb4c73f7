"""Find when alertd itself was down; whoever heard late for that reason is told so (R13)."""

from datetime import datetime

from alertd.domain.downtime import Downtime
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.beat import SWEEPER, unswept


async def find_downtimes(deps: Deps, rows: Rows, since: datetime) -> tuple[Downtime, ...]:
    """Our own outages since a moment of story time, oldest first.

    The last one may just be ending: workers plan before the first sweep that keeps it.
    """
    kept, beat = await rows.downtimes(since, SWEEPER)
    lasting = unswept(deps, beat)
    return (*kept, *((lasting,) if lasting is not None else ()))
