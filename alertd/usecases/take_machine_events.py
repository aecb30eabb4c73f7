"""Take events of a machine: one, or a whole group of a source, so that many alerts make one incident (R0)."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from alertd.domain.errors import Conflict
from alertd.domain.event import EventStatus, OutageEvent, Told
from alertd.domain.incident import Incident, IncidentId
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import LastWord, TakenEvent
from alertd.usecases.machine import Machine
from alertd.usecases.planning import Overtaken
from alertd.usecases.preview import preview
from alertd.usecases.received import Received
from alertd.usecases.repeat import Repeat, answered, keep

PART = 1000
"""Events to a transaction: 30 ms of SQLite's one writer."""

_TRIES = 5


class _Rehearsed(Exception):
    """A dry run has seen enough: the transaction is rolled back."""

    def __init__(self, received: Received) -> None:
        super().__init__()
        self.received = received


async def take_machine_event(
    deps: Deps, event: OutageEvent, body: bytes, *, dry_run: bool = False, repeat: Repeat | None = None
) -> Received:
    """Keep one event of a machine and do what its source may. Raises Conflict for a known id with another body."""
    told = Told(
        event.id, event.alert, event.status, event.title, hashlib.sha256(body).digest(), body.decode(), event
    )
    try:
        [received] = await _take(deps, event.source, [told], strict=True, dry_run=dry_run, repeat=repeat)
    except _Rehearsed as rehearsed:
        return rehearsed.received
    return received


async def take_machine_events(deps: Deps, source: str, events: Sequence[Told]) -> list[Received]:
    """Keep a group of events and do what their source may; returns what became of each, in their order.

    What fires goes first, the gravest and widest before the others: a group opens its incident with one notice.
    """
    order = sorted(range(len(events)), key=lambda at: _rank(events[at]))
    became: list[Received | None] = [None] * len(events)
    for start in range(0, len(order), PART):
        part = order[start : start + PART]
        received = await _take(deps, source, [events[at] for at in part])
        for at, each in zip(part, received, strict=True):
            became[at] = each
    return [each for each in became if each is not None]


def _rank(told: Told) -> tuple[bool, int, bool]:
    event = told.event
    worst = -event.severity.rank if event is not None else 0
    return told.status is not EventStatus.FIRING, worst, bool(event.regions) if event is not None else True


async def _take(
    deps: Deps,
    source: str,
    events: Sequence[Told],
    *,
    strict: bool = False,
    dry_run: bool = False,
    repeat: Repeat | None = None,
) -> list[Received]:
    """Take a part in one transaction.

    `strict`: an id is the source's own, so the same again is a duplicate, and refused with another body. Else it
    was made from what an alert says, and comes back when the alert says so again.
    """
    for _ in range(_TRIES):
        try:
            async with deps.store.transaction() as rows:
                await rows.lock_incidents()
                before = await answered(rows, repeat, Received)
                if before is not None:
                    return [before]
                received, lanes = await _in(deps, rows, source, events, strict)
                if dry_run:
                    raise _Rehearsed(await _previewed(deps, rows, received[0]))
                await keep(rows, repeat, received[0], deps.clock.now())
            break
        except Overtaken:
            continue
    else:
        raise Conflict("this incident changes faster than this event could be written; send it again")
    deps.log.info("events_taken", source=source, **Counter(each.did for each in received))
    for lane in sorted(lanes):
        deps.doorbell.ring(lane)
    return received


async def _in(
    deps: Deps, rows: Rows, source: str, events: Sequence[Told], strict: bool
) -> tuple[list[Received], set[str]]:
    now = deps.clock.now()
    known = dict(await rows.known_events(source, [told.id for told in events]))
    joined = await rows.incidents_of_alerts(source, [told.alert for told in events])
    machine = Machine(deps, rows, source, joined, now)
    await machine.begin()
    repeated = [told.alert for told in events if told.id in known]
    last = dict(await rows.last_words(source, repeated)) if repeated else {}
    became: list[Received] = []
    taken: list[TakenEvent] = []
    joins: dict[IncidentId, list[str]] = {}  # what was kept before, by the incident that it belongs to after all
    vain: dict[str, str] = {}  # what fires for no incident: the event that is kept, and its alert
    numbers: dict[object, int | None] = {}
    for each in events:
        told, said = each, last.get(each.alert)
        if told.id in known and not strict and (said is None or said.status != told.status.value):
            # It fires again as before, after it was resolved: Alertmanager had lost sight of it for a while.
            told = replace(told, id=f"{told.id} {deps.new_id()}")
        again: LastWord | None = None  # this very telling, where it was taken before
        if told.id in known:
            digest, which = known[told.id]
            if strict and digest != told.digest:
                raise Conflict(
                    f'event "{told.id}" of source "{source}" was taken before with another body; '
                    "an event never changes: send the change with a new id"
                )
            again = said if said is not None and said.repeats(told.id, strict=strict) else None
            if again is None or not again.in_vain:
                which = again.incident_id if again is not None else which
                if which not in numbers:
                    incident = await rows.incident(which) if which is not None else None
                    numbers[which] = incident.number if incident is not None else None
                became.append(Received("duplicate", numbers[which]))
                continue
        received, incident_id = await machine.take(told)
        if again is None:
            known[told.id] = told.digest, incident_id
            taken.append(
                TakenEvent(
                    source, told.id, told.alert, told.status.value, told.digest, told.body, now, incident_id
                )
            )
        elif incident_id is None:  # it goes on firing in vain, as when it came first
            received = Received("duplicate", None)
        else:  # labels, policies or families have changed since, or an incident was opened
            joins.setdefault(incident_id, []).append(again.id)
        became.append(received)
        said = LastWord(told.id if again is None else again.id, told.status.value, incident_id)
        last[told.alert] = said
        if said.in_vain:
            vain[said.id] = told.alert
    named = await machine.finish()
    await rows.add_events(taken)
    for incident_id, ids in joins.items():
        await rows.join_events(source, ids, incident_id)
    if named:
        await rows.name_events(source, [name for name, alert in vain.items() if alert in named], now)
    return became, machine.lanes


async def _previewed(deps: Deps, rows: Rows, received: Received) -> Received:
    """With whom telling it would reach, also where families are told only once it is confirmed."""
    incident: Incident | None = None
    if received.did in ("opened", "updated", "resolved") and received.incident is not None:
        incident = await rows.incident(received.incident)
    if incident is None:
        return received
    policy = await rows.policy_of(incident.id)
    return replace(received, preview=await preview(deps, rows, incident, policy, deps.clock.now()))
