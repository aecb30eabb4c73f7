"""How many families each window of a policy can hold, at the rates that the channels are given.

What one family takes is rehearsed, not assumed: one caregiver for each role that hears every update, with an
address on every channel and no wishes of their own, who never answers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf

from alertd.domain import silence
from alertd.domain.delivery import Reason
from alertd.domain.incident import Severity, State
from alertd.domain.policy import Policy
from alertd.domain.quiet import Person, all_asleep
from alertd.usecases.rehearse import ANYBODY, Told, household, outage, people, rehearse

_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_WEEK = 7 * 24


@dataclass(frozen=True, slots=True)
class Window:
    """A time within which every family must have been told, and how many that can be."""

    severity: Severity
    when: str  # first notice, nobody answers, by day, quiet hours, monitoring
    length: timedelta  # what the policy says
    within: timedelta  # what there is to hand over: alertd begins so long before
    messages: Mapping[str, int]  # channel -> messages to one family
    most: Mapping[str, int]  # channel -> families, at its rate

    @property
    def audience(self) -> int | None:
        """How many families it holds: as many as the slowest channel; None: no channel limits it."""
        return min(self.most.values(), default=None)

    @property
    def slowest(self) -> str | None:
        """The channel that limits it."""
        return min(self.most, key=self.most.__getitem__, default=None)

    def holds(self, families: int) -> bool:
        """Whether so many families fit."""
        return self.audience is None or families <= self.audience


def measure_audience(
    policy: Policy, rates: Mapping[str, float], units: Mapping[str, int], channels: Iterable[str]
) -> Iterator[Window]:
    """Every window of a policy, gravest severity first.

    `rates`: channel -> units per second; `units`: what one message takes of them where that is more than one (an
    SMS has segments). A channel without a rate limits nothing.
    """
    known = frozenset(channels)
    for severity in Severity:
        for when, length, within, rounds in _windows(policy, severity, known):
            windows = []
            for told in rounds:
                messages = Counter(each.channel for each in told)
                most = {
                    channel: int(rates[channel] * within.total_seconds() / (count * units.get(channel, 1)))
                    for channel, count in sorted(messages.items())
                    if channel in rates
                }
                windows.append(Window(severity, when, length, within, dict(sorted(messages.items())), most))
            yield min(windows, key=lambda each: inf if each.audience is None else each.audience)


_Window = tuple[str, timedelta, timedelta, list[list[Told]]]
"""Which, its length, the time there is for it, and the messages of each round: the dearest counts."""


def _windows(policy: Policy, severity: Severity, channels: frozenset[str]) -> Iterator[_Window]:
    day = _moment(policy, severity, channels, asleep=False)
    if day is not None:
        length = policy.silence.window[severity]
        told = _rehearsed(policy, severity, channels, day, 4 * length)
        first = [each for each in told if each.update == 1 and each.reason is not Reason.LADDER]
        yield "first notice", policy.first_notice[severity], policy.first_notice[severity], [first]
        climbed = [each for each in told if each.at < day + length and each.update == 1]
        if len(climbed) > len(first):
            yield "nobody answers", length, length, [climbed]
        yield "by day", length, _period(policy, severity, length), _holdings(told)
        told = _rehearsed(policy, severity, channels, day, 8 * length, State.MONITORING)
        yield "monitoring", 2 * length, _period(policy, severity, 2 * length), _holdings(told)
    night, quiet = _moment(policy, severity, channels, asleep=True), policy.silence.quiet.get(severity)
    if night is not None and quiet is not None:
        told = [t for t in _rehearsed(policy, severity, channels, night, 4 * quiet) if not t.loud]
        yield "quiet hours", quiet, _period(policy, severity, quiet), _holdings(told)


def _period(policy: Policy, severity: Severity, length: timedelta) -> timedelta:
    """From one message to the next: alertd begins a margin before the deadline."""
    return length - silence.margin(None, policy, severity, silence.FIRST_MARGIN)


def _holdings(told: list[Told]) -> list[list[Told]]:
    """By number; at least one, which may be empty."""
    by_update: dict[int, list[Told]] = {}
    for each in told:
        if each.reason is Reason.SILENCE:
            by_update.setdefault(each.update, []).append(each)
    return list(by_update.values()) or [[]]


def _rehearsed(
    policy: Policy,
    severity: Severity,
    channels: frozenset[str],
    at: datetime,
    lasting: timedelta,
    state: State = State.INVESTIGATING,
) -> list[Told]:
    incident = outage(policy, _service(policy), severity, at, state)
    family = household(policy.always or (ANYBODY,), _service(policy), "UTC", channels)
    return list(rehearse(policy, incident, family, channels, at + lasting).told)


def _moment(policy: Policy, severity: Severity, channels: frozenset[str], *, asleep: bool) -> datetime | None:
    """The beginning of a longest stretch in which all who can be told are awake, or asleep; None: never."""
    family = household(policy.always or (ANYBODY,), _service(policy), "UTC", channels)
    met = people(policy, outage(policy, _service(policy), severity, _MONDAY), family, channels)
    persons = [person for person in met if person.reachable]
    best, length, began = None, 0, 0
    for hour in range(2 * _WEEK):
        at = _MONDAY + hour * _HOUR
        if not (all_asleep(persons, at) if asleep else _awake(persons, at)):
            began = hour + 1
        elif hour + 1 - began > length:
            best, length = _MONDAY + began * _HOUR, hour + 1 - began
    return best


def _awake(persons: list[Person], at: datetime) -> bool:
    return bool(persons) and all(p.off_until(at) is None and p.asleep_until(at) is None for p in persons)


def _service(policy: Policy) -> str:
    return policy.services[0] if policy.services else "service"
