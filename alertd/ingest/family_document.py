"""The wire form of a family: what an import takes and an export gives back."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from alertd.domain.family import Address, Caregiver, Family, Preferences
from alertd.records import AddressState

_USABLE: Mapping[UUID, AddressState] = MappingProxyType({})


def to_document(family: Family, states: Mapping[UUID, AddressState] = _USABLE) -> dict[str, object]:
    """The wire form: `family.parse` makes the same family of it again, but for the ids of addresses.

    `states` adds, by an address's id, why it is not used; the parser passes over it.
    """
    document: dict[str, object] = {
        "id": family.id,
        "updated_at": _moment(family.updated_at),
        "services": list(family.services),
        "region": family.region,
        "time_zone": family.time_zone,
        "locale": family.locale,
        "caregivers": [_caregiver_document(caregiver, states) for caregiver in family.caregivers],
        "preferences": _preferences_document(family.preferences),
    }
    return _given(document)


def _caregiver_document(caregiver: Caregiver, states: Mapping[UUID, AddressState]) -> dict[str, object]:
    return _given(
        {
            "id": caregiver.id,
            "name": caregiver.name,
            "role": caregiver.role,
            "order": caregiver.order,
            "locale": caregiver.locale,
            "time_zone": caregiver.time_zone,
            "on_duty": caregiver.on_duty,
            "addresses": [_address_document(address, states.get(address.id)) for address in caregiver.addresses],
            "preferences": _preferences_document(caregiver.preferences),
            "chosen": {name: _moment(at) for name, at in sorted(caregiver.chosen.items())}
            if caregiver.chosen
            else None,
        }
    )


def _address_document(address: Address, state: AddressState | None) -> dict[str, object]:
    document: dict[str, object] = {"channel": address.channel, "to": address.to}
    document |= {} if address.verified else {"verified": False}
    if state is None:
        return document
    return document | _given(
        {
            "suspended_at": _moment(state.suspended_at),
            "suspended_code": state.suspended_code,
            "opted_out_at": _moment(state.opted_out_at),
        }
    )


def _moment(at: datetime | None) -> str | None:
    return at.isoformat().replace("+00:00", "Z") if at else None


def _preferences_document(preferences: Preferences) -> dict[str, object] | None:
    lists: dict[str, Iterable[str] | None] = {
        "critical": preferences.critical,
        "major": preferences.major,
        "minor": preferences.minor,
        "default": preferences.default,
    }
    document: dict[str, Any] = {name: list(said) for name, said in lists.items() if said is not None}
    if preferences.services:
        document["services"] = {
            service: {name: list(said) for name, said in own.items()}
            for service, own in preferences.services.items()
        }
    document |= {"holdings": preferences.holdings, "quiet_hours": preferences.quiet_hours}
    return _given(document) or None


def _given(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if value is not None}
