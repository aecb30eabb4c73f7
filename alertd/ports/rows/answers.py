"""What caregivers answer, by link or by phone."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.family import CaregiverId, FamilyId
from alertd.domain.incident import IncidentId
from alertd.domain.watch import Answer, Watch
from alertd.records import Linked, Reach


class AnswerRows(Protocol):
    """Within one transaction."""

    async def linked(self, delivery_id: UUID) -> Linked | None:
        """What a link in a message is about: its incident, epoch and address, and all families that it serves."""

    async def lock_duties(self, incident_id: IncidentId, families: Collection[str]) -> None:
        """Nobody else plans these families in this incident until the transaction ends."""

    async def add_answers(
        self, linked: Linked, who: Sequence[tuple[FamilyId, CaregiverId]], at: datetime
    ) -> list[tuple[FamilyId, CaregiverId]]:
        """Keep that these caregivers of these families know; returns those who had not said so before."""

    async def add_call(self, incident_id: IncidentId, family_id: FamilyId, call: Answer, act_id: UUID) -> None:
        """Keep that somebody has told a family by phone, and that they have heard.

        The caller holds the watch's lock. A later call of the epoch takes the place of this one; both are acts.
        """

    async def answers(self, incident_id: IncidentId, family_id: FamilyId) -> Sequence[Answer]:
        """What caregivers of a family have answered in an incident, oldest first."""

    async def end_ladders(self, incident_id: IncidentId, families: Collection[str], now: datetime) -> None:
        """What the ladders of these families have not handed over yet is not owed any more; plan them at once."""

    async def supersede_told(
        self, incident_id: IncidentId, family_id: FamilyId, who: Sequence[CaregiverId], update_no: int
    ) -> None:
        """What waits to tell these caregivers this update or an older one is not owed any more: they know."""

    async def reach(self, incident_id: IncidentId, limit: int, now: datetime) -> Reach:
        """Whom an incident has reached, and whom its ladders have not; the lists hold `limit` families each.

        Whom there is no way to tell is not listed while what they were told by phone still holds at `now`.
        """

    async def watch_of(self, incident_id: IncidentId, family_id: FamilyId) -> Watch | None:
        """The watch of a family in an incident, or None."""
