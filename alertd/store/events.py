"""Outage events of machines, many at a time: what is known of them, and what waits for its time."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Row, Update, and_, func, insert, literal, or_, select, update

from alertd.domain.incident import IncidentId
from alertd.records import IGNORED_EVENT, Ignored, LastWord, TakenEvent
from alertd.store.one_of import one_of
from alertd.store.sql import Sql
from alertd.store.tables import act, incident, outage_event

_IS_IGNORED = literal(IGNORED_EVENT, literal_execute=True)
"""As `ix_act_ignored` has it: both databases want the very same value."""


class EventRows:
    """Reads and writes the events of one source within one transaction."""

    sql: Sql

    async def known_events(self, source: str, ids: Sequence[str]) -> Mapping[str, tuple[bytes, UUID | None]]:
        """Those of these events that were taken already: id -> (digest of the body, incident)."""
        event = outage_event.c
        rows = await self.sql.rows(
            select(event.id, event.digest, event.incident_id).where(
                event.source == source, one_of(event.id, list(ids))
            )
        )
        return {row.id: (row.digest, row.incident_id) for row in rows}

    async def incidents_of_alerts(self, source: str, alerts: Sequence[str]) -> Mapping[str, UUID]:
        """The incident that each of these alerts last belonged to; alerts that never had one are left out."""
        event = outage_event.c
        last = func.max(event.at).label("last")
        rows = await self.sql.rows(
            select(event.alert, event.incident_id, last)
            .where(event.source == source, one_of(event.alert, list(alerts)), event.incident_id.is_not(None))
            .group_by(event.alert, event.incident_id)
            .order_by(last)
        )
        return {row.alert: row.incident_id for row in rows}

    async def last_words(self, source: str, alerts: Sequence[str]) -> Mapping[str, LastWord]:
        """The newest telling of each of these alerts; of two at one instant the one that fires."""
        event = outage_event.c
        newest = func.row_number().over(
            partition_by=event.alert, order_by=(event.at.desc(), event.status, event.id.desc())
        )
        told = (
            select(event.alert, event.id, event.status, event.incident_id, newest.label("newest"))
            .where(event.source == source, one_of(event.alert, list(alerts)))
            .subquery()
        )
        rows = await self.sql.rows(select(told).where(told.c.newest == 1))
        return {row.alert: LastWord(row.id, row.status, row.incident_id) for row in rows}

    async def named_alerts(self, source: str, alerts: Sequence[str], since: datetime) -> set[str]:
        """Those of these alerts that were named to responders after a moment, as they had fired in vain."""
        event = outage_event.c
        rows = await self.sql.rows(
            select(event.alert)
            .where(event.source == source, one_of(event.alert, list(alerts)), event.named_at > since)
            .distinct()
        )
        return {row.alert for row in rows}

    async def name_events(self, source: str, ids: Sequence[str], at: datetime) -> None:
        """Keep that the alerts of these events are named to responders at a moment."""
        await self.sql.run(_these(source, ids).values(named_at=at))

    async def join_events(self, source: str, ids: Sequence[str], incident_id: IncidentId) -> None:
        """Events that were told in vain belong to an incident after all; nothing else of them ever changes."""
        await self.sql.run(_these(source, ids).values(incident_id=incident_id))

    async def add_events(self, events: Sequence[TakenEvent]) -> None:
        """Keep outage events, unchanged for ever."""
        columns = [each.name for each in fields(TakenEvent)]
        await self.sql.many(
            insert(outage_event), [{name: getattr(event, name) for name in columns} for event in events]
        )

    async def ripe_incidents(self, now: datetime) -> Sequence[int]:
        """Numbers of open incidents that go on without a human at this moment: to be told, or resolved."""
        rows = await self.sql.rows(
            select(incident.c.number)
            .where(
                incident.c.ended_at.is_(None),
                or_(
                    incident.c.resolve_at <= now,
                    and_(incident.c.confirm_at <= now, incident.c.resolve_at.is_(None)),
                ),
            )
            .order_by(incident.c.number)
        )
        return [row.number for row in rows]

    async def ignored_wait(self, since: datetime, told: str) -> bool:
        """Whether machines told anything in vain after a moment, and after the last act of this name."""
        newest = select(act.c.at).where(act.c.what == _IS_IGNORED).order_by(act.c.at.desc()).limit(1)
        rows = await self.sql.rows(newest)
        if not rows or rows[0].at <= since:
            return False
        last = await self.last_act(told, since)
        return last is None or rows[0].at > last

    async def last_act(self, what: str, since: datetime) -> datetime | None:
        """When the newest act of this name was, of those that belong to no incident; None: not after `since`."""
        rows = await self.sql.rows(
            select(act.c.at)
            .where(act.c.incident_id.is_(None), act.c.at > since, act.c.what == what)
            .order_by(act.c.at.desc())
            .limit(1)
        )
        return rows[0].at if rows else None

    async def ignored_events(self, after: datetime, limit: int) -> Sequence[Ignored]:
        """What machines told in vain after a moment, oldest first; no alert twice within a day."""
        rows = await self.sql.rows(
            select(act)
            .where(act.c.what == _IS_IGNORED, act.c.at > after)
            .order_by(act.c.at, act.c.id)
            .limit(limit)
        )
        return [_ignored(row) for row in rows]

    async def newest_ignored(self, limit: int, told: str) -> Sequence[Ignored]:
        """What machines told in vain, newest first; who has heard of it stands in the acts of the name `told`."""
        newest = (
            select(act).where(act.c.what == _IS_IGNORED).order_by(act.c.at.desc(), act.c.id.desc()).limit(limit)
        )
        found = [_ignored(row) for row in await self.sql.rows(newest)]
        if not found:
            return found
        acts = select(act.c.at, act.c.detail).where(
            act.c.incident_id.is_(None), act.c.what == told, act.c.at >= found[-1].at
        )
        tellings = [(row.at, msgspec.json.decode(row.detail, type=_Told)) for row in await self.sql.rows(acts)]
        return [
            replace(each, told=next((t.who for at, t in tellings if t.since and t.since <= each.at <= at), None))
            for each in found
        ]


class _Told(msgspec.Struct):
    """Who heard of what was ignored, and from which event on."""

    who: str
    since: datetime | None = None


def _these(source: str, ids: Sequence[str]) -> Update:
    return update(outage_event).where(outage_event.c.source == source, one_of(outage_event.c.id, list(ids)))


def _ignored(row: Row[*tuple[Any, ...]]) -> Ignored:
    return msgspec.convert({"id": row.id, "at": row.at, **msgspec.json.decode(row.detail)}, Ignored)
