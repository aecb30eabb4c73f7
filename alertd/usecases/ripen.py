"""What goes on without a human once its time has come: a suspicion is told, a resolved incident ends (R0)."""

from datetime import timedelta

from alertd.domain import machine, suspicion
from alertd.domain.event import EventStatus
from alertd.domain.incident import Incident
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import SIGNATURE
from alertd.usecases.machine import BY_ITSELF, opened_by_event
from alertd.usecases.planning import Overtaken
from alertd.usecases.write_update import lane_of, write_update

_ASK_AGAIN = timedelta(minutes=1)  # of story time: once the other is over, families hear of this one so soon


async def ripen(deps: Deps) -> int:
    """Tell, or end, every incident whose time has come; returns how many updates were written.

    Asks for each again within its transaction, so that any number of sweepers may do this at once, and a human
    who was quicker is obeyed. One that fails keeps no other waiting: it is tried again at the next look, and while
    it stands still the dead man's ping is withheld (`usecases/conditions.py`).
    """
    async with deps.store.reading() as rows:
        ripe = await rows.ripe_incidents(deps.clock.now())
    written = 0
    for number in ripe:
        try:
            async with deps.store.transaction() as rows:
                await rows.lock_incidents()
                await rows.lock_cursors(number)  # before anything is read or written: see alertd.store.locks
                lane = await _ripen(deps, rows, number)
        except Overtaken:
            continue
        except Exception as error:  # whatever is wrong with this one, families of the others are to hear
            deps.log.error("ripen_failed", incident=number, error=type(error).__name__, exc_info=True)
            continue
        if lane is not None:
            written += 1
            deps.doorbell.ring(lane)
    return written


async def _ripen(deps: Deps, rows: Rows, number: int) -> str | None:
    """Write what is due of one incident; returns the lane to ring, None if nothing was."""
    incident, now = await rows.incident(number), deps.clock.now()
    if incident is None or incident.state.ended:
        return None
    if suspicion.resolve_due(incident, now):
        source = await _authority(rows, incident)
        if source is None:  # an alert fires after all, or the right to resolve is gone: it goes on
            await rows.save_incident(suspicion.resolving(incident, None))
            return None
        return await _write(deps, rows, incident, suspicion.resolved(incident, source, now), source, None)
    if suspicion.due_by_itself(incident, now):
        if await _told_with_another(rows, incident):
            await rows.save_incident(suspicion.waiting(incident, now + _ASK_AGAIN))
            return None
        return await _write(deps, rows, incident, suspicion.told_by_itself(incident, now), BY_ITSELF, "confirm")
    return None


async def _told_with_another(rows: Rows, suspected: Incident) -> bool:
    """Whether families are told of all that it suspects already, and as gravely, by another open incident."""
    return any(
        other.id != suspected.id
        and other.announced
        and other.scope.covers(suspected.scope)
        and other.severity.rank >= suspected.severity.rank
        for other in await rows.incidents(open_only=True, limit=1000)
    )


async def _authority(rows: Rows, incident: Incident) -> str | None:
    """The source that may end the incident now: one of those who said so, once all its alerts are resolved."""
    alerts = await rows.alerts_of(incident.id)
    if EventStatus.FIRING in alerts.values() or not opened_by_event(await rows.acts(incident.id)):
        return None
    return machine.authority(await rows.policy_of(incident.id), {source for source, _ in alerts})


async def _write(
    deps: Deps, rows: Rows, incident: Incident, changed: Incident, who: str, what: str | None
) -> str | None:
    families = await rows.count_touched(changed.scope)
    if not await write_update(deps, rows, incident, changed, who=who[:SIGNATURE], families=families, what=what):
        raise Overtaken  # a holding was written at this very moment
    deps.log.info("incident_ripened", incident=incident.number, state=changed.state, told=changed.newest.notify)
    return lane_of(incident, changed, families)
