"""What events of a machine do, one after the other, within one transaction (R0).

What a source may not do is noted with its reason, never lost.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

from alertd.domain import machine, suspicion
from alertd.domain.event import EventStatus, OutageEvent, Told
from alertd.domain.incident import Incident, IncidentId, Kind, Severity
from alertd.ports.deps import Deps
from alertd.ports.store import Rows
from alertd.records import ASKS_FOR_MORE, IGNORED_EVENT, SIGNATURE
from alertd.usecases import wording
from alertd.usecases.open_incident import add_opened
from alertd.usecases.planning import Overtaken
from alertd.usecases.received import Received
from alertd.usecases.write_update import lane_of, lane_of_notices, write_update

BY_ITSELF = "alertd"
"""How an act is signed that nobody did."""

PROPOSED, RESOLVING = "proposed", "resolving"
"""Names of acts that machines leave behind; nobody but the timeline and the responders' pages reads them."""

_AGAIN = timedelta(days=1)  # so long an alert that fires in vain is no news to responders; then they forgot it
_NAMED = 10
_RECENT = 50  # incidents among which to look for one that has just ended


@dataclass(slots=True)
class Ignored:
    """What came in vain, or in part, for one reason."""

    why: str
    told: list[Told] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Done:
    """What becomes of an event like one before it."""

    received: Received
    which: IncidentId | None  # None: it is ignored
    refused: tuple[str, ...] = ()  # what it asked of that incident in vain


class Machine:
    """One source, and the open incidents as they stand while its events are taken. The caller locks incidents."""

    def __init__(self, deps: Deps, rows: Rows, source: str, joined: Mapping[str, UUID], now: datetime) -> None:
        self._deps, self._rows, self._source, self._now = deps, rows, source, now
        self._joined = {alert: IncidentId(incident) for alert, incident in joined.items()}
        self._open: dict[IncidentId, Incident] = {}
        self._fresh: set[IncidentId] = set()  # of which no slice is being planned until this transaction ends
        self._firing: dict[IncidentId, set[tuple[str, str]]] = {}
        self._sources: dict[IncidentId, set[str]] = {}
        self._said: dict[tuple[str, str], tuple[IncidentId, EventStatus]] = {}  # in this transaction
        self._like: dict[object, _Done] = {}  # what became of an event like this one
        self._ignored: dict[tuple[str, str], Ignored] = {}
        self.lanes: set[str] = set()

    async def begin(self) -> None:
        """Read the open incidents."""
        open_ = await self._rows.incidents(open_only=True, limit=1000)
        self._open = {each.id: each for each in open_ if not each.exercise}

    async def take(self, told: Told) -> tuple[Received, IncidentId | None]:
        """Act on one telling; returns what became of it, and the incident that it belongs to."""
        known = self._open.get(self._joined[told.alert]) if told.alert in self._joined else None
        if told.status is EventStatus.RESOLVED:
            received, incident = await self._resolved(told, known)
        elif told.event is None:
            received, incident = self._ignore(told, "unmapped", told.why or "it maps to nothing")
        else:
            received, incident = await self._fired(told, told.event, known)
        if incident is not None:
            self._joined[told.alert] = incident
            self._said[self._source, told.alert] = incident, told.status
            firing = self._firing.get(incident)
            if firing is not None and told.status is EventStatus.FIRING:
                firing.add((self._source, told.alert))
        return received, incident

    async def finish(self) -> set[str]:
        """Note what came in vain, so that responders are told of it; returns the alerts that are named by this.

        Each is named once a day while it goes on firing, however often it flaps.
        """
        named: set[str] = set()
        for (reason, _), ignored in self._ignored.items():
            alerts = list(dict.fromkeys(told.alert for told in ignored.told))
            titles = {told.alert: told.title for told in ignored.told}
            if reason != ASKS_FOR_MORE:  # of which the same is noted once a day
                before = named | await self._rows.named_alerts(self._source, alerts, self._now - _AGAIN)
                titles = {alert: title for alert, title in titles.items() if alert not in before}
                named |= titles.keys()
            if not titles:
                continue
            detail: dict[str, object] = {
                "source": self._source,
                "reason": reason,
                "why": ignored.why,
                "alerts": list(dict.fromkeys(titles.values()))[:_NAMED],
                "count": len(titles),
            }
            await self._act(IGNORED_EVENT, None, detail)
            self._deps.log.warning("event_ignored", source=self._source, reason=reason, alerts=len(titles))
        return named

    # --- it fires ---------------------------------------------------------------------------------

    async def _fired(
        self, told: Told, event: OutageEvent, known: Incident | None
    ) -> tuple[Received, IncidentId | None]:
        like = (known.id if known is not None else None, event.scope, event.severity, told.why)
        before = self._like.get(like)
        if before is not None:
            if before.which is None:
                return self._ignore(told, cast(str, before.received.reason), cast(str, before.received.why))
            self._refuse(told, before.refused)
            return before.received, before.which
        incident = known or next((each for each in self._open.values() if each.scope.overlaps(event.scope)), None)
        refused: tuple[str, ...] = ()
        if incident is None:
            received, which = await self._open_by(told, event)
        else:
            received, which, refused = await self._join(told, event, incident)
            self._refuse(told, refused)
        again = Received("noted", received.incident, why=received.why, reason=received.reason)
        self._like[like] = _Done(again, which, refused)
        return received, which

    async def _open_by(self, told: Told, event: OutageEvent) -> tuple[Received, IncidentId | None]:
        deps, rows, now = self._deps, self._rows, self._now
        policy = deps.policy_for(event.service)
        if not machine.may(policy, event.source, machine.OPEN):
            return self._ignore(told, "may not open", machine.may_not_open(policy, event))
        families = await rows.count_touched(event.scope)
        if not families:
            return self._ignore(told, "touches nobody", f"no family uses {machine.spell(event.scope)}")
        incident = suspicion.suspected(
            IncidentId(deps.new_id()),
            await rows.next_incident_number(),
            event,
            wording.cut_title(event.title),
            wording.advice(deps, None, event.severity),
            policy,
            now,
        )
        before = await self._before(incident)
        detail = {"follows": before.number} if before is not None else {}
        await add_opened(
            deps, rows, incident, policy, who=self._signed, families=families, alert=event.alert, **detail
        )
        self._open[incident.id] = incident
        self._fresh.add(incident.id)
        if not incident.held:
            self.lanes.add(lane_of_notices(families))
        after = f"it follows incident {before.number}, which is {before.state}" if before is not None else None
        whys = "; ".join(why for why in (told.why, after) if why) or None
        return Received("opened", incident.number, why=whys), incident.id

    async def _before(self, incident: Incident) -> Incident | None:
        """What was about the same and ended within a day: a person may have to look at both."""
        recent = await self._rows.incidents(open_only=False, limit=_RECENT)
        ended = [each for each in recent if each.ended_at is not None and each.ended_at > self._now - _AGAIN]
        return next((each for each in ended if not each.exercise and each.scope.overlaps(incident.scope)), None)

    async def _join(
        self, told: Told, event: OutageEvent, incident: Incident
    ) -> tuple[Received, IncidentId, tuple[str, ...]]:
        """Returns also what it asked for in vain, unless the very same was noted within a day."""
        incident, policy = await self._in_hand(incident), await self._rows.policy_of(incident.id)
        if incident.resolve_at is not None:
            incident = await self._save(suspicion.resolving(incident, None))
        judgement = machine.judge(incident, event, policy)
        if judgement.changes:
            do = wording.advice(self._deps, None, Severity.CRITICAL)
            changed = suspicion.changed(incident, event.source, judgement, do, policy, self._now)
            incident = await self._write(incident, changed)
        if suspicion.due_by_itself(incident, self._now):  # with `confirm: 0m`, or a blip that comes back too late
            told_now = suspicion.told_by_itself(incident, self._now)
            incident = await self._write(incident, told_now, who=BY_ITSELF, what="confirm")
        fresh = tuple([why for why in judgement.why if await self._note(PROPOSED, incident, why, again=_AGAIN)])
        whys = "; ".join(why for why in (told.why, *judgement.why) if why) or None
        received = Received("updated" if judgement.changes else "noted", incident.number, why=whys)
        return received, incident.id, fresh

    # --- it is resolved ---------------------------------------------------------------------------

    async def _resolved(self, told: Told, incident: Incident | None) -> tuple[Received, IncidentId | None]:
        if incident is None:
            return Received("noted", None, why=f'no open incident belongs to alert "{told.alert}"'), None
        incident = await self._in_hand(incident)
        firing = await self._firing_of(incident)
        firing.discard((self._source, told.alert))
        if firing:
            source, alert = next(iter(firing))
            more = f" and {len(firing) - 1} more are" if len(firing) > 1 else " is"
            return self._goes_on(incident, f'alert "{alert}" of source "{source}"{more} not resolved')
        if not opened_by_event(await self._rows.acts(incident.id)):
            return self._goes_on(incident, "a person opened it, not an alert")
        policy = await self._rows.policy_of(incident.id)
        authority = machine.authority(policy, self._sources[incident.id] | {self._source})
        if authority is None:
            why = machine.may_not_resolve(policy, self._source, incident)
            await self._note(PROPOSED, incident, why)
            return Received("noted", incident.number, why=why), incident.id
        until = suspicion.hold_until(policy, self._now)
        if until <= self._now:
            await self._write(incident, suspicion.resolved(incident, authority, self._now))
            del self._open[incident.id]
            return Received("resolved", incident.number), incident.id
        if incident.resolve_at is None:  # an earlier one stands: nothing has fired since
            incident = await self._save(suspicion.resolving(incident, until))
            await self._note(RESOLVING, incident, f"{authority} says that it is over")
        when = f"{incident.resolve_at:%H:%M:%S} UTC"
        why = f"incident {incident.number} is resolved at {when} unless an alert fires again"
        return Received("noted", incident.number, why=why), incident.id

    def _goes_on(self, incident: Incident, why: str) -> tuple[Received, IncidentId | None]:
        number = incident.number
        why = f"incident {number} goes on: {why}; to end it: alertd incident resolve {number}"
        return Received("noted", number, why=why), incident.id

    async def _firing_of(self, incident: Incident) -> set[tuple[str, str]]:
        """The alerts of an incident that were not resolved since, with what this transaction has heard."""
        firing = self._firing.get(incident.id)
        if firing is None:
            alerts = dict(await self._rows.alerts_of(incident.id))
            alerts |= {key: said.value for key, (which, said) in self._said.items() if which == incident.id}
            firing = {key for key, said in alerts.items() if said == EventStatus.FIRING}
            self._firing[incident.id] = firing
            self._sources[incident.id] = {source for source, _ in alerts}
        return firing

    # --- writing ----------------------------------------------------------------------------------

    async def _in_hand(self, incident: Incident) -> Incident:
        """The incident as it stands once nobody plans a slice of it; so it stays until the transaction ends."""
        if incident.id not in self._fresh:
            await self._rows.lock_cursors(incident.number)
            self._open[incident.id] = await self._rows.incident(incident.id) or incident
            self._fresh.add(incident.id)
        return self._open[incident.id]

    async def _write(
        self, before: Incident, changed: Incident, who: str | None = None, what: str | None = None
    ) -> Incident:
        deps, rows = self._deps, self._rows
        families = await rows.count_touched(changed.scope)
        signed = who or self._signed
        if not await write_update(deps, rows, before, changed, who=signed, families=families, what=what):
            raise Overtaken
        if changed.newest.notify:
            self.lanes.add(lane_of(before, changed, families))
        self._open[changed.id] = changed
        return changed

    async def _save(self, changed: Incident) -> Incident:
        if not await self._rows.save_incident(changed):
            raise Overtaken
        self._open[changed.id] = changed
        return changed

    async def _note(self, what: str, incident: Incident, why: str, again: timedelta | None = None) -> bool:
        """Leave an act behind, unless the very same was left already, within `again`; returns whether it was not.

        What flaps fills no timeline.
        """
        detail: dict[str, object] = {"why": why}
        acts = await self._rows.acts(incident.id)
        if any(
            (who, did, json.loads(said)) == (self._signed, what, detail)
            for at, who, did, said in acts
            if again is None or at > self._now - again
        ):
            return False
        await self._act(what, incident.id, detail)
        return True

    async def _act(self, what: str, incident_id: IncidentId | None, detail: dict[str, object]) -> None:
        await self._rows.add_act(self._deps.new_id(), self._now, self._signed, what, incident_id, detail)

    def _ignore(self, told: Told, reason: str, why: str) -> tuple[Received, None]:
        self._ignored.setdefault((reason, ""), Ignored(why)).told.append(told)
        return Received("noted", None, why=why, reason=reason), None

    def _refuse(self, told: Told, whys: Sequence[str]) -> None:
        """Responders hear of it: who is meant by the rest of what it says may have been told nothing."""
        if whys:
            why = "; ".join(whys)
            self._ignored.setdefault((ASKS_FOR_MORE, why), Ignored(why)).told.append(told)

    @property
    def _signed(self) -> str:
        return self._source[:SIGNATURE]


def opened_by_event(acts: Sequence[tuple[datetime, str, str, str]]) -> bool:
    """Whether events alone opened an incident; not if a person did, confirmed it by opening, or reopened it."""
    opening = ("open", Kind.REOPENING.value)
    opened = ["alert" in json.loads(detail) for _, _, what, detail in acts if what in opening]
    return bool(opened) and all(opened)
