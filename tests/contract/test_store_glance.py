"""Glances: a worker sees whether there is work without taking any of it, or waiting for whoever does."""

from datetime import datetime, timedelta

from alertd.store.ids import uuid7
from alertd.store.tables import delivery, fanout, watch
from tests import make
from tests.contract.books import Books, crowd

SECOND = timedelta(seconds=1)


async def test_what_waits_is_told_by_channel_and_keeps_nobody_from_writing(books: Books):
    [both] = await books.families(*crowd(1, "sms", "push"))
    _sms, push = await books.tell(both, lane="urgent")
    await books.set(delivery, {"lane": "bulk"}, id=push.id)

    async def waiting(lane: str, at: datetime = make.NOON) -> frozenset[str]:
        async with books.store.reading() as rows:
            return await rows.waiting(lane, at)

    async with books.store.transaction():
        assert await waiting("urgent") == {"sms"}
        assert await waiting("bulk") == {"push"}
    await books.set(delivery, {"due_at": make.NOON + SECOND})
    assert await waiting("urgent") == set()
    assert await waiting("urgent", make.NOON + SECOND) == {"sms"}
    await books.claim(lane="urgent", at=make.NOON + SECOND)
    assert await waiting("urgent", make.NOON + SECOND) == frozenset()


async def anything(books: Books, lane: str, at: datetime = make.NOON) -> bool:
    async with books.store.reading() as rows:
        return await rows.anything(lane, at, at)


async def test_a_delivery_is_something_on_its_lane_once_it_is_due(books: Books):
    [family] = await books.families(*crowd(1, "sms"))
    await books.tell(family, lane="urgent")
    await books.set(watch, {"look_at": None})
    async with books.store.transaction():
        assert await anything(books, "urgent")
    assert not await anything(books, "bulk")
    await books.set(delivery, {"due_at": make.NOON + SECOND})
    assert not await anything(books, "urgent")
    assert await anything(books, "urgent", make.NOON + SECOND)
    await books.claim(lane="urgent", at=make.NOON + SECOND)
    assert not await anything(books, "urgent", make.NOON + SECOND)


async def test_a_watch_is_something_on_either_lane_once_it_is_due(books: Books):
    [family] = await books.families(*crowd(1, "sms"))
    await books.tell(family)
    await books.set(delivery, {"state": "accepted"})
    await books.set(watch, {"look_at": make.NOON + SECOND})
    for lane in ("urgent", "bulk"):
        assert not await anything(books, lane)
        assert await anything(books, lane, make.NOON + SECOND)
    await books.set(watch, {"look_at": None})
    assert not await anything(books, "urgent", make.NOON + SECOND)


async def test_a_cursor_is_something_on_its_lane_until_it_has_arrived(books: Books):
    async with books.store.transaction() as rows:
        await rows.add_fanout([uuid7()], books.incident.id, 1, "bulk", make.NOON, scope=books.incident.scope)
    assert await anything(books, "bulk")
    assert not await anything(books, "urgent")
    await books.set(fanout, {"done": True})
    assert not await anything(books, "bulk")
