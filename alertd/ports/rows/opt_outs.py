"""What whoever reads at an address says of it: no more here, or again."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.records import AddressUse


class OptOutRows(Protocol):
    """Within one transaction."""

    async def address_use(self, address_id: UUID, limit: int) -> AddressUse | None:
        """An address with at most `limit` of the families that have it; None: there is none such any more."""

    async def same_mailbox(self, address_id: UUID) -> UUID | None:
        """The address that one which is gone was another spelling of; None: of none."""

    async def opt_out(self, address_id: UUID, now: datetime, *, here: bool) -> int | None:
        """Nothing more goes to this address, whoever has it, and who is told of an outage there is planned anew.

        `here`: by a link or page of ours, and not by a word to a provider, which may stop it too.
        Returns how many watches are due by it; None: it had opted out before, and nothing has changed.
        """

    async def opt_in(self, address_id: UUID, now: datetime) -> int | None:
        """Messages may go to this address again; the rest as `opt_out`. None: it had not opted out."""
