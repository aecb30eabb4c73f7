"""Incidents: a row, its numbered updates that never change, and its policy for life."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import Executable

from alertd.domain.incident import IncidentId, Kind, State
from alertd.store.sql import Sql
from alertd.store.store import Rows
from tests import make
from tests.contract.books import Books

SECOND = IncidentId(UUID(int=2))


async def test_an_incident_comes_back_as_it_was_stored(books: Books):
    given = make.history(
        (
            Kind.NOTICE,
            0,
            {"promise": make.after(20), "human_number": 1, "message": {"en": "Down.", "es": "Caído."}},
        ),
        (Kind.HOLDING, 20, {"closes_promise": True}),
        (Kind.CORRECTION, 25, {"references": 1, "human_number": 2, "notify": False, "works": ("sensor_works",)}),
    )
    given = replace(given, id=SECOND, number=2, scope=make.scope("follow", "share", regions=("us", "eu-west")))
    await books.open(given)
    async with books.store.reading() as rows:
        assert await rows.incident(2) == given
        assert await rows.incident(SECOND) == given
        assert await rows.incident(3) is None
        assert await rows.policy_of(SECOND) == make.policy()
        assert await rows.incident_version(SECOND) == (1, 3)


class Between:
    """A connection beside which something happens after its first query."""

    def __init__(self, sql: Sql, happens: Callable[[], Awaitable[None]]) -> None:
        self._sql, self._happens, self.dialect = sql, [happens], sql.dialect

    async def rows(self, statement: Executable, params: Any = None) -> Any:
        found = await self._sql.rows(statement, params)
        while self._happens:
            await self._happens.pop()()
        return found


async def test_an_incident_is_read_at_one_moment(books: Books):
    """A resolution that commits meanwhile: either not there, or there with the state that it brings."""

    async def resolve() -> None:
        end = make.update(2, Kind.RESOLUTION, make.after(9), state=State.RESOLVED)
        async with books.store.transaction() as rows:
            assert await rows.add_update(books.incident.id, end)
            assert await rows.save_incident(replace(books.incident, state=State.RESOLVED, version=2))

    async with books.store.reading() as rows:
        between: Any = Between(rows.sql, resolve)
        found = await Rows(between).incident(1)
    assert found == books.incident
    async with books.store.reading() as rows:
        [after] = await rows.incidents(open_only=False, limit=9)
    assert (after.state, after.newest.kind) == (State.RESOLVED, Kind.RESOLUTION)


async def test_incidents_are_listed_newest_first(books: Books):
    ended = make.incident(make.update(1), make.update(2, Kind.RESOLUTION, make.after(9), state=State.RESOLVED))
    await books.open(replace(ended, id=SECOND, number=2))
    async with books.store.reading() as rows:
        assert [each.number for each in await rows.incidents(open_only=False, limit=9)] == [2, 1]
        assert [each.number for each in await rows.incidents(open_only=True, limit=9)] == [1]
        assert [each.number for each in await rows.incidents(open_only=False, limit=1)] == [2]
        assert await rows.next_incident_number() == 3


async def test_a_number_is_given_to_one_update_only(books: Books):
    async with books.store.transaction() as rows:
        assert await rows.add_update(books.incident.id, make.update(2, Kind.HOLDING))
        assert not await rows.add_update(books.incident.id, make.update(2, message={"en": "Too late."}))
    async with books.store.reading() as rows:
        found = await rows.incident(1)
    assert found is not None
    assert [(each.number, each.kind) for each in found.updates] == [(1, Kind.NOTICE), (2, Kind.HOLDING)]
    assert not found.newest.facts.message


async def test_the_last_word_of_every_alert_counts(books: Books):
    """By the time it was taken; of two words at one instant, the one that fires."""
    said = [("b", "firing", 0), ("a", "firing", 1), ("a", "resolved", 2), ("b", "resolved", 3), ("b", "firing", 3)]
    async with books.store.transaction() as rows:
        for number, (alert, status, at) in enumerate([*said, ("c", "firing", 4)]):
            await rows.add_event(
                source="desk", event_id=str(number), alert=alert, status=status, digest=b"", body="{}",
                at=make.after(at), incident_id=SECOND if alert == "c" else books.incident.id,
            )  # fmt: skip
    async with books.store.reading() as rows:
        assert await rows.alerts_of(books.incident.id) == {("desk", "a"): "resolved", ("desk", "b"): "firing"}
        assert await rows.alerts_of(SECOND) == {("desk", "c"): "firing"}


async def test_who_changes_an_incident_from_an_old_version_is_told_so(books: Books):
    changed = replace(books.incident, state=State.IDENTIFIED, version=2)
    async with books.store.transaction() as rows:
        assert await rows.save_incident(changed)
        assert not await rows.save_incident(replace(changed, state=State.MONITORING))
    async with books.store.reading() as rows:
        found = await rows.incident(1)
    assert found is not None
    assert (found.state, found.version) == (State.IDENTIFIED, 2)


async def test_nothing_is_left_of_a_transaction_that_fails(books: Books):
    try:
        async with books.store.transaction() as rows:
            await rows.add_update(books.incident.id, make.update(2))
            raise ConnectionError
    except ConnectionError:
        pass
    async with books.store.reading() as rows:
        assert await rows.incident_version(books.incident.id) == (1, 1)
