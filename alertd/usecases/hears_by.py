"""By when the people at one address hear again, for whoever asks that between two messages."""

from collections.abc import Collection
from datetime import datetime

from alertd.domain.family import Caregiver, Family
from alertd.domain.hears_again import hears_again
from alertd.domain.incident import Incident
from alertd.domain.policy import Policy
from alertd.domain.watch import Duty
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import Unreadable

Holder = tuple[Family, Caregiver]


async def hears_by(
    deps: Deps, rows: Rows, incident: Incident, policy: Policy, holders: Collection[Holder]
) -> tuple[datetime | None, bool]:
    """(when the first of them hears again at the latest, whether any of them is owed a message about it).

    All have one phone or mailbox. Everybody is judged as a message to them would say it: by their own nights.
    """
    ids = sorted({family.id for family, _ in holders})
    unreadable: list[Unreadable] = []
    candidates = await rows.candidates(incident.id, ids, lock=False, unreadable=unreadable)
    found = {each.family.id: each for each in candidates}
    moments: list[datetime] = []
    now = deps.clock.now()
    for family, caregiver in holders:
        candidate = found.get(family.id)
        if candidate is None or candidate.watch is None:
            moments.append(now)  # the fan-out has not come to them yet: any moment
            continue
        duty = Duty(
            incident, policy, candidate.family, candidate.watch, candidate.tellings, candidate.addresses,
            frozenset(deps.channels), answers=candidate.answers,
        )  # fmt: skip
        moment = hears_again(duty, caregiver.id, now)
        moments += [moment] if moment is not None else []
    return min(moments, default=None), bool(moments)
