"""Policies: what a product team promises; a snapshot stays with each incident for its whole life."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alertd.domain.incident import Kind, Severity

BySeverity = Mapping[Severity, timedelta]

_CRITICAL, _MAJOR = Severity.CRITICAL, Severity.MAJOR  # Python 3.11 is slow to find them


@dataclass(frozen=True, slots=True)
class Holdings:
    """How holding updates thin out."""

    loud: int = 2  # the first holdings in a row that use the preferred channels
    sms_per_day: int = 12


@dataclass(frozen=True, slots=True)
class Silence:
    """How long a family may go without hearing from us."""

    window: BySeverity
    quiet: Mapping[Severity, timedelta | None]  # the window while the whole family is in quiet hours; None = wait
    promise_at_most: BySeverity
    news: BySeverity = field(default_factory=dict)  # longest without human news
    holdings: Holdings = Holdings()


@dataclass(frozen=True, slots=True)
class RoleDefaults:
    """What a caregiver of this role gets unless they chose otherwise."""

    critical: tuple[str, ...] | None = None
    major: tuple[str, ...] | None = None
    minor: tuple[str, ...] | None = None
    default: tuple[str, ...] | None = None
    quiet_hours: str | None = None
    on_duty: str | None = None

    def by_severity(self, severity: Severity) -> tuple[str, ...] | None:
        """The channels for this severity, else the role's default list, else None."""
        own = self.critical if severity is _CRITICAL else self.major if severity is _MAJOR else self.minor
        return own if own is not None else self.default


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a family ladder: after `after` without the wanted answer, also tell these over these."""

    after: timedelta
    tell: tuple[str, ...]  # always, first, next, all, or role names
    via: tuple[str, ...] = ()  # empty: each person's own channels


@dataclass(frozen=True, slots=True)
class Ladder:
    """The escalation of one epoch for families of one severity."""

    by: tuple[str, ...]  # roles whose answer is enough
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class ResponderStep:
    """One step of a responder ladder, counted from the time an update is due."""

    offset: timedelta  # negative: before
    who: str
    page: bool  # False: nudge
    repeat: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """Both ladders; never shared."""

    families: Mapping[Severity, Ladder] = field(default_factory=dict)
    post: tuple[ResponderStep, ...] = ()
    news: tuple[ResponderStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """All that a product team decides about telling families."""

    name: str
    services: tuple[str, ...]
    first_notice: BySeverity
    confirm: Mapping[Severity, timedelta | None]  # None: a human must confirm
    resolve_hold: timedelta
    silence: Silence
    wakes: Mapping[Severity, frozenset[Kind]]
    always: tuple[str, ...]
    floor: tuple[str, ...]
    caregivers: Mapping[str, RoleDefaults]
    sources: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    escalation: Escalation = Escalation()
    responders: Mapping[str, str] = field(default_factory=dict)
    since: datetime | None = (
        None  # of an incident's snapshot: when it took the place of another; None: at the opening
    )

    @property
    def pages(self) -> tuple[str, ...]:
        """Whom it would nudge and page, by their names in the settings, each once."""
        steps = (*self.escalation.post, *self.escalation.news)
        return tuple(dict.fromkeys(self.responders.get(step.who, step.who) for step in steps))

    def defaults_of(self, role: str) -> tuple[RoleDefaults, RoleDefaults]:
        """What caregivers of a role get who chose nothing: the role's own word, then everybody's.

        For each thing the first of the two that says something counts.
        """
        return self.caregivers.get(role, _NOTHING), self.caregivers.get("default", _NOTHING)


_NOTHING = RoleDefaults()
