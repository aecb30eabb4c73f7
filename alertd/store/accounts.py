"""The auditor's own statements: who is touched, who has not heard in time, and what the tables say of them.

They share nothing with those by which families are planned: a mistake there is to be found here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Select, Table, and_, case, func, literal, or_, select, union_all
from sqlalchemy.sql import ColumnElement, Subquery

from alertd.domain.audit import Cursor, Evidence, Suspect, Tries, Waiting
from alertd.domain.delivery import Framing, Reason
from alertd.domain.family import AddressId, Family, FamilyId
from alertd.domain.incident import IncidentId, Scope
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import (
    CURSOR_OPEN,
    address,
    delivery,
    delivery_share,
    family,
    family_address,
    family_service,
    fanout,
    watch,
)

_DAY = timedelta(days=1)
_STALE_LEASE = timedelta(seconds=5)  # the sweeper takes back what outlived its lease within a second
_LEASE = timedelta(seconds=30)  # what is due is taken up within one
_family = msgspec.json.Decoder(Family)


class AccountRows:
    """Reads what the auditor judges, within one snapshot."""

    sql: Sql

    async def touched(
        self, incident_id: IncidentId, scope: Scope, late: datetime, far: datetime
    ) -> tuple[int, int, datetime | None]:
        """(families that a scope touches, how many of them are suspects, the next deadline of those not resting).

        A suspect was to hear before `late` or only after `far` (story time), or has no watch that binds us.
        """
        families = _touched(scope)
        mine = _watch_of(families, incident_id)
        rows = await self.sql.rows(
            select(
                func.count(),
                func.sum(case((_suspect(late, far), 1), else_=0)),
                func.min(watch.c.next_by).filter(watch.c.rest.is_(None)),
            ).select_from(mine)
        )
        return int(rows[0][0]), int(rows[0][1] or 0), rows[0][2]

    async def suspects(
        self, incident_id: IncidentId, scope: Scope, late: datetime, far: datetime
    ) -> Sequence[Suspect]:
        """Those that `touched` counts, in the order of their ids."""
        families = _touched(scope)
        rows = await self.sql.rows(
            select(families.c.family_id, watch.c.next_by, watch.c.look_at, watch.c.rest, watch.c.epoch)
            .select_from(_watch_of(families, incident_id))
            .where(_suspect(late, far))
            .order_by(families.c.family_id)
        )
        return [Suspect(FamilyId(row[0]), row[1], row[2], row[3], row[4]) for row in rows]

    async def cursors(self, incident_id: IncidentId) -> tuple[Cursor, ...]:
        """The cursors of an incident that have not arrived."""
        sibling = fanout.alias()
        moved = (  # those of one update wait for their worker: it moves when any of them does
            select(func.max(sibling.c.moved_at))
            .where(sibling.c.incident_id == fanout.c.incident_id, sibling.c.update_no == fanout.c.update_no)
            .scalar_subquery()
        )
        rows = await self.sql.rows(
            select(fanout.c.position, fanout.c.until, fanout.c.scope, moved.label("moved_at")).where(
                fanout.c.incident_id == incident_id, CURSOR_OPEN
            )
        )
        return tuple(Cursor(row.position, row.until, row.scope, row.moved_at) for row in rows)

    async def evidence(
        self,
        incident_id: IncidentId,
        suspects: Sequence[Suspect],
        *,
        now: datetime,
        machine_at: datetime,
        backoff: timedelta,
        window: timedelta,
        grace: timedelta,
    ) -> dict[str, Evidence]:
        """What the tables say of these, some hundred at a time; `backoff` and `window` are the longest."""
        resting = [each.family for each in suspects if each.rest is not None]
        reading = [each.family for each in suspects if each.rest in ("quiet", "muted", "capped")]
        sending = [each.family for each in suspects if each.rest in (None, "capped") and each.next_by is not None]
        addresses = await self._addresses_of(resting)
        documents = await self._documents(reading)
        joined = await self._joined(incident_id, reading)
        tries = await self._tries_of(incident_id, sending, now, machine_at, backoff, window, grace)
        waiting = [each.family for each in suspects if each.rest is None and _waits(tries.get(each.family))]
        if waiting:
            addresses |= await self._addresses_of(waiting)
            for name, (waits, failed) in (await self._under_way(incident_id, waiting, now - window)).items():
                tries[name] = replace(tries[name], waits=waits, failed=failed)
            idle = [name for name in waiting if _idle(addresses.get(name, {}), tries[name])]
            documents |= await self._documents(idle)
            joined |= await self._joined(incident_id, idle)
        return {
            each.family: Evidence(
                documents.get(each.family),
                addresses.get(each.family, {}),
                joined.get(each.family, frozenset()),
                tries.get(each.family, Tries()),
            )
            for each in suspects
        }

    async def _addresses_of(self, ids: Sequence[str]) -> dict[str, dict[AddressId, tuple[str, bool, bool]]]:
        found: dict[str, dict[AddressId, tuple[str, bool, bool]]] = {}
        if not ids:
            return found
        usable = and_(address.c.verified, address.c.suspended_at.is_(None), address.c.opted_out_at.is_(None))
        rows = await self.sql.rows(
            select(
                family_address.c.family_id,
                address.c.id,
                address.c.channel,
                case((usable, 1), else_=0).label("usable"),
                case((address.c.opted_out_at.is_not(None), 1), else_=0).label("stopped"),
            )
            .join(address, address.c.id == family_address.c.address_id)
            .where(one_of(family_address.c.family_id, ids))
        )
        for row in rows:
            mine = found.setdefault(row.family_id, {})
            mine[AddressId(row.id)] = (row.channel, bool(row.usable), bool(row.stopped))
        return found

    async def _documents(self, ids: Sequence[str]) -> dict[str, Family]:
        """A document that cannot be read is no evidence of anything."""
        found: dict[str, Family] = {}
        if not ids:
            return found
        for row in await self.sql.rows(select(family.c.id, family.c.doc).where(one_of(family.c.id, ids))):
            try:
                found[row.id] = _family.decode(row.doc)
            except (msgspec.MsgspecError, UnicodeDecodeError):
                continue
        return found

    async def _joined(self, incident_id: IncidentId, ids: Sequence[str]) -> dict[str, frozenset[AddressId]]:
        """The addresses to which a ladder has brought a message, or is about to, since they are touched."""
        if not ids:
            return {}
        counts = (
            delivery.c.reason == Reason.LADDER.value,
            delivery.c.state.in_(("pending", "leased", "unknown", "accepted", "delivered", "read")),
            delivery.c.planned_at >= watch.c.touched_at,
        )
        own = (
            select(delivery.c.family_id, delivery.c.address_id)
            .join(watch, _same_duty(delivery))
            .where(delivery.c.incident_id == incident_id, one_of(delivery.c.family_id, ids), *counts)
        )
        shared = (
            select(delivery_share.c.family_id, delivery.c.address_id)
            .join(delivery, delivery.c.id == delivery_share.c.delivery_id)
            .join(watch, _same_duty(delivery_share))
            .where(delivery_share.c.incident_id == incident_id, one_of(delivery_share.c.family_id, ids), *counts)
        )
        found: dict[str, set[AddressId]] = {}
        for row in await self.sql.rows(union_all(own, shared)):
            found.setdefault(row.family_id, set()).add(AddressId(row.address_id))
        return {name: frozenset(mine) for name, mine in found.items()}

    async def _under_way(
        self, incident_id: IncidentId, ids: Sequence[str], since: datetime
    ) -> dict[str, tuple[dict[AddressId, Waiting], dict[AddressId, int]]]:
        """By family: where a message is under way; where the newest that is settled failed, and its number.

        Our own fault is tried again after a backoff: before `since`, a window ago, it is no failure any more.
        """
        state = delivery.c.state
        which = {
            "open": state.in_(("pending", "leased", "unknown")),
            "told": state.in_(("accepted", "delivered", "read")),
            "failed": or_(
                state.in_(("undelivered", "refused")), and_(state == "parked", delivery.c.planned_at >= since)
            ),
        }
        moments: list[ColumnElement[Any]] = [
            case((holds, delivery.c.planned_at)).label(name) for name, holds in which.items()
        ]
        numbers: list[ColumnElement[Any]] = [
            case((which[name], delivery.c.update_no)).label(f"{name}_no") for name in ("open", "failed")
        ]
        each = _messages(incident_id, ids, delivery.c.address_id, *moments, *numbers)
        rows = await self.sql.rows(
            select(
                each.c.family_id,
                each.c.address_id,
                *(func.max(each.c[column.name]).label(column.name) for column in (*moments, *numbers)),
            ).group_by(each.c.family_id, each.c.address_id)
        )
        found: dict[str, tuple[dict[AddressId, Waiting], dict[AddressId, int]]] = {}
        for row in rows:
            waits, lost = found.setdefault(row.family_id, ({}, {}))
            address_id = AddressId(row.address_id)
            if row.open is not None:
                waits[address_id] = Waiting(row.open, row.open_no)
            if row.failed is not None and (row.told is None or row.failed > row.told):
                lost[address_id] = row.failed_no
        return found

    async def _tries_of(
        self,
        incident_id: IncidentId,
        ids: Sequence[str],
        now: datetime,
        machine_at: datetime,
        backoff: timedelta,
        window: timedelta,
        grace: timedelta,
    ) -> dict[str, Tries]:
        if not ids:
            return {}
        state = delivery.c.state
        under_way = state.in_(("pending", "leased", "unknown"))
        retried = and_(  # `due_at` was set when it was tried; what is superseded since keeps it
            state.in_(("pending", "unknown", "superseded")),
            delivery.c.attempts > 0,
            delivery.c.crashes == 0,
            delivery.c.due_at.between(machine_at - backoff - _LEASE, machine_at + backoff),
        )
        in_hand = delivery.c.lease_until >= machine_at - _STALE_LEASE
        trying = and_(state == "leased", delivery.c.crashes == 0, in_hand)
        held = and_(
            delivery.c.channel.in_(("sms", "voice")),
            delivery.c.framing == Framing.HOLDING.value,
            delivery.c.accepted_at > now - _DAY,
        )
        # By state: "parked" is our own fault, also where it is the provider who says so of what it had taken.
        given_up = and_(state.in_(("undelivered", "refused")), delivery.c.planned_at >= now - window)
        flags = {"under_way": under_way, "tried": or_(retried, trying), "held": held}
        flags["fresh"] = and_(under_way, delivery.c.planned_at >= now - grace)
        columns: list[ColumnElement[Any]] = [case((flag, 1), else_=0).label(name) for name, flag in flags.items()]
        moments = {
            "before": delivery.c.planned_at < now - grace,
            "given_up": given_up,
            "stopped": state == "parked",
        }
        columns += [case((which, delivery.c.planned_at)).label(name) for name, which in moments.items()]
        each = _messages(incident_id, ids, *columns)
        rows = await self.sql.rows(
            select(
                each.c.family_id,
                func.max(each.c.under_way),
                func.max(each.c.tried),
                func.max(each.c.given_up),
                func.max(each.c.stopped),
                func.max(each.c.fresh),
                func.max(each.c.before),
                func.sum(each.c.held),
            ).group_by(each.c.family_id)
        )
        return {
            name: Tries(bool(under_way), bool(tried), given_up, stopped, bool(fresh), before, int(held))
            for name, under_way, tried, given_up, stopped, fresh, before, held in rows
        }


def _waits(tries: Tries | None) -> bool:
    """Whether providers are asked, and have taken nothing."""
    return tries is not None and tries.under_way and tries.tried


def _idle(addresses: Mapping[AddressId, tuple[str, bool, bool]], tries: Tries) -> bool:
    """Whether an address that may be used has nothing under way, nor failed for the newest that is."""
    if not tries.waits:
        return False  # taken since the other question was asked: nobody waits
    newest = max(each.update for each in tries.waits.values())
    return any(
        usable and which not in tries.waits and tries.failed.get(which, newest - 1) < newest
        for which, (_, usable, _) in addresses.items()
    )


def _same_duty(table: Table) -> ColumnElement[bool]:
    return and_(watch.c.incident_id == table.c.incident_id, watch.c.family_id == table.c.family_id)


def _touched(scope: Scope) -> Subquery:
    """The families that use a service of a scope where it fails: in a region, a part of it, or without one."""
    services: list[ColumnElement[bool]] = []
    for reach in scope.reaches:
        places: list[ColumnElement[bool]] = []
        if reach.regions:
            region = family_service.c.region
            places = [region.is_(None), region == "", region.in_(reach.regions)]
            places += [func.substr(region, 1, len(name) + 1) == f"{name}-" for name in reach.regions]
        services.append(and_(family_service.c.service == reach.service, or_(*places) if places else literal(True)))
    one = len({reach.service for reach in scope.reaches}) == 1  # then every family is there once
    ids: Select[tuple[str]] = select(family_service.c.family_id).where(or_(*services))
    return (ids if one else ids.distinct()).subquery()


def _watch_of(families: Subquery, incident_id: IncidentId) -> Any:
    mine = and_(watch.c.incident_id == incident_id, watch.c.family_id == families.c.family_id)
    return families.join(watch, mine, isouter=True)


def _suspect(late: datetime, far: datetime) -> ColumnElement[bool]:
    return or_(
        watch.c.family_id.is_(None),
        watch.c.next_by < late,
        watch.c.next_by > far,
        watch.c.rest.in_(("closed", "not_touched")),
    )


def _messages(incident_id: IncidentId, ids: Sequence[str], *columns: ColumnElement[Any]) -> Subquery:
    """Every message of these families in an incident, their own and those to addresses that they share."""
    own = select(delivery.c.family_id, *columns).where(
        delivery.c.incident_id == incident_id, one_of(delivery.c.family_id, ids)
    )
    shared = (
        select(delivery_share.c.family_id, *columns)
        .join(delivery, delivery.c.id == delivery_share.c.delivery_id)
        .where(delivery_share.c.incident_id == incident_id, one_of(delivery_share.c.family_id, ids))
    )
    return union_all(own, shared).subquery()
