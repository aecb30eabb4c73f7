"""What one caregiver is to hear in a turn: now and how, or when they wake up or come on duty (R10, R12)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from alertd.domain.correction import lacks_news, received
from alertd.domain.delivery import Framing, Owed, Reason
from alertd.domain.family import Address, Family
from alertd.domain.holdings import PHONE, freed_at, goes_soft
from alertd.domain.incident import Kind, Severity, Update
from alertd.domain.knowledge import Known
from alertd.domain.next_channel import idle, over_next, when
from alertd.domain.quiet import Person, sooner
from alertd.domain.targets import copy_targets, floor_target, loud_targets, soft_targets
from alertd.domain.turn import Turn

_CRITICAL, _SILENCE = Severity.CRITICAL, Reason.SILENCE  # Python 3.11 is slow to find them


def hear(turn: Turn, person: Person, *, is_due: bool) -> tuple[list[Owed], datetime | None, bool]:
    """The deliveries for one person, when to look again for them, and whether something waits for them."""
    known = turn.knowledge.of(person)
    own_due = _own_due(turn, person, known)
    reason = _reason(turn, person, known, is_due=is_due)
    if reason is None and own_due is not None and turn.now >= own_due:
        reason = Reason.SILENCE
    if reason is not None:
        return _on_its_way(turn, person, known, *_tell(turn, person, known, reason))
    if known.failed > known.covered:
        deliveries, later, waits = _tell(turn, person, known, Reason.FALLBACK)
        if deliveries or waits:
            return _on_its_way(turn, person, known, deliveries, later, waits)
    look: datetime | None = None
    if known.told < known.covered and known.flying_at is not None:
        deliveries, look = _detour(turn, person, known, known.flying_at)
        if deliveries:
            return deliveries, look, False
    deliveries, later = _floor(turn, person, known)
    if not deliveries and later is None:
        deliveries, later = _wake_up(turn, person, known)
    return deliveries, sooner(sooner(later, own_due), look), False


def look_again(turn: Turn, person: Person, deliveries: list[Owed]) -> datetime | None:
    """When to look whether what a ladder owes to somebody who lacks it was taken, where there is another way."""
    known = turn.knowledge.of(person)
    if known.told >= turn.update:
        return None
    return _on_its_way(turn, person, known, deliveries, None, waits=False)[1]


def _on_its_way(
    turn: Turn, person: Person, known: Known, deliveries: list[Owed], later: datetime | None, waits: bool
) -> tuple[list[Owed], datetime | None, bool]:
    """What is owed now, and when to look whether it was taken, where there is another way."""
    if (
        deliveries
        and len(deliveries) < len(person.usable)
        and idle(turn, person, known, [owed.address for owed in deliveries])
    ):
        later = sooner(later, when(turn, person, known, planned_at=turn.now, tried_at=None))
    return deliveries, later, waits


def _detour(turn: Turn, person: Person, known: Known, planned_at: datetime) -> tuple[list[Owed], datetime | None]:
    """What is on its way and not taken, over the next channel too when its time has come; or when to look."""
    if not idle(turn, person, known):
        return [], None
    at = when(turn, person, known, planned_at=planned_at, tried_at=known.flying_tried)
    if at is None or at > turn.now:
        return [], at
    lacks = _lacked(turn, person, replace(known, covered=known.told))
    wakes = bool(lacks & turn.duty.policy.wakes.get(turn.duty.incident.severity, frozenset()))
    deliveries, later = over_next(turn, person, known, wakes=wakes)
    if deliveries:
        return _on_its_way(turn, person, known, deliveries, later, waits=False)[:2]
    return [], later


def _own_due(turn: Turn, person: Person, known: Known) -> datetime | None:
    """When this person is to hear what only others were told since: what they were promised binds us too."""
    if known.next_by is None or known.covered >= turn.update or known.covered > known.told:
        return None  # nothing was promised, nothing is lacked, or something newer is on its way
    return person.first_told(known.next_by - turn.duty.margin)


def _reason(turn: Turn, person: Person, known: Known, *, is_due: bool) -> Reason | None:
    """Why this person is owed a message now; None when they lack nothing."""
    waited = turn.waited(person)
    if lacks_news(turn.duty, person, known):
        if waited and known.told:
            return Reason.WAKE_UP
        return Reason.NEWS if known.told else Reason.FIRST_NOTICE
    if known.covered >= turn.update:
        return None
    if waited:
        return Reason.WAKE_UP
    return _SILENCE if is_due else None


def _failed(turn: Turn, known: Known) -> int:
    """The update for which addresses that failed are passed over: the one that this person was to be told.

    A number that another family has caused meanwhile is no other message; a holding of their own is.
    """
    own = turn.update > turn.duty.incident.newest.number
    lacked = known.failed > known.covered and known.failed >= turn.news.number
    return known.failed if lacked and not own else turn.update


def _tell(turn: Turn, person: Person, known: Known, reason: Reason) -> tuple[list[Owed], datetime | None, bool]:
    now, duty = turn.now, turn.duty
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None:
        return [], off, True
    severity = duty.incident.severity
    failed = _failed(turn, known)
    wakes = bool(_lacked(turn, person, known) & duty.policy.wakes.get(severity, frozenset()))
    if asleep is None and not wakes and turn.framing(person, known, asleep=False) is Framing.HOLDING:
        return _hold(turn, person, known, reason, failed)
    if asleep is None or wakes:
        floor = duty.policy.floor if wakes and severity is _CRITICAL else ()
        targets = loud_targets(person, turn.knowledge, failed, reason, floor)
        if not targets and reason is not Reason.FALLBACK:  # a new number frees every address (decision 5)
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
    softly = soft_targets(person, turn.knowledge, failed, reason)
    if not softly and reason is not Reason.FALLBACK:
        softly = soft_targets(person, turn.knowledge, turn.update, reason)
    deliveries = [
        turn.message(person, known, a, why, loud=False, asleep=True, wakes=False)
        for a, why in softly
        if not turn.covered(a)
    ]
    if not deliveries:
        return [], asleep, True
    copies = copy_targets(person, turn.knowledge, turn.update)
    return deliveries, person.first_loud(now) if copies else None, False


def _hold(
    turn: Turn, person: Person, known: Known, reason: Reason, failed: int
) -> tuple[list[Owed], datetime | None, bool]:
    """A holding by day: silently after the first in a row, and by phone only so often (R3)."""
    duty = turn.duty
    rules = turn.knowledge, duty.family, duty.policy
    for number in (failed, turn.update):  # a new number frees every address (decision 5)
        softly = soft_targets(person, turn.knowledge, number, reason)
        if softly and goes_soft(person, *rules, news=turn.news.number):
            return _messages(turn, person, known, softly, loud=False), None, False
        targets = loud_targets(person, turn.knowledge, number, reason, ())
        if freed_at(person, *rules, now=turn.now) is not None:
            if all(a.channel in PHONE for a in person.usable):
                return [], person.held_until, False
            quieter = [(a, why) for a, why in targets if a.channel not in PHONE]
            if not quieter and softly:
                return _messages(turn, person, known, softly, loud=False), None, False
            targets = quieter or targets
        if targets or reason is Reason.FALLBACK:
            break
    return _messages(turn, person, known, targets, loud=True), None, False


def _messages(
    turn: Turn, person: Person, known: Known, targets: Sequence[tuple[Address, Reason]], *, loud: bool
) -> list[Owed]:
    return [
        turn.message(person, known, a, why, loud=loud and a.channel != "email", asleep=False, wakes=False)
        for a, why in targets
        if not turn.covered(a)
    ]


def _floor(turn: Turn, person: Person, known: Known) -> tuple[list[Owed], datetime | None]:
    """Another floor address, where the one that carried a critical message failed afterwards (R12)."""
    duty, now = turn.duty, turn.now
    if not known.failed or known.failed != known.covered or duty.incident.severity is not Severity.CRITICAL:
        return [], None
    told = duty.incident.tells(known.failed) | ({Kind.NOTICE} if known.failed_as is Framing.NOTICE else set())
    if not told & duty.policy.wakes.get(Severity.CRITICAL, frozenset()):
        return [], None
    address = floor_target(person, turn.knowledge, known.failed, duty.policy.floor)
    if address is None:
        return [], None
    off, asleep = person.off_until(now), person.asleep_until(now)
    if off is not None or (asleep is not None and known.roused < known.failed):
        return [], person.first_loud(now)
    at_night = asleep is not None
    return [
        turn.message(
            person,
            known,
            address,
            Reason.FLOOR,
            loud=True,
            asleep=at_night,
            wakes=at_night,
            framing=known.failed_as,
        )
    ], None


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


def _lacked(turn: Turn, person: Person, known: Known) -> set[Kind]:
    """The kinds of human update that this person lacks; whoever was told nothing lacks the notice.

    For whoever never heard what it corrects, a correction is news like any other.
    """
    if not known.covered:
        return {Kind.NOTICE}
    lacked: set[Kind] = set()
    family, told = turn.duty.family, turn.duty.incident.updates[0]
    updates, gone = turn.duty.incident.updates, turn.duty.incident.recalled
    for place in range(len(updates) - 1, -1, -1):
        update = updates[place]
        if update.number <= known.covered:
            told = update
            break
        if update.human and update.notify and update.number not in gone:
            before = updates[place - 1] if place else None
            kinds = update.tells(before)
            if Kind.SCOPE in kinds and before is not None and not _fails_more(family, before, update):
                kinds = kinds - {Kind.SCOPE} | {Kind.PROGRESS}
            if Kind.CORRECTION in kinds and not received(turn.duty, person, update):
                kinds = kinds - {Kind.CORRECTION} | {Kind.PROGRESS}
            lacked |= kinds
    newest = updates[-1]
    if Kind.SEVERITY in lacked and newest.facts.severity.rank <= told.facts.severity.rank:
        lacked = lacked - {Kind.SEVERITY} | {Kind.PROGRESS}  # it was milder for a time of which they never heard
    if Kind.SCOPE in lacked and not _fails_more(family, told, newest):
        lacked = lacked - {Kind.SCOPE} | {Kind.PROGRESS}
    return lacked


def _fails_more(family: Family, before: Update, after: Update) -> bool:
    """Whether more fails for a family after a change of scope: what concerns others wakes nobody here (R15)."""
    was, fails = (u.facts.scope.touching(family.services, family.region) for u in (before, after))
    return not set(fails) <= set(was)
