"""Addresses that a provider had refused for good, and that a person says may be used again."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from alertd.domain.family import AddressId
from alertd.records import Lifted


class SuspensionRows(Protocol):
    """Within one transaction."""

    async def suspended(
        self, code: str, since: datetime, channel: str | None, after: AddressId | None, limit: int
    ) -> Sequence[AddressId]:
        """The next addresses, by id, that are suspended with a provider's code, from a moment on."""

    async def lifting(self, addresses: Sequence[AddressId]) -> Lifted:
        """What lifting the suspensions of these addresses would come to."""

    async def lift_suspensions(self, addresses: Sequence[AddressId], now: datetime) -> Lifted:
        """These addresses are suspended no more; an opt-out stays.

        All who have one are planned anew in the outages that go on, as if what was refused had never been sent.
        """
