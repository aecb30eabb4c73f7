"""Partial indexes serve the queries that they were made for: both databases want the very same condition."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from alertd.domain.delivery import DeliveryState
from alertd.records import Floor
from alertd.store.store import Rows
from alertd.store.tables import responder_watch
from tests import make
from tests.contract.books import Books, crowd, outcome


@contextmanager
def listening() -> Iterator[list[tuple[str, Any]]]:
    """What is said to any database meanwhile, and with which values."""
    heard: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        heard.append((statement, values))

    event.listen(Engine, "before_cursor_execute", listen)
    yield heard
    event.remove(Engine, "before_cursor_execute", listen)


async def plans(rows: Rows, heard: list[tuple[str, Any]], *words: str) -> list[str]:
    """How the database goes about those statements that have all of these words; no table is too small."""
    found = []
    driver = await rows.sql.driver()
    for statement, values in heard:
        if all(word in statement for word in words):
            if rows.sql.dialect == "sqlite":
                lines = driver.execute(f"EXPLAIN QUERY PLAN {statement}", values).fetchall()
            else:
                await driver.execute("SET LOCAL enable_seqscan = off")
                lines = await (await driver.execute(f"EXPLAIN {statement}", values)).fetchall()
            found.append("\n".join(str(line[-1]) for line in lines))
    return found


async def test_a_refusal_finds_the_open_watches_of_a_family_by_their_index(books: Books):
    await books.tell(*await books.families(*crowd(3)))
    lease = books.lease()
    batch, _ = await books.claim(lease)
    with listening() as heard:
        await books.finish(lease, [outcome(batch[0], DeliveryState.REFUSED)])
    async with books.store.transaction() as rows:
        [plan] = await plans(rows, heard, "SELECT", "JOIN family_address")
    assert "ix_watch_family" in plan


async def test_who_forgets_a_family_walks_neither_all_watches_nor_all_deliveries(books: Books):
    """What is in flight is found by the incidents of its open watches; no index by family costs every message."""
    [family, _] = await books.families(*crowd(2))
    await books.tell(family)
    with listening() as heard:
        async with books.store.transaction() as rows:
            assert await rows.delete_family(family.id)
    async with books.store.transaction() as rows:
        for plan in await plans(rows, heard, "watch.family_id =", "closed"):
            assert "ix_watch_family" in plan
        found = await plans(rows, heard, "delivery.family_id =", "delivery.incident_id")
        assert len(found) == 2
        if rows.sql.dialect == "sqlite":  # Postgres has several ways, and chooses by size
            assert all("ix_delivery_family (incident_id=? AND family_id=?)" in plan for plan in found)
    assert await books.states() == {"cancelled": 1}


async def test_the_auditor_walks_the_families_of_open_incidents_and_no_watches_of_closed_ones(books: Books):
    """Its one question of nearly everybody: service by its key, each watch by its own."""
    await books.tell(*await books.families(*crowd(3)))
    with listening() as heard:
        async with books.store.reading() as rows:
            assert await rows.touched(books.incident.id, books.incident.scope, make.NOON, make.after(60)) == (
                3,
                0,
                make.after(10),
            )
    async with books.store.transaction() as rows:
        [plan] = await plans(rows, heard, "family_service", "JOIN watch")
    if rows.sql.dialect == "sqlite":
        assert "family_service USING" in plan
        assert "(service=?)" in plan
        assert "(incident_id=? AND family_id=?)" in plan
    else:
        assert "pk_family_service" in plan
        assert "pk_watch" in plan


async def test_a_look_that_finds_nothing_walks_to_the_first_entry_of_each_index(books: Books):
    """Twice a second, however many families, messages and ended incidents there are."""
    await books.set(responder_watch, {"look_at": None})
    with listening() as heard:
        async with books.store.reading() as rows:
            assert await rows.calm(make.NOON, make.NOON)
    async with books.store.reading() as rows:
        [plan] = await plans(rows, heard, "SELECT")
    for index in (
        "ix_delivery_pending",
        "ix_delivery_leased",
        "ix_delivery_unknown",
        "ix_fanout_todo",
        "ix_watch_look_at",
        "ix_incident_open",
        "ix_responder_watch_look_at",
        "ix_page_due",
        "ix_page_leased",
    ):
        assert index in plan, plan


async def test_a_list_of_families_begins_with_families_and_not_with_all_numbers(books: Books):
    """Joined, SQLite would go through every address of a channel for each family: minutes for 100,000 of them."""
    await books.families(*crowd(3))
    async with books.store.reading() as rows:
        with listening() as heard:
            await rows.listed_families("", 10, ("push", "sms"), [Floor(("follow",), ("sms", "voice"))])
            await rows.listed_families("", 10, ("push", "sms"))
        found = await plans(rows, heard, "address")
    assert len(found) == 3
    if books.store.dialect == "sqlite":
        assert not [plan for plan in found if "(channel=?" in plan]
        assert all("address_1 (id=?)" in plan for plan in found)


async def test_messages_of_one_family_are_found_by_their_index(books: Books):
    """Not among all those of its incident; those to an address that it shares too."""
    await books.tell(*await books.families(*crowd(3)))
    async with books.store.reading() as rows:
        with listening() as heard:
            found = await rows.deliveries(books.incident.id, family_id="fam-0001", states=(), limit=10)
        how = await plans(rows, heard, "delivery_share")
    assert {row.family for row in found} == {"fam-0001"}
    if books.store.dialect == "sqlite":
        assert all("ix_delivery_family (incident_id=? AND family_id=?)" in plan for plan in how)
        assert all("ix_delivery_family (incident_id=?)" not in plan for plan in how)
        assert how


async def test_what_had_crashed_before_is_found_by_family_and_not_among_all_deliveries(books: Books):
    """Asked for each lost lease, while a worker of a large outage has just died."""
    await books.tell(*await books.families(*crowd(3)))
    await books.claim(books.lease())
    with listening() as heard:
        async with books.store.transaction() as rows:
            assert (await rows.expire_leases(make.after(60), make.after(61), 500, now=make.after(60))).expired == 3
    async with books.store.transaction() as rows:
        [shared] = await plans(rows, heard, "SELECT", "FROM family_address")
        [over] = await plans(
            rows, heard, "SELECT", "FROM delivery", "delivery.family_id", "delivery.incident_id ="
        )
        assert "family_address" in shared
        assert "ix_delivery_family" in over
        if rows.sql.dialect == "sqlite":
            assert "SCAN family_address" not in shared
            assert "SEARCH delivery USING INDEX ix_delivery_family (incident_id=? AND family_id=?)" in over
