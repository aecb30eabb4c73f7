"""Choices in the store: written at once, whoever they concern made due, and found by the next import. Both databases."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from alertd.domain.chosen import choose_here
from alertd.domain.family import AddressId, Caregiver, Family, FamilyId
from alertd.store.tables import address, delivery, family, watch
from tests import make
from tests.contract.books import Books

LATER = make.after(5)
NURSE = make.caregiver("nurse", "sms", role="nurse", order=3)


def chose(known: Family, **changes: object) -> Family:
    """A family whose first caregiver has chosen so."""
    first, *others = known.caregivers
    return replace(known, caregivers=(choose_here(first, changes, LATER), *others))


async def told(books: Books, *people: Caregiver, count: int = 1) -> list[Family]:
    """Families that are told of the outage."""
    names = [FamilyId(f"fam-{n}") for n in range(1, count + 1)]
    families = await books.families(
        *(make.family(*(people or (make.caregiver("mia", "push", "sms"),)), id=name) for name in names)
    )
    await books.write([books.watch(each) for each in families])
    return families


def at(known: Family, channel: str) -> AddressId:
    """The first address of a family on a channel."""
    return next(a.id for c in known.caregivers for a in c.addresses if a.channel == channel)


async def choose(
    books: Books, changed: Family, stop: tuple[AddressId, ...] = (), start: tuple[AddressId, ...] = ()
) -> int:
    async with books.store.transaction() as rows:
        assert await rows.locked_family(changed.id) is not None
        return await rows.write_choice(changed, stop, start, LATER)


async def test_what_was_chosen_comes_back_and_their_duty_is_due(books: Books):
    [known] = await told(books)
    changed = chose(known, critical=("sms",), quiet_hours="21:00-06:00", holdings=None, locale="es")
    assert await choose(books, changed) == 1
    assert await books.family("fam-1") == changed
    assert (await books.row(family))["chosen_at"] == LATER
    assert [(row["look_at"], row["version"]) for row in await books.table(watch)] == [(LATER, 2)]


async def test_what_waits_for_an_address_that_is_stopped_is_owed_another_way_at_once(books: Books):
    """As by the link in an e-mail: not when a provider that is down has its next turn."""
    [known] = await told(books)
    push, sms = at(known, "push"), at(known, "sms")
    waiting = [books.owed(known, each) for each in known.caregivers[0].addresses]
    await books.write([books.watch(known, version=1)], waiting)
    await choose(books, chose(known, critical=("sms",)), stop=(push,))
    states = {row["address_id"]: row["state"] for row in await books.table(delivery)}
    assert (states[push], states[sms]) == ("superseded", "pending")


async def test_a_family_that_is_told_of_nothing_is_not_due(books: Books):
    [known] = await books.families(make.family())
    assert await choose(books, chose(known, locale="es")) == 0
    assert (await books.family("fam-1")).caregivers[0].locale == "es"


async def test_a_duty_that_is_due_already_stays_so(books: Books):
    """Nobody waits longer because somebody chose something."""
    [known] = await told(books)
    await books.set(watch, {"look_at": make.after(1)})
    await choose(books, chose(known, locale="es"))
    assert (await books.row(watch))["look_at"] == make.after(1)


async def test_a_stop_counts_for_whoever_has_the_address_and_makes_them_due(books: Books):
    one, two = await told(books, make.caregiver("mia", "push"), NURSE, count=2)
    phone = at(one, "sms")
    assert phone == at(two, "sms")
    assert await choose(books, one, stop=(phone,)) == 2
    row = await books.row(address, id=phone)
    assert (row["opted_out_at"], row["opted_out_here"], row["notable"]) == (LATER, True, True)
    assert {each["version"] for each in await books.table(watch)} == {2}
    others = [each for each in await books.table(address) if each["id"] != phone]
    assert not any(each["opted_out_at"] for each in others)


async def test_and_a_start_takes_it_back(books: Books):
    [known] = await told(books)
    phone = at(known, "sms")
    await choose(books, known, stop=(phone,))
    assert await choose(books, known, start=(phone,)) == 1
    row = await books.row(address, id=phone)
    assert (row["opted_out_at"], row["opted_out_here"], row["notable"]) == (None, False, False)
    assert (await books.row(watch))["version"] == 3


async def test_stopped_again_it_keeps_its_moment(books: Books):
    [known] = await told(books)
    phone = at(known, "sms")
    await books.set(address, {"opted_out_at": make.after(1), "notable": True}, id=phone)  # by STOP
    await choose(books, known, stop=(phone,))
    row = await books.row(address, id=phone)
    assert (row["opted_out_at"], row["opted_out_here"]) == (make.after(1), False), "STOP is taken back there alone"


async def test_what_was_stopped_elsewhere_no_start_of_ours_takes_back(books: Books):
    [known] = await told(books)
    phone = at(known, "sms")
    await books.set(address, {"opted_out_at": make.after(1), "notable": True}, id=phone)
    await choose(books, known, start=(phone,))
    assert (await books.row(address, id=phone))["opted_out_at"] == make.after(1)


async def test_what_is_noteworthy_for_another_reason_stays_so(books: Books):
    """The planner loads no address that nothing is known of: a refused one must not be forgotten."""
    [known] = await told(books)
    phone = at(known, "sms")
    await books.set(address, {"suspended_at": make.NOON, "suspended_code": "30005", "notable": True}, id=phone)
    await choose(books, known, stop=(phone,))
    await choose(books, known, start=(phone,))
    row = await books.row(address, id=phone)
    assert (row["opted_out_at"], row["suspended_at"], row["notable"]) == (None, make.NOON, True)


async def test_a_crash_before_the_commit_leaves_everything_as_it_was(books: Books):
    [known] = await told(books)

    async def dies() -> None:
        async with books.store.transaction() as rows:
            await rows.locked_family(known.id)
            await rows.write_choice(chose(known, locale="es"), (at(known, "sms"),), (), LATER)
            raise RuntimeError

    before = [await books.table(each) for each in (family, address, watch, delivery)]
    with pytest.raises(RuntimeError):
        await dies()
    assert [await books.table(each) for each in (family, address, watch, delivery)] == before


async def test_two_at_once_are_both_kept(books: Books):
    """Mia and her mother choose at the same moment: each reads the family under its lock."""
    await told(books, make.caregiver("mia", "push"), make.caregiver("ana", "sms", order=2))

    async def speaks(number: int, locale: str) -> None:
        async with books.store.transaction() as rows:
            known = await rows.locked_family(FamilyId("fam-1"))
            assert known is not None
            people = list(known.caregivers)
            people[number] = choose_here(people[number], {"locale": locale}, LATER + timedelta(minutes=number))
            await rows.write_choice(replace(known, caregivers=tuple(people)), (), (), LATER)

    await asyncio.gather(speaks(0, "es"), speaks(1, "en"))
    assert [each.locale for each in (await books.family("fam-1")).caregivers] == ["es", "en"]
    assert (await books.row(family))["chosen_at"] == LATER + timedelta(minutes=1)


async def test_an_import_finds_those_who_chose(books: Books):
    one, _, three = await told(books, count=3)
    for each in (three, one):
        await choose(books, chose(each, locale="es"))
    async with books.store.reading() as rows:
        found = await rows.chosen_in(["fam-3", "fam-2", "fam-1", "fam-9"])
        assert [each.id for each in found] == ["fam-1", "fam-3"]
        assert not await rows.chosen_in([])


async def test_a_family_that_there_is_not(books: Books):
    async with books.store.transaction() as rows:
        assert await rows.locked_family(FamilyId("fam-9")) is None


async def test_an_address_that_is_forgotten_meanwhile_stops_nobody(books: Books):
    [known] = await told(books)
    assert await choose(books, known, stop=(AddressId(UUID(int=7)),)) == 1, "their own duty alone"
    assert not any(each["opted_out_at"] for each in await books.table(address))
