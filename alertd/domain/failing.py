"""Since when something has failed for one family without a break: where the outage grew, not since it began."""

from datetime import datetime

from alertd.domain.family import Family
from alertd.domain.incident import Incident, Kind, Update

_REOPENING = Kind.REOPENING


def grown_at(incident: Incident, family: Family) -> datetime | None:
    """When the scope of an open incident came to touch this family; None: when it began, or came back."""
    updates = incident.updates
    first = updates[0].facts.scope
    if all(update.facts.scope == first for update in updates):
        return None  # as nearly always
    began: Update | None = None
    for update in updates:
        if not update.facts.scope.touching(family.services, family.region):
            began = None
        elif began is None or update.kind is _REOPENING:
            began = update
    return None if began is None or began is updates[0] or began.kind is _REOPENING else began.at
