"""What another open outage has failing for a family: no end and no exercise may sound as if it worked (R11)."""

from collections.abc import Collection, Mapping

from alertd.domain.delivery import ENDS
from alertd.domain.incident import IncidentId
from alertd.ports.store import Rows
from alertd.records import Claimed
from alertd.usecases.told import Telling

Elsewhere = Mapping[tuple[IncidentId, str], frozenset[str]]
"""By incident and family: the services that are failing beside it."""


async def elsewhere(rows: Rows, batch: Collection[Claimed], tellings: Mapping[IncidentId, Telling]) -> Elsewhere:
    """For the messages of a batch that say that something is over, or that nothing is down."""
    asking: dict[IncidentId, set[str]] = {}
    for each in batch:
        if each.framing in ENDS or tellings[each.incident].incident.exercise:
            asking.setdefault(each.incident, set()).add(each.family)
    found: dict[tuple[IncidentId, str], frozenset[str]] = {}
    for incident, families in asking.items():
        for family, services in (await failing_beside(rows, incident, families)).items():
            found[incident, family] = services
    return found


async def failing_beside(
    rows: Rows, incident: IncidentId, families: Collection[str]
) -> Mapping[str, frozenset[str]]:
    """By family: the services that an outage beside this incident, which families are told of, has failing."""
    others = [
        each.scope
        for each in await rows.incidents(open_only=True, limit=1000)
        if each.id != incident and not each.held and not each.exercise
    ]
    return await rows.failing(families, others) if others else {}
