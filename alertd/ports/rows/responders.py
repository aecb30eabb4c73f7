"""The incident's own watch, and what is sent to those who owe an update."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.incident import IncidentId
from alertd.domain.paging import Over, OwedPage
from alertd.ports import Report
from alertd.records import Lease, PageOutcome, PageRow


class ResponderRows(Protocol):
    """Within one transaction."""

    async def touch_responders(self, incident_id: UUID, at: datetime) -> None:
        """Make an incident's own watch due at `at`, in story time, unless it is due earlier."""

    async def responders_due(self, now: datetime, machine_at: datetime) -> bool:
        """Whether any incident's own watch is due, or any page is to be sent."""

    async def take_responders(self, now: datetime) -> IncidentId | None:
        """The incident whose own watch has been due the longest and that nobody else is planning; locks it."""

    async def look_again(self, incident_id: UUID, look_at: datetime | None) -> None:
        """When an incident's own watch is due next; None: it rests. The caller holds its lock."""

    async def pages(self, incident_id: UUID) -> Sequence[PageRow]:
        """All nudges and pages of an incident, oldest first."""

    async def page(self, page_id: UUID) -> PageRow | None:
        """A nudge or page by its id."""

    async def acknowledgements(self, incident_id: UUID) -> Sequence[datetime]:
        """When responders said that they know, oldest first."""

    async def troubles(self, incident_id: UUID) -> Mapping[str, tuple[datetime, str]]:
        """What of ours keeps families from being told: subject -> (since when, the code)."""

    async def add_trouble(self, incident_id: UUID, subject: str, code: str, at: datetime) -> bool:
        """Note something of ours that keeps families from being told; False if it is known.

        Responders are paged once for each incident and subject, a few words such as "channel sms".
        """

    async def end_trouble(self, incident_id: UUID, subject: str, at: datetime) -> None:
        """It is over: pages about it that wait are taken back, and the next time is another trouble."""

    async def troubles_over(self, incident_id: UUID) -> Sequence[Over]:
        """What was trouble and is none any more, in the order in which it ended."""

    async def add_pages(
        self, incident_id: UUID, owed: Sequence[OwedPage], update_no: int, now: datetime, machine_at: datetime
    ) -> None:
        """Write what is owed; what is there already stays as it is."""

    async def cancel_pages(self, ids: Sequence[UUID]) -> None:
        """Nobody needs to read these any more; what a worker has in hand stays with it."""

    async def claim_pages(self, machine_at: datetime, lease: Lease, limit: int) -> Sequence[PageRow]:
        """Lease the pages that are to be sent, the longest due first; those of a lease that ran out go again."""

    async def finish_page(self, outcome: PageOutcome, lease: Lease, now: datetime) -> bool:
        """Write what became of a page; False if its lease was lost meanwhile, and not to the provider's own word.

        One that was not handed over makes the incident's own watch due at `now`: the next step is.
        """

    async def take_page_receipt(self, report: Report, now: datetime) -> PageRow | None:
        """Move a nudge or page as the provider's word has it; returns it as it is then, None: it changes nothing.

        What came to nothing makes the incident's own watch due at `now`: the next step is.
        """

    async def responders_unreachable(self, now: datetime) -> bool:
        """Whether some open incident has responders to page, and none of its pages could be handed over."""
