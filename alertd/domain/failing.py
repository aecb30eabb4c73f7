"""What fails, or failed, for one family, and since when: by the scopes that were told, not by when they heard."""

from collections.abc import Sequence
from datetime import datetime

from alertd.domain.family import Family
from alertd.domain.incident import Facts, Incident, Kind, Update

_REOPENING, _HOLDING = Kind.REOPENING, Kind.HOLDING
_TAKES_BACK = frozenset({Kind.RECALL, Kind.CORRECTION})


def failed_services(incident: Incident, family: Family) -> tuple[str, ...]:
    """The services that fail for a family; where the scope has shrunk, those that failed for it last."""
    for update in reversed(incident.updates):
        touched = _of(update.facts, family)
        if touched:
            return touched
    services = incident.scope.services  # they have moved since: what they use of it
    return tuple([service for service in services if service in family.services]) or services


def told_failing(incident: Incident, family: Family, number: int) -> tuple[str, ...]:
    """The services that whoever was told this update was told are failing; none where it said that it is over."""
    facts = next((u.facts for u in reversed(incident.updates) if u.number <= number), None)
    return () if facts is None or facts.state.ended else _of(facts, family)


def grown_at(incident: Incident, family: Family) -> datetime | None:
    """When the scope last came to touch this family; None: when the outage began, or came back.

    Every message, the page and the all-clear say the same: who was imported later reads since when it fails.
    """
    updates = _told(incident)
    first = updates[0].facts.scope
    if all(update.facts.scope == first for update in updates):
        return None  # as nearly always
    began = _began(updates, family)
    return None if began is None or began is updates[0] or began.kind is _REOPENING else began.at


def all_since(incident: Incident, family: Family) -> datetime | None:
    """Since when all that fails for this family now has been failing, where that is later than the trouble began.

    None: ever since it began. What was wrong, and has been taken back, counts for nothing.
    """
    updates = _told(incident)
    first = updates[0].facts.scope
    if all(update.facts.scope == first for update in updates):
        return None
    began = _began(updates, family)
    if began is None:
        return None
    wrong = {update.references for update in updates if update.kind in _TAKES_BACK}
    since = [u for u in updates if u.number >= began.number and u.number not in wrong and u.kind is not _HOLDING]
    fails = frozenset(_of(incident.newest.facts, family))
    start: dict[str, datetime] = {}
    for update in since:
        now = frozenset(_of(update.facts, family))
        start = {service: start.get(service, update.at) for service in now}
    latest = max((start[service] for service in fails if service in start), default=began.at)
    return latest if latest > began.at else None


def _told(incident: Incident) -> Sequence[Update]:
    updates = incident.updates
    told = next((i for i, update in enumerate(updates) if update.notify), 0)
    return updates[told:]  # of what a machine held nobody was told


def _began(updates: Sequence[Update], family: Family) -> Update | None:
    """The update from which on it always touched this family, or came back."""
    began: Update | None = None
    touched = False
    for update in updates:
        before, touched = touched, bool(_of(update.facts, family))
        back = began is not None and update.kind in _TAKES_BACK  # it never was otherwise
        if touched and ((not before and not back) or update.kind is _REOPENING):
            began = update
    return began


def _of(facts: Facts, family: Family) -> tuple[str, ...]:
    return facts.scope.touching(family.services, family.region)
