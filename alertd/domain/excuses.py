"""Whether the excuse of a family that has not heard in time is true. Shares no code with the planner.

It is asked the other way round: not what is owed, but whether anything at all explains the silence. Where the
two disagree, a human is told.
"""

from dataclasses import replace
from datetime import timedelta

from alertd.domain.audit import Case, Cursor, Evidence, Excuse, Suspect
from alertd.domain.audit_people import SILENT, asleep, hearers, muted, tellable

STANDSTILL = timedelta(seconds=30)
"""Machine time for which an update may stand still before it is no excuse any more (as for /readyz)."""

LONGEST_REST = timedelta(days=8)
"""Quiet and duty hours come round within a week: nobody rests longer without being looked at."""

_UNPLANNED = frozenset({"closed", "not_touched"})
"""True of no family that an open incident touches; so it is until the update that touches it has arrived."""


def excuse_of(suspect: Suspect, case: Case, evidence: Evidence) -> Excuse | None:
    """The excuse that the watch names, if it is true; None: the family is unaccounted for."""
    if _fresh(suspect, case) and any(_reaches(cursor, suspect, case) for cursor in case.cursors):
        return Excuse.FAN_OUT
    if suspect.next_by is None or suspect.rest in _UNPLANNED:
        return None
    match suspect.rest:
        case None:
            return _not_taken(suspect, case, evidence)
        case Excuse.NO_ADDRESS:
            return Excuse.NO_ADDRESS if not _usable(case, evidence) else None
        case Excuse.OPTED_OUT:
            stopped = [opted_out for _, _, opted_out in evidence.addresses.values()]
            return Excuse.OPTED_OUT if stopped and all(stopped) else None
        case Excuse.MUTED:
            return Excuse.MUTED if _muted(case, evidence) else None
        case Excuse.QUIET:
            return Excuse.QUIET if _quiet(suspect, case, evidence) else None
        case Excuse.CAPPED:
            used_up = evidence.tries.capped >= _most(case, evidence) and not _silent(case, evidence)
            return Excuse.CAPPED if used_up and _looked_at(suspect, case) else None
    return None


def _fresh(suspect: Suspect, case: Case) -> bool:
    """Whether this family has not been planned yet as the incident now is."""
    if suspect.epoch is None or suspect.rest in _UNPLANNED:
        return True
    return suspect.epoch < case.incident.epoch


def _reaches(cursor: Cursor, suspect: Suspect, case: Case) -> bool:
    moves = case.machine_at - cursor.moved_at <= STANDSTILL
    ahead = cursor.position < suspect.family and (cursor.until is None or suspect.family <= cursor.until)
    return moves and ahead and (cursor.scope or suspect.epoch is not None)


def _not_taken(suspect: Suspect, case: Case, evidence: Evidence) -> Excuse | None:
    """Providers answer for what they did not take; for a deadline that nobody was promised they do not."""
    if suspect.next_by is None or suspect.next_by > case.now:
        return None
    tries = evidence.tries
    if tries.under_way:
        if tries.tried:
            return Excuse.PROVIDER_DOWN if not _idle(case, evidence) else None
        # An address, a preference or an hour has changed; who plans them anew again and again has no such excuse.
        first = tries.before is None or tries.before <= suspect.next_by
        return Excuse.JUST_DUE if tries.fresh and first else None
    if tries.given_up is None or (tries.stopped is not None and tries.stopped > tries.given_up):
        return None  # what our own fault stops is tried again and again: the provider answers for nothing since
    return Excuse.UNDELIVERED


def _idle(case: Case, evidence: Evidence) -> bool:
    """Whether somebody waits for a message that another address of theirs could have had by now, and has not.

    For whoever has nothing but old holdings to hear, a phone that rang so often today is none. Where that very
    message failed, or a newer one, is no way for it. One that failed in an older message is: a phone that was off
    this morning explains nothing of what is said tonight, and each new update is owed wherever it has not failed.
    """
    family, tries = evidence.family, evidence.tries
    if family is None:
        return False  # no address of theirs is idle, or nobody can tell
    spent = tries.capped + len(tries.waits) >= _most(case, evidence)
    late = replace(case, now=case.now - case.patience)
    for person in hearers(case, evidence):
        mine = [each.id for each in person.addresses]
        waits = [tries.waits[which] for which in mine if which in tries.waits]
        if not waits or max(each.at for each in waits) > late.now or muted(person, family, case):
            continue
        newest = max(each.update for each in waits)
        if not all(tellable(person, family, at, evidence) for at in (late, case)):
            continue
        silently = asleep(person, family, late) or asleep(person, family, case)
        for which in mine:
            channel, usable, _ = evidence.addresses.get(which, ("", False, False))
            if not usable or channel not in case.channels or which in tries.waits:
                continue
            if tries.failed.get(which, newest - 1) >= newest:
                continue
            if channel in SILENT or not (silently or spent):
                return True
    return False


def _looked_at(suspect: Suspect, case: Case) -> bool:
    return suspect.look_at is not None and suspect.look_at <= case.now + LONGEST_REST


def _usable(case: Case, evidence: Evidence) -> bool:
    return any(usable and channel in case.channels for channel, usable, _ in evidence.addresses.values())


def _most(case: Case, evidence: Evidence) -> int:
    """How many holdings a day by SMS those may get who asked for the fewest."""
    rules, family = case.policy.silence.holdings, evidence.family
    if family is None:
        return rules.sms_per_day
    asked = [each.preferences.holdings or family.preferences.holdings for each in hearers(case, evidence)]
    return max(1, min(rules.loud, rules.sms_per_day)) if "few" in asked else rules.sms_per_day


def _silent(case: Case, evidence: Evidence) -> bool:
    """Whether somebody could be told by what is no SMS: the cap holds nothing of that back."""
    mine = {each.id for person in hearers(case, evidence) for each in person.addresses}
    found = evidence.addresses.items()
    return any(
        usable and channel in case.channels and channel not in ("sms", "voice")
        for name, (channel, usable, _) in found
        if name in mine
    )


def _muted(case: Case, evidence: Evidence) -> bool:
    people = hearers(case, evidence)
    family = evidence.family
    return bool(people) and family is not None and all(muted(person, family, case) for person in people)


def _quiet(suspect: Suspect, case: Case, evidence: Evidence) -> bool:
    family = evidence.family
    if family is None or not _looked_at(suspect, case):
        return False
    people = [person for person in hearers(case, evidence) if not muted(person, family, case)]
    return bool(people) and not any(tellable(person, family, case, evidence) for person in people)
