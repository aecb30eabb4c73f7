"""A machine's suspicion: how it is held, confirmed by a person or by itself, and ended (R0). Pure."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from alertd.domain.event import OutageEvent
from alertd.domain.incident import Facts, Incident, IncidentId, Kind, Reach, Scope, Severity, State, Update
from alertd.domain.machine import Judgement, confirm_at
from alertd.domain.policy import Policy


def suspected(
    which: IncidentId,
    number: int,
    event: OutageEvent,
    title: str,
    do: tuple[str, ...],
    policy: Policy,
    now: datetime,
) -> Incident:
    """The incident that a machine's event opens: held, unless the policy tells families at once.

    Families read built-in words only, so nothing of the event's own message is in it.
    """
    at = confirm_at(policy, event.severity, now)
    held = at is None or at > now
    since = min(event.detected_at, now) if event.detected_at is not None else now
    facts = Facts(title, event.severity, State.SUSPECTED, event.scope, since, do=do)
    notice = Update(1, Kind.NOTICE, now, facts, notify=not held, source=event.source)
    return Incident(
        id=which,
        number=number,
        opened_at=now,
        state=facts.state,
        severity=facts.severity,
        scope=facts.scope,
        epoch=1,
        policy=policy.name,
        updates=(notice,),
        held=held,
        confirm_at=at if held else None,
    )


def changed(
    incident: Incident, source: str, judgement: Judgement, do: tuple[str, ...], policy: Policy, now: datetime
) -> Incident:
    """The incident with an update by a machine that raises or widens it; nobody is told while it is held."""
    last = incident.facts_so_far
    severity = judgement.severity or incident.severity
    raised = severity is Severity.CRITICAL and incident.severity is not Severity.CRITICAL
    scope = incident.scope.plus(Scope(judgement.add_scope)) if judgement.add_scope else incident.scope
    facts = replace(
        last,
        severity=severity,
        state=incident.state,
        scope=scope,
        do=last.do or (do if raised else ()),
        message={},
    )
    kind = Kind.SEVERITY if judgement.severity is not None else Kind.SCOPE
    update = _next(incident, kind, facts, now, source=source, notify=not incident.held)
    epoch = incident.next_epoch if incident.asks_anew(severity, now) else incident.epoch
    return replace(
        _with(incident, replace(update, epoch=epoch)),
        resolve_at=None,
        confirm_at=confirm_at(policy, severity, now, incident.confirm_at) if incident.held else None,
    )


def told_by_itself(incident: Incident, now: datetime) -> Incident:
    """No human came: families are told of what is still only suspected."""
    facts = replace(incident.facts_so_far, message={}, state=State.SUSPECTED, last_news_at=None)
    update = _next(incident, Kind.NOTICE, facts, now, source=_suspected_by(incident), notify=True)
    return replace(_with(incident, update), held=False, confirm_at=None)


def resolved(incident: Incident, source: str, now: datetime) -> Incident:
    """The end, on the word of a source with authority; silent, if families were told nothing."""
    facts = replace(incident.facts_so_far, message={}, state=State.RESOLVED)
    update = _next(incident, Kind.RESOLUTION, facts, now, source=source, notify=not incident.held)
    return replace(_with(incident, update), ended_at=now, confirm_at=None, resolve_at=None)


def resolving(incident: Incident, at: datetime | None) -> Incident:
    """The incident as it is to be resolved at a moment; None: no more, an alert fires again."""
    return replace(incident, resolve_at=at, version=incident.version + 1)


def waiting(incident: Incident, at: datetime) -> Incident:
    """The incident of which families are told at a later moment, if nothing has become of it by then."""
    return replace(incident, confirm_at=at, version=incident.version + 1)


def due_by_itself(incident: Incident, now: datetime) -> bool:
    """Whether families are to be told now without a human.

    Not while a source with authority says that it is over: then it either fires again, or ends with nobody woken.
    """
    at = incident.confirm_at
    return incident.held and at is not None and at <= now and incident.resolve_at is None


def resolve_due(incident: Incident, now: datetime) -> bool:
    """Whether the hold of a source with authority is over."""
    return incident.resolve_at is not None and incident.resolve_at <= now


def hold_until(policy: Policy, now: datetime) -> datetime:
    """When the word of a source with authority takes effect."""
    return now + max(policy.resolve_hold, timedelta())


def confirmed_by(incidents: Iterable[Incident], scope: Scope) -> Incident | None:
    """The suspected incident that a human's opening of this scope confirms: one that covers it, else meets it."""
    met = [each for each in incidents if each.state is State.SUSPECTED and each.scope.overlaps(scope)]
    return next((each for each in met if each.scope.covers(scope)), met[0] if met else None)


def confirmed_scope(incident: Incident, scope: Scope) -> Scope:
    """The scope after a human's opening: they know better of the services they name, of others the machine does.

    Once families were told it only grows; to narrow it is to tell them that they are not affected after all.
    """
    if not incident.held:
        return incident.scope.plus(scope)
    rest: tuple[Reach, ...] = tuple(r for r in incident.scope.reaches if r.service not in scope.services)
    return Scope(scope.reaches + rest)


def confirmed(incident: Incident, facts: Facts, promise: datetime | None, now: datetime) -> Incident:
    """The incident with a human's opening as its next update."""
    update = _next(incident, Kind.NOTICE if incident.held else _kind(incident, facts), facts, now)
    epoch = incident.next_epoch if incident.asks_anew(facts.severity, now) else incident.epoch
    update = replace(update, promise=promise, human_number=incident.next_human_number, epoch=epoch)
    return replace(_with(incident, update), held=False, confirm_at=None, resolve_at=None)


def _kind(incident: Incident, facts: Facts) -> Kind:
    if facts.severity is not incident.severity:
        return Kind.SEVERITY
    return Kind.SCOPE if facts.scope != incident.scope else Kind.PROGRESS


def _suspected_by(incident: Incident) -> str | None:
    return next((update.source for update in reversed(incident.updates) if update.source is not None), None)


def _next(
    incident: Incident, kind: Kind, facts: Facts, now: datetime, *, source: str | None = None, notify: bool = True
) -> Update:
    number = incident.newest.number + 1
    return Update(number, kind, now, facts, notify=notify, source=source, epoch=incident.epoch)


def _with(incident: Incident, update: Update) -> Incident:
    facts = update.facts
    return replace(
        incident,
        state=facts.state,
        severity=facts.severity,
        scope=facts.scope,
        epoch=update.epoch,
        updates=(*incident.updates, update),
        version=incident.version + 1,
    )
