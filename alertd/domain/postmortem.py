"""What happened: told once, softly, to exactly those who were told the end. It moves no clock. Pure."""

from dataclasses import replace
from datetime import datetime, timedelta

from alertd.domain.correction import worst_told
from alertd.domain.delivery import OVER, STEP_MESSAGE, TOLD, Framing, Owed, Reader, Reason, longest_backoff
from alertd.domain.failing import failed_services, failing_since
from alertd.domain.family import Address, AddressId
from alertd.domain.incident import Incident, State, Update
from alertd.domain.knowledge import Knowledge, Known
from alertd.domain.people import meet
from alertd.domain.quiet import SOFT_CHANNELS, Person
from alertd.domain.silence import patience
from alertd.domain.targets import loud_targets, soft_targets, told_targets
from alertd.domain.watch import Duty, Verdict

TOLD_FOR = timedelta(days=7)
"""So long after it was published it is told: quiet and duty hours come round within a week, and whoever reads it
later than that would take it for news."""

PROMISED_WITHIN = timedelta(days=30)
"""The latest moment that a promise may name: past a month families have forgotten the outage, and so have those
who are to explain it. Two weeks were too long for the families of 2019."""


def with_postmortem(duty: Duty, now: datetime, knowledge: Knowledge, ended: Verdict) -> Verdict:
    """What an ended incident owes a family (`ended`: the end itself), with its post-mortem beside it.

    Whoever still waits for the end gets that first. The end keeps its own number, and the watch with it: so the
    one makes the other neither stale nor late.
    """
    update, resolution = duty.incident.postmortem, duty.incident.resolution
    if update is None or resolution is None:
        return ended
    until = update.at + TOLD_FOR
    knowledge = replace(knowledge, forgiven=now - _rested(duty.incident, update, now))
    owed: list[Owed] = []
    looks = [ended.look_at] if ended.look_at is not None else []
    again = knowledge.again_in(update.number)
    for person, known in _hearers(duty, knowledge, resolution):
        if known.covered >= update.number:
            continue
        awake = person.first_loud(now)
        if awake is None or awake >= until:
            continue
        if awake > now:
            looks.append(awake)
            continue
        address = _address(person, knowledge, update)
        if address is not None:
            owed.append(_owed(duty, now, person, knowledge, address, update, until))
        elif again is not None and now + again < until:
            looks.append(now + again)
    if owed:
        looks.append(now + patience(duty))
    if not looks:
        return ended
    return replace(ended, owed=(*ended.owed, *owed), look_at=min(looks), rest=None)


def _rested(incident: Incident, update: Update, now: datetime) -> timedelta:
    """How long what our own fault stopped rests before it is tried again: half the time it has been out."""
    return max(longest_backoff(incident.severity), (now - update.at) / 2)


def _hearers(duty: Duty, knowledge: Knowledge, resolution: Update) -> list[tuple[Person, Known]]:
    """Those who were told this end, and can be told anything, with what they know."""
    worst, services = worst_told(duty), failed_services(duty.incident, duty.family)
    real = _told_what_was_real(duty, resolution) if duty.incident.state is State.CANCELLED else None
    found = []
    for caregiver in duty.family.caregivers:
        known = knowledge.ever_of(caregiver)
        if known.told < resolution.number or known.framing not in OVER:
            continue
        person = meet(caregiver, duty, services, quiet_as=worst, told_as=worst)
        if person.usable and (real is None or not real.isdisjoint(knowledge.ever_had(caregiver))):
            found.append((person, known))
    return found


def _told_what_was_real(duty: Duty, resolution: Update) -> set[AddressId]:
    """The addresses that were told what then came back by mistake: others heard of the mistake alone."""
    return {
        telling.address
        for telling in duty.tellings
        if telling.state in TOLD and (telling.update <= resolution.number or telling.framing is Framing.WAS_DOWN)
    }


def _address(person: Person, knowledge: Knowledge, update: Update) -> Address | None:
    """The first address that can be silent, else the first of the preferred; one that failed is passed over."""
    number = update.number
    targets = soft_targets(person, knowledge, number, Reason.POSTMORTEM)
    if not targets and person.choice.channels:
        targets = loud_targets(person, knowledge, number, Reason.POSTMORTEM, ())
    elif not targets:
        targets = told_targets(person, knowledge, number, Reason.POSTMORTEM)
    return targets[0][0] if targets else None


def _owed(
    duty: Duty,
    now: datetime,
    person: Person,
    knowledge: Knowledge,
    address: Address,
    update: Update,
    until: datetime,
) -> Owed:
    return Owed(
        family=duty.family.id,
        caregiver=person.caregiver.id,
        address=address.id,
        channel=address.channel,
        update=update.number,
        epoch=duty.incident.epoch,
        step=knowledge.step(person, STEP_MESSAGE),
        framing=Framing.POSTMORTEM,
        reason=Reason.POSTMORTEM,
        loud=address.channel not in SOFT_CHANNELS,  # an SMS cannot be silent; it comes by day
        next_by=None,
        stale_after=until,
        loud_until=person.loud_until(now),
        reader=Reader(
            to=address.to,
            locale=person.locale,
            zone=person.zone,
            services=failed_services(duty.incident, duty.family),
            since=failing_since(duty.incident, duty.family).grown,
        ),
    )
