"""What caregivers choose with alertd itself, beside what the product's own records say of them (R17). Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from alertd.domain.family import AddressId, Caregiver, CaregiverId, Family, FamilyId

HOLDINGS = "holdings"
"""The one thing that can be chosen so far: "all" or "few" of what comes without news."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One choice of one caregiver; the newest counts."""

    family: FamilyId
    caregiver: CaregiverId
    what: str
    value: str
    at: datetime


def with_choices(family: Family, choices: Iterable[Choice]) -> Family:
    """A family as it was imported, with what its caregivers chose here after that document was written."""
    newer = {
        each.caregiver: each.value for each in choices if each.what == HOLDINGS and each.at > family.updated_at
    }
    if not newer:
        return family
    return replace(family, caregivers=tuple(_chosen(each, newer.get(each.id)) for each in family.caregivers))


def choosing(family: Family, address: AddressId, value: str) -> Family:
    """A family in which everyone who has this address chooses so."""
    return replace(
        family,
        caregivers=tuple(
            _chosen(each, value if any(a.id == address for a in each.addresses) else None)
            for each in family.caregivers
        ),
    )


def _chosen(caregiver: Caregiver, value: str | None) -> Caregiver:
    if value is None or caregiver.preferences.holdings == value:
        return caregiver
    return replace(caregiver, preferences=replace(caregiver.preferences, holdings=value))
