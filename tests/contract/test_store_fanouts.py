"""Cursors: an update reaches every family once, in slices, and a crash between any two of them loses nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import Executable, select

from alertd.domain.family import Address, FamilyId
from alertd.domain.incident import IncidentId, Scope
from alertd.records import Fanout, Plan, Unreadable
from alertd.store.ids import uuid7
from alertd.store.one_of import one_of
from alertd.store.store import Rows
from alertd.store.tables import delivery, family, fanout, watch
from tests import make
from tests.contract.books import Books, crowd


async def begin(
    books: Books, update: int = 1, *, lane: str = "bulk", scope: bool = True, at: float = 0, parts: int = 1
) -> None:
    """Cursors for an update of the incident."""
    async with books.store.transaction() as rows:
        ids = [uuid7() for _ in range(parts)]
        looked_for = books.incident.scope if scope else None
        await rows.add_fanout(ids, books.incident.id, update, lane, make.after(at), scope=looked_for)


async def take(books: Books, lane: str = "bulk") -> Fanout | None:
    async with books.store.turn(f"fanout-{lane}") as turn:
        assert turn is not None
        return await turn.rows.take_fanout(lane)


async def slice_after(books: Books, position: str, limit: int = 100, *, scope: Scope | None = None) -> list[str]:
    """The next families of a cursor that also looks for families without a watch."""
    cursor = Fanout(uuid7(), books.incident.id, 1, position, 0, "bulk", scope=True)
    async with books.store.reading() as rows:
        return await rows.slice_ids(cursor, scope or books.incident.scope, limit)


async def one_slice(books: Books, limit: int, *, crash: bool = False) -> list[str]:
    """Plan a slice as the worker does; `crash` before the commit."""
    async with books.store.turn("fanout-bulk") as turn:
        assert turn is not None
        cursor = await turn.rows.take_fanout("bulk")
        if cursor is None:
            return []
        ids = await turn.rows.slice_ids(cursor, books.incident.scope, limit)
        async with turn.write() as rows:
            assert await rows.move_fanout(cursor, ids[-1] if ids else None, make.NOON)
            watches = [books.watch(make.family(id=FamilyId(name))) for name in ids]
            await rows.write_plan(Plan(books.incident.id, books.incident.scope, make.NOON, make.NOON, watches))
            if crash:
                raise ConnectionError("the worker died")
    return ids


async def test_slices_reach_everybody_once_and_then_the_cursor_is_done(books: Books):
    await books.families(*crowd(7))
    await begin(books)
    reached = []
    while ids := await one_slice(books, 3):
        reached.append(ids)
    assert [len(ids) for ids in reached] == [3, 3, 1]
    assert [name for ids in reached for name in ids] == [f"fam-{n:04}" for n in range(7)]
    assert await take(books) is None
    assert (await books.row(fanout))["slices"] == 4


async def test_a_crash_in_a_slice_leaves_cursor_and_watches_as_they_were(books: Books):
    await books.families(*crowd(5))
    await begin(books)
    assert len(await one_slice(books, 2)) == 2
    with pytest.raises(ConnectionError):
        await one_slice(books, 2, crash=True)
    assert len(await books.table(watch)) == 2
    cursor = await take(books)
    assert cursor is not None
    assert (cursor.position, cursor.slices) == ("fam-0001", 1)
    assert await one_slice(books, 10) == ["fam-0002", "fam-0003", "fam-0004"]


def parts(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, str | None]]:
    """(behind whom it begins, the last one) of each cursor."""
    return sorted((row["position"], row["until"]) for row in rows)


async def test_several_cursors_share_the_families_among_them(books: Books):
    """On SQLite, with its one writer, there is one for all."""
    await books.families(*crowd(10))
    await begin(books, parts=3)
    thirds = [("", "fam-0003"), ("fam-0003", "fam-0006"), ("fam-0006", None)]
    assert parts(await books.table(fanout)) == (thirds if books.store.dialect == "postgresql" else [("", None)])
    late = [make.family(make.caregiver(name, "push"), id=FamilyId(name)) for name in ("a", "fam-0003b", "z")]
    await books.families(*late)
    reached: list[str] = []
    for _ in range(20):
        reached += await one_slice(books, 3)
    names = {f"fam-{n:04}" for n in range(10)} | {family.id for family in late}
    assert (len(reached), set(reached)) == (len(names), names)
    assert all(row["done"] for row in await books.table(fanout))


async def test_there_are_no_more_cursors_than_families(pages: Books):
    await pages.families(*crowd(2))
    await begin(pages, parts=8)
    assert parts(await pages.table(fanout)) == [("", "fam-0000"), ("fam-0000", None)]
    assert await one_slice(pages, 9) == ["fam-0000"]


async def test_where_nobody_is_touched_yet_one_cursor_waits_for_all(pages: Books):
    await begin(pages, parts=8)
    assert parts(await pages.table(fanout)) == [("", None)]


async def test_cursors_of_an_update_that_changes_no_scope_share_the_watches(pages: Books):
    families = await pages.families(*crowd(9))
    await pages.write([pages.watch(family) for family in families[::2]])
    await begin(pages, 2, scope=False, parts=2)
    assert parts(await pages.table(fanout)) == [("", "fam-0004"), ("fam-0004", None)]
    assert await one_slice(pages, 9) == ["fam-0000", "fam-0002", "fam-0004"]


async def test_a_family_with_two_services_counts_once(pages: Books):
    await pages.families(*crowd(4))
    async with pages.store.transaction() as rows:
        scope = make.scope("follow", "share")
        await rows.add_fanout([uuid7(), uuid7()], pages.incident.id, 1, "bulk", make.NOON, scope=scope)
    assert parts(await pages.table(fanout)) == [("", "fam-0001"), ("fam-0001", None)]


async def test_updates_take_turns_however_many_cursors_the_larger_has(books: Books):
    await books.families(*crowd(9))
    await begin(books, 1, parts=3)
    await begin(books, 2, at=1)
    turns = []
    for minute in range(2, 8):
        async with books.store.turn("fanout-bulk") as turn:
            assert turn is not None
            cursor = await turn.rows.take_fanout("bulk")
            assert cursor is not None
            turns.append(cursor.update)
            async with turn.write() as rows:
                assert await rows.move_fanout(cursor, f"{cursor.position}+", make.after(minute))
    assert turns == [1, 2, 1, 2, 1, 2]


async def test_a_newer_update_takes_the_place_of_every_older_cursor(books: Books):
    await books.write([books.watch(family) for family in await books.families(*crowd(6))])
    await begin(books, 1, scope=False, parts=3)
    await begin(books, 2, scope=False, parts=2)
    left = {(row["update_no"], row["done"]) for row in await books.table(fanout)}
    assert left == {(1, True), (2, False)}


async def test_a_cursor_that_somebody_else_moved_is_not_moved_again(books: Books):
    await books.families(*crowd(3))
    await begin(books)
    cursor = await take(books)
    assert cursor is not None
    async with books.store.transaction() as rows:
        assert await rows.move_fanout(cursor, "fam-0001", make.NOON)
        assert not await rows.move_fanout(cursor, "fam-0000", make.NOON)
        assert not await rows.move_fanout(cursor, None, make.NOON)
    assert (await books.row(fanout))["position"] == "fam-0001"


async def test_each_lane_has_cursors_of_its_own_the_oldest_first(books: Books):
    await begin(books, 1, at=1)
    await begin(books, 2, at=0)
    await begin(books, 3, lane="urgent")
    for lane, update in (("bulk", 2), ("urgent", 3)):
        cursor = await take(books, lane)
        assert cursor is not None
        assert cursor.update == update


async def test_a_newer_update_takes_the_place_of_older_ones_but_not_of_the_look_for_new_families(books: Books):
    """A cursor still looking for families without a watch goes on: it carries the newest by then."""
    await begin(books, 1, scope=True)
    await begin(books, 2, scope=False)
    await begin(books, 3, scope=False)
    left = {row["update_no"]: row["done"] for row in await books.table(fanout)}
    assert left == {1: False, 2: True, 3: False}


async def test_an_update_that_changes_no_scope_walks_the_watches_only(books: Books):
    one, two = await books.families(*crowd(2))
    await books.write([books.watch(two)])
    cursor = Fanout(uuid7(), books.incident.id, 2, "", 0, "bulk", scope=False)
    async with books.store.reading() as rows:
        assert await rows.slice_ids(cursor, books.incident.scope, 10) == [two.id]
    assert await slice_after(books, "") == [one.id, two.id]


async def test_ids_are_compared_byte_by_byte(books: Books):
    """Keyset order is the same in both databases, whatever the ids look like."""
    names = ["B", "a", "fam-10", "fam-9", "fam_1", "Z-1", "ä", "z", "é"]
    for name in names:
        await books.families(make.family(make.caregiver(name, "push"), id=FamilyId(name)))
    reached: list[str] = []
    while ids := await slice_after(books, reached[-1] if reached else "", 2):
        reached += ids
    assert reached == sorted(names, key=lambda name: name.encode())


@pytest.mark.parametrize(
    ("regions", "touched"),
    [
        ((), {"nowhere", "us", "us-west", "usa", "eu"}),
        (("us",), {"nowhere", "us", "us-west"}),
        (("us-west",), {"nowhere", "us-west"}),
        (("us-west", "eu"), {"nowhere", "us-west", "eu"}),
        (("u_",), {"nowhere"}),
    ],
)
async def test_a_region_covers_its_parts_at_a_hyphen(books: Books, regions: tuple[str, ...], touched: set[str]):
    for region in ("us", "us-west", "usa", "eu"):
        await books.families(make.family(make.caregiver(region, "push"), id=FamilyId(region), region=region))
    await books.families(make.family(make.caregiver("x", "push"), id=FamilyId("nowhere"), region=None))
    scope = make.scope("follow", regions=regions)
    assert set(await slice_after(books, "", scope=scope)) == touched
    async with books.store.reading() as rows:
        assert await rows.count_touched(scope) == len(touched)


async def test_a_family_with_two_failing_services_is_one_family(books: Books):
    await books.families(*crowd(3))
    scope = make.scope("follow", "share")
    assert len(await slice_after(books, "", scope=scope)) == 3
    async with books.store.reading() as rows:
        assert await rows.count_touched(scope) == 3


async def test_the_regions_of_a_services_families_are_known(books: Books):
    """Each once; a family without one adds none, nor does one that uses something else."""
    places = (("a", "us-west"), ("b", "us-west"), ("c", "eu"), ("d", None))
    await books.families(*(make.family(id=name, region=place, services=("follow",)) for name, place in places))
    await books.families(make.family(id="e", region="ca", services=("share",)))
    async with books.store.reading() as rows:
        assert await rows.regions_of(["follow", "login"]) == {"follow": {"us-west", "eu"}}
        assert await rows.regions_of([]) == {}


async def test_whom_an_incident_has_touched_it_concerns_once(books: Books):
    families = await books.families(*crowd(4))
    await books.write([books.watch(families[0]), books.watch(families[1])])
    async with books.store.reading() as rows:
        assert await rows.count_concerned(books.incident.id, make.scope("follow")) == 4
        assert await rows.count_concerned(books.incident.id, make.scope("nothing")) == 2


async def test_due_watches_come_the_longest_due_first_and_by_incident(books: Books):
    families = await books.families(*crowd(4))
    moments = (3, 1, 2, 9)
    await books.write([books.watch(f, look_at=make.after(at)) for f, at in zip(families, moments, strict=True)])
    async with books.store.turn("due") as turn:
        assert turn is not None
        assert await turn.rows.due_watches(make.after(0.5), 10) == {}
        assert await turn.rows.due_watches(make.after(3), 2) == {books.incident.id: ["fam-0001", "fam-0002"]}
        assert await turn.rows.due_watches(make.after(3) + timedelta(microseconds=1), 10) == {
            books.incident.id: ["fam-0001", "fam-0002", "fam-0000"]
        }


async def test_due_incidents_come_in_one_order_whichever_is_due_first(books: Books):
    """Planners write them in this order: of two with the same two incidents none waits for the other in a ring."""
    families = await books.families(*crowd(2))
    second = await books.open(replace(books.incident, id=IncidentId(UUID(int=2)), number=2))
    assert second.id < books.incident.id
    await books.write([books.watch(families[0], look_at=make.after(2))], incident=second)
    await books.write([books.watch(families[1], look_at=make.after(1))])
    async with books.store.turn("due") as turn:
        assert turn is not None
        assert list(await turn.rows.due_watches(make.after(3), 10)) == [second.id, books.incident.id]


class Counting:
    """A connection that counts the rows it brings."""

    def __init__(self, sql: Any) -> None:
        self._sql, self.dialect, self.brought = sql, sql.dialect, 0

    async def rows(self, statement: Executable, params: Any = None) -> Any:
        found = await self._sql.rows(statement, params)
        self.brought += len(found)
        return found


async def test_of_scattered_families_nothing_is_read_that_lies_between_them(books: Books):
    """Due watches are all over the place: a range of their ids would be everybody."""
    unverified = [
        replace(f, caregivers=tuple(replace(c, addresses=_unverified(c.addresses)) for c in f.caregivers))
        for f in crowd(9)
    ]
    families = await books.families(*unverified)
    ends = [families[8].id, families[0].id]
    async with books.store.reading() as rows:
        counting: Any = Counting(rows.sql)
        found = list(await Rows(counting).candidates(books.incident.id, ends, lock=False))
    assert [each.family.id for each in found] == ends[::-1]
    assert all(len(each.addresses) == 1 for each in found)
    assert counting.brought == 4  # two documents, two addresses


async def test_a_document_that_cannot_be_read_is_left_aside_or_raises(books: Books):
    """Whoever plans many goes on; whoever asks about one family hears that it fails."""
    one, two = await books.families(*crowd(2))
    await books.tell(one)
    await books.set(family, {"doc": "{}"}, id=one.id)
    left: list[Unreadable] = []
    async with books.store.reading() as rows:
        found = list(await rows.candidates(books.incident.id, [one.id, two.id], lock=False, unreadable=left))
        with pytest.raises(msgspec.ValidationError):
            list(await rows.candidates(books.incident.id, [one.id], lock=False))
    assert [each.family for each in found] == [two]
    [aside] = left
    assert (aside.family, aside.error) == (one.id, "ValidationError")
    assert aside.watch is not None


def _unverified(addresses: tuple[Address, ...]) -> tuple[Address, ...]:
    return tuple(replace(each, verified=False) for each in addresses)


async def test_a_condition_on_many_values_takes_any_text(books: Books):
    names = ["a b", 'a"b', "a'b", "a,b", "a{b}", "a\\b", "NULL", "null", "", "señal", "雪", "%s", ":a"]
    for name in names:
        await books.families(make.family(make.caregiver("mia", "push"), id=FamilyId(name)))
    async with books.store.reading() as rows:
        for wanted in (names, names[2:4], ["nobody"], []):
            found = await rows.sql.rows(select(family.c.id).where(one_of(family.c.id, wanted)))
            assert {row.id for row in found} == set(wanted) & set(names)


async def test_a_condition_on_many_ids(books: Books):
    families = await books.families(*crowd(3))
    await books.tell(*families)
    ids = [row["id"] for row in await books.table(delivery)]
    async with books.store.reading() as rows:
        for wanted in (ids, ids[1:2], [uuid7()], []):
            found = await rows.sql.rows(select(delivery.c.id).where(one_of(delivery.c.id, wanted)))
            assert {row.id for row in found} == set(wanted) & set(ids)


async def test_which_services_of_which_families_other_scopes_touch(books: Books):
    await books.families(
        make.family(make.caregiver("a", "push"), id=FamilyId("a"), services=("follow", "share"), region="us-west"),
        make.family(make.caregiver("b", "push"), id=FamilyId("b"), services=("share",), region="us-east"),
        make.family(make.caregiver("c", "push"), id=FamilyId("c"), services=("login",), region="us-west"),
    )
    scopes = [make.scope("follow", regions=("us-west",)), make.scope("share", "login", regions=("us",))]
    async with books.store.reading() as rows:
        assert await rows.failing(["a", "b"], scopes) == {"a": {"follow", "share"}, "b": {"share"}}
        assert await rows.failing(["a", "b", "c"], scopes[:1]) == {"a": {"follow"}}
        assert await rows.failing(["b"], scopes[:1]) == {}
