"""Whom a correction concerns: those who received the wrong update, and no others."""

from dataclasses import replace

from alertd.domain.carried import carried
from alertd.domain.delivery import AFTERWARDS, TOLD, DeliveryState
from alertd.domain.failing import worst_since
from alertd.domain.incident import Incident, Kind, Severity, Update
from alertd.domain.knowledge import Known
from alertd.domain.quiet import Person
from alertd.domain.watch import Duty

_RECEIVED = TOLD | {DeliveryState.LEASED, DeliveryState.UNKNOWN}  # its reader has it, or may any moment


def without_wrong_words(duty: Duty) -> Duty:
    """The duty as it is once the claim has stopped the wrong words that still wait: they will not leave (R6)."""
    first = duty.incident.stands_from
    if not any(t.state is DeliveryState.PENDING and t.update < first for t in duty.tellings):
        return duty
    stopped = [
        replace(t, state=DeliveryState.SUPERSEDED) if t.state is DeliveryState.PENDING and t.update < first else t
        for t in duty.tellings
    ]
    return replace(duty, tellings=stopped)


def lacks_news(duty: Duty, person: Person, known: Known) -> bool:
    """Whether this person is owed the newest news now.

    A correction that changes nothing but words is news for those alone who received what it corrects: whoever
    never heard it hears the newest state when their time comes.
    """
    incident = duty.incident
    news = incident.news
    if known.covered >= news.number:
        return False
    if news.kind is Kind.RECALL:
        return False  # nothing stands but the facts: whoever has heard nothing is told in time, not at once
    if news.kind is not Kind.CORRECTION or not known.covered:
        return True
    before, gone = incident.updates[0], incident.recalled
    for update in incident.updates:
        if (
            update.human
            and update.notify
            and known.covered < update.number not in gone
            and (update.kind is not Kind.CORRECTION or _changes(update, before) or received(duty, person, update))
        ):
            return True
        if update.notify:
            before = update
    return False


def corrected(duty: Duty, person: Person, known: Known, since: int) -> int:
    """The number, as readers saw it, of the wrong update that this person has and is put right about now.

    Corrections and recalls up to `since` they know. 0: there is none, and the word would only confuse them.
    """
    if not known.told:
        return 0
    for update in reversed(duty.incident.updates):
        if update.number <= since:
            break
        if update.references is not None and received(duty, person, update):
            return _seen_as(duty.incident, update.references)
    return 0


def received(duty: Duty, person: Person, correction: Update) -> bool:
    """Whether this person was told the wrong update, by phone too, or may have been, or may be any moment."""
    numbers = carried(duty.incident, correction.references or 0)
    if any(call.told in numbers and person.caregiver.id in call.who for call in duty.answers):
        return True
    mine = {address.id for address in person.caregiver.addresses}
    return any(
        telling.update in numbers and telling.address in mine and (telling.state in _RECEIVED or telling.maybe)
        for telling in duty.tellings
    )


def worst_told(duty: Duty) -> Severity:
    """How bad this epoch was by what a family was to be told since it touches them, and by what reached them.

    Whoever was told that it is critical, and woken by that, was promised an end as loud, also where the word was
    taken back. How bad it was before it came to touch them does not concern them.
    """
    incident = duty.incident
    since = worst_since(incident, duty.family)
    if since is incident.worst and len(incident.standing) == len(incident.updates):
        return since  # as nearly always: nothing graver was ever said
    heard = (t for t in duty.tellings if t.framing not in AFTERWARDS)  # an end says nothing of how bad it is
    had = {t.update for t in heard if t.state in _RECEIVED or t.maybe} | {a.told for a in duty.answers}
    told = (incident.upto(number) for number in had if number)
    severities = [update.facts.severity for update in told if update.epoch >= incident.epoch]
    return max((since, *severities), key=lambda severity: severity.rank)


def _changes(update: Update, before: Update) -> bool:
    """Whether a correction changes facts, and not its words alone: then it concerns everybody."""
    now, then = update.facts, before.facts
    return (
        now.severity is not then.severity
        or now.state is not then.state
        or now.scope != then.scope
        or now.since != then.since
        or now.works != then.works
        or now.do != then.do
    )


def _seen_as(incident: Incident, number: int) -> int:
    return next((u.human_number or 0 for u in incident.updates if u.number == number), 0)
