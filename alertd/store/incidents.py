"""Incidents, their updates, and the events they came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from alertd.domain.incident import Incident, IncidentId, Kind, Update
from alertd.domain.policy import Policy
from alertd.store import codec
from alertd.store.responders import ResponderRows
from alertd.store.sql import Sql
from alertd.store.tables import act, incident, incident_update, outage_event
from alertd.store.types import Instant

_ROW = [column for column in incident.c if column is not incident.c.policy_snapshot]  # large, and read apart
_UPDATE = [
    column.label(f"update_{column.name}")
    for column in incident_update.c
    if column is not incident_update.c.incident_id
]
_MOST_ENDED = 1000


def _with_updates(chosen: Select[Any]) -> Select[Any]:
    """Incidents with their updates, newest first; an incident has at least one.

    One statement, so one snapshot: with two, a resolution that commits between them would be read as the
    newest update of an incident that is still open, and be told as such.
    """
    row = chosen.subquery()
    return (
        select(row, *_UPDATE)
        .join(incident_update, incident_update.c.incident_id == row.c.id)
        .order_by(row.c.number.desc(), incident_update.c.number)
    )


def _incidents(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[Incident]:
    return [
        codec.incident(of_one[0], tuple(codec.update(each) for each in of_one))
        for of_one in (list(group) for _, group in groupby(rows, key=lambda each: each.id))
    ]


# Made once, as every slice asks: see `alertd.store.fanouts`.
_BY_NUMBER = _with_updates(select(*_ROW).where(incident.c.number == bindparam("which")))
_BY_ID = _with_updates(select(*_ROW).where(incident.c.id == bindparam("which")))
_NEWEST = select(*_ROW).order_by(incident.c.number.desc()).limit(bindparam("limit"))
_LIST = _with_updates(_NEWEST.where(incident.c.number > 0))  # below are trials of channels: no outages
_LIST_OPEN = _with_updates(_NEWEST.where(incident.c.ended_at.is_(None)))
_LIST_ENDED = _with_updates(
    _NEWEST.where(incident.c.number > 0, incident.c.ended_at > bindparam("since", type_=Instant()))
)
_POLICY = select(incident.c.policy_snapshot).where(incident.c.id == bindparam("which"))
_VERSION = select(
    incident.c.version,
    select(func.max(incident_update.c.number))
    .where(incident_update.c.incident_id == bindparam("which"))
    .scalar_subquery(),
).where(incident.c.id == bindparam("which"))


class IncidentRows(ResponderRows):
    """Reads and writes incidents within one transaction; whatever they say is news for their responders."""

    sql: Sql

    async def lock_incidents(self) -> None:
        """Nobody else opens or changes an incident until this transaction ends."""
        if self.sql.dialect == "postgresql":
            await self.sql.run(text("SELECT pg_advisory_xact_lock(7203)"))  # any number that only we use

    async def next_incident_number(self) -> int:
        """The number that people will type; trials of channels have numbers below zero."""
        newest = select(func.coalesce(func.max(incident.c.number), 0) + 1).where(incident.c.number > 0)
        rows = await self.sql.rows(newest)
        return int(rows[0][0])

    async def add_incident(self, new: Incident, policy: Policy) -> None:
        """Insert an incident with its updates and the policy it keeps for life."""
        await self.sql.run(
            insert(incident),
            {
                **_columns(new),
                "id": new.id,
                "number": new.number,
                "opened_at": new.opened_at,
                "policy": new.policy,
                "policy_snapshot": codec.encode(policy),
            },
        )
        await self.watch_responders(new.id, new.opened_at)
        for each in new.updates:  # all of them at once: its responders' watch is due from the first
            await self._insert_update(new.id, each)

    async def save_incident(self, changed: Incident) -> bool:
        """Write the row of an incident; False if somebody else changed it meanwhile."""
        statement = (
            update(incident)
            .where(incident.c.id == changed.id, incident.c.version == changed.version - 1)
            .values(**_columns(changed))
        )
        return await self.sql.run(statement) == 1

    async def add_update(self, incident_id: IncidentId, new: Update) -> bool:
        """Insert an update; False if its number is taken (somebody else wrote it first)."""
        if new.kind is not Kind.HOLDING:  # which says nothing about what responders owe
            await self.touch_responders(incident_id, new.at)
        return await self._insert_update(incident_id, new)

    async def _insert_update(self, incident_id: IncidentId, new: Update) -> bool:
        values = {
            "incident_id": incident_id,
            "number": new.number,
            "kind": new.kind.value,
            "at": new.at,
            "facts": codec.encode(new.facts),
            "promise": new.promise,
            "notify": new.notify,
            "human_number": new.human_number,
            "references_update": new.references,
            "closes_promise": new.closes_promise,
            "epoch": new.epoch,
            "source": new.source,
        }
        dialect = postgresql if self.sql.dialect == "postgresql" else sqlite
        return await self.sql.run(dialect.insert(incident_update).values(values).on_conflict_do_nothing()) == 1

    async def incident(self, which: int | UUID) -> Incident | None:
        """An incident by its number or id."""
        found = _incidents(await self.sql.rows(_BY_NUMBER if isinstance(which, int) else _BY_ID, {"which": which}))
        return found[0] if found else None

    async def policy_of(self, incident_id: IncidentId) -> Policy:
        """The policy snapshot of an incident."""
        rows = await self.sql.rows(_POLICY, {"which": incident_id})
        return codec.policy(rows[0].policy_snapshot)

    async def change_policy(self, incident_id: IncidentId, policy: Policy) -> None:
        """Put another policy in the place of an incident's snapshot; whoever reads it then reads this one."""
        await self.sql.run(
            update(incident)
            .where(incident.c.id == incident_id)
            .values(policy=policy.name, policy_snapshot=codec.encode(policy))
        )

    async def incidents(self, *, open_only: bool, limit: int) -> Sequence[Incident]:
        """Incidents, newest first."""
        return _incidents(await self.sql.rows(_LIST_OPEN if open_only else _LIST, {"limit": limit}))

    async def ended_since(self, since: datetime) -> Sequence[Incident]:
        """Incidents that ended after a moment, newest first."""
        return _incidents(await self.sql.rows(_LIST_ENDED, {"since": since, "limit": _MOST_ENDED}))

    async def incident_version(self, incident_id: IncidentId) -> tuple[int, int]:
        """(version, newest update number): changes whenever anything that messages say may have changed."""
        rows = await self.sql.rows(_VERSION, {"which": incident_id})
        return int(rows[0][0]), int(rows[0][1])

    async def overtaken(self, seen: Incident) -> bool:
        """Whether an incident has changed since it was read for a slice that is about to be written.

        Only on SQLite, where a slice is read before its transaction begins: what it writes of an older incident
        would be passed by already by the cursor of the newer update. On Postgres publications wait for it.
        """
        if self.sql.dialect == "postgresql":
            return False
        return await self.incident_version(seen.id) != (seen.version, seen.newest.number)

    async def add_act(
        self,
        act_id: UUID,
        at: datetime,
        who: str,
        what: str,
        incident_id: UUID | None,
        detail: dict[str, object],
    ) -> None:
        """Record what a human did."""
        await self.sql.run(
            insert(act),
            {
                "id": act_id,
                "at": at,
                "who": who,
                "what": what,
                "incident_id": incident_id,
                "detail": codec.encode(detail),
            },
        )

    async def acts(self, incident_id: IncidentId) -> Sequence[tuple[datetime, str, str, str]]:
        """(at, who, what, detail as JSON) of one incident, oldest first."""
        rows = await self.sql.rows(
            select(act).where(act.c.incident_id == incident_id).order_by(act.c.at, act.c.id)
        )
        return [(row.at, row.who, row.what, row.detail) for row in rows]

    async def event_digest(self, source: str, event_id: str) -> tuple[bytes, UUID | None] | None:
        """(digest of the body, incident) of an event already taken, else None."""
        rows = await self.sql.rows(
            select(outage_event.c.digest, outage_event.c.incident_id).where(
                outage_event.c.source == source, outage_event.c.id == event_id
            )
        )
        return (rows[0].digest, rows[0].incident_id) if rows else None

    async def add_event(
        self,
        *,
        source: str,
        event_id: str,
        alert: str,
        status: str,
        digest: bytes,
        body: str,
        at: datetime,
        incident_id: UUID | None,
    ) -> None:
        """Keep an outage event, unchanged for ever."""
        await self.sql.run(
            insert(outage_event),
            {
                "source": source,
                "id": event_id,
                "alert": alert,
                "status": status,
                "digest": digest,
                "body": body,
                "at": at,
                "incident_id": incident_id,
            },
        )

    async def incident_of_alert(self, source: str, alert: str) -> UUID | None:
        """The incident that an alert of a source last belonged to."""
        rows = await self.sql.rows(
            select(outage_event.c.incident_id)
            .where(
                outage_event.c.source == source,
                outage_event.c.alert == alert,
                outage_event.c.incident_id.is_not(None),
            )
            .order_by(outage_event.c.at.desc())
            .limit(1)
        )
        return rows[0].incident_id if rows else None

    async def alerts_of(self, incident_id: IncidentId) -> Mapping[tuple[str, str], str]:
        """What each alert of an incident, by (source, alert), last said: firing or resolved."""
        event = outage_event.c
        rows = await self.sql.rows(
            select(event.source, event.alert, event.status)
            .where(event.incident_id == incident_id)
            # Of two at one instant the one that fires counts: an outage too long is safer than one too short.
            .order_by(event.at, event.status.desc())
        )
        return {(row.source, row.alert): row.status for row in rows}


def _columns(row: Incident) -> dict[str, object]:
    return {
        "state": row.state.value,
        "severity": row.severity.value,
        "scope": codec.encode(row.scope),
        "epoch": row.epoch,
        "ended_at": row.ended_at,
        "held": row.held,
        "confirm_at": row.confirm_at,
        "resolve_at": row.resolve_at,
        "retried_at": row.retried_at,
        "version": row.version,
        "stands_from": row.stands_from,
    }
