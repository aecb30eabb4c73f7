"""Tell responders of messages that crash whoever sends them, and were given up (R14)."""

from collections.abc import Sequence

from alertd.domain.incident import IncidentId
from alertd.domain.paging import MESSAGES
from alertd.domain.trial import TRIAL_FAMILY
from alertd.ports.deps import Deps
from alertd.usecases.tell_trouble import Trouble, tell_trouble


async def tell_parked(deps: Deps, parked: Sequence[tuple[IncidentId, str, str, str]]) -> None:
    """Note them, once in an incident: (incident, family, channel, why) of each."""
    of_incident: dict[IncidentId, list[str]] = {}
    for incident, family, channel, why in parked:
        if family != TRIAL_FAMILY:  # whoever tries a channel hears of it, and nobody else
            of_incident.setdefault(incident, []).append(f"{family}: {channel}, {why}")
    found: dict[Trouble, str] = {
        (incident, MESSAGES): each[0] + (f" and {len(each) - 1} more" if len(each) > 1 else "")
        for incident, each in of_incident.items()
    }
    if found:
        await tell_trouble(deps, found)
