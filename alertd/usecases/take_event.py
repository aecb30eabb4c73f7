"""Take an outage event: it opens an incident, updates the one it belongs to, or resolves it (R0, R16).

Events here come from a human with the right to publish; those of machines are `take_machine_events`. An alert
speaks for itself: it never lowers or ends what others have said too.
"""

import hashlib
from dataclasses import replace

from alertd.domain.errors import Conflict, NotFound
from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.incident import Incident, IncidentId, State
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.usecases.machine import opened_by_event
from alertd.usecases.open_incident import Opening, add_incident
from alertd.usecases.preview import preview
from alertd.usecases.publish import News, add_update
from alertd.usecases.received import Received
from alertd.usecases.repeat import Repeat, answered, keep

_TRIES = 5


class _Rehearsed(Exception):
    """A dry run has seen enough: the transaction is rolled back."""

    def __init__(self, received: Received) -> None:
        super().__init__()
        self.received = received


async def rehearse_event(deps: Deps, event: OutageEvent, body: bytes, *, who: str) -> Received:
    """What would become of the event: all that `take_event` does but for the end, where nothing is kept."""
    try:
        return await take_event(deps, event, body, who=who, dry_run=True)
    except _Rehearsed as rehearsed:
        return rehearsed.received


_Outcome = tuple[Received, IncidentId, str | None]  # and the lane to ring


async def take_event(
    deps: Deps, event: OutageEvent, body: bytes, *, who: str, dry_run: bool = False, repeat: Repeat | None = None
) -> Received:
    """Keep the event and act on it, in one transaction. A dry run is `rehearse_event`'s.

    The same event again is a duplicate and changes nothing, unless a machine has told it in vain. Raises Conflict
    for the same id with another body, Invalid for what it says, NotFound for a resolved alert that nobody opened.
    """
    digest = hashlib.sha256(body).digest()
    for _ in range(_TRIES):
        async with deps.store.transaction() as rows:
            await rows.lock_incidents()
            before = await answered(rows, repeat, Received)
            if before is not None:
                return before
            known = await rows.event_digest(event.source, event.id)
            if known is not None and not (known[0] == digest and await _in_vain(rows, event)):
                return await _duplicate(rows, event, known[0] == digest, known[1])
            outcome = await _act(deps, rows, event, who)
            if outcome is None:
                continue
            received, incident_id, lane = outcome
            if dry_run:
                raise _Rehearsed(await _previewed(deps, rows, received))
            if known is not None:
                await rows.join_events(event.source, [event.id], incident_id)
            else:
                await rows.add_event(
                    source=event.source,
                    event_id=event.id,
                    alert=event.alert,
                    status=event.status.value,
                    digest=digest,
                    body=body.decode(),
                    at=deps.clock.now(),
                    incident_id=incident_id,
                )
            await keep(rows, repeat, received, deps.clock.now())
        deps.log.info("event_taken", did=received.did, incident=received.incident)
        if lane is not None:
            deps.doorbell.ring(lane)
        return received
    raise Conflict("this incident changes faster than this event could be written; send it again")


async def _previewed(deps: Deps, rows: Rows, received: Received) -> Received:
    incident = (
        await rows.incident(received.incident) if received.update is not None and received.incident else None
    )
    if incident is None:
        return received
    policy = await rows.policy_of(incident.id)
    return replace(received, preview=await preview(deps, rows, incident, policy, deps.clock.now()))


async def _in_vain(rows: Rows, event: OutageEvent) -> bool:
    """Whether a machine has told this very event, which fires and is its alert's last word, for no incident."""
    last = (await rows.last_words(event.source, [event.alert])).get(event.alert)
    return last is not None and last.in_vain and last.repeats(event.id, strict=True)


async def _duplicate(rows: Rows, event: OutageEvent, same: bool, incident_id: object) -> Received:
    if not same:
        raise Conflict(
            f'event "{event.id}" of source "{event.source}" was taken before with another body; '
            "an event never changes: send the change with a new id"
        )
    incident = await rows.incident(incident_id) if incident_id is not None else None  # type: ignore[arg-type]
    return Received("duplicate", incident.number if incident else None)


async def _act(deps: Deps, rows: Rows, event: OutageEvent, who: str) -> _Outcome | None:
    """Open, update or resolve; None if an update's number was taken meanwhile."""
    incident = await _joined(rows, event)
    if event.status is EventStatus.RESOLVED:
        if incident is None:
            raise NotFound(f'no open incident belongs to alert "{event.alert}"; nothing to resolve')
        return await _resolve(deps, rows, incident, event, who)
    # A clock that is ahead of ours by a moment is no reason to refuse what nobody types.
    since = min(event.detected_at, deps.clock.now()) if event.detected_at is not None else None
    if incident is None or incident.state is State.SUSPECTED:  # what a machine suspects, a human's event confirms
        opening = Opening(
            reaches=event.scope.reaches,
            severity=event.severity,
            title=event.title,
            message=event.message,
            since=since,
        )
        opened, lane = await add_incident(deps, rows, opening, who=who, alert=event.alert)
        fresh = await rows.incident(opened.incident)
        assert fresh is not None
        did = "updated" if opened.confirmed else "opened"
        return Received(did, opened.incident, opened.update), fresh.id, lane
    return await _update(deps, rows, incident, event, who)


async def _resolve(deps: Deps, rows: Rows, incident: Incident, event: OutageEvent, who: str) -> _Outcome | None:
    """End the incident if this was the last of its alerts, and no person opened it; else only note it."""
    alerts = await rows.alerts_of(incident.id)
    firing = [key for key, status in alerts.items() if status == EventStatus.FIRING and key != _alert(event)]
    why = None
    if firing:
        source, alert = firing[0]
        more = f" and {len(firing) - 1} more are" if firing[1:] else " is"
        why = f'alert "{alert}" of source "{source}"{more} not resolved'
    elif not opened_by_event(await rows.acts(incident.id)):
        why = "a person opened it, not an alert"
    if why is not None:
        why = f"incident {incident.number} goes on: {why}; to end it: alertd incident resolve {incident.number}"
        return Received("noted", incident.number, why=why), incident.id, None
    news = News(message=event.message, state=State.RESOLVED)
    return await _publish(deps, rows, incident, news, who, Received("resolved", incident.number))


async def _update(deps: Deps, rows: Rows, incident: Incident, event: OutageEvent, who: str) -> _Outcome | None:
    """Tell what the event says newly; only the alert that is the whole incident lowers its severity."""
    severity, why = event.severity, None
    if severity.rank < incident.severity.rank:
        alone = set(await rows.alerts_of(incident.id)) == {_alert(event)}
        if not alone or not opened_by_event(await rows.acts(incident.id)):
            severity = incident.severity
            why = (
                f"incident {incident.number} stays {severity}: it is not this alert's alone; to lower it: "
                f"alertd incident update {incident.number} --severity {event.severity}"
            )
    widens = not incident.scope.covers(event.scope)
    says = bool(event.message) and event.message != incident.news.facts.message
    if not says and not widens and severity is incident.severity:
        return Received("noted", incident.number, why=why), incident.id, None
    news = News(
        message=event.message if says else {},
        severity=severity,
        add_scope=event.scope.reaches if widens else (),
    )
    return await _publish(deps, rows, incident, news, who, Received("updated", incident.number, why=why))


async def _publish(
    deps: Deps, rows: Rows, incident: Incident, news: News, who: str, received: Received
) -> _Outcome | None:
    added = await add_update(deps, rows, incident.number, news, who=who)
    if added is None:
        return None
    published, lane = added
    return replace(received, update=published.update), incident.id, lane


def _alert(event: OutageEvent) -> tuple[str, str]:
    return event.source, event.alert


async def _joined(rows: Rows, event: OutageEvent) -> Incident | None:
    """The open incident that this alert belongs to, else one that covers its service and meets its regions."""
    known = await rows.incident_of_alert(event.source, event.alert)
    if known is not None:
        incident = await rows.incident(known)
        if incident is not None and not incident.state.ended:
            return incident
    if event.status is EventStatus.RESOLVED:
        return None
    for incident in await rows.incidents(open_only=True, limit=1000):
        if not incident.exercise and incident.scope.overlaps(event.scope):
            return incident
    return None
