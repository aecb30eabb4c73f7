"""What the demo's judge is told, and what it finds; plain data, and nothing of alertd's own."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from alertd.demo.household import Hours


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
class Level:
    """What the policy promises at one severity, in plain numbers."""

    first_notice: timedelta
    window: timedelta
    quiet: timedelta | None  # the window while a whole family rests; None: nothing until somebody may be told
    wakes: bool  # what is new at this severity may wake people
    confirm: timedelta = timedelta()  # how long a machine's suspicion waits for a human
    asking: Asking | None = None
    news: timedelta | None = None  # the longest without human news, after which people are paged too


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy in plain numbers, all in story time."""

    levels: Mapping[str, Level]  # by severity
    listening: tuple[str, ...]  # roles that are told of every update
    hours: Hours
    slack: timedelta
    skew: timedelta = timedelta()  # by how much the stand-ins' clock may be behind alertd's
    duties: tuple[Duty, ...] = ()  # in the order in which they are paged
    names: Mapping[str, Collection[str]] = field(default_factory=dict)  # what families know each service by

    @property
    def confirm(self) -> Mapping[str, timedelta]:
        """How long a machine's suspicion waits for a human, by severity."""
        return {severity: level.confirm for severity, level in self.levels.items()}


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
    """What became of the question whether anybody knows, in one epoch."""

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
    grown: list[timedelta] = field(default_factory=list)  # the same of those whom a growing scope newly touched
    more: int = 0  # families that were told of something and read that more fails
    raised: list[timedelta] = field(default_factory=list)  # from a raise to each family's first word of it; rising
    woken: int = 0  # people who slept at a raise and were woken
    less: int = 0  # families that read that less fails
    released: int = 0  # people told that the outage does not affect them any more
    longest: Wait | None = None
    promises: int = 0  # promises to families that were kept; a broken one is a fault
    all_clear: int = 0  # people told that it is over
    all_clear_waits: int = 0  # people whose duty or morning begins only after the story's end
    suspected: int = 0  # messages that said "may be down"
    asked: dict[int, Asked] = field(default_factory=dict)  # by epoch, where anybody is asked
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
