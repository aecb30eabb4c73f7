"""Did every family hear in time? Judged from what the stand-ins accepted, by code that alertd does not share.

The story has one stretch, or several where the outage came back; each touches those families that use something
of what fails, as long as it does (`course.py`). What is promised follows from the severity at that time.

1. **Words**, in `judge_words.py`. What a machine alone has seen is told to nobody before the policy's `confirm`
   has passed, and as "may be" until a human confirms it. Every message names exactly what fails for its reader,
   and how bad it is; nobody hears that it is over before it is, or anything else after.
2. **First notice**, in `judge_hearing.py`. Each family hears for the first time within `first_notice` of the
   moment from which it may be told, or from which a growing scope touches it. What is critical may wake everybody,
   so nothing is deducted; what is not waits until somebody there is awake.
3. **Changes.** As soon each family reads that it got worse, and what fails for it now that did not, or no longer.
   Whoever was asleep is woken when it gets critical.
4. **Silence.** Between two hearings, and from the last one to the end, a family waits at most `window`; twice that
   once the team says that a fix is being watched. Time during which nobody in the family may be told (off duty,
   or in quiet hours without a live address that can be silent) does not count. A wait that touches a night of
   the whole family may be as long as the policy's `quiet` window, if that is longer; where there is none, their
   night does not count either.
5. **Promises.** After an update that promised news by a moment, each family hears again by that moment, or as
   soon as somebody there may be told.
6. **The night.** In somebody's quiet hours nothing loud (SMS, high-priority push) arrives but the first notice of
   what is critical, that it got so or that more fails for them, what follows from it at once, the question whether
   anybody knows while nobody has answered, what else has failed now, and the end.
7. **The end**, in `judge_ends.py`. Everybody who was told hears that it is over, for all or for them, as quickly
   as of the beginning; time in which they may not be told does not count.
8. **No duplicates, no strangers.** No address gets the same words twice within two hours, no delivery is handed
   over twice, and nobody gets anything who is not to be told: who hears every update by the policy, and those
   whom the ladder has brought in. (Hours later the same words may be true again: "No news since 9:03 AM".)
9. **The question**, in `judge_asking.py`: who is asked, asked again, and asked no more.
10. **The people on call**, in `judge_paging.py`.
11. **The unreachable.** The families that alertd names as unheard are those without a live address, all of them
    and no other; and its lists of the unanswered and the unreachable are those of the log.

A family hears when a provider took a message for one of its live addresses. Machines need time to plan and send,
and story time runs many times as fast: `slack` is what they are given, in story time, on top of every limit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from alertd.demo import spans
from alertd.demo.course import Epoch, Moment, Stretch, Touch, stretches, touches
from alertd.demo.household import Address, Household, Person, household
from alertd.demo.judge_asking import Question, asks
from alertd.demo.judge_counts import Log, duplicates, measure
from alertd.demo.judge_ends import judge_ends
from alertd.demo.judge_hearing import Hearing
from alertd.demo.judge_paging import judge_pages
from alertd.demo.judge_words import SUSPECTED, text_of, wrong_words
from alertd.demo.verdict import Answer, Asked, Fault, Judgement, Named, Rules
from alertd.sandbox.log import Accepted


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
        self._touches: dict[str, list[tuple[Stretch, Touch]]] = {
            family.id: [(s, touch) for s in self._stretches for touch in touches(family.services, s)]
            for family in self._families
        }
        self._at: dict[Address, list[tuple[Household, Person]]] = defaultdict(list)
        for family in self._families:
            for person in (*family.people, *family.others):
                for address in person.addresses:
                    self._at[address].append((family, person))
        self._questions: dict[tuple[str, int], list[Question]] = defaultdict(list)
        self._heard: set[str] = set()
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
        for family in self._families:
            self._family(family, by_address)
        self._found.heard = len(self._heard)
        for address, messages in by_address.items():
            self._address(address, messages)
        self._found.faults += duplicates(by_address, {at: people[0][0].id for at, people in self._at.items()})
        for stretch in self._stretches:
            self._named(stretch, named.get(stretch.number, Named()))
        self._found.pages.update(page.to for page in pages)
        self._found.faults += judge_pages(pages, self._stretches, self._rules)
        measure(self._found, by_address, self._families, self._stretches)
        return self._found

    # --- one family -----------------------------------------------------------------------------

    def _family(self, family: Household, log: Log) -> None:
        if not family.people:
            return
        messages = sorted(
            (m for address in family.addresses for m in log.get(address, ())), key=lambda m: m.story_time
        )
        mine = self._touches[family.id]
        for at, (stretch, touch) in enumerate(mine):
            following = [later.begins for other, later in mine[at + 1 :] if other is stretch]
            until = following[0] if following else self._ends[stretch.number - 1]
            heard = self._between(messages, touch.begins, touch.over)
            if heard:
                self._heard.add(family.id)
            hearing = Hearing(family, stretch, touch, self._rules, heard)
            self._found.faults += hearing.faults()
            hearing.measure(self._found)
            for epoch in stretch.epochs:
                self._ask(family, epoch, touch, messages)
            if heard:
                self._found.faults += judge_ends(family, stretch, touch, until, log, self._rules, self._found)

    def _between(self, messages: Iterable[Accepted], start: datetime, end: datetime) -> list[Accepted]:
        return [m for m in messages if start - self._rules.skew <= m.story_time < end]

    def _ask(self, family: Household, epoch: Epoch, touch: Touch, messages: Sequence[Accepted]) -> None:
        asking = self._rules.levels[epoch.severity].asking
        begins, over = max(epoch.begins, touch.begins), min(epoch.over, touch.over)
        if asking is None or begins >= over:
            return
        heard = self._between(messages, begins, over)
        answers = [a for a in self._answers if (a.family, a.epoch) == (family.id, epoch.number)]
        question = Question(family, (begins, over), asking, self._rules, heard, answers)
        self._questions[family.id, epoch.number].append(question)
        self._found.faults += question.faults()
        question.count(self._found.asked.setdefault(epoch.number, Asked()))

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
        touched = [touch for each, _ in people for touch in self._touches[each.id]]
        for message in messages:
            self._found.suspected += bool(SUSPECTED.search(text_of(message)))
            wrong = list(wrong_words(message, family.id, touched, self._rules))
            self._found.faults += wrong
            at = f"{message.story_time:%a %H:%M} UTC"
            if asks(message) and not wrong and not any(self._is_asked(each, message) for each, _ in people):
                self._fault("question", family, f"was asked at {at} though nobody was to be asked any more")
            loud = message.channel == "sms" or message.priority == "high"
            if message.channel == "email" or not loud:
                continue
            if not any(self._may_be_loud(each, person, message, messages) for each, person in people):
                self._fault("night", family, f"woken at {at}")

    def _brought_in(self, family: Household, first: Accepted) -> bool:
        """Whether somebody who does not hear every update may hear at this moment, as nobody has answered."""
        asked = [question for (name, _), some in self._questions.items() if name == family.id for question in some]
        return any(question.may_tell_others(first.story_time) for question in asked)

    def _is_asked(self, family: Household, message: Accepted) -> bool:
        begun = [e for s in self._stretches for e in s.epochs if e.begins - self._rules.skew <= message.story_time]
        asked = self._questions.get((family.id, begun[-1].number), ()) if begun else ()
        return any(question.is_open(message.story_time) for question in asked)

    def _may_be_loud(
        self, family: Household, person: Person, message: Accepted, messages: Sequence[Accepted]
    ) -> bool:
        at, rules = message.story_time, self._rules
        if any(spans.at(person.awake, moment) for moment in (at, at - rules.slack, at + rules.skew)):
            return True
        for stretch, touch in self._touches[family.id]:
            rousing = [(touch.begins, touch.severity)]
            rousing += [(change.at, change.severity) for change in touch.changes if change.what != "less"]
            for moment, severity in rousing:
                level = rules.levels[severity]
                if level.wakes and moment - rules.skew <= at <= moment + level.first_notice + rules.slack:
                    return True
            going = touch.begins <= at < touch.over
            if going and message is messages[0] and rules.levels[stretch.at(at).severity].wakes:
                return True
        begun = [touch for _, touch in self._touches[family.id] if touch.begins <= at]
        over = bool(begun) and begun[-1].over <= at
        return over or (asks(message) and self._is_asked(family, message))

    # --- all of them ----------------------------------------------------------------------------

    def _named(self, stretch: Stretch, named: Named) -> None:
        """Whether alertd's own lists, as they stood just before the end of a stretch, are true."""
        touched = {
            id_ for id_, some in self._touches.items() if any(touch.over == stretch.over for _, touch in some)
        }
        truth = {family.id for family in self._families if not family.people and family.id in touched}
        self._compare("unreachable", truth, set(named.unheard), "has no live address", "as unheard")
        last = stretch.epochs[-1].number
        asked = [question for (_, epoch), some in self._questions.items() if epoch == last for question in some]
        questions = [question for question in asked if question.judgeable and question.over == stretch.over]
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
