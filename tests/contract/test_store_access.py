"""Keys, repeated commands, the story clock, human acts and events."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from alertd.domain.downtime import Downtime
from alertd.domain.held_clock import Held
from alertd.records import Key
from alertd.store.ids import uuid7
from tests import make
from tests.contract.books import Books

TAKEN = (IntegrityError, sqlite3.IntegrityError, psycopg.errors.UniqueViolation)
DIGEST = bytes(range(32))


def key(name: str, minutes: float = 0) -> Key:
    return Key(name, DIGEST, ("admin", "incident:write"), "the pager's", make.after(minutes), None)


async def test_a_key_is_known_by_its_id_until_it_is_revoked(books: Books):
    async with books.store.transaction() as rows:
        await rows.add_key(key("b", 1))
        await rows.add_key(key("a", 2))
    async with books.store.reading() as rows:
        assert await rows.key("a") == key("a", 2)
        assert await rows.key("c") is None
        assert [each.id for each in await rows.keys()] == ["b", "a"]
    async with books.store.transaction() as rows:
        assert await rows.revoke_key("a", make.after(5))
        assert not await rows.revoke_key("a", make.after(6))
        assert not await rows.revoke_key("c", make.after(6))
    async with books.store.reading() as rows:
        revoked = await rows.key("a")
    assert revoked is not None
    assert revoked.revoked_at == make.after(5)


async def test_a_key_keeps_the_sources_that_it_may_speak_as(books: Books):
    bound = replace(key("a"), rights=("event:write",), sources=("alertmanager", "statusbot"))
    async with books.store.transaction() as rows:
        await rows.add_key(bound)
        await rows.add_key(key("b", 1))
    async with books.store.reading() as rows:
        assert await rows.keys() == [bound, key("b", 1)]
        assert key("b").sources == ()


async def test_an_answer_is_remembered_for_who_asked(books: Books):
    async with books.store.transaction() as rows:
        await rows.remember_answer("mia", "k-1", DIGEST, 201, '{"incident": 1}', make.NOON)
    async with books.store.reading() as rows:
        assert await rows.answered("mia", "k-1") == (DIGEST, 201, '{"incident": 1}')
        assert await rows.answered("ana", "k-1") is None
        assert await rows.answered("mia", "k-2") is None


async def test_a_command_is_carried_out_once_even_by_two_at_a_time(books: Books):
    """Whoever comes second fails as a whole: what it did is rolled back with its answer."""
    async with books.store.transaction() as rows:
        await rows.remember_answer("mia", "k-1", DIGEST, 201, "{}", make.NOON)

    async def again() -> None:
        async with books.store.transaction() as rows:
            await rows.add_key(key("x"))
            await rows.remember_answer("mia", "k-1", DIGEST, 201, "{}", make.NOON)

    with pytest.raises(TAKEN):
        await again()
    async with books.store.reading() as rows:
        assert await rows.key("x") is None


async def test_an_answer_goes_with_the_transaction_that_gave_it(books: Books):
    async def dies() -> None:
        async with books.store.transaction() as rows:
            await rows.remember_answer("mia", "k-1", DIGEST, 201, "{}", make.NOON)
            raise ConnectionError("the process died")

    with pytest.raises(ConnectionError):
        await dies()
    async with books.store.reading() as rows:
        assert await rows.answered("mia", "k-1") is None


async def test_the_story_is_started_once(books: Books):
    async with books.store.reading() as rows:
        assert await rows.story_clock() is None
    for rate in (60.0, 1.0):
        async with books.store.transaction() as rows:
            await rows.set_story_clock(make.after(rate), make.NOON, rate)
    async with books.store.reading() as rows:
        assert await rows.story_clock() == (make.after(60), make.NOON, 60.0)


async def test_a_clock_that_went_back_is_held_by_whoever_saw_it_first(books: Books):
    first, second = (
        Held(timedelta(hours=1), make.NOON),
        Held(timedelta(minutes=59, microseconds=7), make.after(60)),
    )
    async with books.store.reading() as rows:
        assert await rows.held_clock() is None
    for before, held, kept in (
        (None, first, True),
        (None, second, False),
        (second, second, False),
        (first, second, True),
    ):
        async with books.store.transaction() as rows:
            assert await rows.hold_clock(before, held) is kept
    async with books.store.reading() as rows:
        assert await rows.held_clock() == second


async def test_two_processes_that_start_at_once_start_one_story(pages: Books):
    async def start(minutes: float) -> None:
        async with pages.store.transaction() as rows:
            await rows.set_story_clock(make.after(minutes), make.NOON, 60.0)

    async with pages.store.transaction() as first:
        await first.set_story_clock(make.NOON, make.NOON, 60.0)
        second = asyncio.create_task(start(5))
        while not await _somebody_waits(pages):
            assert not second.done()
    await second
    async with pages.store.reading() as rows:
        assert await rows.story_clock() == (make.NOON, make.NOON, 60.0)


async def _somebody_waits(pages: Books) -> bool:
    statement = text(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with pages.store.reading() as rows:
        return bool(await rows.sql.rows(statement))


async def test_the_stores_clock_is_aware_and_moves(books: Books):
    first, second = await books.store.now(), await books.store.now()
    assert first.utcoffset() == timedelta(0)
    assert first <= second


async def test_human_acts_are_kept_in_order(books: Books):
    async with books.store.transaction() as rows:
        for at, what in ((2, "update"), (0, "open"), (1, "scope")):
            await rows.add_act(uuid7(), make.after(at), "mia", what, books.incident.id, {"update": at})
        await rows.add_act(uuid7(), make.NOON, "mia", "import", None, {})
    async with books.store.reading() as rows:
        acts = await rows.acts(books.incident.id)
    assert [(at, what) for at, _, what, _ in acts] == [
        (make.after(0), "open"), (make.after(1), "scope"), (make.after(2), "update")
    ]  # fmt: skip
    assert acts[2][3] == '{"update":2}'


async def test_an_event_is_taken_once(books: Books):
    async def add(event_id: str, at: float, incident: object) -> None:
        async with books.store.transaction() as rows:
            await rows.add_event(
                source="statusbot", event_id=event_id, alert="follow-down", status="firing", digest=DIGEST,
                body="{}", at=make.after(at), incident_id=incident,  # type: ignore[arg-type]
            )  # fmt: skip

    await add("1", 0, None)
    await add("2", 1, books.incident.id)
    await add("3", 2, None)
    async with books.store.reading() as rows:
        assert await rows.event_digest("statusbot", "2") == (DIGEST, books.incident.id)
        assert await rows.event_digest("statusbot", "9") is None
        assert await rows.event_digest("other", "2") is None
        assert await rows.incident_of_alert("statusbot", "follow-down") == books.incident.id
        assert await rows.incident_of_alert("statusbot", "share-down") is None
    with pytest.raises(TAKEN):
        await add("2", 3, None)


async def test_of_an_outage_of_our_own_that_two_sweepers_find_the_first_word_is_kept(books: Books):
    first = Downtime(make.after(0), make.after(90))
    async with books.store.transaction() as rows:
        await rows.keep_downtime(make.after(0), first)
        await rows.keep_downtime(make.after(0), Downtime(make.after(0), make.after(91)))
        await rows.keep_downtime(make.after(200), Downtime(make.after(200), make.after(203)))
        await rows.beat("worker", make.after(203))
        last = Downtime(make.after(200), make.after(203))
        assert await rows.downtimes(make.after(90), "sweeper") == ([first, last], None)
        assert await rows.downtimes(make.after(91), "sweeper") == ([last], None)
        await rows.beat("sweeper", make.after(204))
        assert await rows.downtimes(make.after(91), "sweeper") == ([last], make.after(204))
        assert await rows.downtimes(make.after(205), "sweeper") == ([], make.after(204))
