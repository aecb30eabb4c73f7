"""What an affected family is owed while the outage lasts: notice, news, holding, wake-up (R1-R4, R10)."""

from dataclasses import dataclass
from datetime import datetime

from alertd.domain import silence
from alertd.domain.delivery import Framing, Owed, Reason
from alertd.domain.incident import Kind, Severity, Update
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.next_look import due, look_at, retry_after
from alertd.domain.people import listeners, unreachable
from alertd.domain.quiet import Person, first_told
from alertd.domain.targets import copy_targets, floor_target, loud_targets, soft_targets, ways
from alertd.domain.turn import Turn
from alertd.domain.watch import Duty, Rest, Verdict


def speak(duty: Duty, now: datetime, services: tuple[str, ...], knowledge: Knowledge) -> Verdict:
    """What is owed now to a family that the open incident touches."""
    people = hereafter = listeners(duty, services)
    touched = silence.touched_at(duty, now)
    deadline = silence.deadline(duty, knowledge, touched)
    if not people:
        return Verdict(rest=unreachable(duty, services), next_by=deadline, touched_at=touched)
    left = silence.severity_left(duty.incident, knowledge)
    if left is not None:
        people = listeners(duty, services, quiet_as=left)
    deadline = first_told(people, deadline) or deadline
    due_at = due(people, deadline, duty.margin)
    family = Household(duty, now, services, people, hereafter, knowledge, deadline)
    told = family.round(is_due=now >= due_at and not family.in_hand())
    if told.owed and told.turn.update <= knowledge.told and family.nearly_due(due_at):
        told = family.round(is_due=True)
    owed = told.owed
    resting = not owed and not any(person.may_be_told(now) for person in people)
    return Verdict(
        owed=tuple(owed),
        holding=bool(owed) and told.turn.update > duty.incident.newest.number,
        update=told.turn.update if owed else 0,
        next_by=deadline,
        touched_at=touched,
        look_at=look_at(
            duty, now, hereafter, knowledge, deadline=deadline, due_at=due_at, owed=owed, wake_at=told.wake_at
        ),
        rest=Rest.QUIET if resting else None,
        waiting=tuple(told.waiting),
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
    hereafter: list[Person]  # the same under the quiet rules that hold once they know of a fall
    knowledge: Knowledge
    deadline: datetime

    def in_hand(self) -> bool:
        """Whether a newer message is on its way and its own time has not come: a holding that another family has
        written meanwhile would only say the same again."""
        said = self.knowledge.flying_by
        return said is not None and self.now < due(self.people, said, self.duty.margin)

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
            promised = silence.next_by(duty, self.hereafter, now, closes_promise=closing)
        else:
            promised = max(self.deadline, now)  # a repeat says what the family already knows (R4)
        turn = Turn(duty, now, self.services, self.knowledge, update, promised, incident.news)
        asked = Round(turn, [], [], [])
        for person in self.people:
            deliveries, later, waits = _turn_to(turn, person, is_due=is_due)
            asked.owed += deliveries
            if waits:
                asked.waiting.append(person.caregiver.id)
            if later is not None:
                asked.wake_at.append(later)
        return asked

    def _may_hold(self) -> bool:
        """Whether the next holding is to be written: the newest was told, or cannot be told, or is not enough."""
        knowledge, now = self.knowledge, self.now
        present = [person for person in self.people if person.may_be_told(now)]
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
        failed = {address for address, known in knowledge.by_address.items() if known.failed == newest}
        exhausted = all(a.id in failed for person in present for a in ways(person, now))
        return exhausted and now >= knowledge.planned_at + retry_after(self.duty)


def _turn_to(turn: Turn, person: Person, *, is_due: bool) -> tuple[list[Owed], datetime | None, bool]:
    """The deliveries for one person, when to look again for them, and whether something waits for them."""
    known = turn.knowledge.of(person)
    own_due = _own_due(turn, person, known)
    reason = _reason(turn, person, known, is_due=is_due)
    if reason is None and own_due is not None and turn.now >= own_due:
        reason = Reason.SILENCE
    if reason is not None:
        return _tell(turn, person, known, reason)
    deliveries, later = _floor(turn, person, known)
    if not deliveries and later is None:
        deliveries, later = _wake_up(turn, person, known)
    if own_due is not None and (later is None or own_due < later):
        later = own_due
    return deliveries, later, False


def _own_due(turn: Turn, person: Person, known: Known) -> datetime | None:
    """When this person is to hear what only others were told since: what they were promised binds us too."""
    if known.next_by is None or known.covered >= turn.update or known.covered > known.told:
        return None  # nothing was promised, nothing is lacked, or something newer is on its way
    return person.first_told(known.next_by - turn.duty.margin)


def _reason(turn: Turn, person: Person, known: Known, *, is_due: bool) -> Reason | None:
    """Why this person is owed a message now; None when they lack nothing."""
    waited = turn.waited(person)
    if known.covered < turn.news.number:
        if waited and known.told:
            return Reason.WAKE_UP
        return Reason.NEWS if known.told else Reason.FIRST_NOTICE
    if known.covered >= turn.update:
        return None
    if waited:
        return Reason.WAKE_UP
    if is_due:
        return Reason.SILENCE
    return Reason.FALLBACK if known.failed == turn.update else None


def _tell(turn: Turn, person: Person, known: Known, reason: Reason) -> tuple[list[Owed], datetime | None, bool]:
    now, duty = turn.now, turn.duty
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None:
        return [], off, True
    severity = duty.incident.severity
    wakes = bool(_lacked(turn, known) & duty.policy.wakes.get(severity, frozenset()))
    if asleep is None or wakes:
        floor = duty.policy.floor if wakes and severity is Severity.CRITICAL else ()
        targets = loud_targets(person, turn.knowledge, turn.update, reason, floor)
        return (
            [
                turn.message(
                    person, known, a, why, loud=a.channel != "email", asleep=asleep is not None, wakes=wakes
                )
                for a, why in targets
                if not turn.covered(a)
            ],
            None,
            False,
        )
    if not person.soft_at_night:
        return [], asleep, True
    deliveries = [
        turn.message(person, known, a, why, loud=False, asleep=True, wakes=False)
        for a, why in soft_targets(person, turn.knowledge, turn.update, reason)
        if not turn.covered(a)
    ]
    if not deliveries:
        return [], asleep, True
    copies = copy_targets(person, turn.knowledge, turn.update)
    return deliveries, person.first_loud(now) if copies else None, False


def _floor(turn: Turn, person: Person, known: Known) -> tuple[list[Owed], datetime | None]:
    """Another floor address, where the one that carried a critical message failed afterwards (R12)."""
    duty, now = turn.duty, turn.now
    if known.failed != turn.update or duty.incident.severity is not Severity.CRITICAL:
        return [], None
    first = not known.told or known.framing is Framing.NOTICE
    wakes = duty.policy.wakes.get(Severity.CRITICAL, frozenset())
    if silence.newest_to_tell(duty.incident).kind not in wakes and not (first and Kind.NOTICE in wakes):
        return [], None
    address = floor_target(person, turn.knowledge, turn.update, duty.policy.floor)
    if address is None:
        return [], None
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None or (asleep is not None and known.roused < turn.update):
        return [], person.first_loud(now)
    at_night = asleep is not None
    return [turn.message(person, known, address, Reason.FLOOR, loud=True, asleep=at_night, wakes=at_night)], None


def _wake_up(turn: Turn, person: Person, known: Known) -> tuple[list[Owed], datetime | None]:
    """One loud message after quiet hours for whoever was told softly, or when to give it."""
    if known.soft_in_quiet <= known.covered_awake:
        return [], None
    targets = copy_targets(person, turn.knowledge, turn.update)
    if not targets:
        return [], None
    awake = person.first_loud(turn.now)
    if awake is None or awake > turn.now:
        return [], awake
    return [
        turn.message(person, known, a, Reason.WAKE_UP, loud=True, asleep=False, wakes=False, copy=True)
        for a in targets
    ], None


def _lacked(turn: Turn, known: Known) -> set[Kind]:
    """The kinds of human update that this person lacks; whoever was told nothing lacks the notice.

    A fall is no reason to wake anybody: of changes of severity only raises count.
    """
    if not known.covered:
        return {Kind.NOTICE}
    lacked: set[Kind] = set()
    before: Update | None = None
    for update in turn.duty.incident.updates:
        if update.number > known.covered and update.human and update.notify:
            falls = before is not None and update.facts.severity.rank <= before.facts.severity.rank
            if update.kind is not Kind.SEVERITY or not falls:
                lacked.add(update.kind)
        before = update
    return lacked
