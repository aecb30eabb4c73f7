"""Which channels a caregiver is told over: the first rule that says something wins (R12)."""

from dataclasses import dataclass

from alertd.domain.family import CHANNELS, Caregiver, Family, Preferences
from alertd.domain.incident import Severity
from alertd.domain.policy import Policy, RoleDefaults


@dataclass(frozen=True, slots=True)
class Choice:
    """The channels that apply, and the rule that decided; empty channels = muted."""

    channels: tuple[str, ...]
    rule: str


def choose(
    caregiver: Caregiver, family: Family, policy: Policy, services: tuple[str, ...], severity: Severity
) -> Choice:
    """The channels for what fails now; several failing services give the union, in their order."""
    own = caregiver.preferences
    if not own.services and not family.preferences.services:
        return _for_service(caregiver, family, policy, "", severity)
    choices = [_for_service(caregiver, family, policy, service, severity) for service in services]
    channels = tuple(dict.fromkeys(channel for choice in choices for channel in choice.channels))
    rules = tuple(dict.fromkeys(choice.rule for choice in choices))
    return Choice(channels, " + ".join(rules))


def chain(
    caregiver: Caregiver, family: Family, policy: Policy, service: str, severity: Severity
) -> tuple[tuple[str, tuple[str, ...] | None], ...]:
    """Every rule in order with what it says (None: nothing); the first that says something decides."""
    own = caregiver.preferences
    by_service = own.services.get(service, {})
    role = policy.caregivers.get(caregiver.role)
    general = policy.caregivers.get("default")
    return (
        ("caregiver x service x severity", _first(by_service.get(severity), by_service.get("default"))),
        ("caregiver x severity", own.by_severity(severity)),
        ("caregiver default", own.default),
        ("family", _family(family.preferences, service, severity)),
        ("role", role.by_severity(severity) if role else None),
        ("policy", general.by_severity(severity) if general else None),
        ("all channels", CHANNELS),
    )


def _for_service(caregiver: Caregiver, family: Family, policy: Policy, service: str, severity: Severity) -> Choice:
    own = caregiver.preferences
    if service in own.services:
        for rule, said in chain(caregiver, family, policy, service, severity):
            if _decides(said, severity):
                return Choice(said or (), rule)
    # The common case, without building the whole chain.
    said = own.by_severity(severity)
    if _decides(said, severity):
        return Choice(said or (), "caregiver x severity")
    if _decides(own.default, severity):
        return Choice(own.default or (), "caregiver default")
    said = _family(family.preferences, service, severity)
    if _decides(said, severity):
        return Choice(said or (), "family")
    for rule, key in (("role", caregiver.role), ("policy", "default")):
        defaults: RoleDefaults | None = policy.caregivers.get(key)
        said = defaults.by_severity(severity) if defaults else None
        if _decides(said, severity):
            return Choice(said or (), rule)
    return Choice(CHANNELS, "all channels")


def _decides(said: tuple[str, ...] | None, severity: Severity) -> bool:
    # "Do not tell me" is no answer while caregivers are blind.
    return said is not None and (bool(said) or severity is not Severity.CRITICAL)


def _family(preferences: Preferences, service: str, severity: Severity) -> tuple[str, ...] | None:
    by_service = preferences.services.get(service, {})
    return _first(
        by_service.get(severity),
        by_service.get("default"),
        preferences.by_severity(severity),
        preferences.default,
    )


def _first(*answers: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return next((answer for answer in answers if answer is not None), None)
