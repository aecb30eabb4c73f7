"""Slices: which families to plan next, and everything that the planner may look at for them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, literal, or_, select, union, union_all

from alertd.domain.delivery import DEAD, Telling
from alertd.domain.family import AddressId, AddressStatus, Family, FamilyId
from alertd.domain.incident import IncidentId, Reach, Scope
from alertd.domain.watch import Answer
from alertd.records import Candidate, Fanout, Unreadable
from alertd.store import codec
from alertd.store.families import touched_after
from alertd.store.one_of import one_of_those
from alertd.store.sql import Sql
from alertd.store.tables import (
    Key,
    address,
    answer,
    delivery,
    delivery_share,
    family,
    family_address,
    watch,
)

# Statements are made once: to make them anew for each slice costs as much as to run them (2.4 ms, measured).


@lru_cache(256)
def _next_ids(reaches: tuple[Reach, ...]) -> Select[tuple[str]]:
    """The next `limit` families after `position` up to `until`, those that have a watch or that are reached."""
    watched = (
        select(watch.c.family_id)
        .where(watch.c.incident_id == bindparam("incident"), watch.c.family_id > bindparam("position"))
        .order_by(watch.c.family_id)
        .limit(bindparam("limit"))
    )
    parts = [watched, *(touched_after(reach) for reach in reaches)]
    merged = union(*[select(part.subquery().c.family_id) for part in parts]).subquery()
    until = bindparam("until", type_=Key)
    return (
        select(merged.c.family_id)
        .where(or_(until.is_(None), merged.c.family_id <= until))
        .order_by(merged.c.family_id)
        .limit(bindparam("limit"))
    )


# Locked in the order of their keys: in any other, three sessions deadlock each other.
_WATCHES = (
    select(watch)
    .where(watch.c.incident_id == bindparam("incident"), one_of_those(watch.c.family_id, "ids"))
    .order_by(watch.c.family_id)
)
_LOCKED_WATCHES = _WATCHES.with_for_update()
_DOCUMENTS = select(family.c.id, family.c.doc).where(one_of_those(family.c.id, "ids")).order_by(family.c.id)
_NOTABLE = (
    select(
        family_address.c.family_id,
        address.c.id,
        address.c.verified,
        address.c.suspended_at,
        address.c.opted_out_at,
        address.c.opted_out_here,
        address.c.shared,
    )
    .join(address, address.c.id == family_address.c.address_id)
    .where(address.c.notable, one_of_those(family_address.c.family_id, "ids"))
)
_TELLING = (
    delivery.c.address_id,
    delivery.c.update_no,
    delivery.c.epoch,
    delivery.c.step,
    delivery.c.framing,
    delivery.c.loud,
    delivery.c.state,
    delivery.c.planned_at,
    delivery.c.next_by,
    delivery.c.accepted_at,
    delivery.c.in_quiet,
    delivery.c.maybe,
    delivery.c.tried_at,
)
_SAYS_SOMETHING = or_(
    delivery.c.state.not_in([state.value for state in DEAD]),
    delivery.c.maybe,
    delivery.c.tried_at.is_not(None),  # a ladder's steps count from the first try, also of what was superseded
)
_TELLINGS = union_all(
    select(delivery.c.family_id, *_TELLING, delivery.c.caregiver).where(
        delivery.c.incident_id == bindparam("incident"), one_of_those(delivery.c.family_id, "ids"), _SAYS_SOMETHING
    ),
    select(delivery_share.c.family_id, *_TELLING, literal("").label("caregiver"))
    .join(delivery, delivery.c.id == delivery_share.c.delivery_id)
    .where(
        delivery_share.c.incident_id == bindparam("incident"),
        one_of_those(delivery_share.c.family_id, "ids"),
        _SAYS_SOMETHING,
    ),
)

_ANSWERS = select(answer).where(
    answer.c.incident_id == bindparam("incident"), one_of_those(answer.c.family_id, "ids")
)


class FanoutRows:
    """Loads what is to be planned; Postgres locks the rows it gives out."""

    sql: Sql

    async def slice_ids(self, cursor: Fanout, scope: Scope, limit: int) -> list[str]:
        """The next family ids behind the cursor, in keyset order."""
        reaches = scope.reaches if cursor.scope else ()
        given = {"incident": cursor.incident, "position": cursor.position, "limit": limit, "until": cursor.until}
        rows = await self.sql.rows(_next_ids(reaches), given)
        return [row.family_id for row in rows]

    async def due_watches(self, now: datetime, limit: int) -> dict[UUID, list[str]]:
        """Family ids of watches that are due, the longest due first, by incident in the order of their ids.

        In that order they are written: two planners of the same two incidents would deadlock in any other.
        """
        # ORDER BY keeps Postgres on the partial index once the statement is prepared (12 ms against 0.4 ms).
        statement = (
            select(watch.c.incident_id, watch.c.family_id)
            .where(watch.c.look_at.is_not(None), watch.c.look_at <= now)
            .order_by(watch.c.look_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        due: dict[UUID, list[str]] = {}
        for row in await self.sql.rows(statement):
            due.setdefault(row.incident_id, []).append(row.family_id)
        return dict(sorted(due.items()))

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
        Decoded one by one, the garbage collector never sees 500 families alive: half the cost, measured.
        """
        # The watches first: an import that commits between the two has moved their version, and is read.
        given = {"incident": incident_id, "ids": ids}
        rows = await self.sql.rows(_LOCKED_WATCHES if lock else _WATCHES, given)
        docs = await self.sql.rows(_DOCUMENTS, given)
        watches: Mapping[str, Row[*tuple[Any, ...]]] = {row.family_id: row for row in rows}
        tellings = await self._tellings(given) if watches else {}
        answers: dict[str, list[Answer]] = {}
        for row in await self.sql.rows(_ANSWERS, given) if watches else ():
            answers.setdefault(row.family_id, []).append(codec.answer(row))
        notable: dict[str, dict[AddressId, AddressStatus]] = {}
        for row in await self.sql.rows(_NOTABLE, given):
            notable.setdefault(row.family_id, {})[AddressId(row.id)] = AddressStatus(
                suspended=row.suspended_at is not None,
                opted_out=row.opted_out_at is not None,
                verified=row.verified,
                shared=row.shared,
                here=row.opted_out_here,
            )

        def decoded() -> Iterator[Candidate]:
            for name, doc in docs:
                stood = codec.watch(watches[name]) if name in watches else None
                try:
                    document = codec.family(doc)
                except Exception as error:  # whatever is in it: it may keep nobody else from being told
                    if unreadable is None:
                        raise
                    unreadable.append(Unreadable(FamilyId(name), stood, type(error).__name__))
                    continue
                known = _with_verified(document, notable.get(name, {}))
                yield Candidate(document, stood, tellings.get(name, ()), known, answers.get(name, ()))

        return decoded()

    async def _tellings(self, given: dict[str, Any]) -> dict[str, list[Telling]]:
        found: dict[str, list[Telling]] = {}
        for row in await self.sql.rows(_TELLINGS, given):
            found.setdefault(row.family_id, []).append(codec.telling(row))
        return found


def _with_verified(document: Family, notable: dict[AddressId, AddressStatus]) -> dict[AddressId, AddressStatus]:
    """With the addresses that this document calls not verified, though another family had them verified.

    An address has one row, and what is not verified is noteworthy: so a row that is not stands for a usable one,
    also when the family that verified it is gone.
    """
    for caregiver in document.caregivers:
        for each in caregiver.addresses:
            if not each.verified and each.id not in notable:
                notable[each.id] = AddressStatus()
    return notable
