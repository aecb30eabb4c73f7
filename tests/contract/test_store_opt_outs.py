"""Opt-outs in the store: of the address, for whoever has it, once; and back. On both databases."""

import asyncio
from datetime import timedelta
from uuid import UUID

from alertd.domain.family import FamilyId
from alertd.records import AddressUse
from alertd.store.tables import address, watch
from tests import make
from tests.contract.books import Books

NURSE = make.caregiver("nurse", "email")
LATER = make.after(5)


async def shared(books: Books) -> UUID:
    """Two families with one mailbox in common, told of an outage; the mailbox."""
    families = await books.families(*(make.family(NURSE, id=FamilyId(f"fam-{n}")) for n in (1, 2)))
    await books.write([books.watch(each) for each in families])
    return families[0].caregivers[0].addresses[0].id


async def test_it_counts_for_whoever_has_the_address_and_makes_them_due(books: Books):
    mailbox = await shared(books)
    async with books.store.transaction() as rows:
        assert await rows.address_use(mailbox, 10) == AddressUse(
            "email", False, (FamilyId("fam-1"), FamilyId("fam-2"))
        )
        assert await rows.opt_out(mailbox, LATER, here=True) == 2
    row = await books.row(address)
    assert (row["opted_out_at"], row["notable"]) == (LATER, True)
    assert [(w["look_at"], w["version"]) for w in await books.table(watch)] == [(LATER, 2)] * 2
    async with books.store.reading() as rows:
        assert await rows.address_use(mailbox, 1) == AddressUse("email", True, (FamilyId("fam-1"),))
        states = await rows.address_states(FamilyId("fam-2"))
    assert states[mailbox].opted_out_at == LATER


async def test_again_is_the_same(books: Books):
    mailbox = await shared(books)

    async def say() -> int | None:
        async with books.store.transaction() as rows:
            return await rows.opt_out(mailbox, LATER, here=True)

    assert sorted(await asyncio.gather(say(), say(), say()), key=str) == [2, None, None]
    assert {w["version"] for w in await books.table(watch)} == {2}


async def test_and_back(books: Books):
    mailbox = await shared(books)
    async with books.store.transaction() as rows:
        assert await rows.opt_in(mailbox, LATER) is None, "it had not opted out"
        await rows.opt_out(mailbox, LATER, here=True)
    async with books.store.transaction() as rows:
        assert await rows.opt_in(mailbox, LATER + timedelta(minutes=1)) == 2
    row = await books.row(address)
    assert (row["opted_out_at"], row["notable"]) == (None, True), "it is shared, so the planner loads it"


async def test_of_one_family_it_is_notable_no_more(books: Books):
    [family] = await books.families(make.family(NURSE))
    mailbox = family.caregivers[0].addresses[0].id
    async with books.store.transaction() as rows:
        assert await rows.opt_out(mailbox, LATER, here=True) == 0, "nobody is told of anything"
        assert await rows.opt_in(mailbox, LATER) == 0
    assert (await books.row(address))["notable"] is False


async def test_an_address_that_is_forgotten(books: Books):
    async with books.store.transaction() as rows:
        assert await rows.address_use(UUID(int=7), 10) is None
        assert await rows.opt_out(UUID(int=7), LATER, here=True) is None


async def test_what_was_stopped_here_and_then_at_the_provider_no_page_of_ours_starts_again(books: Books):
    mailbox = await shared(books)
    async with books.store.transaction() as rows:
        await rows.opt_out(mailbox, LATER, here=True)
    assert (await books.row(address))["opted_out_here"] is True
    async with books.store.transaction() as rows:
        assert await rows.opt_out(mailbox, LATER, here=False) is None
    assert (await books.row(address))["opted_out_here"] is False
