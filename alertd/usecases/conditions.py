"""Conditions, by name, that withhold the dead man's ping though every family is accounted for.

They stand apart from the auditor, which shares no code with the planner; what is asked here may.
"""

from collections.abc import Mapping
from datetime import datetime

from alertd.ports.store import Rows
from alertd.usecases.audit import Condition


async def _nobody_to_page(rows: Rows, now: datetime) -> bool:
    """Whether all pages of an open incident have failed: nobody on our side knows (R8)."""
    return await rows.responders_unreachable(now)


CONDITIONS: Mapping[str, Condition] = {"no_responder_can_be_paged": _nobody_to_page}
"""The name is what people read in the log, in metrics and in `alertd doctor`."""
