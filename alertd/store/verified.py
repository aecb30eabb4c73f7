"""Whether an address is its owner's: one word in the whole system, by the documents of all who have it."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, update

from alertd.store import codec
from alertd.store.sql import Sql
from alertd.store.tables import address, family, family_address

_AT_ONCE = 500


async def verify(sql: Sql, ids: Sequence[UUID]) -> list[UUID]:
    """These addresses are verified from now on; that another family says otherwise takes it from nobody.

    Returns those that were not before. The caller holds their locks.
    """
    fresh: list[UUID] = []
    for part in _parts(ids):
        changed = await _those_that_are(sql, part, verified=False)
        fresh += changed
        if changed:
            notable = or_(
                address.c.shared, address.c.suspended_at.is_not(None), address.c.opted_out_at.is_not(None)
            )
            await sql.run(update(address).where(address.c.id.in_(changed)).values(verified=True, notable=notable))
    return fresh


async def unverify(sql: Sql, ids: Sequence[UUID], by: Collection[str]) -> list[UUID]:
    """New documents of the families `by` call these addresses not verified: that takes back their own older word.

    It does so where nobody else's document calls them verified. What another family said, and is gone with it, is
    no word of theirs to take back. Returns those that were verified before. The caller holds their locks, and has
    not written the new documents yet.
    """
    gone: list[UUID] = []
    for part in _parts(ids):
        changed = await _those_that_are(sql, part, verified=True)
        if changed:
            theirs = await _called_verified(sql, changed, family_address.c.family_id.in_(by))
            protected = await _called_verified(sql, changed, family_address.c.family_id.not_in(by))
            changed = [each for each in changed if each in theirs and each not in protected]
            gone += changed
            await sql.run(update(address).where(address.c.id.in_(changed)).values(verified=False, notable=True))
    return gone


async def _those_that_are(sql: Sql, ids: Sequence[UUID], *, verified: bool) -> list[UUID]:
    rows = await sql.rows(select(address.c.id).where(address.c.id.in_(ids), address.c.verified.is_(verified)))
    return [row.id for row in rows]


async def _called_verified(sql: Sql, ids: Sequence[UUID], whose: ColumnElement[bool]) -> set[UUID]:
    rows = await sql.rows(
        select(family_address.c.address_id, family.c.doc)
        .join(family, family.c.id == family_address.c.family_id)
        .where(family_address.c.address_id.in_(ids), whose)
    )
    found: set[UUID] = set()
    for row in rows:
        document = codec.family_if_readable(row.doc)
        # Of one that cannot be read nobody knows better.
        if document is None or any(
            each.id == row.address_id and each.verified
            for caregiver in document.caregivers
            for each in caregiver.addresses
        ):
            found.add(row.address_id)
    return found


def _parts(ids: Sequence[UUID]) -> list[Sequence[UUID]]:
    return [ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE)]
