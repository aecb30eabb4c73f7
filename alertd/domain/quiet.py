"""Who may be told at an instant: awake, in quiet hours, or off duty (R10)."""

from dataclasses import dataclass
from datetime import datetime

from alertd.domain import hours
from alertd.domain.family import Address, Caregiver
from alertd.domain.policy import Policy
from alertd.domain.preferences import Choice

SOFT_CHANNELS = frozenset({"email", "push"})
"""Channels that can be silent: e-mail always is, push by its priority."""

LOUD_CHANNELS = frozenset({"sms", "voice", "push", "console"})
"""Channels that can wake."""

_TRIES = 18  # quiet hours and duty alternate: 7 duty stretches and 7 nights a week, and one at either end


@dataclass(slots=True)
class Person:
    """A caregiver with what the policy and the system add: channels, usable addresses, hours."""

    caregiver: Caregiver
    choice: Choice
    usable: tuple[Address, ...]  # in the order written
    zone: str
    locale: str
    quiet_hours: str | None
    on_duty: str | None
    soft_at_night: bool  # the policy's quiet window is a duration, and there is a soft address
    held_until: datetime | None = None  # until then no holding may go to them: a day's are used up (R3)
    held_after: datetime | None = None  # ... once they have got what they may be sent now
    last_word: bool = False  # they are told of a fall, and asked to be told nothing of what it falls to

    @property
    def reachable(self) -> bool:
        """Whether anything could be sent to this person at all."""
        return bool(self.usable) and bool(self.choice.channels)

    def asleep_until(self, at: datetime) -> datetime | None:
        """End of the quiet hours that hold at `at`; None when awake."""
        return hours.quiet_until(self.quiet_hours, self.zone, at) if self.quiet_hours else None

    def off_until(self, at: datetime) -> datetime | None:
        """Start of the next duty; None when on duty at `at`."""
        return hours.off_duty_until(self.on_duty, self.zone, at) if self.on_duty else None

    def loud_until(self, at: datetime) -> datetime | None:
        """When this person, awake at `at`, next falls asleep or goes off duty; None = never."""
        asleep = hours.quiet_from(self.quiet_hours, self.zone, at) if self.quiet_hours else None
        off = hours.on_duty_until(self.on_duty, self.zone, at) if self.on_duty else None
        return sooner(asleep, off)

    def said_until(self, at: datetime, *, loud: bool, wakes: bool) -> datetime | None:
        """Until when a message planned at `at` may be handed over as planned; None = for ever.

        What wakes, and what may go softly at night, stops only at the end of duty.
        """
        if wakes or (not loud and self.soft_at_night):
            return hours.on_duty_until(self.on_duty, self.zone, at) if self.on_duty else None
        return self.loud_until(at)

    def may_be_told(self, at: datetime) -> bool:
        """Loudly or softly, by a holding, which wakes nobody."""
        return self.present(at) and (self.held_until is None or at >= self.held_until)

    def present(self, at: datetime) -> bool:
        """On duty, and awake or reachable in silence."""
        return self.off_until(at) is None and (self.asleep_until(at) is None or self.soft_at_night)

    def first_told(self, at: datetime) -> datetime | None:
        """The first moment at or after `at` at which this person may be told by a holding."""
        return self._first(max(at, self.held_until) if self.held_until is not None else at, loud=False)

    def first_loud(self, at: datetime) -> datetime | None:
        """The first moment at or after `at` at which this person is awake and on duty."""
        return self._first(at, loud=True)

    def _first(self, at: datetime, *, loud: bool) -> datetime | None:
        sleeps = loud or not self.soft_at_night
        return first_there(self.quiet_hours if sleeps else None, self.on_duty, self.zone, at)


def first_there(quiet_hours: str | None, on_duty: str | None, zone: str, at: datetime) -> datetime | None:
    """The first moment at or after `at` that is in duty hours and not in quiet hours; None = there is none."""
    if not on_duty and not quiet_hours:
        return at
    for _ in range(_TRIES):
        off = hours.off_duty_until(on_duty, zone, at) if on_duty else None
        asleep = hours.quiet_until(quiet_hours, zone, at) if quiet_hours else None
        if off is not None and (asleep is None or off > asleep):
            at = off
        elif asleep is not None:
            at = asleep
        else:
            return at
    return None  # duty lies wholly within quiet hours: nobody is ever there


def hours_of(caregiver: Caregiver, policy: Policy) -> tuple[str | None, str | None]:
    """Quiet hours and duty hours: the caregiver's own, else the role's, else everybody's.

    None = never quiet, always on duty.
    """
    own, general = policy.defaults_of(caregiver.role)
    return (
        caregiver.preferences.quiet_hours or own.quiet_hours or general.quiet_hours,
        caregiver.on_duty or own.on_duty or general.on_duty,
    )


def first_told(people: list[Person], at: datetime) -> datetime | None:
    """The first moment at or after `at` at which anybody of these may be told; None = never."""
    soonest: datetime | None = None
    for person in people:
        soonest = sooner(soonest, person.first_told(at))
    return soonest


def sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two moments, either of which may be missing."""
    if one is None or other is None:
        return one or other
    return one if one <= other else other  # noqa: FURB136  a call of min() costs as much as all the rest


def all_asleep(people: list[Person], at: datetime) -> bool:
    """Whether everyone who can be told is in quiet hours."""
    present = [person for person in people if person.off_until(at) is None]
    return bool(present) and all(person.asleep_until(at) is not None for person in present)
