"""A process takes many receipts at a time: in few writes, each answered by what became of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.receipt import Word
from alertd.ports import Report
from alertd.store.tables import delivery, trouble, watch
from alertd.usecases.take_receipt import Receipts
from tests.contract.books import Books, crowd, outcome
from tests.served import open_deps


class Counting:
    """A store that counts its write transactions, and fails while it is told to; `first` happens before the next."""

    def __init__(self, inner: Any) -> None:
        self._inner, self.writes, self.fails = inner, 0, False
        self.first: Callable[[], Awaitable[None]] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self.writes += 1
        if self.fails:
            raise ConnectionError
        if self.first is not None:
            first, self.first = self.first, None
            await first()
        async with self._inner.transaction() as rows:
            yield rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture
async def told(books: Books) -> AsyncIterator[tuple[Receipts, Counting, list[Report]]]:
    """Fifty messages that were accepted, and Twilio's word on each of them."""
    families = await books.families(*crowd(50, "sms"))
    await books.tell(*families)
    batch = await books.hand_over()
    deps, _ = open_deps(books.url)
    store = Counting(deps.store)
    yield Receipts(replace(deps, store=store)), store, [Report(d.id, 1, Word.DELIVERED, "id-1") for d in batch]
    await deps.store.close()


async def test_what_comes_together_is_written_together(books: Books, told: Any) -> None:
    receipts, store, reports = told
    lost = replace(reports[0], word=Word.UNDELIVERED, code="30003")
    await asyncio.gather(*(receipts.take("sms", each) for each in (lost, *reports[1:], *reports[1:])))
    assert await books.states() == {"delivered": 49, "undelivered": 1}
    assert store.writes < 10


async def test_who_waits_for_a_write_that_fails_hears_so_and_the_next_one_works(books: Books, told: Any) -> None:
    receipts, store, reports = told
    store.fails = True
    failed = await asyncio.gather(*(receipts.take("sms", each) for each in reports), return_exceptions=True)
    assert {type(each) for each in failed} == {ConnectionError}
    assert await books.states() == {"accepted": 50}
    store.fails = False
    await asyncio.gather(*(receipts.take("sms", each) for each in reports))
    assert await books.states() == {"delivered": 50}


async def test_who_cannot_be_told_of_our_own_fault_costs_no_receipt_and_is_told_by_the_next(
    books: Books, told: Any
) -> None:
    receipts, store, reports = told
    ours = [replace(each, word=Word.UNDELIVERED, code="30007", ours=True) for each in reports[:3]]

    async def then_fail() -> None:
        store.fails = True  # from the next write on

    store.first = then_fail
    await receipts.take("sms", ours[0])
    assert await books.states() == {"accepted": 49, "parked": 1}
    assert await books.table(trouble) == []
    store.fails = False
    writes = store.writes
    for each in ours[1:]:
        await receipts.take("sms", each)
    [noted] = await books.table(trouble)
    assert (noted["subject"], noted["code"]) == ("channel sms", "misconfigured: 30007")
    assert store.writes == writes + 3  # two receipts, and the trouble once


async def test_a_word_that_is_old_when_its_turn_comes(books: Books, told: Any) -> None:
    """It was read as `accepted`; by the time of the write somebody has taken it back."""
    receipts, store, reports = told

    async def taken_back() -> None:
        async with books.store.transaction() as rows:
            undelivered = replace(reports[0], word=Word.UNDELIVERED, code="30003")
            assert await rows.take_receipt(undelivered, books.incident.opened_at) is not None

    store.first = taken_back
    await receipts.take("sms", reports[0])
    row = await books.row(delivery, id=reports[0].delivery)
    assert (row["state"], row["code"]) == ("delivered", None)  # late truth, with all that follows from it


async def test_receipts_that_race_with_our_own_commits(books: Books) -> None:
    """Four batches are written while the words on all of them come in: no order of the two makes a difference."""
    words = [Word.DELIVERED, Word.UNDELIVERED, Word.REFUSED, Word.ACCEPTED]
    families = await books.families(*crowd(80, "sms"))
    await books.tell(*families)
    batches = []
    for _ in range(4):
        lease = books.lease()
        batch, _ = await books.claim(lease, limit=20)
        batches.append((lease, batch))
    deps, _ = open_deps(books.url)
    receipts = Receipts(deps)
    said = {d.id: words[n % 4] for n, d in enumerate(d for _, batch in batches for d in batch)}
    codes = {Word.UNDELIVERED: "30003", Word.REFUSED: "30005"}
    reports = [Report(which, 1, word, "id-1", codes.get(word)) for which, word in said.items()]
    lost = await asyncio.gather(
        *(books.finish(lease, [outcome(each) for each in batch]) for lease, batch in batches),
        *(receipts.take("sms", each) for each in reports),
    )
    await deps.store.close()
    assert lost[:4] == [0, 0, 0, 0]
    rows = {row["id"]: row for row in await books.table(delivery)}
    assert {which: row["state"] for which, row in rows.items()} == {w: word.value for w, word in said.items()}
    told = {row["family_id"]: row["told"] for row in await books.table(watch)}
    heard = {row["family_id"]: row["heard_at"] is not None for row in await books.table(watch)}
    for which, row in rows.items():
        assert (told[row["family_id"]], heard[row["family_id"]]) == ((1, True) if said[which].good else (0, False))
