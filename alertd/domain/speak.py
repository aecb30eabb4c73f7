"""What an affected family is owed while the outage lasts: notice, news, holding, wake-up (R1-R4, R10)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from alertd.domain import silence
from alertd.domain.delivery import Owed
from alertd.domain.downtime import is_late
from alertd.domain.hear import hear, look_again
from alertd.domain.holdings import hold
from alertd.domain.knowledge import Knowledge
from alertd.domain.ladder import Ascent, Climbed, ascent
from alertd.domain.last_word import as_they_know
from alertd.domain.next_look import due, look_at, retry_after
from alertd.domain.people import listeners, unreachable
from alertd.domain.quiet import Person, first_told
from alertd.domain.targets import ways
from alertd.domain.turn import Turn
from alertd.domain.watch import NO_WAY, Duty, Rest, Verdict


def speak(duty: Duty, now: datetime, services: tuple[str, ...], knowledge: Knowledge) -> Verdict:
    """What is owed now to a family that the open incident touches."""
    touched = silence.touched_at(duty, now)
    standing = silence.deadline(duty, now, knowledge, touched)
    climbing = ascent(duty, knowledge, now, touched)
    family = _household(duty, now, services, knowledge, standing, climbing, (), touched)
    if not family.people:
        return Verdict(rest=unreachable(duty, services), next_by=standing, touched_at=touched, cancel=True)
    told, climbed = family.tell()
    brought = {owed.caregiver for owed in climbed.owed if owed.caregiver not in family.ids()}
    if brought:  # their hours count from now on, also for what they are told now
        wider = _household(duty, now, services, knowledge, standing, climbing, brought, touched)
        family = replace(wider, people=family.people)
        told, climbed = family.tell()
    owed = told.owed + climbed.owed
    now_told = {each.caregiver for each in climbed.owed}
    if climbed.look_at is not None:
        told.wake_at.append(climbed.look_at)
    told.wake_at += family.detours(told.turn, owed, now_told)
    resting = None
    if not owed and not any(person.may_be_told(now) for person in family.people):
        resting = Rest.CAPPED if any(person.present(now) for person in family.people) else Rest.QUIET
    return Verdict(
        owed=tuple(owed),
        holding=bool(owed) and told.turn.update > duty.incident.newest.number,
        update=told.turn.update if owed else 0,
        next_by=family.deadline,
        touched_at=touched,
        look_at=look_at(
            duty,
            now,
            family.hereafter,
            knowledge,
            deadline=family.deadline,
            due_at=family.due_at,
            owed=owed,
            wake_at=told.wake_at,
        ),
        rest=resting,
        waiting=tuple([each for each in told.waiting if each not in now_told]),
        ladder=climbed.state,
        step=climbed.step,
    )


def _household(
    duty: Duty,
    now: datetime,
    services: tuple[str, ...],
    knowledge: Knowledge,
    standing: datetime,
    climbing: Ascent | None,
    brought: Collection[str],
    touched: datetime,
) -> "Household":
    """Those who can be told, and the deadline that they have together; a ladder tells those `brought` now."""
    hereafter = listeners(duty, services, knowledge, brought=brought)
    people = as_they_know(duty, services, knowledge, hereafter, brought)
    for person in {id(each): each for each in (*people, *hereafter)}.values():
        hold(person, knowledge, duty.family, duty.policy, now)
    standing = silence.shortened(duty, people, knowledge, standing, touched)
    deadline = first_told(people, standing) or standing
    due_at = due(people, deadline, duty.margin) if people else deadline
    return Household(
        duty, now, services, people, people, hereafter, knowledge, deadline, due_at, climbing, touched
    )


@dataclass(slots=True)
class Round:
    """What came of asking everybody once."""

    turn: Turn
    owed: list[Owed]
    waiting: list[str]
    wake_at: list[datetime]


@dataclass(slots=True)
class Household:
    """The people of one family who can be told, and what they know."""

    duty: Duty
    now: datetime
    services: tuple[str, ...]
    people: list[Person]
    together: list[Person]  # with those whom the ladder brings in now
    hereafter: list[Person]  # the same under the quiet rules that hold once they know of a fall
    knowledge: Knowledge
    deadline: datetime
    due_at: datetime
    ascent: Ascent | None
    touched: datetime

    def ids(self) -> set[str]:
        """Of those who are asked what they lack."""
        return {person.caregiver.id for person in self.people}

    def tell(self) -> "tuple[Round, Climbed]":
        """What everybody is owed now, and what the ladder owes beside it."""
        told = self.round(is_due=self.now >= self.due_at and not self.in_hand())
        climbed = self.climb(told)
        if (
            (told.owed or climbed.owed)
            and told.turn.update <= self.knowledge.told
            and self.nearly_due(self.due_at)
        ):
            told = self.round(is_due=True)
            climbed = self.climb(told)
        return told, climbed

    @property
    def late(self) -> bool:
        """Whether what is owed now is so late because alertd itself was down, as no provider or rate is."""
        duty = self.duty
        planned = (telling.planned_at for telling in duty.tellings)
        if duty.watch.rest in NO_WAY:
            return False  # nobody could be told then, whether we ran or not
        return bool(duty.downtimes) and is_late(
            duty.downtimes, planned, due_at=self.due_at, deadline=self.deadline, now=self.now
        )

    def climb(self, told: Round) -> Climbed:
        """What the ladder owes beside what everybody is owed now."""
        return self.ascent.climb(told.turn, told.owed) if self.ascent is not None else Climbed()

    def detours(self, turn: Turn, owed: Collection[Owed], climbed: Collection[str]) -> list[datetime]:
        """When to look whether those whom the ladder tells what they lack have it."""
        looks = [
            look_again(turn, person, [each for each in owed if each.caregiver == person.caregiver.id])
            for person in self.together
            if person.caregiver.id in climbed
        ]
        return [look for look in looks if look is not None]

    def in_hand(self) -> bool:
        """Whether a newer message is on its way, and its own time has not come.

        A holding that another family has written meanwhile would only say the same again.
        """
        said = self.knowledge.newer_by
        return said is not None and self.now < due(self.together, said, self.duty.margin)

    def nearly_due(self, due_at: datetime) -> bool:
        """Whether the silence rule speaks within a margin: who wakes up or joins now gets one message, not two."""
        incident, now, margin = self.duty.incident, self.now, self.duty.margin
        promise = silence.open_promise(incident, now)
        bound = promise is not None and promise <= self.deadline  # a holding now would have to say the same time
        return due_at <= now + margin and (not bound or silence.closes_promise(incident, now, margin))

    def round(self, *, is_due: bool) -> Round:
        """Ask for each person what they are owed; `is_due`: the silence rule speaks."""
        duty, now, incident = self.duty, self.now, self.duty.incident
        holding = is_due and self._may_hold()
        update = incident.newest.number + 1 if holding else silence.newest_to_tell(incident).number
        closing = holding and silence.closes_promise(incident, now, duty.margin)
        if update > self.knowledge.told:
            after = self._after(update) if holding else self.hereafter
            promised = silence.next_by(duty, after, now, closes_promise=closing)
        else:
            promised = max(self.deadline, now)  # a repeat says what the family already knows (R4)
        asks = self.ascent is not None and self.ascent.asks
        turn = Turn(
            duty, now, self.services, self.knowledge, update, promised, incident.news, asks, self.late,
            self.deadline, self.touched,
        )  # fmt: skip
        asked = Round(turn, [], [], [])
        for person in self.people:
            deliveries, later, waits = hear(turn, person, is_due=is_due)
            asked.owed += deliveries
            if waits:
                asked.waiting.append(person.caregiver.id)
            if later is not None:
                asked.wake_at.append(later)
        if is_due and not asked.owed:
            woken = first_told(self.people, now)
            if woken is not None and woken > now:  # whoever wakes first hears it then
                asked.wake_at.append(woken)
        return asked

    def _after(self, update: int) -> list[Person]:
        """The people as they are once a holding was sent: those who got it by phone have one less left."""
        turn = Turn(self.duty, self.now, self.services, self.knowledge, update, self.now, self.duty.incident.news)
        return [
            replace(person, held_until=person.held_after) if turn.holds_back(person) else person
            for person in self.hereafter
        ]

    def _may_hold(self) -> bool:
        """Whether the next holding is to be written: the newest was told, or cannot be told, or is not enough."""
        knowledge, now = self.knowledge, self.now
        present = [person for person in self.together if person.may_be_told(now)]
        if not present:
            return False
        newest = silence.newest_to_tell(self.duty.incident).number
        if knowledge.told >= newest:
            return True
        incident = self.duty.incident
        if knowledge.told >= incident.news.number and silence.closes_promise(incident, now, self.duty.margin):
            return True  # another family's holding, written too early, does not stand for the promised update
        if knowledge.in_flight or knowledge.planned_at is None:
            return False
        known = [knowledge.at(a.id) for person in present for a in ways(person, now)]
        # What only our own fault stopped is tried again as it is; a new number is for what a provider gave up.
        exhausted = all(each.failed == newest for each in known) and any(each.lost == newest for each in known)
        # Once more at a deadline that none of these tries was for: what was taken back had hidden it.
        hidden = knowledge.planned_at < due(self.together, self.deadline, self.duty.margin)
        hidden = hidden and not silence.put_off(self.duty, now, knowledge)
        return exhausted and (hidden or now >= knowledge.planned_at + retry_after(self.duty))
