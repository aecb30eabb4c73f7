"""Incidents: one outage from open to resolved, told by numbered, immutable updates."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import NewType
from uuid import UUID

FLAP = timedelta(minutes=30)
"""A second raise within so long of a fall keeps the old epoch: nobody is asked anew (design.md, R15)."""

IncidentId = NewType("IncidentId", UUID)


class Severity(StrEnum):
    """By consequence for the patient, not by what broke."""

    CRITICAL = "critical"  # caregivers are blind, alarms do not arrive
    MAJOR = "major"  # delayed or partial
    MINOR = "minor"  # inconvenient

    @property
    def rank(self) -> int:
        """Higher is worse: minor 0, major 1, critical 2."""
        return _RANK[self]


_RANK = {Severity.MINOR: 0, Severity.MAJOR: 1, Severity.CRITICAL: 2}


class State(StrEnum):
    """Where the responders stand."""

    SUSPECTED = "suspected"
    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether families are owed an all-clear and nothing more."""
        return self in _ENDED


_ENDED = frozenset({State.RESOLVED, State.CANCELLED})


class Kind(StrEnum):
    """What an update tells."""

    NOTICE = "notice"
    PROGRESS = "progress"
    SEVERITY = "severity"
    SCOPE = "scope"
    CORRECTION = "correction"
    HOLDING = "holding"
    RESOLUTION = "resolution"
    CANCELLATION = "cancellation"
    REOPENING = "reopening"
    POSTMORTEM = "postmortem"
    EXERCISE = "exercise"
    RECALL = "recall"  # takes an update back: the facts from before it hold again, and nobody is told so


_NO_NEWS = frozenset({Kind.HOLDING, Kind.RECALL})


# Python 3.11 takes a tenth of a microsecond to find a member of an enum: what each plan asks for, is found once.
_HOLDING, _SEVERITY, _SCOPE = Kind.HOLDING, Kind.SEVERITY, Kind.SCOPE
_CORRECTION, _RECALL = Kind.CORRECTION, Kind.RECALL
_SET_OF_SEVERITY = frozenset({_SEVERITY})


@dataclass(frozen=True, slots=True)
class Reach:
    """One service of a scope; no regions means everywhere."""

    service: str
    regions: tuple[str, ...] = ()

    def touches(self, region: str | None) -> bool:
        """Whether a family that lives in `region` is touched; a family without a region is in all."""
        if not self.regions or not region:
            return True
        return any(region == r or region.startswith(r + "-") for r in self.regions)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which services fail, and where."""

    reaches: tuple[Reach, ...]

    @property
    def services(self) -> tuple[str, ...]:
        """The failing services, in the order they were named, each once."""
        return tuple(dict.fromkeys(reach.service for reach in self.reaches))

    def touching(self, services: tuple[str, ...], region: str | None) -> tuple[str, ...]:
        """The services of a family that fail for it, in the scope's order; empty = not touched."""
        return tuple(dict.fromkeys(r.service for r in self.reaches if r.service in services and r.touches(region)))

    def covers(self, other: "Scope") -> bool:
        """Whether every service and region of `other` already lies within this scope."""
        return all(self._covers(reach) for reach in other.reaches)

    def overlaps(self, other: "Scope") -> bool:
        """Whether some service fails in both for at least one common region."""
        return any(
            mine.service == theirs.service and _regions_meet(mine.regions, theirs.regions)
            for mine in self.reaches
            for theirs in other.reaches
        )

    def plus(self, other: "Scope") -> "Scope":
        """Both together."""
        fresh = tuple(reach for reach in other.reaches if not self._covers(reach))
        return Scope(self.reaches + fresh)

    def minus(self, other: "Scope") -> "Scope":
        """Without the reaches of `other`: a bare service takes all its regions away, a region its parts.

        A part of a region, or of everywhere, cannot be taken out: it stays, and the result overlaps `other`.
        """
        kept: list[Reach] = []
        for mine in self.reaches:
            gone = [theirs for theirs in other.reaches if theirs.service == mine.service]
            if any(not theirs.regions for theirs in gone):
                continue
            regions = tuple(region for region in mine.regions if not any(each.touches(region) for each in gone))
            if mine.regions and not regions:
                continue
            kept.append(Reach(mine.service, regions))
        return Scope(tuple(kept))

    def _covers(self, reach: Reach) -> bool:
        mine = [own for own in self.reaches if own.service == reach.service]
        if any(not own.regions for own in mine):
            return True
        if not reach.regions:
            return False
        return all(any(own.touches(region) for own in mine) for region in reach.regions)


def _regions_meet(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    if not a or not b:
        return True
    return any(x == y or x.startswith(y + "-") or y.startswith(x + "-") for x in a for y in b)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true at an update: enough to write any message without asking anybody."""

    title: str
    severity: Severity
    state: State
    scope: Scope
    since: datetime  # when the outage began, as far as we know
    works: tuple[str, ...] = ()  # phrase keys or free text: what still works
    do: tuple[str, ...] = ()  # phrase keys or free text: what to do now
    message: Mapping[str, str] = field(default_factory=dict)  # locale -> the human's sentence
    last_news_at: datetime | None = None  # when a human last told families something


@dataclass(frozen=True, slots=True)
class Update:
    """One numbered row of facts; never changed."""

    number: int
    kind: Kind
    at: datetime
    facts: Facts
    promise: datetime | None = None  # "next update by", made by a human
    notify: bool = True
    human_number: int | None = None  # what readers see; None for what alertd or a machine wrote
    references: int | None = None  # the update that this one corrects, or takes back
    closes_promise: bool = False  # a holding written at or after promise - margin
    epoch: int = 1
    source: str | None = None  # the machine that wrote it; None: a person, or alertd itself

    @property
    def human(self) -> bool:
        """News: written by a person, or by a machine in place of one; no holding, and no recall."""
        return self.kind not in _NO_NEWS

    @property
    def by_person(self) -> bool:
        """Written by a person: what a machine says relieves no responder of their duty (R8)."""
        return self.human and self.source is None

    def tells(self, before: "Update | None") -> frozenset[Kind]:
        """The kinds of news in it, given the update before: a raise or a wider scope counts whatever its kind.

        A correction may carry either. A fall is no reason to wake anybody: of changes of severity only raises
        count.
        """
        if before is None:
            return frozenset({self.kind})
        kinds = {self.kind} - _SET_OF_SEVERITY
        if self.facts.severity.rank > before.facts.severity.rank:
            kinds.add(_SEVERITY)
        if not before.facts.scope.covers(self.facts.scope):
            kinds.add(_SCOPE)
        return frozenset(kinds)


@dataclass(frozen=True, slots=True)
class Incident:
    """One outage; `updates` holds all of them, oldest first, never empty."""

    id: IncidentId
    number: int  # what people type
    opened_at: datetime
    state: State
    severity: Severity
    scope: Scope
    epoch: int
    policy: str
    updates: tuple[Update, ...]
    version: int = 1
    ended_at: datetime | None = None
    held: bool = False  # a machine's suspicion of which families are told nothing (R0)
    confirm_at: datetime | None = None  # when they are told of it without a human; None: only by one, or done
    resolve_at: datetime | None = None  # when the word of a source that may resolve takes effect
    retried_at: datetime | None = None  # what our own fault stopped of what was planned by then is mended

    @property
    def newest(self) -> Update:
        """The newest update of all, holdings included."""
        return self.updates[-1]

    def upto(self, number: int) -> Update:
        """The newest update with no higher number: what is told under it. The first where there is none."""
        return next((update for update in reversed(self.updates) if update.number <= number), self.updates[0])

    @property
    def announced(self) -> bool:
        """Whether families are told of it as of something real."""
        return not self.held and not self.exercise

    @property
    def exercise(self) -> bool:
        """Whether nothing is really down: opened as a test, and every text of it says so."""
        return self.updates[0].kind is Kind.EXERCISE

    @property
    def trial(self) -> bool:
        """Whether it only carries the one message by which somebody tries a channel; no family has part in it."""
        return self.number < 0

    @property
    def resolution(self) -> Update | None:
        """The update that resolved it, where it is over; also where only its coming back was a false alarm."""
        if self.state is not State.RESOLVED and not (self.state is State.CANCELLED and self.relapsed):
            return None
        ends = (u for u in reversed(self.updates) if u.kind is Kind.RESOLUTION)
        return next((u for u in ends if u.notify or self.state is State.RESOLVED), None)

    @property
    def relapsed(self) -> bool:
        """Whether what goes on, or ended last, came after the end of an outage that families were told of."""
        earlier = iter(reversed(self.updates))
        back = any(update.kind is Kind.REOPENING for update in earlier)
        return back and any(update.kind is Kind.RESOLUTION and update.notify for update in earlier)

    @property
    def postmortem(self) -> Update | None:
        """What happened, as told since it was resolved."""
        resolution = self.resolution
        told = (u for u in reversed(self.updates) if u.kind is Kind.POSTMORTEM)
        return next((u for u in told if resolution is not None and u.number > resolution.number), None)

    @property
    def recalled(self) -> frozenset[int]:
        """The numbers of the updates that were taken back: nobody is to be told of them any more.

        With a correction goes what it had corrected: those words are no less wrong than before.
        """
        return self.with_corrected(u.references for u in self.updates if u.kind is _RECALL)

    def with_corrected(self, numbers: Iterable[int | None]) -> frozenset[int]:
        """These updates, what they correct, and what that corrected."""
        found = {number for number in numbers if number is not None}
        if found:
            for update in reversed(self.updates):
                if update.number in found and update.references is not None:
                    found.add(update.references)
        return frozenset(found)

    @property
    def standing(self) -> tuple[Update, ...]:
        """The updates without those that were taken back, and without the holdings that repeated these."""
        gone = self.recalled
        if not gone:
            return self.updates
        left: list[Update] = []
        wrong = False
        for update in self.updates:
            if update.kind is not _HOLDING and update.notify:
                wrong = update.number in gone
            if not wrong:
                left.append(update)
        return tuple(left)

    @property
    def news(self) -> Update:
        """The newest update by a human that families are to be told; a recall where it has left none."""
        recall: Update | None = None
        gone: set[int | None] = set()
        for update in reversed(self.updates):
            if update.kind is _RECALL:
                gone.add(update.references)
                recall = recall or update
            elif update.number in gone:
                gone.add(update.references)
            elif update.kind is not _HOLDING and update.notify:
                return update
        return recall or self.updates[0]

    def asks_anew(self, severity: Severity, now: datetime) -> bool:
        """Whether this severity begins an epoch: a raise to critical, unless it fell just before (R15).

        In an epoch that began milder nobody has been asked about that; and what families were not told is no fall.
        """
        if severity is not Severity.CRITICAL or self.severity is Severity.CRITICAL or self.held:
            return False
        if self.began.facts.severity is not Severity.CRITICAL:
            return True
        told = [update for update in self.standing if update.notify and update.epoch == self.epoch]
        falls = [
            after.at
            for before, after in pairwise(told)
            if before.facts.severity is Severity.CRITICAL and after.facts.severity is not Severity.CRITICAL
        ]
        return not falls or now >= falls[-1] + FLAP

    @property
    def began(self) -> Update:
        """The update that began this epoch."""
        began = (update for update in self.standing if update.epoch == self.epoch and update.notify)
        return next(began, self.updates[-1])

    @property
    def next_epoch(self) -> int:
        """The number of an epoch that begins now; that of one which was taken back is not used again."""
        return 1 + max(update.epoch for update in self.updates)

    @property
    def last_word(self) -> Update | None:
        """The newest update by a person that families are to be told; None: only machines have spoken."""
        gone = self.recalled
        told = (u for u in reversed(self.updates) if u.by_person and u.notify and u.number not in gone)
        return next(told, None)

    @property
    def stands_from(self) -> int:
        """What waits under an older number may not be said any more: that of the newest correction or recall."""
        return next((u.number for u in reversed(self.updates) if u.kind is _CORRECTION or u.kind is _RECALL), 0)

    @property
    def next_human_number(self) -> int:
        """The number that readers see on the next update by a person."""
        return 1 + max((update.human_number or 0 for update in self.updates), default=0)

    @property
    def facts_so_far(self) -> Facts:
        """What the next update builds on.

        A holding repeats what families know; what was noted for the record since is kept for the next update.
        A recall has put the facts back.
        """
        return next((u.facts for u in reversed(self.updates) if u.kind is not Kind.HOLDING), self.newest.facts)

    @property
    def worst(self) -> Severity:
        """The gravest severity that families were to be told of in this epoch; a fall leaves it as it was.

        Not that of what was taken back: see `alertd.domain.correction.worst_told` for those who have it.
        """
        told = (u.facts.severity for u in self.standing if u.epoch == self.epoch and u.notify)
        return max(told, key=_RANK.__getitem__, default=self.severity)

    def tells(self, number: int) -> frozenset[Kind]:
        """The kinds of news in the update of this number; empty if there is none."""
        before: Update | None = None
        for update in self.updates:
            if update.number == number:
                return update.tells(before)
            before = update
        return frozenset()
