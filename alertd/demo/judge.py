"""Did every family hear in time? Judged from what the stand-ins accepted, by code that alertd does not share.

The story has one stretch, or two where the outage came back; each rule holds for each stretch.

1. **Suspicion.** What a machine alone has seen is told to nobody before the policy's `confirm` has passed. From
   then until a human confirms it every message says "may be down"; afterwards none does.
2. **First notice.** Each family hears for the first time within `first_notice` of the moment it may be told: the
   human's opening or reopening, or the end of `confirm`. Everybody may be woken for that, so nothing is
   deducted; only somebody off duty need not be told.
3. **Silence.** Between two hearings, and from the last one to the end, a family waits at most `window`; twice that
   once the team says that a fix is being watched. Time during which nobody in the family may be told (off duty,
   or in quiet hours without a live address that can be silent) does not count. A wait that touches a night of
   the whole family may be as long as the policy's `quiet` window, if that is longer.
4. **Promises.** After an update that promised news by a moment, each family hears again by that moment, or as
   soon as somebody there may be told.
5. **The night.** In somebody's quiet hours nothing loud (SMS, high-priority push) arrives but the first notice,
   what follows from it at once, the question whether anybody knows while nobody has answered, what else has failed
   now, and the all-clear.
6. **The all-clear.** Everybody who was told hears that it is over, as quickly as of the beginning;
   time in which they may not be told does not count. Nobody hears it before it is over, hears anything else after,
   or hears it without having been told of the outage.
7. **No duplicates, no strangers.** No address gets the same words twice within two hours, no delivery is handed
   over twice, and nobody gets anything who is not to be told: who hears every update by the policy, and those
   whom the ladder has brought in. (Hours later the same words may be true again: "No news since 9:03 AM".)
8. **The question**, in `judge_asking.py`: who is asked, asked again, and asked no more.
9. **The people on call**, in `judge_paging.py`.
10. **The unreachable.** The families that alertd names as unheard are those without a live address, all of them
    and no other; and its lists of the unanswered and the unreachable are those of the log.

A family hears when a provider took a message for one of its live addresses. Machines need time to plan and send,
and story time runs many times as fast: `slack` is what they are given, in story time, on top of every limit.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from alertd.demo import spans
from alertd.demo.household import Address, Household, Person, household
from alertd.demo.judge_asking import Question, asks
from alertd.demo.judge_counts import Log, duplicates, measure
from alertd.demo.judge_paging import judge_pages
from alertd.demo.verdict import (
    Answer,
    Asked,
    Fault,
    Judgement,
    Moment,
    Named,
    Rules,
    Stretch,
    Wait,
    spell,
    stretches,
)
from alertd.sandbox.log import Accepted

ALL_CLEAR = re.compile(r"(?<!may )\bworks? again\b|\bya funcionan?\b")
"""How an all-clear reads, in English and Spanish; "may work again" is not one."""

SUSPECTED = re.compile(r"\bmay be down\b|\bPuede que [^.]* no funcionen?\b")
"""How a suspicion reads."""


class Judge:
    """Judges one story; everything it is told is plain data.

    `answers`: who has pressed the button, and when. `named`: what alertd says of each stretch, by its number.
    """

    def __init__(
        self,
        documents: Sequence[Mapping[str, Any]],
        dead: Mapping[str, Collection[str]],
        moments: Sequence[Moment],
        ends: datetime,
        rules: Rules,
        answers: Sequence[Answer] = (),
    ) -> None:
        self._rules, self._answers = rules, answers
        self._stretches = stretches(moments, rules.confirm)
        self._ends = [each.begins for each in self._stretches[1:]] + [ends]  # of each stretch with what follows it
        start, end = moments[0].at - timedelta(days=1), ends + timedelta(days=1)
        self._families = [
            household(document, dead, rules.listening, rules.hours, start, end) for document in documents
        ]
        self._at: dict[Address, list[tuple[Household, Person]]] = defaultdict(list)
        for family in self._families:
            for person in (*family.people, *family.others):
                for address in person.addresses:
                    self._at[address].append((family, person))
        self._questions: dict[tuple[str, int], Question] = {}
        self._found = Judgement(families=len(documents))

    def judge(self, log: Iterable[Accepted], named: Mapping[int, Named]) -> Judgement:
        """Judge the stand-ins' log."""
        by_address: dict[Address, list[Accepted]] = defaultdict(list)
        pages: list[Accepted] = []
        for message in log:
            if message.channel == "page":
                pages.append(message)  # responders are told what families are not
            else:
                by_address[(message.channel, message.to)].append(message)
        for at, stretch in enumerate(self._stretches):
            self._found.asked.append(Asked())
            for family in self._families:
                self._family(family, stretch, self._ends[at], by_address)
        for address, messages in by_address.items():
            self._address(address, messages)
        self._found.faults += duplicates(by_address, {at: people[0][0].id for at, people in self._at.items()})
        for stretch in self._stretches:
            self._named(stretch, named.get(stretch.epoch, Named()))
        self._found.pages.update(page.to for page in pages)
        self._found.faults += judge_pages(pages, self._stretches, self._rules)
        measure(self._found, by_address, self._families, self._stretches)
        return self._found

    # --- one family -----------------------------------------------------------------------------

    def _family(self, family: Household, stretch: Stretch, ends: datetime, log: Log) -> None:
        if not family.people:
            return
        messages = sorted(
            (m for address in family.addresses for m in log.get(address, ())), key=lambda m: m.story_time
        )
        heard = [m for m in messages if stretch.told_from - self._rules.skew <= m.story_time < stretch.over]
        self._ask(family, stretch, heard)
        told = [m.story_time for m in heard]
        if not told:
            self._fault("first notice", family, "heard nothing while the outage lasted")
            return
        self._found.heard += stretch.epoch == 1
        self._first_notice(family, stretch, told[0])
        self._silence(family, stretch, told)
        self._promises(family, stretch, told)
        for person in (*family.people, *family.others):
            self._all_clear(family, person, stretch, ends, log)

    def _ask(self, family: Household, stretch: Stretch, heard: Sequence[Accepted]) -> None:
        if self._rules.asking is None:
            return
        answers = [a for a in self._answers if (a.family, a.epoch) == (family.id, stretch.epoch)]
        question = Question(family, stretch, self._rules, heard, answers)
        self._questions[family.id, stretch.epoch] = question
        self._found.faults += question.faults()
        question.count(self._found.asked[-1])

    def _first_notice(self, family: Household, stretch: Stretch, heard: datetime) -> None:
        rules, delay = self._rules, max(heard - stretch.told_from, timedelta())
        (self._found.first_notices if stretch.epoch == 1 else self._found.told_anew).append(delay)
        if delay > rules.first_notice + rules.slack:
            self._fault("first notice", family, f"first heard after {spell(delay)}")

    def _silence(self, family: Household, stretch: Stretch, told: Sequence[datetime]) -> None:
        for start, end in pairwise([*told, stretch.over]):
            counted = spans.length(spans.within(family.may_hear, start, end))
            wait = Wait(family.id, start, end, counted, self._allowed(family, stretch, start, end))
            longest = self._found.longest
            if longest is None or wait.counted - wait.allowed > longest.counted - longest.allowed:
                self._found.longest = wait
            if wait.counted > wait.allowed + self._rules.slack:
                self._fault("silence", family, f"heard nothing for {spell(counted)} from {start:%a %H:%M} UTC")

    def _allowed(self, family: Household, stretch: Stretch, start: datetime, end: datetime) -> timedelta:
        rules = self._rules
        by_night = bool(spans.within(family.night, start - rules.slack, end))
        allowed = max(rules.window, rules.quiet) if by_night else rules.window
        watched = any(moment.watching and moment.at <= start for moment in stretch.moments)
        return 2 * allowed if watched else allowed

    def _promises(self, family: Household, stretch: Stretch, told: Sequence[datetime]) -> None:
        for moment in stretch.moments:
            due = moment.promised
            if due is None or due >= stretch.over:
                continue
            heard = next((at for at in told if at >= moment.at), None)
            binding = spans.first_in(family.may_hear, due)
            if heard is None or heard >= due or binding is None or binding >= stretch.over:
                continue
            by = binding + self._rules.slack
            if any(heard < at <= by for at in told) or by >= stretch.over:
                self._found.promises += 1
            else:
                self._fault("promise", family, f"was promised news by {due:%a %H:%M} UTC and got none")

    def _all_clear(self, family: Household, person: Person, stretch: Stretch, ends: datetime, log: Log) -> None:
        messages = [message for address in person.addresses for message in log.get(address, ())]
        since, over = stretch.told_from - self._rules.skew, stretch.over
        told = any(since <= m.story_time < over and not _is_all_clear(m) for m in messages)
        cleared = any(over <= m.story_time < ends and _is_all_clear(m) for m in messages)
        if cleared:
            self._found.all_clear += 1
            if not told and spans.length(spans.within(person.may_hear, stretch.told_from, over)):
                self._fault("all-clear", family, f"{person.id} heard that it is over, and of nothing before")
        elif told:
            may_hear = spans.length(spans.within(person.may_hear, over, ends))
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
        if not any(person in each.people or self._brought_in(each, messages[0]) for each, person in people):
            at = f"{messages[0].story_time:%a %H:%M} UTC"
            self._fault("stranger", family, f"{people[0][1].id} was told at {at} before it was their turn")
        for message in messages:
            stretch = self._stretch_of(message)
            self._words(family, stretch, message)
            if asks(message) and not any(self._is_asked(each, stretch, message) for each, _ in people):
                at = f"{message.story_time:%a %H:%M} UTC"
                self._fault("question", family, f"was asked at {at} though somebody had answered, or too late")
            loud = message.channel == "sms" or message.priority == "high"
            if message.channel == "email" or not loud:
                continue
            if not any(self._may_be_loud(each, person, stretch, message, messages) for each, person in people):
                self._fault("night", family, f"woken at {message.story_time:%a %H:%M} UTC")

    def _stretch_of(self, message: Accepted) -> Stretch:
        begun = [each for each in self._stretches if each.begins <= message.story_time]
        return begun[-1] if begun else self._stretches[0]

    def _words(self, family: Household, stretch: Stretch, message: Accepted) -> None:
        at, slack, text = message.story_time, self._rules.slack, _text(message)
        over, clear, suspected = at >= stretch.over, _is_all_clear(message), bool(SUSPECTED.search(text))
        self._found.suspected += suspected
        settling = (
            stretch.epoch > 1 and at <= stretch.begins + slack
        )  # the last stretch's words may be on their way
        if at < stretch.told_from - self._rules.skew and not settling:
            self._fault("suspicion", family, f"was told at {at:%a %H:%M} UTC, before a human could confirm it")
        elif not over and clear and not settling:
            self._fault("all-clear", family, "heard that it is over before it was")
        elif over and not clear and at > stretch.over + slack:
            self._fault("all-clear", family, "heard something else after it was over")
        elif at < stretch.confirmed and not suspected and not settling:
            self._fault("suspicion", family, f"was told as a fact at {at:%a %H:%M} UTC what nobody had confirmed")
        elif suspected and at > stretch.confirmed + slack:
            self._fault("suspicion", family, f'still read "may be down" at {at:%a %H:%M} UTC')

    def _brought_in(self, family: Household, first: Accepted) -> bool:
        """Whether somebody who does not hear every update may hear at this moment, as nobody has answered."""
        questions = (self._questions.get((family.id, each.epoch)) for each in self._stretches)
        return any(question is not None and question.may_tell_others(first.story_time) for question in questions)

    def _is_asked(self, family: Household, stretch: Stretch, message: Accepted) -> bool:
        question = self._questions.get((family.id, stretch.epoch))
        return question is not None and question.is_open(message.story_time)

    def _may_be_loud(
        self,
        family: Household,
        person: Person,
        stretch: Stretch,
        message: Accepted,
        messages: Sequence[Accepted],
    ) -> bool:
        at, rules = message.story_time, self._rules
        if any(spans.at(person.awake, moment) for moment in (at, at - rules.slack, at + rules.skew)):
            return True
        wakes = [stretch.told_from] + [moment.at for moment in stretch.moments if moment.wakes]
        soon = rules.first_notice + rules.slack
        waking = any(moment - rules.skew <= at <= moment + soon for moment in wakes)
        asked = asks(message) and self._is_asked(family, stretch, message)
        return waking or asked or at >= stretch.over or message is messages[0]

    # --- all of them ----------------------------------------------------------------------------

    def _named(self, stretch: Stretch, named: Named) -> None:
        """Whether alertd's own lists are true."""
        truth = {family.id for family in self._families if not family.people}
        self._compare("unreachable", truth, set(named.unheard), "has no live address", "as unheard")
        questions = [q for (_, epoch), q in self._questions.items() if epoch == stretch.epoch and q.judgeable]
        judged = {question.family.id for question in questions}
        for word, listed in (("unanswered", named.unanswered), ("unreachable", named.unreachable)):
            truth = {question.family.id for question in questions if question.outcome == word}
            what = "nobody answered" if word == "unanswered" else "nothing loud could be handed over"
            self._compare("question", truth, set(listed) & judged, what, f"as {word}")

    def _compare(self, rule: str, truth: set[str], named: set[str], what: str, how: str) -> None:
        for family in sorted(truth - named):
            self._found.faults.append(Fault(rule, family, f"{what}, and is not named {how}"))
        for family in sorted(named - truth):
            self._found.faults.append(Fault(rule, family, f"is named {how}, and is not"))

    def _fault(self, rule: str, family: Household, what: str) -> None:
        self._found.faults.append(Fault(rule, family.id, what))


def _text(message: Accepted) -> str:
    return f"{message.title or ''} {message.text}"


def _is_all_clear(message: Accepted) -> bool:
    return bool(ALL_CLEAR.search(_text(message)))
