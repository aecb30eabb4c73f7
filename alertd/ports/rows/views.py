"""What people, the sweeper and the auditor look at."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from alertd.domain.audit import Cursor, Evidence, Suspect
from alertd.domain.downtime import Downtime
from alertd.domain.incident import IncidentId, Scope
from alertd.domain.promises import Promise, Telling
from alertd.records import Backlog, DeliveryRow, DeliveryStory, Left, Notices, Progress, Silences


class ViewRows(Protocol):
    """Within one transaction."""

    async def backlog(self, now: datetime, machine_at: datetime) -> Backlog:
        """What waits and for how long; every query walks a partial index."""

    async def calm(self, now: datetime, machine_at: datetime) -> bool:
        """Whether nothing is due, waits or has lapsed: no message, watch, update, lease, suspicion or page."""

    async def lapsed(self, machine_at: datetime) -> bool:
        """Whether any lease has expired, or any wait for an unknown outcome is over."""

    async def late(self, incident_id: IncidentId) -> timedelta | None:
        """p95 of (accepted - planned) of the incident's last 500 hand-overs, story time; None before any."""

    async def progress(self, incident_id: IncidentId, newest: int) -> Progress:
        """How far the telling has come."""

    async def left(self, incident_id: IncidentId, number: int) -> Left:
        """How far the updates from this number on have come: what has left, or may have, and what still waits."""

    async def had(self, incident_id: IncidentId, number: int) -> frozenset[int]:
        """Which updates from this number on anybody has, or may have; told by phone too."""

    async def unheard(self, incident_id: IncidentId, limit: int) -> Sequence[tuple[str, str | None]]:
        """(family, why it rests or None) of families that heard nothing yet."""

    async def deliveries(
        self, incident_id: IncidentId | None, *, family_id: str | None, states: Sequence[str], limit: int
    ) -> Sequence[DeliveryRow]:
        """Deliveries, newest first, with masked addresses; of a family also those to an address that it shares."""

    async def delivery_story(self, delivery_id: UUID) -> DeliveryStory | None:
        """One delivery with its tries; the address is masked."""

    async def by_update(self, incident_id: IncidentId) -> Sequence[tuple[int, str, str, int, datetime | None]]:
        """(update, channel, state, number, last acceptance) for the timeline."""

    async def detours(self, incident_id: IncidentId) -> Sequence[tuple[int, str, int, datetime]]:
        """(update, channel, families, first planned) of what was not taken in time, and went over this one too."""

    async def first_notices(
        self, incident_id: IncidentId, limits: Sequence[tuple[datetime, timedelta]], downtimes: Sequence[Downtime]
    ) -> Notices:
        """How soon families were first told; `limits`: what was promised for it from each moment on."""

    async def silences(
        self,
        incident_id: IncidentId,
        windows: Sequence[tuple[datetime, timedelta]],
        now: datetime,
        *,
        going_on: bool,
    ) -> Silences:
        """How long families went without hearing anything new; `windows`: by day, from each moment on."""

    async def told_by(self, incident_id: IncidentId, promise: Promise, at: datetime) -> Telling:
        """How the families that a promise concerned stood at a moment of story time, its own or an earlier one."""

    async def told_why(
        self, incident_id: IncidentId, resolution: int, postmortem: int | None, at: datetime
    ) -> Telling:
        """How those families stood at a moment of story time who had been told the end by then.

        `resolution`: the update that ended it; `postmortem`: the one that tells what happened, None: none has.
        """

    async def touched(
        self, incident_id: IncidentId, scope: Scope, late: datetime, far: datetime
    ) -> tuple[int, int, datetime | None]:
        """(families that a scope touches, how many of them are suspects, the next deadline of those not resting).

        A suspect was to hear before `late` or only after `far` (story time), or has no watch that binds us.
        """

    async def suspects(
        self, incident_id: IncidentId, scope: Scope, late: datetime, far: datetime
    ) -> Sequence[Suspect]:
        """Those that `touched` counts, in the order of their ids."""

    async def cursors(self, incident_id: IncidentId) -> tuple[Cursor, ...]:
        """The cursors of an incident that have not arrived."""

    async def evidence(
        self,
        incident_id: IncidentId,
        suspects: Sequence[Suspect],
        *,
        now: datetime,
        machine_at: datetime,
        backoff: timedelta,
        window: timedelta,
        grace: timedelta,
    ) -> Mapping[str, Evidence]:
        """What the tables say of these, some hundred at a time.

        `backoff`: the longest that a new try is put off (machine time); `window`: the longest that the family is
        not tried again after the provider gave up (story time); `grace`: what counts as now (story time).
        """
