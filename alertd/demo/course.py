"""The course of a story as its judge sees it: what failed when and how badly, and whom that touched."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

RANK: Mapping[str, int] = {"minor": 0, "major": 1, "critical": 2}


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that a machine or a human did: when, what for, and what holds from then on."""

    at: datetime
    what: str  # alert, open, update, resolve, reopen
    severity: str
    services: tuple[str, ...]  # those that fail
    promised: datetime | None = None
    watching: bool = False  # from here on a fix is in place and being watched


@dataclass(frozen=True, slots=True)
class Epoch:
    """A part of a stretch in which an answer counts: from the opening, a raise to critical, or a reopening on."""

    number: int
    begins: datetime
    over: datetime
    severity: str  # with which it began
    raised: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the story in which families wait: from when they are owed the first word to its end."""

    number: int
    begins: datetime  # a machine's alert, or the human who opened or reopened it
    told_from: datetime  # families may be told, and are owed the first notice
    confirmed: datetime  # a human vouches for it; until then it is only suspected
    over: datetime
    moments: tuple[Moment, ...]
    epochs: tuple[Epoch, ...]

    def at(self, when: datetime) -> Moment:
        """What holds at a moment: the last thing that was done by then."""
        return next((each for each in reversed(self.moments) if each.at <= when), self.moments[0])

    def during(self, start: datetime, end: datetime) -> list[Moment]:
        """What holds at any time between two moments."""
        return [self.at(start), *(each for each in self.moments if start < each.at <= end)]


@dataclass(frozen=True, slots=True)
class Change:
    """Something else fails for a family than before, or fails worse."""

    at: datetime
    what: str  # raise, more, less
    severity: str
    services: frozenset[str]  # those of the family that fail from then on


@dataclass(frozen=True, slots=True)
class Touch:
    """A time in which a stretch touches a family."""

    begins: datetime
    over: datetime
    severity: str  # with which it began
    services: frozenset[str]
    grown: bool  # only as the scope grew
    released: bool  # over for this family only: what failed for it works, and the outage goes on
    changes: tuple[Change, ...] = ()


def stretches(moments: Sequence[Moment], confirm: Mapping[str, timedelta]) -> tuple[Stretch, ...]:
    """The story in stretches; each begins with an alert, an opening or a reopening and ends with a resolution.

    `confirm`: how long a machine's suspicion of a severity waits for a human.
    """
    found: list[Stretch] = []
    part: list[Moment] = []
    epochs = 0
    for moment in moments:
        part.append(moment)
        if moment.what != "resolve":
            continue
        human = next(each.at for each in part if each.what != "alert")
        told_from = min([human, *(each.at + confirm[each.severity] for each in part if each.what == "alert")])
        parts = _epochs(part, told_from, epochs)
        epochs += len(parts)
        found.append(Stretch(len(found) + 1, part[0].at, told_from, human, moment.at, tuple(part), parts))
        part = []
    return tuple(found)


def _epochs(moments: Sequence[Moment], told_from: datetime, before: int) -> tuple[Epoch, ...]:
    """What families were told of as critical at once is no raise. (A raise soon after a fall is in no script.)"""
    raises = [b for a, b in pairwise(moments) if a.severity != b.severity == "critical" and b.at > told_from]
    first = next(each for each in reversed(moments) if each.at <= told_from)
    begins = [(told_from, first.severity), *((each.at, each.severity) for each in raises)]
    ends = [*(at for at, _ in begins[1:]), moments[-1].at]
    return tuple(
        Epoch(before + n, at, over, severity, raised=n > 1)
        for n, ((at, severity), over) in enumerate(zip(begins, ends, strict=True), start=1)
    )


def touches(services: Collection[str], stretch: Stretch) -> tuple[Touch, ...]:
    """When a stretch touches a family that uses these services; a scope of the judge's knows no regions."""
    found: list[Touch] = []
    changes: list[Change] = []
    states = [(stretch.told_from, stretch.at(stretch.told_from))]
    states += [(each.at, each) for each in stretch.moments if stretch.told_from < each.at < stretch.over]
    begun: tuple[datetime, Moment] | None = None
    failed: frozenset[str] = frozenset()
    severity = ""

    def close(over: datetime, *, released: bool) -> None:
        assert begun is not None
        at, first = begun
        fails = frozenset(first.services) & frozenset(services)
        grown = at > stretch.told_from
        found.append(Touch(at, over, first.severity, fails, grown, released, tuple(changes)))
        changes.clear()

    for at, state in states:
        fails = frozenset(state.services) & frozenset(services)
        if fails and not failed:
            begun = at, state
        elif failed and not fails:
            close(at, released=True)
        elif fails:
            if RANK[state.severity] > RANK[severity]:
                changes.append(Change(at, "raise", state.severity, fails))
            if fails != failed:
                what = "more" if fails - failed else "less"
                changes.append(Change(at, what, state.severity, fails))
        failed, severity = fails, state.severity
    if failed:
        close(stretch.over, released=False)
    return tuple(found)
