"""A family as the judge sees it: its document, the truth about its addresses, and its hours.

Nothing here is alertd's own code: what alertd decides about hours and addresses is judged by this reading of
the same documents.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from alertd.demo import spans
from alertd.demo.spans import Spans

Address = tuple[str, str]
"""Channel, and the number, token or mailbox."""

SOFT = frozenset({"push", "email"})
"""Channels that can be used at night without waking anybody."""


@dataclass(frozen=True, slots=True)
class Hours:
    """What the policy says of those who said nothing themselves, by role and `default`."""

    quiet: Mapping[str, str]
    duty: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Person:
    """A caregiver: addresses that live, and when they may be told."""

    id: str
    role: str
    addresses: frozenset[Address]  # the live ones
    duty: Spans
    awake: Spans  # on duty and not in quiet hours
    may_hear: Spans  # ... or told softly in quiet hours, where an address for that lives


@dataclass(frozen=True, slots=True)
class Household:
    """A family's people: those who are told of every update, and the others, in the order of their turn."""

    id: str
    services: frozenset[str]  # which they use
    people: tuple[Person, ...]
    others: tuple[Person, ...]  # told only where nobody answers
    may_hear: Spans  # somebody of `people` may be told
    awake: Spans  # somebody of `people` is awake and on duty
    night: Spans  # nobody of `people` is awake and on duty

    @property
    def addresses(self) -> frozenset[Address]:
        """All live addresses of the family."""
        return frozenset(address for person in (*self.people, *self.others) for address in person.addresses)


def household(
    document: Mapping[str, Any],
    dead: Mapping[str, Collection[str]],
    listening: Sequence[str],
    policy: Hours,
    start: datetime,
    end: datetime,
) -> Household:
    """Read a family's document. `listening`: the roles that are told of every update.

    Where nobody of these has a live address, the first caregiver in order who has one is told in their place.
    """
    met = [
        (caregiver["role"], _person(caregiver, document, dead, policy, start, end))
        for caregiver in sorted(document["caregivers"], key=lambda caregiver: int(caregiver["order"]))
    ]
    live = [(role, person) for role, person in met if person.addresses]
    people = [person for role, person in live if role in listening] or [person for _, person in live[:1]]
    others = [person for _, person in live if person not in people]
    awake = spans.union(*(person.awake for person in people))
    return Household(
        id=document["id"],
        services=frozenset(document["services"]),
        people=tuple(people),
        others=tuple(others),
        may_hear=spans.union(*(person.may_hear for person in people)),
        awake=awake,
        night=spans.outside(awake, start, end),
    )


def _person(
    caregiver: Mapping[str, Any],
    family: Mapping[str, Any],
    dead: Mapping[str, Collection[str]],
    policy: Hours,
    start: datetime,
    end: datetime,
) -> Person:
    role, zone = caregiver["role"], caregiver.get("time_zone") or family["time_zone"]
    given = {(address["channel"], address["to"]) for address in caregiver.get("addresses", ())}
    live = frozenset((channel, to) for channel, to in given if to not in dead.get(channel, ()))
    own_night = caregiver.get("preferences", {}).get("quiet_hours")
    night = spans.hours(own_night or policy.quiet.get(role) or policy.quiet.get("default"), zone, start, end)
    duty_hours = caregiver.get("on_duty") or policy.duty.get(role) or policy.duty.get("default")
    duty = spans.hours(duty_hours, zone, start, end) if duty_hours else [(start, end)]
    duty = spans.within(duty, start, end)
    awake = spans.both(duty, spans.outside(night, start, end))
    softly = any(channel in SOFT for channel, _ in live)
    return Person(
        id=caregiver["id"], role=role, addresses=live, duty=duty, awake=awake, may_hear=duty if softly else awake
    )
