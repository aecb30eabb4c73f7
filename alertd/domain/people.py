"""The caregivers of one family as the planner meets them: who hears, over what, and what they know."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from alertd.domain import preferences
from alertd.domain.delivery import FAILED, DeliveryState, Framing, Telling
from alertd.domain.family import Address, AddressId, AddressStatus, Caregiver, Family
from alertd.domain.policy import Policy
from alertd.domain.quiet import SOFT_CHANNELS, Person, on_duty_of, quiet_hours_of, zone_of
from alertd.domain.watch import Duty

_USABLE = AddressStatus()


@dataclass(slots=True)
class Known:
    """What is known of one address in this incident."""

    told: int = 0  # newest update that a provider took
    told_loud: int = 0
    covered: int = 0  # newest update taken or still in flight
    covered_loud: int = 0
    copied: int = 0  # newest update with a loud copy at wake-up
    failed: int = 0  # newest update that failed here
    maybe: bool = False  # an outcome is unknown: for the all-clear that counts as told
    framing: Framing | None = None  # of the newest update taken
    woken: bool = False  # told loudly in quiet hours, in this epoch
    soft_in_quiet: int = 0  # newest update told or sent softly because of quiet hours


NOTHING_KNOWN = Known()


@dataclass(slots=True)
class Knowledge:
    """What the family has been told, by address."""

    by_address: dict[AddressId, Known] = field(default_factory=dict)
    in_flight: bool = False
    told: int = 0  # newest update that a provider took for anybody in the family
    next_by: datetime | None = None  # what that update said
    planned_at: datetime | None = None  # when anything was last planned

    def of(self, person: Person) -> list[Known]:
        """What is known of each address of a person, usable or not."""
        known = self.by_address
        return [known[a.id] for a in person.caregiver.addresses if a.id in known]


def know(tellings: Iterable[Telling], epoch: int) -> Knowledge:
    """Fold the deliveries of one family (and those on addresses it shares) into what is known."""
    knowledge = Knowledge()
    for telling in tellings:
        known = knowledge.by_address.get(telling.address)
        if known is None:
            known = knowledge.by_address[telling.address] = Known()
        told, in_flight = telling.told, telling.open
        if knowledge.planned_at is None or telling.planned_at > knowledge.planned_at:
            knowledge.planned_at = telling.planned_at
        if told or in_flight:
            _cover(known, telling)
        if told:
            _tell(known, telling, epoch)
            if telling.update > knowledge.told:
                knowledge.told, knowledge.next_by = telling.update, telling.next_by
            elif telling.update == knowledge.told and telling.next_by is not None:
                knowledge.next_by = min(knowledge.next_by or telling.next_by, telling.next_by)
        elif in_flight:
            knowledge.in_flight = True
            known.maybe = known.maybe or telling.state is DeliveryState.UNKNOWN
        elif telling.state in FAILED:
            known.failed = max(known.failed, telling.update)
    return knowledge


def _cover(known: Known, telling: Telling) -> None:
    known.covered = max(known.covered, telling.update)
    if telling.loud:
        known.covered_loud = max(known.covered_loud, telling.update)
    if telling.in_quiet and not telling.loud:
        known.soft_in_quiet = max(known.soft_in_quiet, telling.update)


def _tell(known: Known, telling: Telling, epoch: int) -> None:
    if telling.update >= known.told:
        known.told, known.framing = telling.update, telling.framing
    if telling.loud:
        known.told_loud = max(known.told_loud, telling.update)
        known.woken = known.woken or (telling.in_quiet and telling.epoch == epoch)


def meet(caregiver: Caregiver, duty: Duty, services: tuple[str, ...]) -> Person:
    """A caregiver with the channels that apply and the addresses that may be used now."""
    family, policy, severity = duty.family, duty.policy, duty.incident.severity
    choice = preferences.choose(caregiver, family, policy, services, severity)
    notable = duty.addresses or {}
    usable = tuple(
        address
        for address in caregiver.addresses
        if address.channel in duty.channels
        and (notable.get(address.id, _USABLE).usable if address.id in notable else address.verified)
    )
    return Person(
        caregiver=caregiver,
        choice=choice,
        usable=usable,
        zone=zone_of(caregiver, family),
        locale=caregiver.locale or family.locale,
        quiet_hours=quiet_hours_of(caregiver, policy),
        on_duty=on_duty_of(caregiver, policy),
        soft_at_night=policy.silence.quiet.get(severity) is not None and bool(soft(usable, choice.channels)),
    )


def audience(family: Family, policy: Policy) -> list[Caregiver]:
    """Those who hear every update: the policy's `always` roles, else the first caregiver in order (R7)."""
    ordered = sorted(family.caregivers, key=lambda caregiver: caregiver.order)
    always = [caregiver for caregiver in ordered if caregiver.role in policy.always]
    return always or ordered[:1]


def soft(usable: tuple[Address, ...], channels: tuple[str, ...]) -> list[Address]:
    """Addresses that can be told silently: the listed ones; only where none is listed, the others."""
    silent = [address for address in usable if address.channel in SOFT_CHANNELS]
    return [address for address in silent if address.channel in channels] or silent
