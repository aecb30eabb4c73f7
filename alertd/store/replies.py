"""Replies in the store: each once, from whom, what was asked of them, and what they stop."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, or_, select, union, update
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.family import AddressId, FamilyId
from alertd.domain.inbox import Asked, Correspondent, Given
from alertd.domain.incident import IncidentId
from alertd.domain.reply import Meaning
from alertd.store import codec
from alertd.store.due import DueRows
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import (
    WATCH_OPEN,
    address,
    delivery,
    delivery_share,
    family,
    family_address,
    reply,
    watch,
)

_LATEST = 50  # messages to one address, among which the last question is looked for


class ReplyRows(DueRows):
    """Reads and writes replies within one transaction."""

    sql: Sql

    async def correspondent(self, channel: str, to: str) -> Correspondent | None:
        """Who has an address; None: nobody, and nobody ever stopped it."""
        found = await self.sql.rows(
            select(address.c.id, address.c.opted_out_at).where(address.c.channel == channel, address.c.dest == to)
        )
        if not found:
            return None
        rows = await self.sql.rows(
            select(family.c.doc)
            .join(family_address, family_address.c.family_id == family.c.id)
            .where(family_address.c.address_id == found[0].id)
            .order_by(family.c.id)
        )
        # One that cannot be read keeps nobody from saying STOP.
        read = (codec.family_if_readable(row.doc) for row in rows)
        families = tuple(each for each in read if each is not None)
        return Correspondent(AddressId(found[0].id), found[0].opted_out_at is not None, families)

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
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        values = dialect.insert(reply).values(
            id=reply_id,
            provider_id=provider_id,
            address_id=address,
            at=at,
            machine_at=machine_at,
            meaning=meaning.value,
            text=text,
        )
        return await self.sql.run(values.on_conflict_do_nothing(index_elements=[reply.c.provider_id])) == 1

    async def reply_said(self, provider_id: str) -> str | None:
        """What a reply that was taken before was answered."""
        rows = await self.sql.rows(select(reply.c.said).where(reply.c.provider_id == provider_id))
        return rows[0].said if rows else None

    async def say_to_reply(self, reply_id: UUID, said: str) -> None:
        """Keep what a reply is answered."""
        await self.sql.run(update(reply).where(reply.c.id == reply_id).values(said=said))

    async def given(self, address: AddressId, since: datetime) -> Sequence[Given]:
        """What was answered to an address after a moment of machine time."""
        rows = await self.sql.rows(
            select(reply.c.machine_at, reply.c.meaning).where(
                reply.c.address_id == address, reply.c.machine_at > since, reply.c.said.is_not(None)
            )
        )
        return [Given(row.machine_at, Meaning(row.meaning)) for row in rows]

    async def last_asked(self, address: AddressId, families: Collection[str]) -> Sequence[Asked]:
        """What went to an address in the open duties of these families, newest first, each epoch once."""
        arrived = or_(delivery.c.accepted_at.is_not(None), delivery.c.maybe)
        at = func.coalesce(delivery.c.accepted_at, delivery.c.tried_at).label("at")
        what = select(delivery.c.id, delivery.c.incident_id, delivery.c.epoch, at).select_from(delivery)
        went = (delivery.c.address_id == address, arrived)
        of = one_of(watch.c.family_id, sorted(families))
        own = and_(watch.c.incident_id == delivery.c.incident_id, watch.c.family_id == delivery.c.family_id)
        # Also what it carried for another family, which may have lost the address since. Joined, SQLite would look
        # at every message of the incident.
        share = delivery_share.c
        sharing = and_(watch.c.incident_id == share.incident_id, watch.c.family_id == share.family_id)
        shared = select(share.delivery_id).join(watch, sharing).where(of, WATCH_OPEN)
        both = union(
            what.join(watch, own).where(*went, of, WATCH_OPEN), what.where(*went, delivery.c.id.in_(shared))
        ).subquery()
        rows = await self.sql.rows(select(both).order_by(both.c.at.desc(), both.c.id.desc()).limit(_LATEST))
        newest: dict[tuple[UUID, int], Asked] = {}
        for row in rows:
            newest.setdefault((row.incident_id, row.epoch), Asked(row.id, row.incident_id, row.epoch))
        return list(newest.values())

    async def watching(self, incident_id: IncidentId, families: Collection[str]) -> Sequence[FamilyId]:
        """Those of these families that we have a duty to in an incident, in order."""
        rows = await self.sql.rows(
            select(watch.c.family_id)
            .where(watch.c.incident_id == incident_id, one_of(watch.c.family_id, sorted(families)), WATCH_OPEN)
            .order_by(watch.c.family_id)
        )
        return [FamilyId(row.family_id) for row in rows]
