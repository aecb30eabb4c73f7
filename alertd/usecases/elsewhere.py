"""What another open outage has failing for a family: no end and no exercise may sound as if it worked (R11)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from alertd.domain.delivery import AFTERWARDS
from alertd.domain.incident import Incident, IncidentId, Severity
from alertd.domain.trial import TRIAL_FAMILY
from alertd.ports.store import Rows
from alertd.records import Claimed
from alertd.usecases.told import Telling

Failing = Mapping[str, Severity]
"""Services, and how bad it is with each at worst."""

Elsewhere = Mapping[UUID, Failing]
"""By delivery: what is failing beside its incident for any of the families that it serves."""


async def elsewhere(rows: Rows, batch: Collection[Claimed], tellings: Mapping[IncidentId, Telling]) -> Elsewhere:
    """For the messages of a batch that say that something is over, or that nothing is down."""
    asking = [
        each
        for each in batch
        if each.framing in AFTERWARDS or each.reader.released or tellings[each.incident].incident.exercise
    ]
    going_on = await _going_on(rows) if asking else []
    if not going_on:
        return {}
    # All families of a phone, also those whom only the other outage touches: its reader asks after each child.
    users = await rows.users({each.address for each in asking if each.shared})
    served = {each.id: {each.family, *users.get(each.address, ())} for each in asking}
    found: dict[UUID, Failing] = {}
    for incident in {each.incident for each in asking}:
        mine = [each for each in asking if each.incident == incident]
        others = [each for each in going_on if each.id != incident]
        by_family = await _failing(rows, others, set[str]().union(*(served[each.id] for each in mine)))
        for each in mine:
            if each.family == TRIAL_FAMILY:  # nobody knows whose phone it is: whatever fails may be theirs
                found[each.id] = _worst(dict.fromkeys(o.scope.services, o.severity) for o in others)
            elif failing := _worst(by_family[family] for family in served[each.id] if family in by_family):
                found[each.id] = failing
    return found


async def failing_beside(rows: Rows, incident: IncidentId, families: Collection[str]) -> Failing:
    """What an outage beside this incident, which families are told of, has failing for any of these families."""
    others = [each for each in await _going_on(rows) if each.id != incident]
    return _worst((await _failing(rows, others, families)).values())


def worst(failing: Failing, services: Collection[str]) -> Severity:
    """How bad it is at worst with these services, some of which fail."""
    return max((failing[each] for each in services), key=lambda severity: severity.rank)


async def _going_on(rows: Rows) -> list[Incident]:
    """Open outages that families are told of."""
    found = await rows.incidents(open_only=True, limit=1000)
    return [each for each in found if each.announced]


async def _failing(rows: Rows, others: Sequence[Incident], families: Collection[str]) -> Mapping[str, Failing]:
    """By family; one statement for each severity that there is."""
    found: dict[str, dict[str, Severity]] = {}
    for severity in Severity:  # the gravest first, and it stays
        scopes = [each.scope for each in others if each.severity is severity]
        for family, services in (await rows.failing(families, scopes)).items() if scopes else ():
            for service in services:
                found.setdefault(family, {}).setdefault(service, severity)
    return found


def _worst(failing: Iterable[Failing]) -> Failing:
    """Of several families together."""
    together: dict[str, Severity] = {}
    for each in failing:
        for service, severity in each.items():
            together[service] = max(severity, together.get(service, severity), key=lambda some: some.rank)
    return together
