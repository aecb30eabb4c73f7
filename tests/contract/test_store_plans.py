"""Plans: whoever planned from an old version writes nothing, and no address is owed the same thing twice."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.delivery import AFTERWARDS, VOID, DeliveryState, Framing
from alertd.domain.family import Family
from alertd.domain.watch import Rest
from alertd.records import Plan, Planned
from alertd.store import fast
from alertd.store.tables import delivery, incident, watch
from tests import make
from tests.contract.books import Books, crowd

Insert = Callable[[Any, Plan, list[Planned]], Awaitable[list[Planned]]]


async def test_a_watch_is_stored_as_planned(books: Books):
    [family] = await books.families(*crowd(1))
    await books.write([books.watch(family, waiting=("mia",), rest=Rest.QUIET, look_at=None, epoch=2, owed=3)])
    async with books.store.reading() as rows:
        [found] = list(await rows.candidates(books.incident.id, [family.id], lock=False))
    assert found.watch == make.watch(
        family=family.id, owed=3, epoch=2, waiting=("mia",), rest=Rest.QUIET, version=1, next_by=make.after(10)
    )


async def test_a_second_planner_of_a_new_watch_loses(books: Books):
    one, two = await books.families(*crowd(2))
    await books.tell(one)
    written = await books.write(
        [books.watch(one, owed=7), books.watch(two)], [books.owed(one, update=7), books.owed(two)]
    )
    assert [each.owed.family for each in written] == [two.id]
    assert [(row["family_id"], row["owed"]) for row in await books.table(watch)] == [(one.id, 1), (two.id, 1)]
    assert len(await books.table(delivery)) == 2


async def test_a_plan_from_an_old_version_writes_nothing_of_that_family(books: Books):
    one, two = await books.families(*crowd(2))
    await books.write([books.watch(one), books.watch(two)])
    async with books.store.transaction() as rows:
        await rows.touch_families([one.id], books.incident.id, make.NOON)
    plans = [books.watch(family, version=1, look_at=make.after(50), owed=2) for family in (one, two)]
    written = await books.write(plans, [books.owed(one, update=2), books.owed(two, update=2)])
    assert [each.owed.family for each in written] == [two.id]
    lost, won = await books.table(watch)
    assert (lost["version"], lost["look_at"], lost["owed"]) == (3, make.NOON, 1)  # due again, for whoever lost
    assert (won["version"], won["look_at"], won["owed"]) == (2, make.after(50), 2)
    assert [row["family_id"] for row in await books.table(delivery)] == [two.id]


async def test_who_planned_from_before_a_reopening_closes_nobody_for_good(books: Books):
    """They saw the end, and closed; whoever carries the reopening finds it closed, and has them looked at."""
    [family] = await books.families(*crowd(1))
    await books.write([books.watch(family)])
    await books.write([books.watch(family, version=1, rest=Rest.CLOSED, look_at=None)])  # by who saw the end
    await books.write([books.watch(family, version=1, owed=2)])  # by who sees that it is back
    row = await books.row(watch)
    assert (row["look_at"], row["rest"]) == (make.NOON, "closed")
    await books.set(incident, {"ended_at": make.NOON}, id=books.incident.id)
    await books.write([books.watch(family, version=3, rest=Rest.CLOSED, look_at=None)])
    await books.write([books.watch(family, version=3, owed=2)])
    assert (await books.row(watch))["look_at"] is None  # it is over


async def test_what_a_watch_was_owed_never_goes_down(books: Books):
    """A plan without deliveries names update 0."""
    [family] = await books.families(*crowd(1))
    await books.write([books.watch(family, owed=4)])
    await books.write([books.watch(family, version=1, owed=2)])
    assert (await books.row(watch))["owed"] == 4


@pytest.mark.parametrize("leased", [False, True])
async def test_the_fast_insert_and_its_plain_twin_write_the_same_rows(books: Books, leased: bool):
    family, other = await books.families(*crowd(2, "push", "sms", "email"))
    addresses = family.caregivers[0].addresses
    reader = replace(books.owed(family).owed.reader, services=("follow", "señal"), zone="Asia/Tokyo", missed=2)
    new = [
        books.owed(family, addresses[0], caregiver='a "quoted" \\ name\twith\nlines, ñ and 雪'),
        books.owed(family, addresses[1], next_by=None, loud=False, in_quiet=True, step=-5, lane="urgent"),
        books.owed(family, addresses[2], stale_after=make.after(7.5), loud_until=make.after(9), reader=reader),
    ]
    plan = Plan(
        books.incident.id, books.incident.scope, make.NOON, make.after(1), lease=books.lease() if leased else None
    )
    written = []
    for insert in (fast.insert_deliveries, fast.insert_deliveries_plainly):
        async with books.store.transaction() as rows:
            await insert(rows.sql, plan, new)
        written.append(await books.table(delivery))
        async with books.store.transaction() as rows:
            await rows.sql.run(delivery.delete())
    assert written[0] == written[1]
    assert len(written[0]) == 3
    for row, planned in zip(written[0], new, strict=True):
        assert row["caregiver"] == planned.owed.caregiver
        assert row["next_by"] == planned.owed.next_by
        assert row["state"] == ("leased" if leased else "pending")
        assert row["attempts"] == (1 if leased else 0)
        assert (row["lease_token"] is not None) is leased
    assert other.id not in {row["family_id"] for row in written[0]}


async def owe_again(books: Books, *families: Family) -> list[Planned]:
    """Write the same update to the same addresses once more, by the fast way."""
    plan = Plan(books.incident.id, books.incident.scope, make.NOON, make.NOON)
    async with books.store.transaction() as rows:
        return await fast.insert_deliveries(rows.sql, plan, [books.owed(family) for family in families])


@pytest.mark.parametrize("state", sorted(DeliveryState))
async def test_one_update_is_owed_to_an_address_once_unless_the_first_row_is_void(
    books: Books, state: DeliveryState
):
    [family] = await books.families(*crowd(1))
    [first] = await books.tell(family)
    await books.set(delivery, {"state": state.value}, id=first.id)
    again = await owe_again(books, family)
    assert {row["id"] for row in await books.table(delivery)} == {first.id, *(each.id for each in again)}
    assert len(again) == (state in VOID)


@pytest.mark.parametrize("insert", [fast.insert_deliveries, fast.insert_deliveries_plainly])
async def test_a_key_that_is_taken_costs_the_rest_of_the_slice_nothing(books: Books, insert: Insert):
    """COPY knows no ON CONFLICT: the transaction survives it, and only what was written is handed out."""
    families = await books.families(*crowd(5))
    [first] = await books.tell(families[2])
    plan = Plan(books.incident.id, books.incident.scope, make.NOON, make.NOON, lease=books.lease())
    async with books.store.transaction() as rows:
        await rows.touch_families([families[2].id], books.incident.id, make.NOON)
        written = await insert(rows.sql, plan, [books.owed(family) for family in families])
        await rows.touch_families([families[2].id], books.incident.id, make.NOON)
    assert [each.owed.family for each in written] == [families[n].id for n in (0, 1, 3, 4)]
    leased = await books.table(delivery, state="leased")
    assert [row["id"] for row in leased] == [each.id for each in written]
    assert [row["id"] for row in await books.table(delivery, state="pending")] == [first.id]
    assert (await books.row(watch))["version"] == 3  # what was written before and after it stands


async def test_a_worker_is_not_handed_what_was_owed_already(books: Books):
    one, two = await books.families(*crowd(2))
    await books.tell(one)
    watches = [books.watch(one, version=1), books.watch(two)]
    written = await books.write(watches, [books.owed(one), books.owed(two)], lease=books.lease())
    assert [each.owed.family for each in written] == [two.id]
    assert await books.states() == {"pending": 1, "leased": 1}


async def test_another_step_or_epoch_or_update_is_another_delivery(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.write(
        [books.watch(family, version=1)],
        [books.owed(family, step=-1), books.owed(family, epoch=2), books.owed(family, update=2)],
    )
    assert len(await books.table(delivery)) == 4


async def test_what_is_newer_ends_what_still_waits_and_nothing_else(books: Books):
    """Superseded: pending, older, at this very address. What left already, or is leaving, is left alone."""
    family, other = await books.families(*crowd(2, "push", "sms", "email"))
    await books.tell(family, other)
    push, sms, email = family.caregivers[0].addresses
    await books.set(delivery, {"state": "accepted"}, address_id=push.id)
    await books.set(delivery, {"state": "leased"}, address_id=sms.id)
    await books.write(
        [books.watch(family, version=1, owed=2, supersede=True)],
        [books.owed(family, to, update=2) for to in (push, sms, email)],
    )
    states = {(row["address_id"], row["update_no"]): row["state"] for row in await books.table(delivery)}
    assert states[push.id, 1] == "accepted"
    assert states[sms.id, 1] == "leased"
    assert states[email.id, 1] == "superseded"
    assert states[push.id, 2] == "pending"
    assert {states[a.id, 1] for a in other.caregivers[0].addresses} == {"pending"}
    assert (await books.row(delivery, address_id=email.id, update_no=1))["reader"] is None


async def test_who_is_owed_nothing_newer_keeps_what_waits_for_them(books: Books):
    """One caregiver is told late; the other's message waits for its provider, and the claim decides."""
    [family] = await books.families(*crowd(1, "push", "sms"))
    push, sms = family.caregivers[0].addresses
    await books.write([books.watch(family)], [books.owed(family, sms)])
    await books.write(
        [books.watch(family, version=1, owed=2, supersede=True)], [books.owed(family, push, update=2)]
    )
    assert await books.states() == {"pending": 2}
    batch, stale = await books.claim()
    assert ([each.address for each in batch], len(stale)) == ([push.id], 1)  # back to the planner


async def test_in_one_slice_each_family_is_measured_by_what_it_is_owed_itself(books: Books):
    """One family falls back on update 2 while the family beside it is owed update 3."""
    family, other = await books.families(*crowd(2, "push", "email"))
    push, email = family.caregivers[0].addresses
    await books.write(
        [books.watch(family, owed=2), books.watch(other, owed=2)],
        [books.owed(family, push, update=2), books.owed(other, update=2)],
    )
    await books.write(
        [
            books.watch(family, version=1, owed=2, supersede=True),
            books.watch(other, version=1, owed=3, supersede=True),
        ],
        [books.owed(family, email, update=2), books.owed(other, update=3)],
    )
    states = {
        (row["family_id"], row["address_id"]): row["state"] for row in await books.table(delivery, update_no=2)
    }
    assert states.pop((other.id, other.caregivers[0].addresses[0].id)) == "superseded"
    assert set(states.values()) == {"pending"}
    assert len(states) == 2


async def test_when_nothing_is_owed_any_more_what_waits_is_cancelled(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.write([books.watch(family, version=1, owed=2, cancel=True)])
    row = await books.row(delivery)
    assert (row["state"], row["reader"]) == ("cancelled", None)


@pytest.mark.parametrize("framing", list(Framing))
async def test_what_is_cancelled_is_cancelled_whatever_its_number(books: Books, framing: Framing):
    """The incident touches them no more, and no new number says so; an end of this number is what is owed."""
    [family] = await books.families(*crowd(1))
    await books.tell(family, framing=framing)
    await books.write([books.watch(family, version=1, owed=1, cancel=True)])
    assert await books.states() == {"pending" if framing in AFTERWARDS else "cancelled": 1}


async def test_a_born_lease_is_the_callers(books: Books):
    [family] = await books.families(*crowd(1))
    lease = books.lease()
    [new] = await books.write([books.watch(family)], [books.owed(family)], lease=lease)
    row = await books.row(delivery, id=new.id)
    assert (row["state"], row["lease_token"], row["lease_until"], row["attempts"]) == (
        "leased", lease.token, lease.until, 1
    )  # fmt: skip
    assert (await books.claim(at=make.after(5)))[0] == []
