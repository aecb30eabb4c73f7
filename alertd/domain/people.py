"""The caregivers of one family as the planner meets them: who hears, and over what."""

from collections.abc import Collection, Mapping

from alertd.domain import preferences
from alertd.domain.delivery import OVER
from alertd.domain.family import Address, AddressId, AddressStatus, Caregiver, Family
from alertd.domain.incident import Severity
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.policy import Policy
from alertd.domain.quiet import SOFT_CHANNELS, Person, hours_of
from alertd.domain.watch import Duty, Rest


def meet(
    caregiver: Caregiver,
    duty: Duty,
    services: tuple[str, ...],
    quiet_as: Severity | None = None,
    told_as: Severity | None = None,
) -> Person:
    """A caregiver with the channels that apply and the addresses that may be used now.

    `quiet_as`: whose quiet rules hold, where those are not the incident's (a fall is told by the rules of the
    severity it leaves, R15); `told_as`: the same for the channels.
    """
    family, policy, severity = duty.family, duty.policy, duty.incident.severity
    choice = preferences.choose(caregiver, family, policy, services, told_as or severity)
    channels, notable = duty.channels, duty.addresses
    if notable:
        usable = tuple([a for a in caregiver.addresses if a.channel in channels and _may_be_used(a, notable)])
    else:
        usable = tuple([a for a in caregiver.addresses if a.verified and a.channel in channels])
    goes_soft = policy.silence.quiet.get(quiet_as or severity) is not None
    quiet_hours, on_duty = hours_of(caregiver, policy)
    return Person(
        caregiver=caregiver,
        choice=choice,
        usable=usable,
        zone=caregiver.time_zone or family.time_zone,
        locale=caregiver.locale or family.locale,
        quiet_hours=quiet_hours,
        on_duty=on_duty,
        soft_at_night=goes_soft and not SOFT_CHANNELS.isdisjoint([a.channel for a in usable]),
    )


def _may_be_used(address: Address, notable: Mapping[AddressId, AddressStatus]) -> bool:
    """What the whole system knows of an address counts, else what the family's document says."""
    known = notable.get(address.id)
    return known.usable if known is not None else address.verified


def audience(family: Family, policy: Policy) -> list[Caregiver]:
    """Those who hear every update: the policy's `always` roles, else the first caregiver in order (R7)."""
    ordered = sorted(family.caregivers, key=lambda caregiver: caregiver.order)
    always = [caregiver for caregiver in ordered if caregiver.role in policy.always]
    return always or ordered[:1]


def listeners(
    duty: Duty,
    services: tuple[str, ...],
    knowledge: Knowledge | None = None,
    quiet_as: Severity | None = None,
    told_as: Severity | None = None,
    brought: Collection[str] = (),
) -> list[Person]:
    """Those who hear every update and can be told; empty = the family rests (see `unreachable`).

    Where nobody of them has a usable address, the next caregiver in order who has one stands in: only a family
    without any usable address is owed nothing (R7). Whom a ladder has told, or tells now (`brought`: caregivers),
    and who stood in and was told hears every update from then on, beside whoever stands in.
    `knowledge`: None where nobody was told anything; `quiet_as`, `told_as`: as `meet` takes them.
    """
    first = audience(duty.family, duty.policy)
    met = [meet(caregiver, duty, services, quiet_as, told_as) for caregiver in first]
    people = [person for person in met if person.reachable]
    if len(first) == len(duty.family.caregivers):
        return people  # as mostly
    if not people and not any(person.usable for person in met):
        others = sorted(
            (c for c in duty.family.caregivers if c not in first), key=lambda caregiver: caregiver.order
        )
        met = [meet(caregiver, duty, services, quiet_as, told_as) for caregiver in others]
        people = [person for person in met if person.reachable][:1]
    if knowledge is None:
        return people
    there = {person.caregiver.id for person in people}
    told = [
        c
        for c in duty.family.caregivers
        if c not in first and c.id not in there and _goes_on(c, duty, knowledge, brought)
    ]
    if told:
        people += [person for c in told if (person := meet(c, duty, services, quiet_as, told_as)).reachable]
        people.sort(key=lambda person: person.caregiver.order)
    return people


def _goes_on(caregiver: Caregiver, duty: Duty, knowledge: Knowledge, brought: Collection[str]) -> bool:
    """Whether somebody hears every update who is not among the first: they were told when they hear again."""
    joined, notable = knowledge.joined, duty.addresses or {}
    # A phone that others have, too, may have been told for one of them: also a mailbox of the whole house.
    others = {a.id for c in duty.family.caregivers if c is not caregiver for a in c.addresses}
    if caregiver.id in knowledge.rung or caregiver.id in brought:
        return True
    newest: Known | None = None
    for address in knowledge.ever_had(caregiver):
        if address in joined and address not in others:
            return True
        known, status = knowledge.at(address), notable.get(address)
        if known.framed_at is None or address in others or (status is not None and status.shared):
            continue
        if newest is None or newest.framed_at is None or known.framed_at > newest.framed_at:
            newest = known
    return newest is not None and newest.framing not in OVER


def unreachable(duty: Duty, services: tuple[str, ...]) -> Rest:
    """Why nobody can be told, as the auditor and the report name it; true of the whole family."""
    if any(meet(caregiver, duty, services).usable for caregiver in duty.family.caregivers):
        return Rest.MUTED
    notable = duty.addresses or {}
    addresses = [a for c in duty.family.caregivers for a in c.addresses]
    if addresses and all(a.id in notable and notable[a.id].opted_out for a in addresses):
        return Rest.OPTED_OUT
    return Rest.NO_ADDRESS


def left(caregiver: Caregiver, duty: Duty) -> bool:
    """Whether a caregiver has opted out of every address they have."""
    notable = duty.addresses or {}
    return bool(caregiver.addresses) and all(
        a.id in notable and notable[a.id].opted_out for a in caregiver.addresses
    )


def soft(usable: tuple[Address, ...] | list[Address], channels: tuple[str, ...]) -> list[Address]:
    """Addresses that can be told silently: the listed ones; only where none is listed, the others."""
    silent = [address for address in usable if address.channel in SOFT_CHANNELS]
    return [address for address in silent if address.channel in channels] or silent
