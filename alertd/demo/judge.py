"""Did every family hear in time? Judged from what the stand-ins accepted, by code that alertd does not share.

The rules, in the order in which they are judged:

1. **First notice.** Each family hears for the first time within `first_notice` of the moment the incident was
   opened. Everybody may be woken for that, so nothing is deducted; only somebody off duty need not be told.
2. **Silence.** Between two hearings, and from the last one to the end, a family waits at most `window`; twice that
   once the team says that a fix is being watched. Time during which nobody in the family may be told (off duty,
   or in quiet hours without a live address that can be silent) does not count. A wait that touches a night of
   the whole family may be as long as the policy's `quiet` window, if that is longer.
3. **Promises.** After an update that promised news by a moment, each family hears again by that moment, or as
   soon as somebody there may be told.
4. **The night.** In somebody's quiet hours nothing loud (SMS, high-priority push) arrives but the first notice,
   what follows from it at once, and the all-clear.
5. **The all-clear.** Everybody who was told hears that it is over, as quickly as of the beginning;
   time in which they may not be told does not count. Nobody hears it before it is over, hears anything else after,
   or hears it without having been told of the outage.
6. **No duplicates, no strangers.** No address gets the same words twice within two hours, no delivery is handed
   over twice, and nobody gets anything who is not to be told. (Hours later the same words may be true again:
   "No news since 9:03 AM".)
7. **The unreachable.** The families that alertd names as unreachable are those without a live address: all of
   them, and no other.

A family hears when a provider took a message for one of its live addresses. Machines need time to plan and send,
and story time runs many times as fast: `slack` is what they are given, in story time, on top of every limit.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from alertd.demo import spans
from alertd.demo.household import Address, Hours, Household, Person, household
from alertd.sandbox.log import Accepted

ALL_CLEAR = re.compile(r"(?<!may )\bworks? again\b|\bya funcionan?\b")
"""How an all-clear reads, in English and Spanish; "may work again" is not one."""

_SOON = timedelta(hours=2)
"""Within it the same words to one address are a duplicate."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Something the humans did: when, what for, and what they promised."""

    at: datetime
    what: str  # open, update, resolve
    promised: datetime | None = None
    watching: bool = False  # from here on a fix is in place and being watched


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy in plain numbers, all in story time."""

    first_notice: timedelta
    window: timedelta
    quiet: timedelta
    listening: tuple[str, ...]  # roles that are told of every update
    hours: Hours
    slack: timedelta


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
class Judgement:
    """What was found, and what was measured on the way."""

    faults: list[Fault] = field(default_factory=list)
    families: int = 0
    heard: int = 0
    first_notices: list[timedelta] = field(default_factory=list)  # rising
    longest: Wait | None = None
    promises: int = 0  # promises to families that were kept; a broken one is a fault
    all_clear: int = 0  # people told that it is over
    all_clear_waits: int = 0  # people whose duty or morning begins only after the story's end
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


class Judge:
    """Judges one story; everything it is told is plain data."""

    def __init__(
        self,
        documents: Sequence[Mapping[str, Any]],
        dead: Mapping[str, Collection[str]],
        moments: Sequence[Moment],
        ends: datetime,
        rules: Rules,
    ) -> None:
        self._moments, self._ends, self._rules = moments, ends, rules
        self._opened, self._resolved = moments[0].at, moments[-1].at
        start, end = self._opened - timedelta(days=1), ends + timedelta(days=1)
        self._families = [
            household(document, dead, rules.listening, rules.hours, start, end) for document in documents
        ]
        self._at: dict[Address, list[tuple[Household, Person]]] = defaultdict(list)
        for family in self._families:
            for person in family.people:
                for address in person.addresses:
                    self._at[address].append((family, person))
        self._found = Judgement(families=len(documents))

    def judge(self, log: Iterable[Accepted], named: Collection[str]) -> Judgement:
        """Judge the stand-ins' log; `named`: the families that alertd says it could not reach."""
        by_address: dict[Address, list[Accepted]] = defaultdict(list)
        for message in log:
            if message.channel == "page":
                self._found.pages[message.to] += 1
                continue  # responders are told what families are not
            by_address[(message.channel, message.to)].append(message)
        for family in self._families:
            self._family(family, by_address)
        for address, messages in by_address.items():
            self._address(address, messages)
        self._duplicates(by_address)
        self._unreachable(named)
        self._measure(by_address)
        return self._found

    # --- one family -----------------------------------------------------------------------------

    def _family(self, family: Household, log: Mapping[Address, Sequence[Accepted]]) -> None:
        if not family.people:
            return
        told = sorted(m.story_time for address in family.addresses for m in log.get(address, ()))
        told = [moment for moment in told if moment < self._resolved]
        if not told:
            self._fault("first notice", family, "heard nothing while the outage lasted")
            return
        self._found.heard += 1
        self._first_notice(family, told[0])
        self._silence(family, told)
        self._promises(family, told)
        for person in family.people:
            self._all_clear(family, person, log)

    def _first_notice(self, family: Household, heard: datetime) -> None:
        rules = self._rules
        delay = heard - self._opened
        self._found.first_notices.append(delay)
        if delay > rules.first_notice + rules.slack:
            self._fault("first notice", family, f"first heard after {spell(delay)}")

    def _silence(self, family: Household, told: Sequence[datetime]) -> None:
        for start, end in pairwise([*told, self._resolved]):
            counted = spans.length(spans.within(family.may_hear, start, end))
            wait = Wait(family.id, start, end, counted, self._allowed(family, start, end))
            longest = self._found.longest
            if longest is None or wait.counted - wait.allowed > longest.counted - longest.allowed:
                self._found.longest = wait
            if wait.counted > wait.allowed + self._rules.slack:
                self._fault("silence", family, f"heard nothing for {spell(counted)} from {start:%a %H:%M} UTC")

    def _allowed(self, family: Household, start: datetime, end: datetime) -> timedelta:
        rules = self._rules
        by_night = bool(spans.within(family.night, start - rules.slack, end))
        allowed = max(rules.window, rules.quiet) if by_night else rules.window
        watched = any(moment.watching and moment.at <= start for moment in self._moments)
        return 2 * allowed if watched else allowed

    def _promises(self, family: Household, told: Sequence[datetime]) -> None:
        for moment in self._moments:
            due = moment.promised
            if due is None or due >= self._resolved:
                continue
            heard = next((at for at in told if at >= moment.at), None)
            binding = spans.first_in(family.may_hear, due)
            if heard is None or heard >= due or binding is None or binding >= self._resolved:
                continue
            by = binding + self._rules.slack
            if any(heard < at <= by for at in told) or by >= self._resolved:
                self._found.promises += 1
            else:
                self._fault("promise", family, f"was promised news by {due:%a %H:%M} UTC and got none")

    def _all_clear(self, family: Household, person: Person, log: Mapping[Address, Sequence[Accepted]]) -> None:
        messages = [message for address in person.addresses for message in log.get(address, ())]
        told = any(message.story_time < self._resolved for message in messages)
        cleared = any(message.story_time >= self._resolved and _is_all_clear(message) for message in messages)
        if cleared:
            self._found.all_clear += 1
            if not told and spans.length(spans.within(person.may_hear, self._opened, self._resolved)):
                self._fault("all-clear", family, f"{person.id} heard that it is over, and of nothing before")
        elif told:
            may_hear = spans.length(spans.within(person.may_hear, self._resolved, self._ends))
            if may_hear > self._rules.first_notice + self._rules.slack:
                self._fault("all-clear", family, f"{person.id} was told of the outage, and not that it is over")
            else:
                self._found.all_clear_waits += 1

    # --- one address ----------------------------------------------------------------------------

    def _address(self, address: Address, messages: Sequence[Accepted]) -> None:
        people = self._at.get(address)
        if not people:
            self._found.faults.append(Fault("stranger", "-", "a message went to nobody who is to be told"))
            return
        family = people[0][0]
        for message in messages:
            over = message.story_time >= self._resolved
            if not over and _is_all_clear(message):
                self._fault("all-clear", family, "heard that it is over before it was")
            elif over and not _is_all_clear(message) and message.story_time > self._resolved + self._rules.slack:
                self._fault("all-clear", family, "heard something else after it was over")
            loud = message.channel == "sms" or message.priority == "high"
            if message.channel == "email" or not loud:
                continue
            if not any(self._may_be_loud(person, message, messages) for _, person in people):
                self._fault("night", family, f"woken at {message.story_time:%a %H:%M} UTC")

    def _may_be_loud(self, person: Person, message: Accepted, messages: Sequence[Accepted]) -> bool:
        at, slack = message.story_time, self._rules.slack
        if spans.at(person.awake, at) or spans.at(person.awake, at - slack):
            return True
        waking = self._opened <= at <= self._opened + self._rules.first_notice + slack
        return waking or at >= self._resolved or message is messages[0]

    def _duplicates(self, log: Mapping[Address, Sequence[Accepted]]) -> None:
        handed_over: Counter[str] = Counter()
        for address, messages in log.items():
            families = self._at.get(address)
            last: dict[tuple[str | None, str], datetime] = {}
            for message in messages:
                said = last.get((message.title, message.text))
                if families and said is not None and message.story_time - said < _SOON:
                    self._fault("duplicate", families[0][0], f"got the same words twice at {said:%a %H:%M} UTC")
                last[(message.title, message.text)] = message.story_time
            for message in messages:
                if message.reference:
                    handed_over[message.reference.rpartition(".")[0] or message.reference] += 1
        again = sum(times - 1 for times in handed_over.values())
        if again:
            self._found.faults.append(Fault("duplicate", "-", f"{again} deliveries were handed over twice"))

    # --- all of them ----------------------------------------------------------------------------

    def _unreachable(self, named: Collection[str]) -> None:
        truth = {family.id for family in self._families if not family.people}
        for family in sorted(truth - set(named)):
            self._found.faults.append(Fault("unreachable", family, "has no live address, and is not named"))
        for family in sorted(set(named) - truth):
            self._found.faults.append(Fault("unreachable", family, "is named as unreachable, and is not"))

    def _measure(self, log: Mapping[Address, Sequence[Accepted]]) -> None:
        found = self._found
        found.first_notices.sort()
        day = timedelta(days=1)
        for (channel, _), messages in log.items():
            found.messages[channel] += len(messages)
            found.addresses[channel] += 1
            times = [message.story_time for message in messages]
            most = max(bisect_right(times, at + day) - n for n, at in enumerate(times))
            found.most_for_one_address = max(found.most_for_one_address, most)
        for family in self._families:
            found.reached.update({channel for channel, to in family.addresses if (channel, to) in log})
        days = (self._resolved - self._opened) / day
        total = sum(len(log.get(address, ())) for family in self._families for address in family.addresses)
        found.per_family_and_day = total / max(1, len(self._families)) / days

    def _fault(self, rule: str, family: Household, what: str) -> None:
        self._found.faults.append(Fault(rule, family.id, what))


def _is_all_clear(message: Accepted) -> bool:
    return bool(ALL_CLEAR.search(f"{message.title or ''} {message.text}"))


def spell(length: timedelta) -> str:
    """A length of time in words: 3 h 05 min."""
    minutes = round(length.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
