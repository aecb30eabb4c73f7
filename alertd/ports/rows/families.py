"""Families, their addresses, and what an import changes."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.family import AddressId, Family, FamilyId
from alertd.domain.incident import IncidentId, Scope
from alertd.records import Floor, Imported, Listed


class FamilyRows(Protocol):
    """Within one transaction."""

    async def family(self, family_id: FamilyId) -> Family | None:
        """One family, or None."""

    async def families_after(self, position: str, limit: int) -> Sequence[Family]:
        """Families in keyset order, for the export."""

    async def listed_families(
        self, after: str, limit: int, channels: Collection[str], lacking: Sequence[Floor] | None = None
    ) -> Sequence[Listed]:
        """The next `limit` families behind `after`, in keyset order, each with its channels that work.

        `channels`: those that have an adapter. `lacking`: only families that have nothing that works of a floor,
        where they use a service for which it holds.
        """

    async def family_updated_at(self, ids: Sequence[str]) -> Mapping[str, datetime]:
        """When each of these families, where known, was last updated by its owner; locks them."""

    async def locked_family(self, family_id: FamilyId) -> Family | None:
        """A family that nobody else changes until the transaction ends, or None."""

    async def chosen_in(self, ids: Sequence[str]) -> Sequence[Family]:
        """Those of these families in which somebody has chosen something on our own page.

        The caller holds their locks.
        """

    async def lock_watches_of(self, ids: Sequence[str]) -> None:
        """Lock the open watches of these families, whose locks the caller holds."""

    async def write_choice(
        self, changed: Family, stop: Collection[AddressId], start: Collection[AddressId], now: datetime
    ) -> int:
        """Write what a caregiver chose, and make everybody whom it concerns due at once; returns how many duties.

        `changed`: their family, whose services and addresses are as before; the caller holds its lock. `stop`,
        `start`: addresses that are to be stopped, or started again, for everybody who has them.
        """

    async def put_families(self, families: Sequence[Family]) -> Imported | None:
        """Insert or replace families with their index rows; addresses keep their one row and its state.

        None: one of their addresses was forgotten this very moment; roll back, and take them again.
        """

    async def delete_family(self, family_id: FamilyId) -> bool:
        """Forget a family and its index rows; its addresses stay while others use them, or an opt-out must."""

    async def count_touched(self, scope: Scope) -> int:
        """How many families a scope touches."""

    async def count_concerned(self, incident_id: IncidentId, scope: Scope) -> int:
        """How many families a scope touches, or the incident has touched: all that a cursor would come by."""

    async def regions_of(self, services: Sequence[str]) -> Mapping[str, frozenset[str]]:
        """The regions of the families that use each of these services; where no family has one it is missing."""

    async def failing(self, ids: Collection[str], scopes: Sequence[Scope]) -> Mapping[str, frozenset[str]]:
        """Which services of these families any of the scopes touches; families that none touches are missing."""

    async def users(self, addresses: Collection[UUID]) -> Mapping[UUID, frozenset[str]]:
        """By address: the families who have it; addresses that nobody has are missing."""

    async def touch_families(self, ids: Sequence[str], incident_id: IncidentId, now: datetime) -> int:
        """Make the open watches of these families due; returns how many there were."""

    async def watched_incidents(self, family_id: FamilyId) -> Sequence[IncidentId]:
        """The incidents in which a family is owed something, or may be."""

    async def rest_watches(self, incident_id: UUID, ids: Sequence[str]) -> None:
        """Look no more at the watches of families that are gone."""

    async def watched(self, ids: Sequence[str], incident_id: IncidentId) -> set[str]:
        """Which of these families have a watch in this incident."""
