"""When to think about a family again: the table "After plan, look_at" of the design."""

from datetime import datetime, timedelta

from alertd.domain import silence
from alertd.domain.delivery import Owed
from alertd.domain.incident import Incident
from alertd.domain.knowledge import Knowledge
from alertd.domain.quiet import Person, first_told
from alertd.domain.watch import Duty


def due(people: list[Person], deadline: datetime, margin: timedelta) -> datetime:
    """When the silence rule speaks: a margin before the deadline, never reaching back into quiet hours."""
    begin = deadline - margin
    return first_told(people, begin) or begin


def retry_after(duty: Duty) -> timedelta:
    """How long to wait with a new update after every way to tell the newest one has failed."""
    incident = duty.incident
    return silence.window(duty.policy, incident.severity, incident.state, asleep=False)


def _ending(knowledge: Knowledge) -> bool:
    """Whether "not affected after all" is on its way: it takes back what they know, once it arrives."""
    return any(known.ending for known in knowledge.by_number.values())


def _falling(incident: Incident, knowledge: Knowledge) -> bool:
    """Whether what is on its way may be graver than it is now: once it arrives, the fall is told so (R15)."""
    rank = incident.severity.rank
    return any(incident.upto(number).facts.severity.rank > rank for number in knowledge.flying)


def look_at(
    duty: Duty,
    now: datetime,
    people: list[Person],
    knowledge: Knowledge,
    *,
    deadline: datetime,
    due_at: datetime,
    owed: list[Owed],
    wake_at: list[datetime],
) -> datetime:
    """The earliest moment that applies, always later than `now`.

    An acceptance moves nothing, so the moments of both ends are kept: the deadline that stands while nobody
    has the message, and the one that the message itself says.
    """
    candidates = [due_at, *wake_at]
    patience = silence.patience(duty)
    if owed or knowledge.in_flight:
        said = {d.next_by for d in owed if d.next_by is not None and d.update > knowledge.told}
        candidates.append(deadline)
        # Each by itself: the time of one that has hung for long is past, and hides no other.
        says = said | knowledge.flying_say
        coming = [by for by in says if by > now]
        candidates += [max(due(people, by, duty.margin), min(now + patience, by)) for by in coming]
        if says and not coming:  # once it arrives, the next word is owed at once: nobody's wake-up hides that
            candidates.append(first_told(people, now + patience) or now + patience)
        if knowledge.in_flight and (_ending(knowledge) or _falling(duty.incident, knowledge)):
            candidates.append(now + patience)
    elif knowledge.planned_at is not None and knowledge.failed >= silence.newest_to_tell(duty.incident).number:
        candidates.append(knowledge.planned_at + retry_after(duty))
        promise = silence.open_promise(duty.incident, now)
        if promise is not None:  # the holding that keeps it is one more number, and frees every address
            candidates.append(due(people, promise, duty.margin))
    again = knowledge.again_in(silence.newest_to_tell(duty.incident).number)
    if again is not None:
        candidates.append(now + again)
    later = [moment for moment in candidates if moment > now]
    if later:
        return min(later)
    told = first_told(people, now + patience)
    if told is not None:
        return told
    # On duty only while they sleep: nobody may ever be told, until somebody changes that.
    return now + (patience if owed or knowledge.in_flight else retry_after(duty))
