"""What fails, or failed, for one family, and since when: by the scopes that were told, not by when they heard."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from alertd.domain.family import Family
from alertd.domain.incident import Facts, Incident, Kind, Severity, Update

_REOPENING, _HOLDING = Kind.REOPENING, Kind.HOLDING
_ENDS = frozenset({Kind.RESOLUTION, Kind.CANCELLATION})
_TAKES_BACK = frozenset({Kind.RECALL, Kind.CORRECTION})


def failed_services(incident: Incident, family: Family) -> tuple[str, ...]:
    """The services that fail for a family; where the scope has shrunk, those that failed for it last."""
    for update in reversed(incident.updates):
        touched = _of(update.facts, family)
        if touched:
            return touched
    services = incident.scope.services  # they have moved since: what they use of it
    return tuple([service for service in services if service in family.services]) or services


def left_by_list(incident: Incident, family: Family, told: int) -> bool:
    """Whether what they were told last, update `told`, would not touch the family as it is now.

    Then the outage has not left them: their own data have changed (another region, a service less), and may be
    wrong.
    """
    return not _of(incident.upto(told).facts, family)


def told_failing(incident: Incident, family: Family, number: int) -> tuple[str, ...]:
    """The services that whoever was told this update was told are failing; none where it said that it is over."""
    facts = incident.upto(number).facts
    return () if not number or facts.state.ended else _of(facts, family)


class Since(NamedTuple):
    """Since when something fails for a family, and since when all of it does; None: since the outage began."""

    grown: datetime | None  # when the scope last came to touch them
    all: datetime | None  # where some of it began later: the last of it; None: all of it as long as any


_EVER = Since(None, None)


def failing_since(incident: Incident, family: Family) -> Since:
    """By the scopes that families were told; a reopening begins anew.

    Every message, the page and the all-clear say the same: who was imported later reads since when it fails. For
    how long all of it has, what was wrong and has been taken back counts for nothing.
    """
    updates = _told(incident)
    if _same_scope(updates):
        return _EVER  # as nearly always
    began = _began(updates, family)
    if began is None:
        return _EVER
    wrong = {update.references for update in updates if update.kind in _TAKES_BACK}
    start: dict[str, datetime] = {}
    for update in updates:
        if update.number >= began.number and update.number not in wrong and update.kind is not _HOLDING:
            start = {service: start.get(service, update.at) for service in _of(update.facts, family)}
    fails = _of(incident.newest.facts, family)
    latest = max((start[service] for service in fails if service in start), default=began.at)
    ever = began is updates[0] or began.kind is _REOPENING
    return Since(None if ever else began.at, latest if latest > began.at else None)


def worst_since(incident: Incident, family: Family) -> Severity:
    """The gravest severity of this epoch that families were to be told of since it came to touch this one."""
    updates = _told(incident)
    began = None if _same_scope(updates) else _began(updates, family)
    if began is None:
        return incident.worst
    since = (u.facts.severity for u in incident.standing if u.number >= began.number and u.epoch == incident.epoch)
    return max(since, key=lambda severity: severity.rank, default=incident.severity)


class Slept(NamedTuple):
    """What somebody slept through who has heard of none of it, where it had come back."""

    since: datetime
    worst: Severity
    end: Update  # the resolution; what came after it was a false alarm, if anything


def slept_through(incident: Incident, family: Family, touched: datetime, ended: int) -> Slept | None:
    """All that was real of an outage that came back, as far as somebody heard nothing of it; None: nothing was.

    `touched`: since when it concerns them; `ended`: the newest update by which they know an end, else 0.
    """
    gone = incident.recalled
    mine: list[tuple[list[Update], Update]] = []
    for part in _stretches(incident):
        end = next((u for u in reversed(part) if u.kind in _ENDS), None)
        hit = [u for u in part if u.notify and u.number not in gone and _of(u.facts, family)]
        if end is not None and end.kind is Kind.RESOLUTION and end.at > touched and end.number > ended and hit:
            mine.append((hit, end))
    if not mine:
        return None
    began = mine[0][0][0]
    first = began.kind is _REOPENING or began is _told(incident)[0]
    worst = max((u.facts.severity for hit, _ in mine for u in hit), key=lambda severity: severity.rank)
    return Slept(began.facts.since if first else began.at, worst, mine[-1][1])


def _stretches(incident: Incident) -> list[list[Update]]:
    """What families were told, cut where it came back."""
    parts: list[list[Update]] = [[]]
    for update in _told(incident):
        if update.kind is _REOPENING:
            parts.append([])
        parts[-1].append(update)
    return parts


def _told(incident: Incident) -> Sequence[Update]:
    updates = incident.updates
    told = next((i for i, update in enumerate(updates) if update.notify), 0)
    return updates[told:]  # of what a machine held nobody was told


def _same_scope(updates: Sequence[Update]) -> bool:
    first = updates[0].facts.scope
    return all(update.facts.scope == first for update in updates)


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
