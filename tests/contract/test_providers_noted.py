"""What processes say of the providers: the newest word of each, and what `alertd doctor` makes of it."""

import asyncio
from datetime import timedelta

from alertd.cli.look_at_providers import providers
from alertd.domain.breaker import BreakerState
from alertd.records import Provider
from alertd.store.store import SqlStore
from alertd.usecases.providers import FRESH, together
from tests import make
from tests.contract.books import Books
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
        await rows.forget_providers(make.NOON + 2 * SECOND)
    async with books.store.reading() as rows:
        assert await rows.providers() == [BACK]


def test_the_worst_word_counts_while_it_is_fresh() -> None:
    assert together([BACK, DOWN], make.NOON + 6 * SECOND) == {"push": DOWN}
    assert together([BACK, DOWN], DOWN.at + FRESH + SECOND) == {"push": BACK}
    assert together([BACK, DOWN], BACK.at + FRESH + SECOND) == {}


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
