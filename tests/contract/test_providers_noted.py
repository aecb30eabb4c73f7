"""What processes say of the providers: the newest word of each, and what `alertd doctor` makes of it."""

import asyncio
from datetime import timedelta

from alertd.cli.look_at_providers import providers
from alertd.domain.breaker import BreakerState
from alertd.records import Lag, Provider
from alertd.store.store import SqlStore
from alertd.store.tables import delivery
from alertd.usecases.providers import FRESH, together
from tests import make
from tests.contract.books import Books, crowd
from tests.contract.surgery import Ask, doctor, said

__all__ = ["doctor"]

SECOND = timedelta(seconds=1)
DOWN = Provider("push", BreakerState.OPEN, "UNAVAILABLE", 0.75, make.NOON, make.NOON + SECOND)
BACK = Provider("push", BreakerState.CLOSED, "", 0.0, make.NOON, make.NOON + 5 * SECOND)


async def test_the_newest_word_of_each_process_counts(books: Books) -> None:
    async with books.store.transaction() as rows:
        await rows.note_providers("a", [DOWN])
        await rows.note_providers("b", [DOWN])
        await rows.note_providers("a", [BACK])
    async with books.store.reading() as rows:
        assert await rows.providers() == [BACK, DOWN]
    async with books.store.transaction() as rows:
        await rows.forget_providers("sms", make.NOON + 9 * SECOND)
        await rows.forget_providers("push", make.NOON + 2 * SECOND)
    async with books.store.reading() as rows:
        assert await rows.providers() == [BACK]


async def test_what_a_provider_took_is_asked_for_by_channel_and_time(books: Books) -> None:
    await books.tell(*await books.families(*crowd(1, "sms")))
    await books.hand_over()
    async with books.store.reading() as rows:
        took = rows.took_since
        assert await took(books.incident.id, "sms", make.NOON - SECOND)
        assert not await took(books.incident.id, "push", make.NOON - SECOND)
        assert not await took(books.incident.id, "sms", make.NOON + timedelta(days=1))


def test_the_worst_word_counts_while_it_is_fresh() -> None:
    assert together([BACK, DOWN], make.NOON + 6 * SECOND) == {"push": DOWN}
    assert together([BACK, DOWN], DOWN.at + FRESH + SECOND) == {"push": BACK}
    assert together([BACK, DOWN], BACK.at + FRESH + SECOND) == {}


async def test_what_lacks_a_receipt_is_counted_by_channel(books: Books) -> None:
    """Of the newest that were accepted within a time: those without a receipt, and the oldest of them."""
    families = await books.families(*crowd(4, "sms", "push"))
    await books.tell(*families)
    await books.hand_over(at=make.NOON + SECOND)
    await books.set(delivery, {"state": "delivered"}, family_id=families[0].id)
    await books.set(delivery, {"accepted_at": make.NOON - 60 * SECOND}, family_id=families[1].id)
    between = (make.NOON, make.NOON + 2 * SECOND)
    async with books.store.reading() as rows:
        found = await rows.unreported(books.incident.id, *between, 100)
        assert found == dict.fromkeys(("sms", "push"), (3, 2, make.NOON + SECOND))
        few = await rows.unreported(books.incident.id, *between, 3)
        assert sum(taken for taken, _, _ in few.values()) == 3
        assert await rows.unreported(books.incident.id, make.NOON + 2 * SECOND, make.NOON + 3 * SECOND, 9) == {}


async def test_the_last_count_of_a_channel_is_kept(books: Books) -> None:
    first = Lag("sms", 20, 19, 120.0, make.NOON, make.NOON)
    async with books.store.transaction() as rows:
        await rows.keep_lag(first)
        assert await rows.lags() == [first]
        await rows.keep_lag(Lag("sms", 20, 1, 0.0, None, make.NOON + SECOND))
    async with books.store.reading() as rows:
        assert await rows.lags() == [Lag("sms", 20, 1, 0.0, None, make.NOON + SECOND)]


def test_doctor_says_which_provider_reports_nothing(doctor: Ask, database_url: str) -> None:
    async def keep(since: timedelta | None) -> None:
        store = SqlStore(database_url)
        async with store.transaction() as rows:
            now = await store.now()
            await rows.keep_lag(Lag("sms", 20, 20, 300.0, now - since if since else None, now))
        await store.close()

    asyncio.run(keep(90 * SECOND))
    text = said(doctor(providers, DATABASE_URL=database_url), "receipts of sms", "wrong")
    assert "for 9" in text
    assert "20 of 20 messages" in text
    asyncio.run(keep(None))
    assert doctor(providers, DATABASE_URL=database_url) == {}


def test_doctor_names_the_channel(doctor: Ask, database_url: str) -> None:
    assert doctor(providers, DATABASE_URL=database_url) == {}

    async def note(state: BreakerState) -> None:
        store = SqlStore(database_url)
        async with store.transaction() as rows:
            now = await store.now()
            await rows.note_providers("a", [Provider("sms", state, "http_503", 1.0, now - 90 * SECOND, now)])
        await store.close()

    asyncio.run(note(BreakerState.OPEN))
    text = said(doctor(providers, DATABASE_URL=database_url), "channel sms", "wrong")
    assert "has failed for 9" in text
    assert "(http_503)" in text
    asyncio.run(note(BreakerState.CLOSED))
    assert doctor(providers, DATABASE_URL=database_url) == {}
