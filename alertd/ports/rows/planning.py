"""Cursors, watches that are due, and what a plan writes."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.incident import IncidentId, Scope
from alertd.records import Candidate, Fanout, Plan, Planned, Unreadable


class PlanningRows(Protocol):
    """Within one transaction."""

    async def lock_cursors(self, which: int | UUID) -> None:
        """Wait for the slices of an incident that are being planned; none begins until this transaction ends."""

    async def add_fanout(
        self,
        ids: Sequence[UUID],
        incident_id: IncidentId,
        update_no: int,
        lane: str,
        machine_at: datetime,
        *,
        scope: Scope | None,
    ) -> None:
        """Cursors, one by each of the ids, that will carry an update to every family; older ones are done with.

        `scope`: also to its families that have no watch yet. Each cursor has a part of the families to itself.
        """

    async def take_fanout(self, lane: str, wait: float = 0.0) -> Fanout | None:
        """An open cursor of a lane that nobody else is moving, or None: of the update that moved the longest ago.

        `wait`: seconds to wait for whoever is moving it. Raises Taken where that takes longer.
        """

    async def move_fanout(self, cursor: Fanout, to: str | None, machine_at: datetime) -> bool:
        """Put the cursor behind `to` (None: done); False if somebody else moved it meanwhile."""

    async def slice_ids(self, cursor: Fanout, scope: Scope, limit: int) -> list[str]:
        """The next family ids behind the cursor, in keyset order."""

    async def due_watches(self, now: datetime, limit: int) -> dict[UUID, list[str]]:
        """Family ids of watches that are due, the longest due first, by incident in the order of their ids."""

    async def candidates(
        self,
        incident_id: IncidentId,
        ids: Sequence[str],
        *,
        lock: bool = True,
        unreadable: list[Unreadable] | None = None,
    ) -> Iterator[Candidate]:
        """Everything about these families that `plan` may look at, decoded one at a time.

        `unreadable`: takes up those whose document cannot be read, while the others are; None: they raise.
        """

    async def write_plan(self, plan: Plan) -> list[Planned] | None:
        """Write a slice; returns the deliveries inserted, leased to the caller where `plan.lease` is set.

        None: somebody is at one of these watches this very moment; roll back and plan again.
        """
