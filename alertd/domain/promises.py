"""The promise ledger (R13): what became of every "next update by T", and of "what happened by T".

It is no second bookkeeping: read from updates and from what was handed over, the same immutable rows give the
same ledger, whenever it is read.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from alertd.domain.carried import carried
from alertd.domain.downtime import Downtime
from alertd.domain.incident import Incident, Kind, Update


class Fate(StrEnum):
    """What became of a promise."""

    OPEN = "open"  # its time has not come, and nobody has written
    HUMAN = "kept_by_human"  # a person wrote in time
    MACHINE = "kept_by_machine"  # a machine's word came in time, in place of a person's
    HOLDING = "kept_by_holding"  # nobody wrote, and alertd said so in time
    DEFERRED = "deferred"  # nobody could be told at its time: they had been told another, or slept
    MISSED = "missed"  # nothing was written in time, or nobody was told of it who could be
    WITHDRAWN = "withdrawn"  # it came back before anybody could say what had happened: nothing is owed any more


class Cause(StrEnum):
    """Why families that could be told were not told by then: of most of them, where there are several."""

    DOWNTIME = "own_downtime"  # no sweep of ours ran when they were due
    PROVIDER = "provider"  # tried in time, and no provider had taken it
    RATES = "rates"  # planned in time, and still waiting for its turn
    SILENCE = "nobody_published"  # nobody wrote; and where a holding stands for it, that came late


@dataclass(frozen=True, slots=True)
class Promise:
    """ "Next update by `due`", made by one update, and the update that closed it, if any did by then.

    Made by the end: "what happened by `due`", which concerns those who were told the end.
    """

    made_by: Update
    due: datetime
    kept_by: Update | None = None
    withdrawn: bool = False

    @property
    def explains(self) -> bool:
        """Whether it was promised to tell what happened, now that it is over."""
        return self.made_by.kind is Kind.RESOLUTION


@dataclass(frozen=True, slots=True)
class Telling:
    """Families that a promise concerned, each counted once, by how they stood at its time."""

    told: int = 0  # they had the update that kept it, or a newer one; a post-mortem: that very one
    deferred: int = 0  # what they were told last had named a later time: nobody could be told at this one
    untellable: int = 0  # there was no way to tell them, or they had asked not to be told
    unaware: int = 0  # nothing was ever planned for them: they slept, or we were down
    tried: int = 0  # a provider had been asked, and had not taken it
    waiting: int = 0  # it was planned, and waited for its turn
    unplanned: int = 0  # nothing was planned for them
    heard: int = 0  # of all these: they had heard something since the promise was made

    @property
    def touched(self) -> int:
        """All of them."""
        named = self.told + self.deferred + self.untellable + self.unaware
        return named + self.tried + self.waiting + self.unplanned


@dataclass(frozen=True, slots=True)
class Kept:
    """One line of the ledger."""

    promise: Promise
    fate: Fate
    telling: Telling
    untold: int = 0  # families that could be told at its time, and were not
    cause: Cause | None = None

    @property
    def share(self) -> float | None:
        """Of the families that could be told, those that were by its time; None: there are none, or it is open."""
        owed = self.telling.told + self.untold
        return self.telling.told / owed if owed and self.fate is not Fate.OPEN else None


def unheard(incident: Incident, had: Collection[int]) -> frozenset[int]:
    """The updates that were taken back before anybody `had` them: they promised nothing, and kept nothing."""
    wrong = [carried(incident, number) for number in incident.recalled]
    return frozenset(number for numbers in wrong if not any(n in had for n in numbers) for number in numbers)


def promises(incident: Incident, never: Collection[int] = ()) -> Iterator[Promise]:
    """Every promise that families were told of, oldest first; of the updates `never` said they were not.

    The next word to families closes it, or the first holding that was written in its place; what came after its
    time keeps nothing. Whoever replaced it with another before its time has written, and so kept it. To tell what
    happened is owed no more once it came back, unless that was a false alarm.
    """
    stands = incident.resolution
    updates = [update for update in incident.updates if update.number not in never]
    for at, made in enumerate(updates):
        if made.promise is None or not made.notify:
            continue
        closing = (each for each in updates[at + 1 :] if each.notify and (each.human or each.closes_promise))
        if stands is not None and made.number == stands.number:
            closing = (each for each in closing if each.kind is Kind.POSTMORTEM)
        kept_by = next((each for each in closing if each.at <= made.promise), None)
        back = made.kind is Kind.RESOLUTION and kept_by is not None and kept_by.kind is Kind.REOPENING
        yield Promise(made, made.promise, None if back else kept_by, withdrawn=back)


def judge(
    promise: Promise, telling: Telling, downtimes: Iterable[Downtime], margin: timedelta, now: datetime
) -> Kept:
    """The fate of one promise; `telling` counts as of its time, or of `now` where that is earlier.

    Nobody apologises for a night: who slept, or had been told a later time, was owed nothing at this one.
    """
    kept_by, over = promise.kept_by, now >= promise.due
    if promise.withdrawn:
        return Kept(promise, Fate.WITHDRAWN, telling)
    if not over:
        return Kept(promise, _by(kept_by) if kept_by is not None else Fate.OPEN, telling)
    down = any(each.hid(promise.due - margin, promise.due) for each in downtimes)
    untold = telling.tried + telling.waiting + telling.unplanned + (telling.unaware if down else 0)
    cause = _cause(telling, down=down) if untold else None
    if promise.explains and kept_by is None:  # nothing of ours writes it in a person's place
        return Kept(promise, Fate.MISSED, telling, untold, Cause.SILENCE)
    if untold and (kept_by is None or not telling.told):
        fate = Fate.MISSED
    else:
        fate = _by(kept_by) if kept_by is not None else Fate.DEFERRED
    return Kept(promise, fate, telling, untold, cause)


def _by(update: Update) -> Fate:
    if not update.human:
        return Fate.HOLDING
    return Fate.HUMAN if update.by_person else Fate.MACHINE


def _cause(telling: Telling, *, down: bool) -> Cause:
    """Our own fault first: what waited for a provider too would have been seen to, had a sweep run."""
    if down:
        return Cause.DOWNTIME
    counted = {Cause.PROVIDER: telling.tried, Cause.RATES: telling.waiting, Cause.SILENCE: telling.unplanned}
    return max(counted, key=counted.__getitem__)
