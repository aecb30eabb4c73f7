"""What the demo's judge is told, and what it finds; plain data, and nothing of alertd's own."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alertd.demo.household import Hours


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that a machine or a human did: when, what for, and what was promised."""

    at: datetime
    what: str  # alert, open, update, resolve, reopen
    promised: datetime | None = None
    watching: bool = False  # from here on a fix is in place and being watched
    wakes: bool = False  # what it says may wake people: more has failed than was told before


@dataclass(frozen=True, slots=True)
class Asking:
    """The policy's ladder in plain numbers: when a family that nobody answers for is asked again, and who else."""

    again: timedelta  # after the family's first message: the same people by SMS and e-mail
    others: timedelta  # ...: the next caregiver
    ends: timedelta  # ...: nobody is asked any more
    enough: tuple[str, ...]  # roles whose answer ends it


@dataclass(frozen=True, slots=True)
class Duty:
    """One step of the policy's ladder for the people on call: who is paged, how long after news was due."""

    who: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy in plain numbers, all in story time."""

    first_notice: timedelta
    window: timedelta
    quiet: timedelta
    listening: tuple[str, ...]  # roles that are told of every update
    hours: Hours
    slack: timedelta
    skew: timedelta = timedelta()  # by how much the stand-ins' clock may be behind alertd's
    confirm: timedelta = timedelta()  # how long a machine's suspicion waits for a human
    asking: Asking | None = None
    duties: tuple[Duty, ...] = ()  # in the order in which they are paged
    news: timedelta | None = None  # the longest without human news, after which people are paged too


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the story in which families wait: from when they are owed the first word to its end."""

    epoch: int
    begins: datetime  # a machine's alert, or the human who opened or reopened it
    told_from: datetime  # families may be told, and are owed the first notice
    confirmed: datetime  # a human vouches for it; until then it is only suspected
    over: datetime
    moments: tuple[Moment, ...]


def stretches(moments: Sequence[Moment], confirm: timedelta) -> tuple[Stretch, ...]:
    """The story in stretches; each begins with an alert, an opening or a reopening and ends with a resolution."""
    found: list[Stretch] = []
    part: list[Moment] = []
    for moment in moments:
        part.append(moment)
        if moment.what != "resolve":
            continue
        first = part[0]
        human = next(each.at for each in part if each.what != "alert")
        told_from = min(first.at + confirm, human) if first.what == "alert" else first.at
        found.append(Stretch(len(found) + 1, first.at, told_from, human, moment.at, tuple(part)))
        part = []
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Answer:
    """A caregiver pressed the button behind the link, and was thanked by then."""

    family: str
    caregiver: str
    role: str
    epoch: int
    at: datetime  # story time


@dataclass(frozen=True, slots=True)
class Named:
    """What alertd itself says of a stretch just before its end."""

    unheard: Collection[str] = ()  # families that heard nothing
    unreachable: Collection[str] = ()  # nothing loud was accepted
    unanswered: Collection[str] = ()  # it was, and nobody has answered


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule broken for one family; ids and times, never an address."""

    rule: str
    family: str
    what: str


@dataclass(frozen=True, slots=True)
class Wait:
    """A stretch between two hearings of one family."""

    family: str
    start: datetime
    end: datetime
    counted: timedelta  # without the time in which nobody there may be told
    allowed: timedelta


@dataclass(slots=True)
class Asked:
    """What became of the question whether anybody knows, in one stretch."""

    answered: list[timedelta] = field(default_factory=list)  # of each family, since its first message; rising
    unanswered: int = 0
    unreachable: int = 0  # nothing loud could be handed over
    others: int = 0  # families in which another caregiver was told because nobody had answered
    not_enough: int = 0  # answers by people whose answer ends nothing


@dataclass(slots=True)
class Judgement:
    """What was found, and what was measured on the way."""

    faults: list[Fault] = field(default_factory=list)
    families: int = 0
    heard: int = 0
    first_notices: list[timedelta] = field(default_factory=list)  # rising
    told_anew: list[timedelta] = field(default_factory=list)  # the same after a reopening
    longest: Wait | None = None
    promises: int = 0  # promises to families that were kept; a broken one is a fault
    all_clear: int = 0  # people told that it is over
    all_clear_waits: int = 0  # people whose duty or morning begins only after the story's end
    suspected: int = 0  # messages that said "may be down"
    asked: list[Asked] = field(default_factory=list)  # by stretch
    messages: Counter[str] = field(default_factory=Counter)  # by channel
    pages: Counter[str] = field(default_factory=Counter)  # nudges and pages, by responder
    addresses: Counter[str] = field(default_factory=Counter)  # that received something, by channel
    reached: Counter[str] = field(default_factory=Counter)  # families, by channel
    per_family_and_day: float = 0.0
    most_for_one_address: int = 0  # messages within 24 hours

    @property
    def passed(self) -> bool:
        """Whether no rule was broken."""
        return not self.faults


def spell(length: timedelta) -> str:
    """A length of time in words: 3 h 05 min."""
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
