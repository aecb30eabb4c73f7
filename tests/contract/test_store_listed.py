"""R12: families as a list; who has nothing loud is in it, page by page, and nobody else."""

from typing import Any

import pytest

from alertd.domain.family import Address, Family, FamilyId
from alertd.records import Floor, Listed
from alertd.store.tables import address
from tests import make
from tests.contract.books import Books

CHANNELS = ("push", "sms", "email")
FLOOR = Floor(("follow", "share"), ("sms", "voice"))


def home(name: str, *addresses: Address, **changes: Any) -> Family:
    return make.family(make.caregiver(name, addresses=addresses), id=FamilyId(name), **changes)


def of(name: str, *channels: str) -> tuple[Address, ...]:
    return tuple(make.own(name, channel) for channel in channels)


async def listed(books: Books, *floors: Floor, after: str = "", limit: int = 100) -> list[Listed]:
    async with books.store.reading() as rows:
        return list(await rows.listed_families(after, limit, CHANNELS, floors or None))


async def test_every_family_with_the_channels_that_work(books: Books):
    """Nothing for whom nobody can tell; a channel that alertd has not set up is none."""
    await books.families(home("a", *of("a", "push", "email")), home("b"), home("c", *of("c", "voice", "sms")))
    assert await listed(books) == [
        Listed(FamilyId("a"), ("email", "push")),
        Listed(FamilyId("b"), ()),
        Listed(FamilyId("c"), ("sms",)),
    ]


async def test_who_has_nothing_loud_is_listed(books: Books):
    """Push never counts, nor does voice where there is no adapter; one caregiver's number is enough for all."""
    two = make.family(make.caregiver("mia", "push"), make.caregiver("dad", "sms", order=2), id=FamilyId("f-two"))
    await books.families(
        home("a-loud", *of("a", "push", "sms")),
        home("b-push", *of("b", "push", "email")),
        home("c-none"),
        home("d-voice", *of("d", "voice")),
        home("e-login", *of("e", "push"), services=("login",)),
        two,
    )
    assert [each.family for each in await listed(books, FLOOR)] == ["b-push", "c-none", "d-voice"]
    other = Floor(("login",), ("email",))
    assert [each.family for each in await listed(books, FLOOR, other)] == [
        "b-push", "c-none", "d-voice", "e-login"
    ]  # fmt: skip
    async with books.store.reading() as rows:
        assert await rows.listed_families("", 100, CHANNELS, []) == [], "no policy asks for a floor"


@pytest.mark.parametrize("values", [{"opted_out_at": make.NOON}, {"suspended_at": make.NOON}, {"verified": False}])
async def test_an_address_that_was_stopped_is_none(books: Books, values: dict[str, Any]):
    sms = make.own("a", "sms")
    await books.families(home("a", sms, *of("a", "push")))
    assert await listed(books, FLOOR) == []
    await books.set(address, values, dest=sms.to)
    assert await listed(books, FLOOR) == [Listed(FamilyId("a"), ("push",))]


async def test_page_by_page(books: Books):
    """Every one once, in order of id, however the pages are cut."""
    await books.families(*(home(f"fam-{n}", *of(f"f{n}", "push" if n % 3 else "sms")) for n in range(20)))
    found, after = [], ""
    while page := await listed(books, FLOOR, after=after, limit=4):
        found += [each.family for each in page]
        after = found[-1]
    assert found == sorted(f"fam-{n}" for n in range(20) if n % 3)
