"""What an exercise owes: one message to everybody who would be told, and the word that it is over (R5)."""

from dataclasses import replace
from datetime import datetime, timedelta

from alertd.domain.delivery import Owed, Reason
from alertd.domain.knowledge import Knowledge
from alertd.domain.people import listeners, unreachable
from alertd.domain.quiet import Person
from alertd.domain.silence import newest_to_tell, patience
from alertd.domain.targets import loud_targets
from alertd.domain.turn import Turn
from alertd.domain.watch import Duty, Verdict

_DAY = timedelta(days=1)  # nothing falls due: its end comes with a fan-out, and so does a change of the family


def rehearse(duty: Duty, now: datetime, services: tuple[str, ...], knowledge: Knowledge) -> Verdict:
    """Nobody is woken, nobody is asked, nothing is promised, and nothing is said again."""
    people = listeners(duty, services)
    if not people:
        return Verdict(rest=unreachable(duty, services), cancel=True)
    update = newest_to_tell(duty.incident).number
    turn = Turn(duty, now, services, knowledge, update, now, duty.incident.news)
    owed: list[Owed] = []
    looks = [now + _DAY]
    for person in people:
        known = knowledge.of(person)
        if known.covered >= max(known.failed, 1):
            continue
        awake = person.first_loud(now)
        if awake is None or awake > now:
            looks += [awake] if awake is not None else []
        else:
            owed += _tell(turn, person)
    if owed or knowledge.in_flight:
        looks.append(now + patience(duty))
    again = knowledge.again_in(update)
    looks += [now + again] if again is not None else []
    return Verdict(owed=tuple(owed), update=update if owed else 0, look_at=min(looks))


def _tell(turn: Turn, person: Person) -> list[Owed]:
    known = turn.knowledge.of(person)
    told = []
    for address, reason in loud_targets(person, turn.knowledge, turn.update, Reason.FIRST_NOTICE, ()):
        if not turn.covered(address):
            loud = address.channel != "email"
            message = turn.message(person, known, address, reason, loud=loud, asleep=False, wakes=False)
            reader = replace(message.reader, hears_by=None, quiet=False, end_wakes=False)
            told.append(replace(message, next_by=None, stale_after=None, reader=reader))
    return told
