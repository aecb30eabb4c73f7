"""Incidents, their updates, and the events they came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.incident import Incident, IncidentId, Update
from alertd.domain.policy import Policy
from alertd.records import Ignored, LastWord, TakenEvent


class IncidentRows(Protocol):
    """Within one transaction."""

    async def lock_incidents(self) -> None:
        """Nobody else opens or changes an incident until this transaction ends."""

    async def next_incident_number(self) -> int:
        """The number that people will type."""

    async def add_incident(self, new: Incident, policy: Policy) -> None:
        """Insert an incident with its updates and the policy it keeps for life."""

    async def save_incident(self, changed: Incident) -> bool:
        """Write the row of an incident; False if somebody else changed it meanwhile."""

    async def add_update(self, incident_id: IncidentId, new: Update) -> bool:
        """Insert an update; False if its number is taken (somebody else wrote it first)."""

    async def incident(self, which: int | UUID) -> Incident | None:
        """An incident by its number or id."""

    async def policy_of(self, incident_id: IncidentId) -> Policy:
        """The policy snapshot of an incident."""

    async def change_policy(self, incident_id: IncidentId, policy: Policy) -> None:
        """Put another policy in the place of an incident's snapshot."""

    async def incidents(self, *, open_only: bool, limit: int) -> Sequence[Incident]:
        """Incidents, newest first."""

    async def ended_since(self, since: datetime) -> Sequence[Incident]:
        """Incidents that ended after a moment, newest first."""

    async def incident_version(self, incident_id: IncidentId) -> tuple[int, int]:
        """(version, newest update number): changes whenever anything that messages say may have changed."""

    async def overtaken(self, seen: Incident) -> bool:
        """Whether an incident has changed since it was read for a slice that is about to be written."""

    async def add_act(
        self, act_id: UUID, at: datetime, who: str, what: str, incident_id: UUID | None, detail: dict[str, object]
    ) -> None:
        """Record what a human did."""

    async def acts(self, incident_id: IncidentId) -> Sequence[tuple[datetime, str, str, str]]:
        """(at, who, what, detail as JSON) of one incident, oldest first."""

    async def event_digest(self, source: str, event_id: str) -> tuple[bytes, UUID | None] | None:
        """(digest of the body, incident) of an event already taken, else None."""

    async def add_event(
        self,
        *,
        source: str,
        event_id: str,
        alert: str,
        status: str,
        digest: bytes,
        body: str,
        at: datetime,
        incident_id: UUID | None,
    ) -> None:
        """Keep an outage event, unchanged for ever."""

    async def known_events(self, source: str, ids: Sequence[str]) -> Mapping[str, tuple[bytes, UUID | None]]:
        """Those of these events that were taken already: id -> (digest of the body, incident)."""

    async def incidents_of_alerts(self, source: str, alerts: Sequence[str]) -> Mapping[str, UUID]:
        """The incident that each of these alerts last belonged to; alerts that never had one are left out."""

    async def last_words(self, source: str, alerts: Sequence[str]) -> Mapping[str, LastWord]:
        """The newest telling of each of these alerts; of two at one instant the one that fires."""

    async def named_alerts(self, source: str, alerts: Sequence[str], since: datetime) -> set[str]:
        """Those of these alerts that were named to responders after a moment, as they had fired in vain."""

    async def name_events(self, source: str, ids: Sequence[str], at: datetime) -> None:
        """Keep that the alerts of these events are named to responders at a moment."""

    async def join_events(self, source: str, ids: Sequence[str], incident_id: IncidentId) -> None:
        """Events that were told in vain belong to an incident after all; nothing else of them ever changes."""

    async def add_events(self, events: Sequence[TakenEvent]) -> None:
        """Keep outage events, unchanged for ever."""

    async def ripe_incidents(self, now: datetime) -> Sequence[int]:
        """Numbers of open incidents that go on without a human at this moment: to be told, or resolved."""

    async def ignored_events(self, after: datetime, limit: int) -> Sequence[Ignored]:
        """What machines told in vain after a moment, oldest first; no alert twice within a day."""

    async def newest_ignored(self, limit: int, told: str) -> Sequence[Ignored]:
        """What machines told in vain, newest first; who has heard of it stands in the acts of the name `told`."""

    async def ignored_wait(self, since: datetime, told: str) -> bool:
        """Whether machines told anything in vain after a moment, and after the last act of this name."""

    async def last_act(self, what: str, since: datetime) -> datetime | None:
        """When the newest act of this name was, of those that belong to no incident; None: not after `since`."""

    async def incident_of_alert(self, source: str, alert: str) -> UUID | None:
        """The incident that an alert of a source last belonged to."""

    async def alerts_of(self, incident_id: IncidentId) -> Mapping[tuple[str, str], str]:
        """What each alert of an incident, by (source, alert), last said: firing or resolved."""
