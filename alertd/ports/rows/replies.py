"""What people write back, and the inbox."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from alertd.domain.family import AddressId, FamilyId
from alertd.domain.inbox import Asked, Correspondent, Given, Letter
from alertd.domain.incident import IncidentId
from alertd.domain.reply import Meaning


class ReplyRows(Protocol):
    """Within one transaction."""

    async def correspondent(self, channel: str, to: str) -> Correspondent | None:
        """Who has an address; None: nobody, and nobody ever stopped it."""

    async def take_reply(
        self,
        reply_id: UUID,
        provider_id: str,
        address: AddressId,
        at: datetime,
        machine_at: datetime,
        meaning: Meaning,
        text: str | None,
    ) -> bool:
        """Keep a reply; False: it was taken before. `text`: only of what a person is to read."""

    async def reply_said(self, provider_id: str) -> str | None:
        """What a reply that was taken before was answered."""

    async def say_to_reply(self, reply_id: UUID, said: str) -> None:
        """Keep what a reply is answered."""

    async def given(self, address: AddressId, since: datetime) -> Sequence[Given]:
        """What was answered to an address after a moment of machine time."""

    async def last_asked(self, address: AddressId, families: Collection[str]) -> Sequence[Asked]:
        """What went to an address in the open duties of these families, newest first, each epoch once."""

    async def watching(self, incident_id: IncidentId, families: Collection[str]) -> Sequence[FamilyId]:
        """Those of these families that we have a duty to in an incident, in order."""

    async def inbox(self, limit: int, *, waiting: bool) -> Sequence[Letter]:
        """What people wrote in their own words, newest first; `waiting`: only what nobody has dealt with."""

    async def letter(self, letter_id: UUID) -> Letter | None:
        """One of them."""

    async def close_letter(self, letter_id: UUID, who: str, at: datetime) -> bool:
        """Somebody has dealt with it; False: there is none, or it was done before."""

    async def inbox_since(self, after: datetime) -> tuple[int, UUID | None, datetime | None]:
        """Of what waits and came after a moment: how many, the newest, and when that came."""
