"""Receipts: what a provider says later is written once, before or after our own word, and counts for everybody."""

from datetime import datetime
from uuid import UUID

import pytest

from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.family import FamilyId
from alertd.domain.receipt import Standing, Word
from alertd.ports import Report
from alertd.ports.store import Moved
from alertd.records import Claimed, Lease, Received
from alertd.store.ids import uuid7
from alertd.store.tables import address, attempt, delivery, watch
from tests import make
from tests.contract.books import Books, crowd, outcome

GOOD = (Word.ACCEPTED, Word.DELIVERED, Word.READ)
LATER = make.after(3)


async def take(
    books: Books,
    which: UUID,
    word: Word,
    *,
    at: datetime = LATER,
    number: int = 1,
    sid: str = "id-1",
    code: str | None = None,
    opted_out: bool = False,
    ours: bool = False,
) -> Received | None:
    """One receipt, in a transaction of its own."""
    async with books.store.transaction() as rows:
        return await rows.take_receipt(Report(which, number, word, sid, code, opted_out, ours), at)


async def leased(books: Books, *channels: str) -> tuple[Lease, list[Claimed]]:
    """A family whose messages are under way."""
    [family] = await books.families(*crowd(1, *channels or ("sms",)))
    await books.tell(family)
    lease = books.lease()
    batch, _ = await books.claim(lease)
    return lease, sorted(batch, key=lambda each: each.channel)


async def test_what_nobody_sent_is_not_known(books: Books):
    lease, [sms] = await leased(books)
    assert await take(books, uuid7(), Word.DELIVERED) is None
    assert await take(books, sms.id, Word.DELIVERED, number=2) is None
    assert await books.states() == {"leased": 1}
    async with books.store.reading() as rows:
        assert await rows.standing(uuid7(), "sms") is None
        assert await rows.standing(sms.id, "push") is None
        assert await rows.standing(sms.id, "sms") == Standing(DeliveryState.LEASED, 1, None)
    assert await books.finish(lease, [outcome(sms)]) == 0


async def test_delivered_concerns_the_delivery_alone(books: Books):
    lease, [sms] = await leased(books)
    await books.finish(lease, [outcome(sms)])
    before = await books.row(watch)
    received = await take(books, sms.id, Word.DELIVERED)
    assert received == Received(
        DeliveryState.ACCEPTED, DeliveryState.DELIVERED, books.incident.id, FamilyId("fam-0000")
    )
    assert await books.row(watch) == before
    row = await books.row(delivery)
    assert (row["state"], row["accepted_at"], row["reader"]) == ("delivered", make.NOON, None)
    assert await take(books, sms.id, Word.DELIVERED) is None  # doubled
    assert await take(books, sms.id, Word.ACCEPTED) is None  # reordered
    assert await take(books, sms.id, Word.UNDELIVERED, code="30003") is None  # never down
    assert await books.row(delivery) == row
    assert await books.table(attempt) == []


@pytest.mark.parametrize("word", GOOD)
async def test_a_receipt_before_our_own_commit_is_not_lost_and_not_undone(books: Books, word: Word):
    lease, [sms] = await leased(books)
    received = await take(books, sms.id, word, at=make.after(1))
    assert received is not None
    assert (received.before, received.after, received.due) == (DeliveryState.LEASED, DeliveryState(word.value), 0)
    heard = {"heard_at": make.after(1), "told": 1, "next_by": make.after(30)}
    assert {key: (await books.row(watch))[key] for key in heard} == heard

    assert await books.finish(lease, [outcome(sms, at=make.after(1))], at=make.after(1)) == 0  # no lease was lost
    row = await books.row(delivery)
    assert (row["state"], row["provider_id"], row["accepted_at"], row["reader"], row["lease_token"]) == (
        word.value, "id-1", make.after(1), None, None
    )  # fmt: skip
    assert await books.table(attempt) == []
    assert {key: (await books.row(watch))[key] for key in heard} == heard


@pytest.mark.parametrize("state", [DeliveryState.UNKNOWN, DeliveryState.PENDING])
async def test_our_own_doubt_does_not_undo_it_either(books: Books, state: DeliveryState):
    lease, [sms] = await leased(books)
    await take(books, sms.id, Word.ACCEPTED)
    assert await books.finish(lease, [outcome(sms, state, due_at=make.after(1))]) == 0
    assert await books.states() == {"accepted": 1}


async def test_what_was_taken_back_before_our_own_commit_was_not_heard(books: Books):
    """Our own acceptance comes last, and is the older word of the two."""
    lease, [sms] = await leased(books)
    before = await books.row(watch)
    received = await take(books, sms.id, Word.UNDELIVERED, code="30003")
    assert received is not None
    assert (received.after, received.due) == (DeliveryState.UNDELIVERED, 1)
    assert await books.finish(lease, [outcome(sms)], at=make.after(4)) == 0
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["look_at"]) == (None, 0, LATER)
    assert row["next_by"] <= make.after(10)
    assert row["version"] > before["version"]
    assert await books.states() == {"undelivered": 1}
    assert [(each["outcome"], each["code"]) for each in await books.table(attempt)] == [("undelivered", "30003")]


async def test_a_lease_that_ran_out_is_still_lost(books: Books):
    """Somebody else has it now; a receipt of the first try is not ours to claim."""
    lease, [sms] = await leased(books)
    async with books.store.transaction() as rows:
        await rows.expire_leases(make.after(1), make.after(1), 500, now=make.after(1))
        await rows.retry_unknown(make.after(1), 500)
    again = books.lease(make.after(1))
    [second], _ = await books.claim(again, at=make.after(1))
    assert await books.finish(lease, [outcome(sms)]) == 1
    assert await books.finish(again, [outcome(second)]) == 0


@pytest.mark.parametrize("waited", [False, True])
@pytest.mark.parametrize("word", GOOD)
async def test_an_unknown_outcome_becomes_known_and_is_not_sent_again(books: Books, word: Word, waited: bool):
    lease, [sms] = await leased(books)
    await books.finish(lease, [outcome(sms, DeliveryState.UNKNOWN, due_at=make.after(1))])
    if waited:
        async with books.store.transaction() as rows:
            assert await rows.retry_unknown(make.after(1), 500) == 1
    received = await take(books, sms.id, word)
    assert received is not None
    assert received.after == DeliveryState(word.value)
    assert await books.claim(at=make.after(5)) == ([], [])
    async with books.store.transaction() as rows:
        assert await rows.retry_unknown(make.after(5), 500) == 0
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["next_by"], row["look_at"]) == (
        LATER, 1, make.after(30), make.after(29)
    )  # fmt: skip


async def test_the_first_try_arrives_while_the_second_is_under_way(books: Books):
    """The family has it; what the second becomes changes nothing, and what fails of it takes nothing back."""
    lease, [sms] = await leased(books)
    await books.finish(lease, [outcome(sms, DeliveryState.UNKNOWN, due_at=make.NOON)])
    async with books.store.transaction() as rows:
        await rows.retry_unknown(make.NOON, 500)
    again = books.lease()
    [second], _ = await books.claim(again)
    assert await take(books, sms.id, Word.DELIVERED, number=1, sid="id-1") is not None
    assert await books.finish(again, [outcome(second)]) == 0
    assert await take(books, sms.id, Word.UNDELIVERED, number=2, sid="id-2") is None
    row = await books.row(delivery)
    assert (row["state"], row["provider_id"]) == ("delivered", "id-1")


async def test_an_acceptance_that_is_taken_back_leaves_what_was_heard_before(books: Books):
    """R5: heard, told and next_by are those of the messages that still count."""
    [family] = await books.families(*crowd(1, "sms", "push"))
    sms, push = family.caregivers[0].addresses
    await books.write([books.watch(family)], [books.owed(family, push, next_by=make.after(20))])
    await books.hand_over(at=make.after(1))
    await books.write(
        [books.watch(family, version=1, owed=2)], [books.owed(family, sms, update=2, next_by=make.after(60))]
    )
    [second] = await books.hand_over(at=make.after(2))
    assert (await books.row(watch))["next_by"] == make.after(60)
    version = (await books.row(watch))["version"]

    received = await take(books, second.id, Word.UNDELIVERED, code="30003")
    assert received is not None
    assert (received.before, received.after, received.due) == (
        DeliveryState.ACCEPTED, DeliveryState.UNDELIVERED, 1
    )  # fmt: skip
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["next_by"]) == (make.after(1), 1, make.after(20))
    assert (row["look_at"], row["version"]) == (LATER, version + 1)
    assert (await books.row(address, id=sms.id))["suspended_at"] is None
    [kept] = await books.table(attempt)
    assert (kept["number"], kept["outcome"], kept["code"], kept["provider_id"], kept["at"]) == (
        1, "undelivered", "30003", "id-1", LATER
    )  # fmt: skip
    assert await take(books, second.id, Word.UNDELIVERED, code="30003") is None  # doubled: once


async def test_where_nothing_else_was_heard_no_promise_binds(books: Books):
    lease, [sms] = await leased(books)
    await books.finish(lease, [outcome(sms)])
    await take(books, sms.id, Word.UNDELIVERED, code="30008")
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["look_at"]) == (None, 0, LATER)
    assert row["next_by"] == LATER  # until the planner has looked, at once


async def test_what_our_own_fault_stopped_is_parked_and_its_place_is_free(books: Books):
    """The address is as good as before, and what was heard is taken back as for any other word that it failed."""
    [family] = await books.families(*crowd(1, "sms"))
    await books.tell(family)
    [sms] = await books.hand_over(at=make.after(1))
    received = await take(books, sms.id, Word.UNDELIVERED, code="misconfigured: 30034", ours=True)
    assert received is not None
    assert (received.before, received.after, received.due) == (DeliveryState.ACCEPTED, DeliveryState.PARKED, 1)
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["next_by"], row["look_at"]) == (None, 0, LATER, LATER)
    assert (await books.row(address))["suspended_at"] is None
    [kept] = await books.table(attempt)
    assert (kept["outcome"], kept["code"], kept["provider_id"]) == ("parked", "misconfigured: 30034", "id-1")
    assert await take(books, sms.id, Word.UNDELIVERED, code="misconfigured: 30034", ours=True) is None  # doubled

    watches = [books.watch(family, version=row["version"])]
    assert len(await books.write(watches, [books.owed(family)])) == 1  # the very same, once more
    received = await take(books, sms.id, Word.DELIVERED)
    assert received is not None
    assert received.after is None
    assert await books.states() == {"parked": 1, "pending": 1}
    assert (await books.row(delivery, id=sms.id))["maybe"]


async def test_our_own_fault_told_before_our_own_commit(books: Books):
    lease, [sms] = await leased(books)
    received = await take(books, sms.id, Word.UNDELIVERED, code="misconfigured: 30034", ours=True)
    assert received is not None
    assert received.after is DeliveryState.PARKED
    assert await books.finish(lease, [outcome(sms)], at=make.after(4)) == 0  # no lease was lost
    row = await books.row(watch)
    assert (row["heard_at"], row["told"]) == (None, 0)
    assert await books.states() == {"parked": 1}


async def test_what_a_provider_took_from_a_worker_that_was_given_up_has_been_heard(books: Books):
    """Five crashes park too, but nobody has said that the message failed: the slowest worker is believed."""
    lease, [sms] = await leased(books)
    await books.set(delivery, {"crashes": 4})
    async with books.store.transaction() as rows:
        assert (await rows.expire_leases(make.after(1), make.after(1), 500, now=make.after(1))).expired == 1
    assert await books.states() == {"parked": 1}
    assert await books.finish(lease, [outcome(sms, at=make.after(2))], at=make.after(2)) == 1
    row = await books.row(watch)
    assert (row["heard_at"], row["told"]) == (make.after(2), 1)


async def test_late_truth_counts_again_and_its_promise_binds(books: Books):
    lease, [sms] = await leased(books)
    await books.finish(lease, [outcome(sms, at=make.after(1))])
    await take(books, sms.id, Word.UNDELIVERED, code="30003")
    version = (await books.row(watch))["version"]
    received = await take(books, sms.id, Word.DELIVERED, at=make.after(9))
    assert received is not None
    assert (received.before, received.due) == (DeliveryState.UNDELIVERED, 1)
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["version"]) == (make.after(1), 1, version + 1)
    assert row["look_at"] == LATER  # it was due, and is
    assert (await books.row(delivery))["code"] is None


@pytest.mark.parametrize("opted_out", [False, True])
async def test_a_dead_number_is_told_nothing_more_whoever_has_it(books: Books, opted_out: bool):
    nurse = make.caregiver("nurse", "sms")
    one, two = await books.families(*(make.family(nurse, id=FamilyId(f"fam-{number}")) for number in (1, 2)))
    await books.write([books.watch(one), books.watch(two)], [books.owed(one)])
    [sms] = await books.hand_over(at=make.after(1))
    received = await take(books, sms.id, Word.REFUSED, code="30005", opted_out=opted_out)
    assert received is not None
    assert (received.after, received.due) == (DeliveryState.REFUSED, 2)
    stopped = await books.row(address)
    assert (stopped["suspended_at"], stopped["suspended_code"], stopped["opted_out_at"], stopped["notable"]) == (
        (None, None, LATER, True) if opted_out else (LATER, "30005", None, True)
    )
    assert [row["look_at"] for row in await books.table(watch)] == [LATER, LATER]
    assert [row["heard_at"] for row in await books.table(watch)] == [None, None]
    assert await take(books, sms.id, Word.REFUSED, code="30005", opted_out=opted_out) is None


async def test_what_a_shared_address_lost_every_family_lost(books: Books):
    nurse = make.caregiver("nurse", "sms")
    families = await books.families(*(make.family(nurse, id=FamilyId(f"fam-{number}")) for number in (1, 2, 3)))
    number = families[0].caregivers[0].addresses[0]
    await books.write([books.watch(f) for f in families], [books.owed(f) for f in families], shared=[number])
    [sms] = await books.hand_over(at=make.after(1))
    assert [row["told"] for row in await books.table(watch)] == [1, 1, 1]
    received = await take(books, sms.id, Word.UNDELIVERED, code="30003")
    assert received is not None
    assert received.due == 3
    assert [(row["told"], row["heard_at"], row["look_at"]) for row in await books.table(watch)] == [
        (0, None, LATER)
    ] * 3
    late = await books.families(make.family(nurse, id=FamilyId("fam-4")))
    await books.write([books.watch(late[0])], [books.owed(late[0])], shared=[number])
    assert (await books.row(watch, family_id="fam-4"))["heard_at"] is None  # who joins now has not heard either
    await take(books, sms.id, Word.DELIVERED)
    assert [row["heard_at"] for row in await books.table(watch)] == [make.after(1)] * 4


async def test_what_was_replaced_and_arrived_after_all_is_remembered_for_the_all_clear(books: Books):
    lease, [sms] = await leased(books)
    await books.finish(lease, [outcome(sms, DeliveryState.PENDING, due_at=make.NOON)])
    await books.set(delivery, {"state": "superseded"})
    received = await take(books, sms.id, Word.DELIVERED)
    assert received is not None
    assert (received.after, received.due) == (None, 1)
    row = await books.row(delivery)
    assert (row["state"], row["maybe"]) == ("superseded", True)
    assert (await books.row(watch))["look_at"] == LATER
    assert await take(books, sms.id, Word.DELIVERED) is None


async def test_an_end_that_was_lost_opens_a_closed_watch(books: Books):
    """R11: everyone told has the all-clear, or the watch is not closed."""
    [family] = await books.families(*crowd(1, "sms"))
    await books.write([books.watch(family)], [books.owed(family, framing=Framing.RESOLUTION, next_by=None)])
    await books.set(
        delivery, {"state": "accepted", "attempts": 1, "provider_id": "id-1", "accepted_at": make.NOON}
    )
    await books.set(watch, {"rest": "closed", "look_at": None})
    row = await books.row(delivery)
    await take(books, row["id"], Word.UNDELIVERED, code="30003")
    found = await books.row(watch)
    assert (found["rest"], found["look_at"]) == (None, LATER)


async def test_a_delivery_that_moves_between_two_looks_is_taken_again(pages: Books):
    """Postgres alone lets somebody in between."""
    lease, [sms] = await leased(pages)
    await pages.finish(lease, [outcome(sms)])
    async with pages.store.transaction() as slow:
        row = await slow._row(sms.id)
        await take(pages, sms.id, Word.DELIVERED)
        assert row is not None
        with pytest.raises(Moved):
            await slow._take(row, Report(sms.id, 1, Word.UNDELIVERED, "id-1", "30003"), LATER)
    assert await pages.states() == {"delivered": 1}


async def test_many_words_are_written_at_once_and_those_that_do_more_are_left(books: Books):
    families = await books.families(*crowd(5, "sms"))
    await books.tell(*families)
    lease = books.lease()
    batch, _ = await books.claim(lease)
    await books.finish(lease, [outcome(each) for each in batch[:4]])
    first, second, third, fourth, under_way = (each.id for each in batch)
    before = await books.table(watch)
    delivered, read, sent = Word.DELIVERED, Word.READ, Word.ACCEPTED
    words = [
        (first, delivered),
        (second, read),
        (second, delivered),
        (third, sent),
        (third, delivered),
        (third, read),
    ]
    reports = [Report(which, 1, word, "id-1") for which, word in words]
    left = [Report(fourth, 1, Word.UNDELIVERED, "id-1", "30003"), Report(under_way, 1, Word.DELIVERED, "id-1")]
    async with books.store.transaction() as rows:
        assert await rows.advance([*reports, *left, Report(uuid7(), 1, delivered, "id-1")]) == left
    states = {row["id"]: row["state"] for row in await books.table(delivery)}
    assert [states[each.id] for each in batch] == ["delivered", "read", "read", "accepted", "leased"]
    assert await books.table(watch) == before
    async with books.store.transaction() as rows:
        assert await rows.advance([]) == []
