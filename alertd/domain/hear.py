"""What one caregiver is to hear in a turn: now and how, or when they wake up or come on duty (R10, R12)."""

from datetime import datetime

from alertd.domain import silence
from alertd.domain.delivery import Framing, Owed, Reason
from alertd.domain.incident import Kind, Severity, Update
from alertd.domain.knowledge import Known
from alertd.domain.quiet import Person
from alertd.domain.targets import copy_targets, floor_target, loud_targets, soft_targets
from alertd.domain.turn import Turn


def hear(turn: Turn, person: Person, *, is_due: bool) -> tuple[list[Owed], datetime | None, bool]:
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
