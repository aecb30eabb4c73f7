"""Plans many families at one instant: those in the same position are judged once (performance only).

An outage begins with thousands of families of whom nothing is known but what they wrote, and most wrote the
same. What `plan` says of such a family depends on everything but its names, ids and addresses; so the verdict on
the first of them holds for the next, with their own put in: tests/property/test_crowd.py holds it to that.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

from alertd.domain.delivery import Owed, Reader
from alertd.domain.family import Address, Caregiver, Family, Preferences
from alertd.domain.plan import plan
from alertd.domain.watch import Duty, Verdict

_Place = tuple[int, int]  # the position of a caregiver in the family, and of an address with them


@dataclass(slots=True)
class _Judged:
    """A verdict, with the place of the address that each message goes to, and of everybody who waits."""

    verdict: Verdict
    places: list[_Place]
    waiting: list[int]


class Crowd:
    """Families that are planned at one instant in one incident.

    Their duties differ in family, watch, tellings and addresses alone.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._judged: dict[Hashable, _Judged] = {}

    def plan(self, duty: Duty) -> Verdict:
        """What `plan` says of this duty. Raises what `plan` raises."""
        position = _position(duty)
        if position is None:
            return plan(duty, self._now)
        judged = self._judged.get(position)
        if judged is not None:
            return _for(duty.family, judged)
        verdict = plan(duty, self._now)
        self._judged[position] = _judge(duty.family, verdict)
        return verdict


def _position(duty: Duty) -> Hashable | None:
    """All that sets this duty apart but names, ids and addresses; None where it stands alone.

    Alone is who was told something, or has an address that is noteworthy or written twice, or asks for something
    by service: they differ in more than can be compared at a glance.
    """
    family, watch = duty.family, duty.watch
    if duty.tellings or duty.addresses or duty.answers or family.preferences.services:
        return None
    if watch.heard_at is not None or watch.told or watch.owed or watch.waiting or watch.rest is not None:
        return None
    people = []
    seen = set()
    for each in family.caregivers:
        if each.preferences.services:
            return None
        for address in each.addresses:
            seen.add(address.id.int)
        people.append(_person(each))
    if len(seen) < sum(len(each.addresses) for each in family.caregivers):
        return None
    return (
        watch.touched_at, watch.next_by, watch.epoch, watch.look_at, watch.version, watch.ladder, watch.step,
        family.services, family.region, family.time_zone, family.locale, _asked(family.preferences), tuple(people),
    )  # fmt: skip


def _person(caregiver: Caregiver) -> Hashable:
    return (
        caregiver.role, caregiver.order, caregiver.locale, caregiver.time_zone, caregiver.on_duty,
        _asked(caregiver.preferences), tuple([(a.channel, a.verified) for a in caregiver.addresses]),
    )  # fmt: skip


def _asked(asked: Preferences) -> Hashable:
    return asked.critical, asked.major, asked.minor, asked.default, asked.holdings, asked.quiet_hours


def _judge(family: Family, verdict: Verdict) -> _Judged:
    people = {str(each.id): i for i, each in enumerate(family.caregivers)}
    places = {(i, a.id): j for i, each in enumerate(family.caregivers) for j, a in enumerate(each.addresses)}
    return _Judged(
        verdict,
        [(i, places[i, owed.address]) for owed in verdict.owed for i in (people[owed.caregiver],)],
        [people[each] for each in verdict.waiting],
    )


def _for(family: Family, judged: _Judged) -> Verdict:
    """The same verdict on a family in the same position."""
    verdict, people = judged.verdict, family.caregivers
    return Verdict(
        owed=tuple(
            [
                _to(owed, family, people[i], people[i].addresses[j])
                for owed, (i, j) in zip(verdict.owed, judged.places, strict=True)
            ]
        ),
        holding=verdict.holding,
        update=verdict.update,
        next_by=verdict.next_by,
        touched_at=verdict.touched_at,
        look_at=verdict.look_at,
        rest=verdict.rest,
        waiting=tuple([str(people[i].id) for i in judged.waiting]) if judged.waiting else (),
        cancel=verdict.cancel,
        ladder=verdict.ladder,
        step=verdict.step,
    )


def _to(owed: Owed, family: Family, caregiver: Caregiver, address: Address) -> Owed:
    reader = owed.reader
    return Owed(
        family.id, caregiver.id, address.id, owed.channel, owed.update, owed.epoch, owed.step, owed.framing,
        owed.reason, owed.loud, owed.next_by, owed.stale_after, owed.loud_until,
        Reader(
            address.to, reader.locale, reader.zone, reader.services, reader.hears_by, reader.quiet, reader.missed,
            reader.since, reader.end_wakes, reader.change, reader.asks, reader.released, reader.late,
            reader.corrects, reader.all_since, reader.by_list, reader.worst,
        ),
        owed.in_quiet,
    )  # fmt: skip
