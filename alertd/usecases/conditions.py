"""Conditions, by name, that withhold the dead man's ping though every family is accounted for.

They stand apart from the auditor, which shares no code with the planner; what is asked here may.
"""

from collections.abc import Mapping
from datetime import datetime

from alertd.domain.incident import Incident
from alertd.ports.store import Rows
from alertd.usecases.audit import Condition

_MOST = 100_000  # open incidents; more than anybody ever has


async def _nobody_to_page(rows: Rows, now: datetime, _late: datetime) -> bool:
    """Whether all pages of an open incident have failed: nobody on our side knows (R8)."""
    return await rows.responders_unreachable(now)


async def _stands_still(rows: Rows, _now: datetime, late: datetime) -> bool:
    """Whether families were not told of a suspicion when its time had come, or an end was not carried out (R0).

    What is held touches nobody yet, so that the auditor misses no family; and it is not asked in the words by
    which `ripen` finds what is due, or a mistake in these would hide itself.
    """
    return any(_overdue(each, late) for each in await rows.incidents(open_only=True, limit=_MOST))


def _overdue(incident: Incident, late: datetime) -> bool:
    if incident.resolve_at is not None:  # a suspicion waits for that: it ends untold, or goes on
        return incident.resolve_at < late
    return incident.held and incident.confirm_at is not None and incident.confirm_at < late


CONDITIONS: Mapping[str, Condition] = {
    "no_responder_can_be_paged": _nobody_to_page,
    "suspicion_or_end_overdue": _stands_still,
}
"""The name is what people read in the log, in metrics and in `alertd doctor`."""
