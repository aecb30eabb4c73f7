"""Claims and outcomes: what workers and providers do with a message."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.family import FamilyId
from alertd.domain.incident import IncidentId
from alertd.domain.receipt import Standing
from alertd.ports import Report
from alertd.records import AddressState, Claimed, FailedTry, Lapses, Lease, Outcome, Parked, Received


class DeliveryRows(Protocol):
    """Within one transaction."""

    async def waiting(self, lane: str, machine_at: datetime) -> frozenset[str]:
        """The channels of which something on this lane is due; it locks nothing."""

    async def anything(self, lane: str, now: datetime, machine_at: datetime) -> bool:
        """Whether there is a cursor or a due delivery on this lane, or a watch that is due; it locks nothing."""

    async def claim(
        self,
        lane: str,
        now: datetime,
        machine_at: datetime,
        lease: Lease,
        limit: int,
        *,
        channel: str | None = None,
    ) -> tuple[list[Claimed], list[UUID]]:
        """Lease due deliveries, most urgent first; returns them, and the ids that may not be said any more.

        `channel`: only of this one.
        """

    async def parked(self, incident_id: IncidentId) -> Parked:
        """For whom messages of an incident were parked, and nothing as new goes or went to the same address."""

    async def plan_anew(self, incident_id: IncidentId, families: Collection[str], now: datetime) -> None:
        """Make these families' watches due, also where all is over."""

    async def put_back(self, deliveries: Sequence[Claimed], lease: Lease) -> None:
        """What was claimed and never tried waits as before, and has one attempt less."""

    async def give_back(self, ids: Sequence[UUID], now: datetime) -> None:
        """Hand what may not be said any more back to the planner: superseded, and its watches due."""

    async def finish(self, outcomes: Sequence[Outcome], lease: Lease, now: datetime) -> int:
        """Write what became of a batch, in one statement per table; returns how many had lost their lease."""

    async def standing(self, delivery_id: UUID, channel: str) -> Standing | None:
        """Where a delivery over this channel stands; None: there is none."""

    async def advance(self, reports: Sequence[Report]) -> list[Report]:
        """Write, for many at once, what concerns a delivery that counts as told and will: "delivered", mostly.

        Returns the words that would do more than that; nothing is done about them. What changes nothing is done.
        """

    async def take_receipt(self, report: Report, now: datetime) -> Received | None:
        """Move a delivery as the provider's word has it, with all that follows; None: it changes nothing.

        Raises Moved.
        """

    async def expire_leases(
        self, machine_at: datetime, wait_until: datetime, limit: int, *, now: datetime
    ) -> Lapses:
        """Every expired lease is `unknown`: the provider may have it; returns how many there were.

        What has crashed too often is parked, and its watches are due at `now`, in story time.
        """

    async def retry_unknown(self, machine_at: datetime, limit: int) -> int:
        """Whose wait for the provider's word is over is sent again: better twice than never."""

    async def failures(self, incident_id: IncidentId, limit: int) -> Sequence[FailedTry]:
        """Refused, parked and undelivered tries, newest first, each with the family's other messages since."""

    async def address_states(self, family_id: FamilyId) -> Mapping[UUID, AddressState]:
        """Of a family's addresses those that are suspended or have opted out, by id."""
