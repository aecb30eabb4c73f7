"""The hottest statements, over the driver's own connection: COPY and unnest on Postgres, many VALUES on SQLite."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.delivery import DeliveryState, Reader
from alertd.domain.incident import IncidentId
from alertd.records import Outcome, Plan, Planned, PlannedWatch
from alertd.store import codec, fast_sqlite
from alertd.store.array import array
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import delivery, delivery_share, watch
from alertd.store.types import to_us

_DELIVERY = (
    "id", "incident_id", "update_no", "family_id", "caregiver", "address_id", "epoch", "step", "channel",
    "lane", "priority", "framing", "reason", "loud", "in_quiet", "state", "due_at", "lease_until",
    "lease_token", "attempts", "planned_at", "next_by", "stale_after", "loud_until", "reader", "tried_at",
)  # fmt: skip
_DELIVERY_TYPES = (
    "uuid", "uuid", "int4", "text", "text", "uuid", "int2", "int2", "varchar", "varchar", "int2", "varchar",
    "varchar", "bool", "bool", "varchar", "int8", "int8", "uuid", "int2", "int8", "int8", "int8", "int8",
    "text", "int8",
)  # fmt: skip
_COPY_DELIVERY = f"COPY delivery ({', '.join(_DELIVERY)}) FROM STDIN (FORMAT BINARY)"
_INSERT_DELIVERY = f"INSERT INTO delivery ({', '.join(_DELIVERY)})"
_UNLESS_THERE = "ON CONFLICT DO NOTHING"
_WATCH = (
    "incident_id", "family_id", "touched_at", "next_by", "told", "owed", "epoch", "waiting", "look_at",
    "rest", "version", "ladder", "step",
)  # fmt: skip


def delivery_values(plan: Plan, new: Planned) -> dict[str, Any]:
    """A row of `delivery` by column, with Python types."""
    owed, lease = new.owed, plan.lease if new.leased else None
    return {
        "id": new.id, "incident_id": plan.incident, "update_no": owed.update, "family_id": owed.family,
        "caregiver": owed.caregiver, "address_id": owed.address, "epoch": owed.epoch, "step": owed.step,
        "channel": owed.channel, "lane": new.lane, "priority": new.priority,
        "framing": owed.framing.value, "reason": owed.reason.value, "loud": owed.loud,
        "in_quiet": owed.in_quiet,
        "state": DeliveryState.LEASED.value if lease else DeliveryState.PENDING.value,
        "due_at": plan.machine_at, "lease_until": lease.until if lease else None,
        "lease_token": lease.token if lease else None, "attempts": 1 if lease else 0,
        "planned_at": plan.at, "next_by": owed.next_by, "stale_after": owed.stale_after,
        "loud_until": owed.loud_until, "reader": codec.encode(owed.reader),
        "tried_at": plan.at if lease else None,
    }  # fmt: skip


def with_services(reader: Reader, services: tuple[str, ...]) -> Reader:
    """The reader of a shared address, about the services of all its families."""
    released = tuple(service for service in reader.released if service not in services)
    return replace(reader, services=services, released=released)


def _tuples(plan: Plan, new: Sequence[Planned], uuid: Any) -> list[tuple[Any, ...]]:
    """Rows in the order of _DELIVERY, with the types the driver stores."""
    incident, at, due = uuid(plan.incident), to_us(plan.at), to_us(plan.machine_at)
    waits: tuple[Any, ...] = (DeliveryState.PENDING.value, due, None, None, 0)
    lease = plan.lease
    leased = (DeliveryState.LEASED.value, due, to_us(lease.until), uuid(lease.token), 1) if lease else waits
    instants: dict[Any, int | None] = {None: None}

    def us(moment: Any) -> int | None:
        # One slice shares a few moments; converting each once is worth a dictionary.
        known = instants.get(moment)
        if known is None and moment is not None:
            known = instants[moment] = to_us(moment)
        return known

    return [
        (
            uuid(d.id), incident, o.update, o.family, o.caregiver, uuid(o.address), o.epoch, o.step, o.channel,
            d.lane, d.priority, o.framing.value, o.reason.value, o.loud, o.in_quiet,
            *(leased if d.leased else waits),
            at, us(o.next_by), us(o.stale_after), us(o.loud_until), codec.encode(o.reader),
            at if d.leased and lease else None,
        )
        for d in new
        for o in (d.owed,)
    ]  # fmt: skip


async def insert_deliveries(sql: Sql, plan: Plan, new: Sequence[Planned]) -> list[Planned]:
    """Insert deliveries whose watches the caller holds; returns those whose key was free, in their order.

    Hardly ever is one taken. COPY knows no ON CONFLICT and would take the whole transaction with it, the
    cursor's move too, for ever; so it is undone alone, and its rows are inserted the plain way.
    """
    if not new:
        return []
    driver = await sql.driver()
    if sql.dialect == "postgresql":
        from psycopg.errors import UniqueViolation  # a tenth of a second that a house on SQLite does not need

        await driver.execute("SAVEPOINT slice")  # never released: the commit does it, and saves a round trip
        try:
            async with driver.cursor() as cursor, cursor.copy(_COPY_DELIVERY) as copy:
                copy.set_types(_DELIVERY_TYPES)
                for row in _tuples(plan, new, _same):
                    await copy.write_row(row)
        except UniqueViolation:
            await driver.execute("ROLLBACK TO SAVEPOINT slice")
            return await insert_deliveries_plainly(sql, plan, new)
        return list(new)
    rows = _tuples(plan, new, codec.uuid_text)
    if fast_sqlite.write(driver, _INSERT_DELIVERY, rows, _UNLESS_THERE) == len(new):
        return list(new)
    written = await sql.rows(select(delivery.c.id).where(one_of(delivery.c.id, [d.id for d in new])))
    return _only(new, {row.id for row in written})


async def insert_deliveries_plainly(sql: Sql, plan: Plan, new: Sequence[Planned]) -> list[Planned]:
    """`insert_deliveries` in plain SQLAlchemy; one test holds both to the same rows."""
    dialect = postgresql if sql.dialect == "postgresql" else sqlite
    statement = dialect.insert(delivery).on_conflict_do_nothing().returning(delivery.c.id)
    rows = await sql.rows(statement, [delivery_values(plan, d) for d in new])
    return _only(new, {row.id for row in rows})


def _only(new: Sequence[Planned], ids: set[UUID]) -> list[Planned]:
    return [d for d in new if d.id in ids]


async def insert_one(sql: Sql, values: dict[str, Any]) -> bool:
    """Insert one delivery unless its key is taken."""
    dialect = postgresql if sql.dialect == "postgresql" else sqlite
    return await sql.run(dialect.insert(delivery).values(**values).on_conflict_do_nothing()) == 1


async def insert_share(sql: Sql, delivery_id: UUID, incident_id: IncidentId, family_id: str) -> None:
    """Note that a delivery serves a further family."""
    dialect = postgresql if sql.dialect == "postgresql" else sqlite
    statement = dialect.insert(delivery_share).on_conflict_do_nothing()
    await sql.run(statement, {"delivery_id": delivery_id, "incident_id": incident_id, "family_id": family_id})


def _same(value: UUID) -> UUID:
    return value


def _watch_tuples(plan: Plan, watches: Sequence[PlannedWatch], uuid: Any) -> list[tuple[Any, ...]]:
    incident = uuid(plan.incident)
    return [
        (
            incident, w.family, to_us(w.touched_at), to_us(w.next_by), 0, w.owed, w.epoch,
            codec.encode(w.waiting), to_us(w.look_at) if w.look_at else None, w.rest.value if w.rest else None,
            1, w.ladder.value if w.ladder else None, w.step,
        )
        for w in watches
    ]  # fmt: skip


_INSERT_WATCH = f"INSERT INTO watch ({', '.join(_WATCH)})"
_INSERT_WATCH_UNNEST = (
    f"INSERT INTO watch ({', '.join(_WATCH)}) "  # noqa: S608
    "SELECT %s, u.* FROM unnest(%s::text[], %s::int8[], %s::int8[], %s::int4[], %s::int4[], %s::int2[], "
    "%s::text[], %s::int8[], %s::text[], %s::int4[], %s::text[], %s::int2[]) AS u "
    "ON CONFLICT DO NOTHING RETURNING family_id"
)


async def insert_watches(sql: Sql, plan: Plan, new: Sequence[PlannedWatch]) -> set[str]:
    """Insert watches already planned; returns the families whose watch did not exist yet."""
    ordered = sorted(new, key=lambda w: w.family)
    driver = await sql.driver()
    if sql.dialect == "postgresql":
        rows = _watch_tuples(plan, ordered, _same)
        columns = [array(column) for column in list(zip(*rows, strict=True))[1:]]
        async with driver.cursor() as cursor:
            await cursor.execute(_INSERT_WATCH_UNNEST, (plan.incident, *columns))
            return {row[0] for row in await cursor.fetchall()}
    rows = _watch_tuples(plan, ordered, codec.uuid_text)
    written = fast_sqlite.written(driver, _INSERT_WATCH, rows, _UNLESS_THERE)
    return {w.family for w, mine in zip(ordered, written, strict=True) if mine}


_UPDATE_WATCH = (
    "UPDATE watch SET touched_at=u.column2, next_by=u.column3, owed=max(owed, u.column4), epoch=u.column5, "
    "waiting=u.column6, look_at=u.column7, rest=u.column8, version=version+1, ladder=u.column10, "
    "step=u.column11 FROM ("
)
_OF_VERSION = ") AS u WHERE incident_id=? AND family_id=u.column1 AND version=u.column9"
_UPDATE_WATCH_UNNEST = (
    "UPDATE watch w SET touched_at=u.touched_at, next_by=u.next_by, owed=greatest(w.owed, u.owed), "
    "epoch=u.epoch, waiting=u.waiting, look_at=u.look_at, rest=u.rest, version=w.version+1, ladder=u.ladder, "
    "step=u.step "
    "FROM unnest(%s::text[], %s::int8[], %s::int8[], %s::int4[], %s::int2[], %s::text[], %s::int8[], "
    "%s::text[], %s::int4[], %s::text[], %s::int2[]) "
    "AS u(family_id, touched_at, next_by, owed, epoch, waiting, look_at, rest, version, ladder, step) "
    "WHERE w.incident_id=%s AND w.family_id=u.family_id AND w.version=u.version RETURNING w.family_id"
)


async def update_watches(sql: Sql, plan: Plan, old: Sequence[PlannedWatch]) -> set[str]:
    """Update watches guarded by their version; returns the families that were won."""
    rows = [
        (
            w.family, to_us(w.touched_at), to_us(w.next_by), w.owed, w.epoch, codec.encode(w.waiting),
            to_us(w.look_at) if w.look_at else None, w.rest.value if w.rest else None, w.version,
            w.ladder.value if w.ladder else None, w.step,
        )
        for w in sorted(old, key=lambda w: w.family)
    ]  # fmt: skip
    driver = await sql.driver()
    if sql.dialect == "postgresql":
        columns = [array(column) for column in zip(*rows, strict=True)]
        async with driver.cursor() as cursor:
            await cursor.execute(_UPDATE_WATCH_UNNEST, (*columns, plan.incident))
            return {row[0] for row in await cursor.fetchall()}
    written = fast_sqlite.written(driver, _UPDATE_WATCH, rows, _OF_VERSION, (codec.uuid_text(plan.incident),))
    return {row[0] for row, mine in zip(rows, written, strict=True) if mine}


_HEARD = (
    "UPDATE watch SET heard_at=max(coalesce(heard_at, 0), u.column3), "
    "next_by=CASE WHEN u.column5 IS NULL OR u.column4 < told THEN next_by "
    "WHEN u.column4 = told AND next_by > u.column3 THEN min(next_by, u.column5) ELSE u.column5 END, "
    "look_at=CASE WHEN u.column4 >= told AND u.column5 < look_at THEN u.column5 ELSE look_at END, "
    "told=max(told, u.column4) FROM ("
)
_OF_FAMILY = ") AS u WHERE incident_id=u.column1 AND family_id=u.column2"
_HEARD_UNNEST = (
    "UPDATE watch w SET heard_at=greatest(w.heard_at, u.at), "
    "next_by=CASE WHEN u.next_by IS NULL OR u.told < w.told THEN w.next_by "
    "WHEN u.told = w.told AND w.next_by > u.at THEN least(w.next_by, u.next_by) ELSE u.next_by END, "
    "look_at=CASE WHEN u.told >= w.told AND u.next_by < w.look_at THEN u.next_by ELSE w.look_at END, "
    "told=greatest(w.told, u.told) "
    "FROM unnest(%s::uuid[], %s::text[], %s::int8[], %s::int4[], %s::int8[]) "
    "AS u(incident_id, family_id, at, told, next_by) "
    "WHERE w.incident_id=u.incident_id AND w.family_id=u.family_id"
)
_LOCK_WATCHES = (
    "SELECT 1 FROM watch w JOIN unnest(%s::uuid[], %s::text[]) AS u(i, f) "
    "ON w.incident_id=u.i AND w.family_id=u.f ORDER BY w.incident_id, w.family_id FOR UPDATE OF w"
)


Heard = tuple[UUID, str, int, int, int | None]
"""(incident, family, accepted at in us, update, next_by in us)"""


async def mark_heard(sql: Sql, heard: Sequence[Heard]) -> None:
    """Families heard: newest acceptance, newest update told, and what that update promised.

    Never touches the version: nothing the planner planned from has changed. Nor look_at, which the planner has
    set, unless a phone was promised an earlier time for another of its families (decision 54).
    """
    if not heard:
        return
    merged: dict[tuple[UUID, str], Heard] = {}
    for incident, family, at, told, promised in sorted(heard, key=lambda h: (h[0].int, h[1], h[3])):
        before = merged.get((incident, family))
        next_by = promised
        if before is not None and before[3] == told and before[4] is not None:
            next_by = before[4] if promised is None else min(before[4], promised)
        merged[incident, family] = (incident, family, max(at, before[2] if before else 0), told, next_by)
    rows = list(merged.values())
    driver = await sql.driver()
    if sql.dialect == "postgresql":
        columns = [array(column) for column in zip(*rows, strict=True)]
        async with driver.cursor() as cursor:
            await cursor.execute(_LOCK_WATCHES, (columns[0], columns[1]))
            await cursor.execute(_HEARD_UNNEST, columns)
    else:
        fast_sqlite.write(driver, _HEARD, [(codec.uuid_text(i), *heard) for i, *heard in rows], _OF_FAMILY)


# The token alone says that it is leased: whatever ends a lease takes it away. To ask for the state too would offer
# Postgres the index of what is leased, mostly dead entries during an outage: five times the cost, measured.
_OUTCOME = (
    "UPDATE delivery SET state=u.column2, code=u.column3, provider_id=u.column4, accepted_at=u.column5, "
    "due_at=coalesce(u.column6, due_at), maybe=maybe OR u.column7, crashes=crashes+u.column8, lease_until=NULL, "
    "lease_token=NULL, reader=CASE WHEN u.column9 THEN NULL ELSE reader END FROM ("
)
_OF_LEASE = ") AS u WHERE id=u.column1 AND lease_token=?"
_OUTCOME_UNNEST = (
    "UPDATE delivery d SET state=u.state, code=u.code, provider_id=u.provider_id, accepted_at=u.accepted_at, "
    "due_at=coalesce(u.due_at, d.due_at), maybe=d.maybe OR u.maybe, crashes=d.crashes+u.crashes, "
    "lease_until=NULL, lease_token=NULL, "
    "reader=CASE WHEN u.final THEN NULL ELSE d.reader END "
    "FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::int8[], %s::int8[], "
    "%s::bool[], %s::int2[], %s::bool[]) "
    "AS u(id, state, code, provider_id, accepted_at, due_at, maybe, crashes, final) "
    "WHERE d.id=u.id AND d.lease_token=%s RETURNING d.id"
)


async def finish(sql: Sql, outcomes: Sequence[Outcome], token: UUID) -> set[UUID]:
    """Write outcomes where the lease still holds; returns the ids that were written."""
    rows = [
        (
            o.delivery.id, o.state.value, o.code, o.provider_id, to_us(o.accepted_at) if o.accepted_at else None,
            to_us(o.due_at) if o.due_at else None, o.state is DeliveryState.UNKNOWN, int(o.crashed), o.final,
        )
        for o in sorted(outcomes, key=lambda o: o.delivery.id.int)
    ]  # fmt: skip
    driver = await sql.driver()
    if sql.dialect == "postgresql":
        columns = [array(column) for column in zip(*rows, strict=True)]
        async with driver.cursor() as cursor:
            await cursor.execute(_OUTCOME_UNNEST, (*columns, token))
            return {row[0] for row in await cursor.fetchall()}
    written = fast_sqlite.written(
        driver,
        _OUTCOME,
        [(codec.uuid_text(delivery_id), *values) for delivery_id, *values in rows],
        _OF_LEASE,
        (codec.uuid_text(token),),
    )
    return {row[0] for row, mine in zip(rows, written, strict=True) if mine}


__all__ = [
    "delivery_values",
    "finish",
    "insert_deliveries",
    "insert_deliveries_plainly",
    "insert_one",
    "insert_share",
    "insert_watches",
    "mark_heard",
    "update_watches",
    "watch",
    "with_services",
]  # fmt: skip
