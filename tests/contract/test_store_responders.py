"""Pages and the incident's own watch, on both databases: due, claimed once, written once, resting at the end."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest

from alertd.domain.delivery import DeliveryState
from alertd.domain.incident import Incident, IncidentId, Kind, State
from alertd.domain.paging import Over, OwedPage, PageKey, ResponderLadder
from alertd.domain.receipt import Word
from alertd.ports import Report
from alertd.records import Lease, PageOutcome, PageRow
from alertd.store.tables import page, responder_watch
from tests import make
from tests.contract.books import LEASE, Books
from tests.contract.test_store_indexes import listening, plans
from tests.contract.test_store_locks import until_blocked
from tests.make import after


def owed(step: int = 0, who: str = "owner", **changes: object) -> OwedPage:
    key = PageKey(ResponderLadder.POST, after(30), step)
    return OwedPage(replace(key, **changes), who, page=True)  # type: ignore[arg-type]


async def add(books: Books, *pages: OwedPage, incident: Incident | None = None, at: datetime = make.NOON) -> None:
    async with books.store.transaction() as rows:
        await rows.add_pages((incident or books.incident).id, pages, 1, at, at)


async def claim(books: Books, at: datetime = make.NOON) -> tuple[list[PageRow], Lease]:
    lease = Lease(uuid4(), at + LEASE)
    async with books.store.transaction() as rows:
        return list(await rows.claim_pages(at, lease, 10)), lease


async def finish(
    books: Books,
    row: PageRow,
    lease: Lease,
    state: DeliveryState,
    due_at: datetime | None = None,
    at: datetime = make.NOON,
) -> bool:
    async with books.store.transaction() as rows:
        return await rows.finish_page(PageOutcome(row, state, "code", due_at), lease, at)


async def look_at(books: Books, incident: UUID | None = None) -> datetime | None:
    found = await books.row(responder_watch, incident_id=incident or books.incident.id)
    at: datetime | None = found["look_at"]
    return at


async def unreachable(books: Books, at: datetime = make.NOON) -> bool:
    async with books.store.reading() as rows:
        return await rows.responders_unreachable(at)


# --- the watch ------------------------------------------------------------------------------------


async def test_an_incident_is_born_with_its_own_watch_and_due_at_once(books: Books):
    assert await look_at(books) == make.NOON
    async with books.store.reading() as rows:
        assert await rows.responders_due(make.NOON, make.NOON)
        assert not await rows.responders_due(make.NOON - timedelta(seconds=1), make.NOON)


async def test_the_longest_due_is_taken_first_and_rests_until_it_is_due_again(books: Books):
    other = replace(books.incident, id=IncidentId(uuid4()), number=2, opened_at=after(-5))
    await books.open(other)
    for expected, later in ((other, after(10)), (books.incident, None)):
        async with books.store.transaction() as rows:
            assert await rows.take_responders(make.NOON) == expected.id
            await rows.look_again(expected.id, later)
    async with books.store.transaction() as rows:
        assert await rows.take_responders(make.NOON) is None
        assert await rows.take_responders(after(10)) == other.id


async def test_every_update_but_a_holding_makes_it_due(books: Books):
    async with books.store.transaction() as rows:
        await rows.look_again(books.incident.id, None)
        await rows.add_update(books.incident.id, make.update(2, Kind.HOLDING, after(5)))
    assert await look_at(books) is None
    async with books.store.transaction() as rows:
        await rows.add_update(books.incident.id, make.update(3, Kind.PROGRESS, after(6)))
    assert await look_at(books) == after(6)
    async with books.store.transaction() as rows:
        await rows.add_update(books.incident.id, make.update(4, Kind.RESOLUTION, after(7), state=State.RESOLVED))
        await rows.touch_responders(books.incident.id, after(3))
        await rows.touch_responders(books.incident.id, after(9))
    assert await look_at(books) == after(3)


async def test_two_who_plan_at_once_take_different_incidents(pages: Books):
    await pages.open(replace(pages.incident, id=IncidentId(uuid4()), number=2))
    async with pages.store.transaction() as one, pages.store.transaction() as two:
        taken = {await one.take_responders(make.NOON), await two.take_responders(make.NOON)}
        assert len(taken) == 2
        assert None not in taken


async def test_who_publishes_while_it_is_planned_is_not_overlooked(pages: Books):
    """The update waits for the planner's lock, and makes the watch due behind it."""
    async with pages.store.transaction() as planner:
        assert await planner.take_responders(make.NOON) == pages.incident.id

        async def publish() -> None:
            async with pages.store.transaction() as rows:
                await rows.add_update(pages.incident.id, make.update(2, Kind.PROGRESS, after(1)))

        publishing = asyncio.create_task(publish())
        await asyncio.sleep(0)
        await planner.look_again(pages.incident.id, after(19))
    await publishing
    assert await look_at(pages) == after(1)


async def test_what_comes_while_a_watch_that_was_due_is_planned_makes_it_due_again(pages: Books):
    """The planner has looked already, and would rest; whoever tells of a failure waits, and is not overlooked."""
    async with pages.store.transaction() as planner:
        assert await planner.take_responders(make.NOON) == pages.incident.id

        async def fail() -> None:
            async with pages.store.transaction() as rows:
                await rows.touch_responders(pages.incident.id, make.NOON)

        failing = asyncio.create_task(fail())
        await until_blocked(pages.store, failing)
        await planner.look_again(pages.incident.id, None)
    await failing
    assert await look_at(pages) == make.NOON


# --- pages ----------------------------------------------------------------------------------------


async def test_a_page_is_written_once_for_ever(books: Books):
    await add(books, owed(), owed(1, "lead"))
    await add(books, owed(), owed(repeat=1), owed(subject="channel sms"))
    async with books.store.reading() as rows:
        found = await rows.pages(books.incident.id)
    assert sorted((row.key.step, row.key.repeat, row.key.subject, row.who) for row in found) == [
        (0, 0, "", "owner"),
        (0, 0, "channel sms", "owner"),
        (0, 1, "", "owner"),
        (1, 0, "", "lead"),
    ]
    assert found[0].key.base == after(30)
    assert found[0].paged.state is DeliveryState.PENDING


async def test_what_one_has_claimed_no_other_gets(books: Books):
    await add(books, owed(), owed(1, "lead"))
    first, _ = await claim(books)
    second, _ = await claim(books)
    assert [row.who for row in first] == ["owner", "lead"]
    assert [row.attempts for row in first] == [1, 1]
    assert second == []


async def test_two_who_claim_at_once_share_the_pages(pages: Books):
    await add(pages, *(owed(step) for step in range(6)))
    async with pages.store.transaction() as one, pages.store.transaction() as two:
        a = await one.claim_pages(make.NOON, Lease(uuid4(), after(1)), 3)
        b = await two.claim_pages(make.NOON, Lease(uuid4(), after(1)), 10)
    assert len(a) == 3
    assert len(b) == 3
    assert not {row.id for row in a} & {row.id for row in b}


async def test_an_acceptance_is_written_and_leaves_the_watch_alone(books: Books):
    await add(books, owed())
    [row], lease = await claim(books)
    async with books.store.transaction() as rows:
        await rows.look_again(books.incident.id, after(9))
    assert await finish(books, row, lease, DeliveryState.ACCEPTED, at=after(1))
    found = await books.row(page, id=row.id)
    assert (found["state"], found["accepted_at"], found["lease_token"]) == ("accepted", after(1), None)
    assert await look_at(books) == after(9)


async def test_what_was_not_handed_over_is_tried_when_it_is_due_and_makes_the_watch_due_at_once(books: Books):
    await add(books, owed())
    [row], lease = await claim(books)
    async with books.store.transaction() as rows:
        await rows.look_again(books.incident.id, after(9))
    assert await finish(books, row, lease, DeliveryState.PENDING, after(2), at=after(1))
    assert await look_at(books) == after(1)
    assert (await claim(books, after(1)))[0] == []
    [again], _ = await claim(books, after(2))
    assert (again.id, again.attempts, again.code) == (row.id, 2, "code")


async def test_a_lease_that_ran_out_is_sent_again_and_its_old_holder_writes_nothing(books: Books):
    """Better twice than never: the worker that held it died, or was as good as dead."""
    await add(books, owed())
    [row], old = await claim(books)
    assert (await claim(books, make.NOON + LEASE))[0] == []
    [again], new = await claim(books, make.NOON + LEASE + timedelta(seconds=1))
    assert again.id == row.id
    assert not await finish(books, row, old, DeliveryState.ACCEPTED)
    assert await finish(books, again, new, DeliveryState.ACCEPTED)


async def test_what_is_cancelled_is_not_sent_but_what_is_in_hand_stays(books: Books):
    await add(books, owed())
    [held], _ = await claim(books)
    await add(books, owed(1, "lead"))
    async with books.store.transaction() as rows:
        waiting = [row for row in await rows.pages(books.incident.id) if row.who == "lead"]
        await rows.cancel_pages([held.id, waiting[0].id])
    states = {row["who"]: row["state"] for row in await books.table(page)}
    assert states == {"owner": "leased", "lead": "cancelled"}
    assert (await claim(books))[0] == []


async def test_what_was_cancelled_waits_again_once_it_is_owed_again_and_nothing_else_does(books: Books):
    """A recall may bring the deadline back under which it was planned."""
    await add(books, owed(), owed(1, "lead"))
    [held, sent], lease = await claim(books)
    await finish(books, sent, lease, DeliveryState.ACCEPTED)
    await add(books, owed(2, "duty-manager"))
    async with books.store.transaction() as rows:
        await rows.cancel_pages([row.id for row in await rows.pages(books.incident.id)])
    before = {row["who"]: row for row in await books.table(page)}
    assert before["duty-manager"]["state"] == "cancelled"
    await add(books, owed(), owed(1, "lead"), owed(2, "duty-manager"))
    assert {row["who"]: row["state"] for row in await books.table(page)} == {
        held.who: "leased",
        sent.who: "accepted",
        "duty-manager": "pending",
    }
    [again], _ = await claim(books)
    assert again.id == before["duty-manager"]["id"]


async def test_a_page_is_found_by_its_id(books: Books):
    await add(books, owed())
    [row], _ = await claim(books)
    async with books.store.reading() as rows:
        found = await rows.page(row.id)
        assert found is not None
        assert found.incident == books.incident.id
        assert await rows.page(uuid4()) is None


# --- what a provider says later ---------------------------------------------------------------------

BAD = (Word.UNDELIVERED, Word.REFUSED)


async def take(books: Books, which: UUID, word: Word, *, number: int = 1, sid: str = "SM1") -> PageRow | None:
    """One receipt, in a transaction of its own, three minutes past noon."""
    code = None if word.good else "30003"
    async with books.store.transaction() as rows:
        return await rows.take_page_receipt(Report(which, number, word, sid, code), after(3))


async def accepted(books: Books) -> PageRow:
    """A page that the provider has taken; the incident's watch rests."""
    await add(books, owed())
    [row], lease = await claim(books)
    async with books.store.transaction() as rows:
        assert await rows.finish_page(
            PageOutcome(row, DeliveryState.ACCEPTED, provider_id="SM1"), lease, make.NOON
        )
        await rows.look_again(books.incident.id, None)
    return row


@pytest.mark.parametrize("word", BAD)
async def test_a_page_that_came_to_nothing_makes_the_watch_due_at_once(books: Books, word: Word):
    row = await accepted(books)
    moved = await take(books, row.id, word)
    assert moved is not None
    async with books.store.reading() as rows:
        assert await rows.page(row.id) == moved
    assert (moved.state.value, moved.code, moved.accepted_at) == (word.value, "30003", make.NOON)
    assert moved.paged.failed
    assert await look_at(books) == after(3)
    async with books.store.transaction() as rows:
        await rows.look_again(books.incident.id, None)
    assert await take(books, row.id, word) is None  # doubled
    assert await look_at(books) is None


@pytest.mark.parametrize("word", [Word.DELIVERED, Word.READ])
async def test_a_page_that_arrived_leaves_the_watch_alone_and_is_never_taken_back(books: Books, word: Word):
    row = await accepted(books)
    moved = await take(books, row.id, word)
    assert moved is not None
    assert (moved.state.value, moved.code, moved.accepted_at) == (word.value, None, make.NOON)
    assert await look_at(books) is None
    assert not await unreachable(books)
    for late in (Word.ACCEPTED, *BAD):
        assert await take(books, row.id, late) is None
    assert (await books.row(page))["state"] == word.value


async def test_what_is_no_page_of_ours_changes_nothing(books: Books):
    row = await accepted(books)
    before = await books.row(page)
    assert await take(books, uuid4(), Word.UNDELIVERED) is None
    for number, sid in ((0, "SM1"), (2, "SM1"), (1, "SM9")):
        assert await take(books, row.id, Word.UNDELIVERED, number=number, sid=sid) is None
    assert await books.row(page) == before


@pytest.mark.parametrize("word", [Word.ACCEPTED, Word.DELIVERED, *BAD])
async def test_a_word_before_our_own_is_neither_undone_nor_a_lost_lease(books: Books, word: Word):
    await add(books, owed())
    [row], lease = await claim(books)
    assert await take(books, row.id, word) is not None
    before = await books.row(page)
    assert (before["state"], before["lease_token"], before["accepted_at"]) == (
        word.value, None, after(3) if word.good else None
    )  # fmt: skip
    for state in (DeliveryState.ACCEPTED, DeliveryState.UNKNOWN):
        assert await finish(books, row, lease, state, after(9), at=after(4))
    assert await books.row(page) == before
    assert (await claim(books, after(9)))[0] == []


@pytest.mark.parametrize("word", [Word.ACCEPTED, Word.DELIVERED])
async def test_the_first_try_arrives_while_the_second_is_under_way(books: Books, word: Word):
    await add(books, owed())
    [row], lease = await claim(books)
    assert await finish(books, row, lease, DeliveryState.UNKNOWN, make.NOON)
    [second], again = await claim(books)
    assert await take(books, row.id, Word.UNDELIVERED, sid="SM1") is None  # the second has its own word to come
    assert await take(books, row.id, word, sid="SM1") is not None
    assert await finish(books, second, again, DeliveryState.ACCEPTED)
    assert await take(books, row.id, Word.UNDELIVERED, number=2, sid="SM2") is None
    assert (await books.row(page))["state"] == word.value


async def test_a_lease_that_somebody_else_has_now_is_still_lost(books: Books):
    await add(books, owed())
    [row], old = await claim(books)
    later = make.NOON + LEASE + timedelta(seconds=1)
    [again], new = await claim(books, later)
    assert await take(books, row.id, Word.DELIVERED, number=2) is not None
    assert not await finish(books, row, old, DeliveryState.ACCEPTED)
    assert await finish(books, again, new, DeliveryState.ACCEPTED)


async def test_a_word_that_comes_while_the_watch_is_planned_is_not_overlooked(pages: Books):
    row = await accepted(pages)
    async with pages.store.transaction() as rows:
        await rows.look_again(pages.incident.id, make.NOON)
    async with pages.store.transaction() as planner:
        assert await planner.take_responders(make.NOON) == pages.incident.id
        taking = asyncio.create_task(take(pages, row.id, Word.UNDELIVERED))
        await until_blocked(pages.store, taking)
        [seen] = await planner.pages(pages.incident.id)
        assert seen.state is DeliveryState.ACCEPTED
        await planner.look_again(pages.incident.id, after(29))
    assert await taking is not None
    assert await look_at(pages) == after(3)


# --- trouble, acknowledgements, the key -------------------------------------------------------------


async def test_a_trouble_that_is_over_may_come_back(books: Books):
    async with books.store.transaction() as rows:
        await rows.add_trouble(books.incident.id, "channel sms", "misconfigured: 20003", after(3))
        await rows.look_again(books.incident.id, None)
        await rows.end_trouble(books.incident.id, "channel push", after(4))
    assert (await books.row(responder_watch))["look_at"] is None  # there was none of that name
    async with books.store.transaction() as rows:
        await rows.end_trouble(books.incident.id, "channel sms", after(4))
        assert await rows.troubles(books.incident.id) == {}
        assert await rows.troubles_over(books.incident.id) == [Over("channel sms", after(3), after(4))]
    assert (await books.row(responder_watch))["look_at"] == after(4)
    async with books.store.transaction() as rows:
        assert await rows.add_trouble(books.incident.id, "channel sms", "misconfigured: 20003", after(5))


async def test_a_trouble_is_known_once_and_makes_the_watch_due(books: Books):
    async with books.store.transaction() as rows:
        await rows.look_again(books.incident.id, after(9))
        assert await rows.add_trouble(books.incident.id, "channel sms", "misconfigured: 20003", after(3))
        assert not await rows.add_trouble(books.incident.id, "channel sms", "misconfigured: 20003", after(4))
        assert await rows.troubles(books.incident.id) == {"channel sms": (after(3), "misconfigured: 20003")}
    assert await look_at(books) == after(3)


async def test_acknowledgements_are_acts_of_the_incident(books: Books):
    async with books.store.transaction() as rows:
        await rows.add_act(uuid4(), after(2), "ann", "ack", books.incident.id, {})
        await rows.add_act(uuid4(), after(1), "bob", "ack", books.incident.id, {})
        await rows.add_act(uuid4(), after(3), "bob", "progress", books.incident.id, {})
        await rows.add_act(uuid4(), after(4), "bob", "ack", uuid4(), {})
        assert await rows.acknowledgements(books.incident.id) == [after(1), after(2)]


async def test_the_key_of_links_is_made_once(books: Books):
    async with books.store.reading() as rows:
        assert await rows.signing_keys() == []
    made = []
    for _ in range(2):
        async with books.store.transaction() as rows:
            made.append(await rows.signing_key(make.NOON))
    assert len(made[0]) == 32
    assert made[0] == made[1]
    async with books.store.reading() as rows:
        assert [key.secret for key in await rows.signing_keys()] == [made[0]]


async def test_the_newest_key_of_links_signs_and_those_before_it_count_until_they_are_forgotten(books: Books):
    async with books.store.transaction() as rows:
        first = await rows.signing_key(make.NOON)
        await rows.rotate_signing_key(after(1))
        second = await rows.signing_key(after(2))
        keys = await rows.signing_keys()
        assert [(key.id, key.secret, key.created_at) for key in keys] == [
            (2, second, after(1)),
            (1, first, make.NOON),
        ]
        assert first != second
        assert repr(second) not in repr(keys)
        assert await rows.forget_signing_keys(keys[0].id) == 1
        assert [key.secret for key in await rows.signing_keys()] == [second]


async def test_two_who_rotate_at_once_make_one_key(books: Books):
    async def rotate() -> None:
        async with books.store.transaction() as rows:
            await rows.rotate_signing_key(make.NOON)

    async with books.store.transaction() as rows:
        await rows.signing_key(make.NOON)
    await asyncio.gather(*(rotate() for _ in range(4)))
    async with books.store.reading() as rows:
        numbers = [key.id for key in await rows.signing_keys()]
    assert numbers == list(range(len(numbers), 0, -1))
    assert len(numbers) >= 2


# --- the dead man's ping ----------------------------------------------------------------------------


async def test_nobody_to_page_is_no_reason_to_withhold_the_ping(books: Books):
    assert not await unreachable(books)
    await add(books, owed())
    assert not await unreachable(books)  # it is about to be tried


async def test_when_all_pages_failed_responders_are_unreachable(books: Books):
    await add(books, owed(), owed(1, "lead"))
    claimed, lease = await claim(books)
    assert await finish(books, claimed[0], lease, DeliveryState.REFUSED)
    assert not await unreachable(books)  # the lead may yet be reached
    assert await finish(books, claimed[1], lease, DeliveryState.PARKED)
    assert await unreachable(books)
    await books.set(page, {"state": "accepted"}, who="lead")
    assert not await unreachable(books)


async def test_who_was_reached_once_and_is_not_any_more_is_unreachable(books: Books):
    await add(books, owed())
    [row], lease = await claim(books)
    await finish(books, row, lease, DeliveryState.ACCEPTED)
    await add(books, owed(repeat=1), at=after(10))
    [row], lease = await claim(books, after(10))
    await finish(books, row, lease, DeliveryState.REFUSED, at=after(10))
    assert await unreachable(books)


async def test_a_new_round_is_no_hope(books: Books):
    """When all have failed, a page that is about to be tried again does not bring the ping back."""
    await add(books, owed())
    [row], lease = await claim(books)
    await finish(books, row, lease, DeliveryState.REFUSED)
    await add(books, owed(repeat=1), at=after(10))
    assert await unreachable(books, after(10))


async def test_one_that_is_tried_for_ever_counts_from_its_second_failure(books: Books):
    await add(books, owed())
    for attempt in (1, 2):
        [row], lease = await claim(books)
        await finish(books, row, lease, DeliveryState.PENDING, make.NOON)
        assert await unreachable(books) is (attempt == 2)


async def test_what_has_ended_needs_nobody(books: Books):
    await add(books, owed())
    [row], lease = await claim(books)
    await finish(books, row, lease, DeliveryState.REFUSED)
    ended = replace(books.incident, state=State.RESOLVED, ended_at=after(5), version=books.incident.version + 1)
    async with books.store.transaction() as rows:
        assert await rows.save_incident(ended)
    assert not await unreachable(books)


# --- no scan ----------------------------------------------------------------------------------------


async def test_what_is_due_is_found_by_partial_indexes(books: Books):
    await add(books, owed())
    with listening() as heard:
        async with books.store.transaction() as rows:
            await rows.responders_due(make.NOON, make.NOON)
            await rows.take_responders(make.NOON)
            await rows.claim_pages(make.NOON, Lease(uuid4(), after(1)), 10)
    async with books.store.transaction() as rows:
        for plan in await plans(rows, heard, "FROM responder_watch"):
            assert "ix_responder_watch_look_at" in plan
        for plan in await plans(rows, heard, "page.lease_until <"):
            assert "ix_page_due" in plan
            assert "ix_page_leased" in plan
