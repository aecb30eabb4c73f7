"""What would wake a person in quiet hours: their messages say so, and must not say more (R10, R11)."""

from alertd.domain import preferences
from alertd.domain.correction import worst_told
from alertd.domain.incident import Kind, Severity
from alertd.domain.quiet import LOUD_CHANNELS, Person
from alertd.domain.watch import Duty

_ANY_TIME = frozenset({Kind.PROGRESS, Kind.CORRECTION})  # woken for these: not "only if it gets worse"


def worse_wakes(duty: Duty, person: Person, services: tuple[str, ...]) -> bool:
    """Whether this person is woken if it gets worse, and but for the end only then.

    What is critical gets worse when more fails for them; all else, when it becomes critical. Whoever has duty
    hours may be off duty when it does, and hears nothing then.
    """
    policy = duty.policy
    kind = Kind.SCOPE if duty.incident.severity is Severity.CRITICAL else Kind.SEVERITY
    return (
        kind in policy.wakes.get(Severity.CRITICAL, frozenset())
        and not any(kinds & _ANY_TIME for kinds in policy.wakes.values())
        and person.on_duty is None
        and _wakable(duty, person, services, Severity.CRITICAL)
    )


def end_wakes(duty: Duty, person: Person, services: tuple[str, ...]) -> bool:
    """Whether a person who was woken in this epoch is woken again when all works."""
    worst = worst_told(duty)
    return Kind.RESOLUTION in duty.policy.wakes.get(worst, frozenset()) and _wakable(duty, person, services, worst)


def _wakable(duty: Duty, person: Person, services: tuple[str, ...], severity: Severity) -> bool:
    """Whether a message of this severity that wakes goes to any address of theirs that can."""
    policy = duty.policy
    choice = person.choice
    if choice.severity is not severity:
        choice = preferences.choose(person.caregiver, duty.family, policy, services, severity)
    listed = choice.channels
    if not listed or not person.usable:
        return False
    chosen = [a for a in person.usable if a.channel in listed] or [person.usable[0]]
    if any(a.channel in LOUD_CHANNELS for a in chosen):
        return True
    return severity is Severity.CRITICAL and any(a.channel in policy.floor for a in person.usable)
