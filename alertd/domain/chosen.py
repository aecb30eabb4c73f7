"""What a caregiver chose on our own page: how it is written, and when an import may undo it (R17). Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from alertd.domain.family import Caregiver, Family, Preferences
from alertd.domain.incident import Severity

LOCALE, QUIET_HOURS, HOLDINGS = "locale", "quiet_hours", "holdings"

_LISTS = tuple(severity.value for severity in Severity)


def choose_here(caregiver: Caregiver, changes: Mapping[str, Any], at: datetime) -> Caregiver:
    """The caregiver with these choices in place of what was written, and the mark of when they chose each.

    `changes`: a tuple of channels by the name of a severity, a text or None under the names above.
    """
    for name, value in changes.items():
        caregiver = _put(caregiver, name, value)
    return replace(caregiver, chosen={**(caregiver.chosen or {}), **dict.fromkeys(changes, at)})


def keep_chosen(known: Family, incoming: Family) -> Family:
    """An imported family with what its caregivers chose here, as far as that is not older than the import.

    Each choice stands by itself: an import that is older than one of them still brings all else.
    """
    mine = {caregiver.id: caregiver for caregiver in known.caregivers if caregiver.chosen}
    if not mine:
        return incoming
    at = incoming.updated_at
    kept = [_keep(mine[each.id], each, at) if each.id in mine else each for each in incoming.caregivers]
    return replace(incoming, caregivers=tuple(kept))


def last_choice(family: Family) -> datetime | None:
    """When somebody of a family last chose something here that still stands; None: nobody did."""
    return max((at for each in family.caregivers for at in (each.chosen or {}).values()), default=None)


def _keep(known: Caregiver, incoming: Caregiver, updated_at: datetime) -> Caregiver:
    standing = {name: at for name, at in (known.chosen or {}).items() if at >= updated_at}
    for name in standing:
        incoming = _put(incoming, name, _value(known, name))
    return replace(incoming, chosen=standing or None)


def _put(caregiver: Caregiver, name: str, value: Any) -> Caregiver:
    if name == LOCALE:
        return replace(caregiver, locale=value)
    preferences = replace(caregiver.preferences, **{name: value})
    if name in _LISTS:
        preferences = replace(preferences, services=dict(_without(preferences, Severity(name))))
    return replace(caregiver, preferences=preferences)


def _value(caregiver: Caregiver, name: str) -> Any:
    return caregiver.locale if name == LOCALE else getattr(caregiver.preferences, name)


def _without(preferences: Preferences, severity: Severity) -> Iterator[tuple[str, Mapping[str, tuple[str, ...]]]]:
    """What was asked for by service, silent about one severity: what is chosen for it holds for every service."""
    for service, by_service in preferences.services.items():
        left = dict(by_service)
        default = left.pop("default", None)
        if default is not None:  # spelled out for the others
            left = dict.fromkeys(_LISTS, default) | left
        left.pop(severity.value, None)
        if left:
            yield service, left
