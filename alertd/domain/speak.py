"""What an affected family is owed while the outage lasts: notice, news, holding, wake-up (R1-R4, R10)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from alertd.domain import silence
from alertd.domain.delivery import STEP_MESSAGE, STEP_WAKE_UP, Framing, Owed, Reader, Reason
from alertd.domain.family import Address
from alertd.domain.incident import Kind, Update
from alertd.domain.people import NOTHING_KNOWN, Knowledge, audience, meet
from alertd.domain.quiet import Person, first_told
from alertd.domain.targets import copy_targets, loud_targets, soft_targets
from alertd.domain.watch import Duty, Rest, Verdict


@dataclass(slots=True)
class Turn:
    """One planning of one family: what is shared by all its people."""

    duty: Duty
    now: datetime
    services: tuple[str, ...]
    people: list[Person]
    knowledge: Knowledge
    update: int  # the number that messages planned now carry
    deadline: datetime
    next_by: datetime  # what they say
    news: Update


def speak(duty: Duty, now: datetime, services: tuple[str, ...], knowledge: Knowledge) -> Verdict:
    """What is owed now to a family that the open incident touches."""
    met = [meet(caregiver, duty, services) for caregiver in audience(duty.family, duty.policy)]
    people = [person for person in met if person.reachable]
    deadline = silence.deadline(duty, knowledge)
    if not people:
        return Verdict(rest=_unreachable(duty, met), next_by=deadline)
    incident = duty.incident
    newest, news = incident.newest.number, incident.news
    due_at = _due(people, deadline, duty.margin)
    due = now >= due_at
    holding = due and _may_hold(duty, knowledge, people, now)
    closing = silence.closes_promise(incident, now, duty.margin)
    update = newest + 1 if holding else newest
    promised = silence.next_by(duty, people, now, closes_promise=holding and closing)
    if update <= knowledge.told:
        promised = max(deadline, now)  # a repeat says what the family already knows (R4)
    turn = Turn(duty, now, services, people, knowledge, update, deadline, promised, news)
    owed: list[Owed] = []
    waiting: list[str] = []
    wake_at: list[datetime] = []
    for person in people:
        reason = _reason(turn, person, due=due)
        if reason is None:
            copies, later = _wake_up(turn, person)
            owed += copies
            if later is not None:
                wake_at.append(later)
            continue
        deliveries, later, waits = _tell(turn, person, reason)
        owed += deliveries
        if waits:
            waiting.append(person.caregiver.id)
        if later is not None:
            wake_at.append(later)
    return _verdict(turn, owed, waiting, wake_at, due_at, holding=holding)


def _verdict(
    turn: Turn,
    owed: list[Owed],
    waiting: list[str],
    wake_at: list[datetime],
    due_at: datetime,
    *,
    holding: bool,
) -> Verdict:
    now, duty, knowledge = turn.now, turn.duty, turn.knowledge
    candidates = list(wake_at)
    fresh = any(delivery.update > knowledge.told for delivery in owed)
    if fresh or knowledge.in_flight:
        # Until a provider has it, the old deadline stands; after it, the new message's own.
        again = _due(turn.people, turn.next_by, duty.margin)
        candidates += [turn.deadline, max(again, now + duty.lease)]
    elif knowledge.planned_at is not None and knowledge.told < turn.duty.incident.newest.number:
        candidates.append(knowledge.planned_at + _retry_after(duty))
    candidates.append(due_at)
    later = [moment for moment in candidates if moment > now]
    quiet = not owed and not any(person.may_be_told(now) for person in turn.people)
    if not later:
        later = [first_told(turn.people, now + duty.lease) or now + duty.lease]
    return Verdict(
        owed=tuple(owed),
        holding=holding and bool(owed),
        update=turn.update if owed else 0,
        next_by=turn.deadline,
        look_at=min(later),
        rest=Rest.QUIET if quiet else None,
        waiting=tuple(waiting),
    )


def _may_hold(duty: Duty, knowledge: Knowledge, people: list[Person], now: datetime) -> bool:
    """Whether the next holding is owed: the newest was told, or all ways to tell it failed a window ago."""
    if not any(person.may_be_told(now) for person in people):
        return False
    if knowledge.told >= duty.incident.newest.number:
        return True
    if knowledge.in_flight or knowledge.planned_at is None:
        return False
    return now >= knowledge.planned_at + _retry_after(duty)


def _retry_after(duty: Duty) -> timedelta:
    incident = duty.incident
    return silence.window(duty.policy, incident.severity, incident.state, asleep=False)


def _due(people: list[Person], deadline: datetime, margin: timedelta) -> datetime:
    """When the silence rule speaks: a margin before the deadline, never reaching back into quiet hours."""
    begin = deadline - margin
    return first_told(people, begin) or begin


def _reason(turn: Turn, person: Person, *, due: bool) -> Reason | None:
    """Why this person is owed a message now; None when they lack nothing."""
    known = turn.knowledge.of(person)
    covered = max((k.covered for k in known), default=0)
    told = max((k.told for k in known), default=0)
    waited = person.caregiver.id in turn.duty.watch.waiting
    if covered < turn.news.number:
        if waited and told:
            return Reason.WAKE_UP
        return Reason.NEWS if told else Reason.FIRST_NOTICE
    if due and covered < turn.update:
        return Reason.SILENCE
    if covered < turn.update and any(k.failed == turn.update for k in known):
        return Reason.FALLBACK
    if waited and covered < turn.update:
        return Reason.WAKE_UP
    return None


def _tell(turn: Turn, person: Person, reason: Reason) -> tuple[list[Owed], datetime | None, bool]:
    """The deliveries for one person, when to look again for them, and whether they wait."""
    now, duty = turn.now, turn.duty
    off, asleep = person.off_until(now), person.asleep_until(now)
    wakes = bool(_lacked(turn, person) & duty.policy.wakes.get(duty.incident.severity, frozenset()))
    if off is not None:
        return [], off, True
    if asleep is None or wakes:
        floor = duty.policy.floor if wakes and duty.incident.severity.rank == 2 else ()
        targets = loud_targets(person, turn.knowledge, turn.update, reason, floor)
        deliveries = [
            _owed(turn, person, a, why, loud=a.channel != "email", in_quiet=asleep is not None, wakes=wakes)
            for a, why in targets
            if not _covered(turn, a)
        ]
        return deliveries, None, False
    if not person.soft_at_night:
        return [], asleep, True
    targets = soft_targets(person, turn.knowledge, turn.update, reason)
    deliveries = [
        _owed(turn, person, a, why, loud=False, in_quiet=True, wakes=False)
        for a, why in targets
        if not _covered(turn, a)
    ]
    return deliveries, asleep if copy_targets(person, turn.knowledge, turn.update) else None, False


def _wake_up(turn: Turn, person: Person) -> tuple[list[Owed], datetime | None]:
    """One loud message after quiet hours for whoever was told softly, or when to give it."""
    known = turn.knowledge.of(person)
    softly = max((k.soft_in_quiet for k in known), default=0)
    loudly = max((k.covered_loud for k in known), default=0)
    targets = copy_targets(person, turn.knowledge, turn.update)
    if softly <= loudly or not targets:
        return [], None
    awake = person.first_loud(turn.now)
    if awake is None or awake > turn.now:
        return [], awake
    return [
        _owed(turn, person, a, Reason.WAKE_UP, loud=True, in_quiet=False, wakes=False, step=STEP_WAKE_UP)
        for a in targets
    ], None


def _lacked(turn: Turn, person: Person) -> set[Kind]:
    """The kinds of human update that this person lacks; whoever was told nothing lacks the notice."""
    known = turn.knowledge.of(person)
    covered = max((k.covered for k in known), default=0)
    if not covered:
        return {Kind.NOTICE}
    return {u.kind for u in turn.duty.incident.updates if u.number > covered and u.human and u.notify}


def _covered(turn: Turn, address: Address) -> bool:
    return turn.knowledge.by_address.get(address.id, NOTHING_KNOWN).covered >= turn.update


def _owed(
    turn: Turn,
    person: Person,
    address: Address,
    reason: Reason,
    *,
    loud: bool,
    in_quiet: bool,
    wakes: bool,
    step: int = STEP_MESSAGE,
) -> Owed:
    duty, now = turn.duty, turn.now
    known = turn.knowledge.of(person)
    told = max((k.told for k in known), default=0)
    loudly = max((k.told_loud for k in known), default=0)
    asleep_then = person.asleep_until(turn.next_by) is not None
    framing = _framing(turn, person, told=told, copy=step == STEP_WAKE_UP)
    missed = 0
    if framing is Framing.WAKE_UP:
        missed = sum(u.human and u.notify and loudly < u.number <= turn.update for u in duty.incident.updates)
    return Owed(
        family=duty.family.id,
        caregiver=person.caregiver.id,
        address=address.id,
        channel=address.channel,
        update=turn.update,
        epoch=duty.incident.epoch,
        step=step,
        framing=framing,
        reason=reason,
        loud=loud,
        next_by=turn.next_by,
        stale_after=now + (turn.next_by - now) / 2 if turn.next_by > now else None,
        loud_until=person.loud_until(now) if loud and not in_quiet and not wakes else None,
        reader=Reader(
            to=address.to,
            locale=person.locale,
            zone=person.zone,
            services=turn.services,
            hears_by=person.first_loud(turn.next_by) if asleep_then else person.first_told(turn.next_by),
            quiet=asleep_then,
            missed=missed,
        ),
        in_quiet=in_quiet,
    )


def _framing(turn: Turn, person: Person, *, told: int, copy: bool) -> Framing:
    if not told and not copy:
        return Framing.NOTICE
    if copy or person.caregiver.id in turn.duty.watch.waiting:
        return Framing.WAKE_UP
    return Framing.UPDATE if told < turn.news.number else Framing.HOLDING


def _unreachable(duty: Duty, met: list[Person]) -> Rest:
    """Why nobody can be told, as the auditor and the report name it."""
    if met and all(not person.choice.channels for person in met):
        return Rest.MUTED
    notable = duty.addresses or {}
    addresses = [a for c in duty.family.caregivers for a in c.addresses]
    if addresses and all(a.id in notable and notable[a.id].opted_out for a in addresses):
        return Rest.OPTED_OUT
    return Rest.NO_ADDRESS
