"""Which channels a caregiver is told over: the first rule that says something wins (R12)."""

from collections.abc import Iterator
from dataclasses import dataclass

from alertd.domain.family import CHANNELS, Caregiver, Family, Preferences
from alertd.domain.incident import Severity
from alertd.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Choice:
    """The channels that apply, and the rule that decided; empty channels = muted."""

    channels: tuple[str, ...]
    rule: str
    severity: Severity  # for which they were chosen


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
    return Choice(channels, " + ".join(rules), severity)


def chain(
    caregiver: Caregiver, family: Family, policy: Policy, service: str, severity: Severity
) -> Iterator[tuple[str, tuple[str, ...] | None]]:
    """Every rule in order with what it says (None: nothing); the first that says something decides."""
    # One by one: who stops at the rule that decides, does not pay for those behind it.
    own = caregiver.preferences
    yield "caregiver x service x severity", _of_service(own, service, severity)
    yield "caregiver x severity", own.by_severity(severity)
    yield "caregiver default", own.default
    yield "family x service", _of_service(family.preferences, service, severity)
    theirs = family.preferences.by_severity(severity)
    yield "family", theirs if theirs is not None else family.preferences.default
    role, general = policy.defaults_of(caregiver.role)
    yield "role", role.by_severity(severity)
    yield "policy", general.by_severity(severity)
    yield "all channels", CHANNELS


def _for_service(caregiver: Caregiver, family: Family, policy: Policy, service: str, severity: Severity) -> Choice:
    for rule, said in chain(caregiver, family, policy, service, severity):
        if said is not None and (said or severity is not Severity.CRITICAL):
            # "Do not tell me" is no answer while caregivers are blind.
            return Choice(said, rule, severity)
    raise AssertionError("the last rule always says something")


def _of_service(preferences: Preferences, service: str, severity: Severity) -> tuple[str, ...] | None:
    by_service = preferences.services.get(service)
    if not by_service:
        return None
    said = by_service.get(severity)
    return said if said is not None else by_service.get("default")
