"""A caregiver chooses how much they hear while there is nothing new (R3); an older import does not undo it."""

from collections.abc import Sequence
from datetime import datetime

from alertd.domain.choices import HOLDINGS, Choice, choosing
from alertd.domain.family import Family
from alertd.domain.inbox import Correspondent
from alertd.domain.incident import IncidentId
from alertd.ports.store import Rows


async def choose_holdings(rows: Rows, who: Correspondent, value: str, now: datetime, machine_at: datetime) -> int:
    """Write it for everyone who has this address; returns how many duties are to be planned anew at once.

    `value`: "few" or "all". `machine_at` is when they chose it: documents carry real time, too.
    """
    families = await _locked(rows, who)
    changed = [choosing(family, who.address, value) for family in families]
    here = Correspondent(who.address, who.stopped, tuple(changed))
    chosen = [Choice(family.id, each.id, HOLDINGS, value, machine_at) for family, each in here.holders]
    await rows.choose([after for before, after in zip(families, changed, strict=True) if after != before], chosen)
    concerned: dict[IncidentId, list[str]] = {}
    for family in families:
        for incident in await rows.watched_incidents(family.id):
            concerned.setdefault(incident, []).append(family.id)
    return sum([await rows.touch_families(ids, each, now) for each, ids in sorted(concerned.items())])


async def _locked(rows: Rows, who: Correspondent) -> Sequence[Family]:
    """Their families as they stand once nobody else writes them."""
    ids = [family.id for family in who.families]
    await rows.family_updated_at(ids)
    found = [await rows.family(each) for each in ids]
    return [family for family in found if family is not None]
