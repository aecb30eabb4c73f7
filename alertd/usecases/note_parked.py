"""Note messages that crash whoever sends them, and were given up: responders are told (R14)."""

from collections.abc import Sequence
from datetime import datetime

from alertd.domain.incident import IncidentId
from alertd.domain.paging import MESSAGES
from alertd.domain.trial import TRIAL_FAMILY
from alertd.ports.store import Rows


async def note_parked(rows: Rows, parked: Sequence[tuple[IncidentId, str, str, str]], now: datetime) -> None:
    """Note (incident, family, channel, why) of each, once in an incident.

    In the transaction that parks them: whoever wrote it a moment later might be killed by the next of them.
    """
    of_incident: dict[IncidentId, list[str]] = {}
    for incident, family, channel, why in parked:
        if family != TRIAL_FAMILY:  # whoever tries a channel hears of it, and nobody else
            of_incident.setdefault(incident, []).append(f"{family}: {channel}, {why}")
    for incident, each in sorted(of_incident.items()):
        code = each[0] + (f" and {len(each) - 1} more" if len(each) > 1 else "")
        await rows.add_trouble(incident, MESSAGES, code, now)
