"""The wire form of a family: what an import takes and an export gives back."""

from collections.abc import Iterable
from typing import Any

from alertd.domain.family import Caregiver, Family, Preferences


def to_document(family: Family) -> dict[str, object]:
    """The wire form: `family.parse` makes the same family of it again, but for the ids of addresses."""
    document: dict[str, object] = {
        "id": family.id,
        "updated_at": family.updated_at.isoformat().replace("+00:00", "Z"),
        "services": list(family.services),
        "region": family.region,
        "time_zone": family.time_zone,
        "locale": family.locale,
        "caregivers": [_caregiver_document(caregiver) for caregiver in family.caregivers],
        "preferences": _preferences_document(family.preferences),
    }
    return _given(document)


def _caregiver_document(caregiver: Caregiver) -> dict[str, object]:
    return _given(
        {
            "id": caregiver.id,
            "name": caregiver.name,
            "role": caregiver.role,
            "order": caregiver.order,
            "locale": caregiver.locale,
            "time_zone": caregiver.time_zone,
            "on_duty": caregiver.on_duty,
            "addresses": [
                {"channel": address.channel, "to": address.to} | ({} if address.verified else {"verified": False})
                for address in caregiver.addresses
            ],
            "preferences": _preferences_document(caregiver.preferences),
        }
    )


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
