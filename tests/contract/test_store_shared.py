"""One address, many families: one delivery, about what fails for any of them, and it counts for each."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Incident, IncidentId
from alertd.domain.watch import Rest
from alertd.records import Planned
from alertd.store import codec
from alertd.store.tables import address as addresses
from alertd.store.tables import delivery, delivery_share, watch
from tests import make
from tests.contract.books import Books, outcome

HALF_PAST = make.after(30)
SECOND = IncidentId(UUID(int=2))
NURSE = make.caregiver("nurse", "sms")


async def school(books: Books, *services: tuple[str, ...], region: str | None = "us-west") -> list[Family]:
    """Families that share a nurse, with these services."""
    made = [
        make.family(NURSE, id=FamilyId(f"fam-{number}"), services=used, region=region)
        for number, used in enumerate(services, start=1)
    ]
    return await books.families(*made)


async def tell(
    books: Books, *families: Family, next_by: datetime = HALF_PAST, incident: Incident | None = None
) -> list[Planned]:
    """Plan update 1 for these families in one slice."""
    address = families[0].caregivers[0].addresses[0]
    return await books.write(
        [books.watch(f) for f in families],
        [books.owed(f, next_by=next_by) for f in families],
        shared=[address],
        incident=incident,
    )


async def shares(books: Books) -> list[str]:
    return [row["family_id"] for row in await books.table(delivery_share)]


async def test_one_delivery_for_all_its_families(books: Books):
    families = await school(books, ("follow",), ("follow",), ("follow",))
    assert await tell(books, *families) == []  # never born leased: later families must be able to join
    assert (await books.row(delivery))["state"] == "pending"
    assert await shares(books) == ["fam-2", "fam-3"]


async def test_who_has_an_address_is_found_by_it(books: Books):
    await school(books, ("follow",), ("share",), ("follow",))
    found = next(row["id"] for row in await books.table(addresses) if row["shared"])
    async with books.store.reading() as rows:
        assert await rows.users([found, UUID(int=7)]) == {found: {"fam-1", "fam-2", "fam-3"}}
        assert await rows.users([]) == {}


async def test_its_acceptance_counts_for_every_family(books: Books):
    families = await school(books, ("follow",), ("follow",), ("follow",))
    await tell(books, *families)
    [claimed] = await books.hand_over(at=make.after(1))
    assert claimed.shared
    for row in await books.table(watch):
        assert (row["told"], row["heard_at"], row["next_by"]) == (1, make.after(1), make.after(30))


async def test_who_joins_after_it_left_has_heard_too(books: Books):
    """A family of a later slice, when the one message is already with the provider."""
    one, two = await school(books, ("follow",), ("follow",))
    await tell(books, one)
    await books.hand_over(at=make.after(1))
    await tell(books, two)
    assert await shares(books) == ["fam-2"]
    row = await books.row(watch, family_id="fam-2")
    assert (row["told"], row["heard_at"], row["next_by"]) == (1, make.after(1), make.after(30))


async def test_who_joins_while_it_is_on_its_way_has_heard_with_the_others(books: Books):
    one, two = await school(books, ("follow",), ("follow",))
    await tell(books, one)
    lease = books.lease()
    [claimed], _ = await books.claim(lease)
    await tell(books, two)
    await books.finish(lease, [outcome(claimed)])
    assert [row["told"] for row in await books.table(watch)] == [1, 1]


async def test_it_says_when_the_first_of_them_must_hear_again(books: Books):
    one, two, three = await school(books, ("follow",), ("follow",), ("follow",))
    await tell(books, one, next_by=make.after(40))
    await tell(books, two, next_by=make.after(20))
    await tell(books, three, next_by=make.after(50))
    assert (await books.row(delivery))["next_by"] == make.after(20)


async def test_it_names_what_fails_for_any_of_them_and_nothing_else(books: Books):
    """The union of their services, as far as the incident has them."""
    await school(books, ("follow", "login"), ("share", "follow"), ("login",))
    incident = await books.open(
        make.incident(make.update(scope=make.scope("follow", "share")), number=2, id=SECOND)
    )
    await tell(books, *[await books.family(f"fam-{n}") for n in (1, 2)], incident=incident)
    assert codec.reader((await books.row(delivery))["reader"]).services == ("follow", "share")


async def test_it_names_what_fails_where_they_live(books: Books):
    """`share` fails in Europe only, and none of them lives there."""
    await school(books, ("follow",), ("share", "follow"))
    scope = make.scope("follow").plus(make.scope("share", regions=("eu",)))
    incident = await books.open(make.incident(make.update(scope=scope), number=2, id=SECOND))
    await tell(books, *[await books.family(f"fam-{n}") for n in (1, 2)], incident=incident)
    assert codec.reader((await books.row(delivery))["reader"]).services == ("follow",)


async def test_every_family_is_told_of_through_what_any_of_them_heard(books: Books):
    """The planner sees the one delivery in each family's books."""
    one, two = await school(books, ("follow",), ("follow",))
    await tell(books, one, two)
    await books.hand_over(at=make.after(1))
    async with books.store.reading() as rows:
        found = list(await rows.candidates(books.incident.id, [one.id, two.id], lock=False))
    assert [[telling.update for telling in each.tellings] for each in found] == [[1], [1]]
    assert all(each.addresses[one.caregivers[0].addresses[0].id].shared for each in found)


async def test_its_refusal_makes_every_family_due(books: Books):
    families = await school(books, ("follow",), ("follow",))
    await tell(books, *families)
    await books.hand_over(DeliveryState.REFUSED, at=make.after(2))
    assert [row["look_at"] for row in await books.table(watch)] == [make.after(2), make.after(2)]


async def test_what_goes_back_to_the_planner_goes_back_for_every_family(books: Books):
    families = await school(books, ("follow",), ("follow",))
    await tell(books, *families)
    await books.set(delivery, {"stale_after": make.after(1)})
    _, stale = await books.claim(at=make.after(2))
    async with books.store.transaction() as rows:
        await rows.give_back(stale, make.after(2))
    assert [row["look_at"] for row in await books.table(watch)] == [make.after(2), make.after(2)]


@pytest.mark.parametrize("changes", [{"cancel": True, "rest": Rest.NOT_TOUCHED}, {"owed": 2, "supersede": True}])
async def test_what_one_family_is_no_longer_owed_goes_back_for_the_others(books: Books, changes: dict[str, Any]):
    one, two = await school(books, ("follow",), ("follow",))
    await tell(books, one, two)
    address = one.caregivers[0].addresses[0]
    newer = [books.owed(one, update=2)] if "supersede" in changes else []
    await books.write([books.watch(one, version=1, **changes)], newer, shared=[address])
    assert (await books.row(delivery, update_no=1))["state"] == "pending"
    _, stale = await books.claim(at=make.after(2))
    async with books.store.transaction() as rows:
        await rows.give_back(stale, make.after(2))
    assert (await books.row(delivery, update_no=1))["state"] == "superseded"
    assert (await books.row(watch, family_id="fam-2"))["look_at"] == make.after(2)


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_not_affected_is_said_only_where_it_is_true_of_all(books: Books, elsewhere: bool):
    """It works for one of her families, and not for the other."""
    incident = await books.open(make.incident(make.update(scope=make.scope("follow")), number=2, id=SECOND))
    one, two = await school(books, ("login",), ("share",) if elsewhere else ("follow",))
    address = one.caregivers[0].addresses[0]
    changes: dict[str, Any] = {"framing": Framing.NOT_AFFECTED, "next_by": None, "step": -2}
    await books.write(
        [books.watch(f, rest=Rest.NOT_TOUCHED) for f in (one, two)],
        [books.owed(one, **changes)],
        shared=[address],
        incident=incident,
    )
    assert len(await books.table(delivery)) == (1 if elsewhere else 0)


async def test_a_new_delivery_takes_the_place_of_a_void_one(books: Books):
    one, two = await school(books, ("follow",), ("follow",))
    await tell(books, one)
    await books.set(delivery, {"state": "superseded"})
    await tell(books, two)
    assert await books.states() == {"superseded": 1, "pending": 1}
    assert await shares(books) == []
