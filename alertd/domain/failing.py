"""What fails, or failed, for one family, and since when: by the scopes that were told, not by when they heard."""

from datetime import datetime

from alertd.domain.family import Family
from alertd.domain.incident import Incident, Kind, Update

_REOPENING = Kind.REOPENING
_TAKES_BACK = frozenset({Kind.RECALL, Kind.CORRECTION})


def failed_services(incident: Incident, family: Family) -> tuple[str, ...]:
    """The services that fail for a family; where the scope has shrunk, those that failed for it last."""
    for update in reversed(incident.updates):
        touched = update.facts.scope.touching(family.services, family.region)
        if touched:
            return touched
    services = incident.scope.services  # they have moved since: what they use of it
    return tuple([service for service in services if service in family.services]) or services


def grown_at(incident: Incident, family: Family) -> datetime | None:
    """When the scope last came to touch this family; None: when the outage began, or came back.

    Every message, the page and the all-clear say the same: who was imported later reads since when it fails.
    """
    updates = incident.updates
    told = next((i for i, update in enumerate(updates) if update.notify), 0)
    updates = updates[told:]  # of what a machine held nobody was told
    first = updates[0].facts.scope
    if all(update.facts.scope == first for update in updates):
        return None  # as nearly always
    began: Update | None = None
    touched = False
    for update in updates:
        before, touched = touched, bool(update.facts.scope.touching(family.services, family.region))
        back = began is not None and update.kind in _TAKES_BACK  # it never was otherwise
        if touched and ((not before and not back) or update.kind is _REOPENING):
            began = update
    return None if began is None or began is updates[0] or began.kind is _REOPENING else began.at
