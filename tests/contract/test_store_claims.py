"""Claims: one worker at a time holds a delivery, and what may not be said any more is never handed out (R6)."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Table

from alertd.domain.delivery import AFTERWARDS, DeliveryState, Framing
from alertd.domain.family import Family
from alertd.domain.watch import Rest
from alertd.store.store import SqlStore
from alertd.store.tables import address, attempt, delivery, incident, watch
from tests import make
from tests.contract.books import LEASE, Books, crowd, outcome

SECOND = timedelta(seconds=1)


async def test_a_claim_takes_what_is_due_and_leases_it(books: Books):
    [family] = await books.families(*crowd(1, "sms"))
    [new] = await books.tell(family, loud=True, framing=Framing.UPDATE)
    lease = books.lease()
    [claimed], stale = await books.claim(lease)
    assert stale == []
    assert claimed.id == new.id
    assert (claimed.incident, claimed.update, claimed.family) == (books.incident.id, 1, family.id)
    assert (claimed.channel, claimed.framing, claimed.loud, claimed.attempt) == ("sms", Framing.UPDATE, True, 1)
    assert claimed.address == family.caregivers[0].addresses[0].id
    assert (claimed.planned_at, claimed.next_by) == (make.NOON, make.after(30))
    assert claimed.reader == new.owed.reader
    row = await books.row(delivery)
    assert (row["state"], row["lease_token"], row["lease_until"], row["attempts"]) == (
        "leased", lease.token, lease.until, 1
    )  # fmt: skip
    assert await books.claim() == ([], [])


async def test_nothing_is_claimed_before_it_is_due_or_on_another_lane(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family, lane="urgent")
    assert await books.claim() == ([], [])
    await books.set(delivery, {"due_at": make.NOON + SECOND})
    assert await books.claim(lane="urgent") == ([], [])
    assert len((await books.claim(lane="urgent", at=make.NOON + SECOND))[0]) == 1


async def test_the_most_urgent_come_first_and_inside_a_class_the_longest_due(books: Books):
    families = await books.families(*crowd(4))
    order = [(2, 0), (0, 5), (3, 0), (0, 1)]
    for family, (priority, seconds) in zip(families, order, strict=True):
        [new] = await books.tell(family, priority=priority)
        await books.set(delivery, {"due_at": make.NOON - SECOND * (10 - seconds)}, id=new.id)
    batches = [[each.family for each in (await books.claim(limit=2))[0]] for _ in range(3)]
    assert batches == [["fam-0003", "fam-0001"], ["fam-0000", "fam-0002"], []]


async def test_what_went_stale_together_costs_one_look(books: Books):
    """A slow sender claims a few at a time; thousands that went stale would keep all others waiting for minutes."""
    families = await books.families(*crowd(7))
    messages = await books.tell(*families)
    for message in messages[:4]:
        await books.set(delivery, {"due_at": make.NOON - SECOND, "stale_after": LATER - SECOND}, id=message.id)
    batch, stale = await books.claim(limit=2, at=LATER)
    assert set(stale) == {message.id for message in messages[:4]}
    assert len(batch) == 2
    assert {each.id for each in batch} < {message.id for message in messages[4:]}


@pytest.mark.parametrize("kept_by_another", [False, True])
async def test_what_waits_for_an_address_that_an_import_took_away_goes_nowhere(
    books: Books, kept_by_another: bool
):
    """A wrong number, or somebody who is to hear no more; it may be another family's own."""
    one, two = crowd(2, "sms", "push")
    [one, *_] = await books.families(one, *([two] if kept_by_another else []))
    mia, number = one.caregivers[0], one.caregivers[0].addresses[0]
    if kept_by_another:
        theirs = replace(two.caregivers[0], addresses=(number,))
        await books.families(replace(two, caregivers=(theirs,)))
    sms, push = await books.tell(one)
    await books.families(replace(one, caregivers=(replace(mia, addresses=mia.addresses[1:]),)))
    [claimed], stale = await books.claim()
    assert (claimed.id, stale) == (push.id, [sms.id])


async def test_claimers_side_by_side_never_get_the_same_row(books: Books):
    await books.tell(*await books.families(*crowd(60)))
    others = [SqlStore(books.url) for _ in range(3)]

    async def work(store: SqlStore) -> list[object]:
        got: list[object] = []
        while True:
            async with store.transaction() as rows:
                batch, _ = await rows.claim("bulk", make.NOON, make.NOON, books.lease(), 7)
                await asyncio.sleep(0)  # the others' turn, while this transaction is open
            if not batch:
                return got
            got += [each.id for each in batch]

    got = await asyncio.gather(*(work(store) for store in (books.store, *others)))
    for store in others:
        await store.close()
    claimed = [each for part in got for each in part]
    assert len(claimed) == len(set(claimed)) == 60


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_claimer_does_not_wait_for_one_that_is_not_done(books: Books):
    """Postgres skips what is locked; on SQLite writers queue, so there is nothing to skip."""
    await books.tell(*await books.families(*crowd(10)))
    async with books.store.transaction() as slow:
        held, _ = await slow.claim("bulk", make.NOON, make.NOON, books.lease(), 6)
        async with asyncio.timeout(5):
            free, _ = await books.claim()
    assert len(held) == 6
    assert len(free) == 4
    assert {each.id for each in held}.isdisjoint(each.id for each in free)


# --- R6: the check before a hand-over ---------------------------------------------------------------

LATER = make.after(20)

STALE: Mapping[str, tuple[Table, dict[str, Any]]] = {
    "older than what its watch is owed": (watch, {"owed": 2}),
    "the incident has ended": (incident, {"ended_at": make.after(10)}),
    "the address is suspended": (address, {"suspended_at": make.after(10)}),
    "the address has opted out": (address, {"opted_out_at": make.after(10)}),
    "the address is not verified": (address, {"verified": False}),
    "its reader has fallen asleep": (delivery, {"loud_until": LATER}),
    "more than half of its time is over": (delivery, {"stale_after": LATER - SECOND}),
}


@pytest.mark.parametrize("why", STALE)
async def test_what_may_not_be_said_any_more_goes_back_to_the_planner(books: Books, why: str):
    family, other = await books.families(*crowd(2))
    spoilt, _ = await books.tell(family, other)
    table, values = STALE[why]
    key: dict[str, Any] = {}
    if table is watch:
        key = {"family_id": family.id}
    elif table is delivery:
        key = {"id": spoilt.id}
    elif table is address:
        key = {"id": family.caregivers[0].addresses[0].id}
    await books.set(table, values, **key)

    batch, stale = await books.claim(at=LATER)
    expected = {spoilt.id} if table is not incident else {spoilt.id, _.id}
    assert set(stale) == expected
    assert {each.id for each in batch}.isdisjoint(expected)
    async with books.store.transaction() as rows:
        await rows.give_back(stale, LATER)
    row = await books.row(delivery, id=spoilt.id)
    assert (row["state"], row["reader"], row["attempts"]) == ("superseded", None, 0)
    due = await books.row(watch, family_id=family.id)
    assert (due["look_at"], due["version"]) == (LATER, 2)
    assert await books.claim(at=LATER) == ([], [])


@pytest.mark.parametrize("framing", list(Framing))
async def test_after_the_end_only_the_all_clear_leaves(books: Books, framing: Framing):
    [family] = await books.families(*crowd(1))
    await books.tell(family, framing=framing)
    await books.set(incident, {"ended_at": make.after(1)})
    if framing is Framing.NOT_AFFECTED:
        await books.set(watch, {"rest": "not_touched"})
    batch, stale = await books.claim(at=make.after(2))
    assert (len(batch), len(stale)) == ((1, 0) if framing in AFTERWARDS else (0, 1))


@pytest.mark.parametrize("framing", list(Framing))
async def test_an_all_clear_waits_for_an_incident_that_is_over(books: Books, framing: Framing):
    """Reopened while it was on its way."""
    [family] = await books.families(*crowd(1))
    await books.tell(family, framing=framing)
    batch, stale = await books.claim(at=make.after(2))
    assert (len(batch), len(stale)) == ((0, 1) if framing in AFTERWARDS else (1, 0))


@pytest.mark.parametrize("rest", [None, *Rest])
async def test_a_family_at_rest_is_told_nothing_of_the_outage(books: Books, rest: Rest | None):
    """An import moved them out of the scope, or they want to hear no more; or the other way round."""
    going, ending = await books.families(*crowd(2))
    first, last = await books.tell(going), await books.tell(ending, framing=Framing.NOT_AFFECTED)
    await books.set(watch, {"rest": rest.value if rest else None})
    batch, stale = await books.claim()
    said = {each.id for each in batch}
    assert (first[0].id in said) is (rest in (None, Rest.QUIET, Rest.CAPPED))
    assert (last[0].id in said) is (rest is Rest.NOT_TOUCHED)
    assert len(said) + len(stale) == 2


@pytest.mark.parametrize(
    ("column", "moment"),
    [("loud_until", LATER + SECOND), ("stale_after", LATER), ("loud_until", None), ("stale_after", None)],
)
async def test_what_may_still_be_said_is_said(books: Books, column: str, moment: object):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.set(delivery, {column: moment})
    batch, stale = await books.claim(at=LATER)
    assert (len(batch), len(stale)) == (1, 0)


async def test_a_watch_that_is_due_earlier_stays_due_earlier(books: Books):
    [family] = await books.families(*crowd(1))
    [new] = await books.tell(family)
    await books.set(watch, {"look_at": make.after(1)})
    async with books.store.transaction() as rows:
        await rows.give_back([new.id], make.after(5))
    assert (await books.row(watch))["look_at"] == make.after(1)


async def test_a_closed_watch_is_not_opened_again(books: Books):
    [family] = await books.families(*crowd(1))
    [new] = await books.tell(family)
    await books.set(watch, {"look_at": None, "rest": "closed"})
    async with books.store.transaction() as rows:
        await rows.give_back([new.id], make.after(5))
    assert (await books.row(watch))["look_at"] is None
    assert await books.states() == {"superseded": 1}


async def test_what_is_owed_to_an_address_that_is_gone_waits_for_nobody(books: Books):
    """A forgotten family takes its addresses along; nothing of it may stay pending for ever."""
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    async with books.store.transaction() as rows:
        await rows.sql.run(address.delete())
    batch, stale = await books.claim()
    assert (batch, len(stale)) == ([], 1)


# --- leases that ran out ----------------------------------------------------------------------------


async def expire(books: Books, minutes: float) -> int:
    async with books.store.transaction() as rows:
        lapses = await rows.expire_leases(
            make.after(minutes), make.after(minutes) + SECOND, 500, now=make.after(minutes)
        )
        return lapses.expired


async def retry(books: Books, minutes: float) -> int:
    async with books.store.transaction() as rows:
        return await rows.retry_unknown(make.after(minutes), 500)


async def lapsed(books: Books, minutes: float) -> bool:
    async with books.store.reading() as rows:
        return await rows.lapsed(make.after(minutes))


async def test_an_expired_lease_is_unknown_and_then_pending_again(books: Books):
    one, two = await books.families(*crowd(2))
    await books.tell(one)
    await books.claim()
    await books.tell(two)
    await books.claim(at=make.after(0.5))

    assert not await lapsed(books, 0.5)
    assert await expire(books, 0.5) == 0  # the lease holds until its very end
    assert await lapsed(books, 0.6)
    assert await expire(books, 0.6) == 1
    row = await books.row(delivery, family_id=one.id)
    assert (row["state"], row["code"], row["lease_token"]) == ("unknown", "lease expired", None)
    kept = await books.row(attempt)
    assert (kept["delivery_id"], kept["number"], kept["outcome"]) == (row["id"], 1, "unknown")

    assert await retry(books, 0.6) == 0  # not before the wait for the provider's word is over
    assert await lapsed(books, 0.7)
    assert await retry(books, 0.7) == 1
    assert not await lapsed(books, 0.7)
    [again], _ = await books.claim(at=make.after(0.7))
    assert (again.family, again.attempt) == (one.id, 2)
    assert (await books.row(delivery, family_id=two.id))["state"] == "leased"


async def test_what_outlives_its_lease_five_times_is_parked_and_the_planner_told(books: Books):
    """It is taken to kill its worker; the caregiver's next address is to be tried at once."""
    family, other = await books.families(*crowd(2))
    await books.tell(family, other)
    for number in range(1, 6):
        await books.claim(at=make.after(number))
        await books.set(delivery, {"state": "accepted"}, family_id=other.id)
        assert (await books.row(watch, family_id=family.id))["version"] == 1
        assert await expire(books, number + 0.6) == 1
        await retry(books, number + 0.7)
    row = await books.row(delivery, family_id=family.id)
    assert (row["state"], row["code"], row["reader"], row["maybe"]) == ("parked", "5 crashes", None, True)
    last = max(await books.table(attempt), key=lambda each: each["number"])
    assert (last["number"], last["outcome"], last["code"]) == (5, "parked", "5 crashes")
    due = await books.row(watch, family_id=family.id)
    assert (due["look_at"], due["version"]) == (make.after(5.6), 2)
    assert (await books.row(watch, family_id=other.id))["version"] == 1


async def crash(books: Books, minutes: float) -> None:
    """Whoever holds what is due at that moment dies, and it is sent again."""
    await books.claim(at=make.after(minutes))
    await expire(books, minutes + 0.6)
    await retry(books, minutes + 0.7)


async def test_what_is_planned_anew_goes_on_counting_where_it_stopped(books: Books):
    """Half of its time is over after three dead workers; two more of the next row, and it is parked."""
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    for number in range(3):
        await crash(books, number)
    await books.set(delivery, {"state": "superseded"})
    again = books.owed(family)
    await books.write([books.watch(family, version=1)], [again], at=make.after(15))
    await crash(books, 15)
    row = await books.row(delivery, id=again.id)
    assert (row["state"], row["crashes"]) == ("pending", 4)
    await crash(books, 16)
    row = await books.row(delivery, id=again.id)
    assert (row["state"], row["crashes"], row["code"]) == ("parked", 5, "5 crashes")


async def test_one_that_was_never_tried_in_between_does_not_begin_anew(books: Books):
    [family] = await books.families(*crowd(1))
    for number, crashes in enumerate((4, 0)):
        await books.write([books.watch(family, version=number or None)], [books.owed(family)])
        await books.set(delivery, {"state": "superseded", "crashes": crashes}, state="pending")
    last = books.owed(family)
    await books.write([books.watch(family, version=2)], [last], at=make.after(15))
    await crash(books, 15)
    assert (await books.row(delivery, id=last.id))["state"] == "parked"


@pytest.mark.parametrize(
    "other", [{"update": 2}, {"epoch": 2}, {"step": 3}, {"framing": Framing.UPDATE, "update": 2}]
)
async def test_another_message_has_five_tries_of_its_own(books: Books, other: dict[str, Any]):
    """A newer update, another step of the ladder: other words, and nobody knows that they crash."""
    [family] = await books.families(*crowd(1, "push", "sms"))
    push, sms = family.caregivers[0].addresses
    await books.write([books.watch(family, owed=2)], [books.owed(family, push), books.owed(family, sms)])
    await books.set(delivery, {"state": "superseded", "crashes": 4})
    await books.write([books.watch(family, version=1, owed=2, epoch=2)], [books.owed(family, push, **other)])
    await books.set(delivery, {"state": "leased", "lease_until": make.NOON}, state="pending")
    assert await expire(books, 1) == 1
    assert (await books.row(delivery, state="unknown"))["crashes"] == 1


async def test_what_was_parked_has_five_tries_anew(books: Books):
    """Its fault may be mended: it is owed again after a backoff, and only what came since counts."""
    [family] = await books.families(*crowd(1))
    moments = (("superseded", 4), ("parked", 5), ("superseded", 2))
    for at, (state, crashes) in enumerate(moments):
        await books.write([books.watch(family, version=at or None)], [books.owed(family)], at=make.after(at))
        await books.set(delivery, {"state": state, "crashes": crashes}, state="pending")
    last = books.owed(family)
    await books.write([books.watch(family, version=3)], [last], at=make.after(3))
    await crash(books, 3)
    row = await books.row(delivery, id=last.id)
    assert (row["state"], row["crashes"]) == ("pending", 3)


async def test_a_shared_address_goes_on_counting_whichever_of_its_families_comes_first(books: Books):
    nurse = make.caregiver("ann", "sms")
    one, other = await books.families(make.family(nurse, id="fam-1"), make.family(nurse, id="fam-2"))
    shared = one.caregivers[0].addresses
    await books.write([books.watch(one), books.watch(other)], [books.owed(one)], shared=shared)
    await books.set(delivery, {"state": "superseded", "crashes": 3})
    await books.write([books.watch(other, version=1)], [books.owed(other)], shared=shared)
    await crash(books, 0)
    row = await books.row(delivery, state="pending")
    assert (row["family_id"], row["crashes"]) == ("fam-2", 4)


async def test_who_comes_back_after_their_lease_overwrites_nothing(books: Books):
    """The token no longer matches: counted, and what the provider said is kept as an attempt."""
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    old = books.lease()
    [first], _ = await books.claim(old)
    await expire(books, 1)
    await retry(books, 2)
    new = books.lease(make.after(2))
    [second], _ = await books.claim(new, at=make.after(2))

    assert await books.finish(old, [outcome(first, provider_id="first")], at=make.after(3)) == 1
    row = await books.row(delivery)
    assert (row["state"], row["lease_token"], row["provider_id"]) == ("leased", new.token, None)
    late = [each for each in await books.table(attempt) if each["outcome"] == "accepted"]
    assert [(each["number"], each["provider_id"]) for each in late] == [(1, "first")]
    assert (await books.row(watch))["heard_at"] == make.NOON  # the provider has it, whoever held the lease

    assert await books.finish(new, [outcome(second, at=make.after(3), provider_id="second")]) == 0
    row = await books.row(delivery)
    assert (row["state"], row["provider_id"], row["lease_token"]) == ("accepted", "second", None)


async def test_a_lease_that_ran_out_is_lost_even_before_anybody_takes_it(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    lease = books.lease()
    [claimed], _ = await books.claim(lease)
    await expire(books, 1)
    assert await books.finish(lease, [outcome(claimed, DeliveryState.PENDING)]) == 1
    assert (await books.row(delivery))["state"] == "unknown"


def test_the_lease_of_these_tests_is_the_products() -> None:
    from alertd.ports.deps import Timing

    assert timedelta(seconds=Timing().lease) == LEASE


async def test_only_so_many_leases_expire_at_a_time_the_oldest_first(books: Books):
    families: list[Family] = await books.families(*crowd(3))
    for at, family in enumerate(families):
        await books.tell(family)
        await books.claim(at=make.after(at / 10))
    async with books.store.transaction() as rows:
        assert (await rows.expire_leases(make.after(5), make.after(5), 2, now=make.after(5))).expired == 2
    assert (await books.row(delivery, state="leased"))["family_id"] == families[2].id
    async with books.store.transaction() as rows:
        assert await rows.retry_unknown(make.after(5), 1) == 1
    assert await books.states() == {"leased": 1, "unknown": 1, "pending": 1}


async def test_what_kills_its_workers_is_parked_and_nothing_that_was_beside_it(books: Books):
    """One delivery of twelve kills every worker that holds it; the eleven others are told."""
    families = await books.families(*crowd(12))
    poison = (await books.tell(*families))[7].id
    at = make.NOON
    for _ in range(200):
        lease = books.lease(at)
        batch, _ = await books.claim(lease, at=at)
        if poison not in {each.id for each in batch}:
            await books.finish(lease, [outcome(each, at=at) for each in batch], at=at)
        at += timedelta(seconds=31)
        async with books.store.transaction() as rows:
            await rows.expire_leases(at, at, 500, now=at)
            await rows.retry_unknown(at, 500)
    assert await books.states() == {"accepted": 11, "parked": 1}
    [parked] = [row for row in await books.table(delivery) if row["state"] == "parked"]
    assert parked["id"] == poison


async def test_a_mailbox_that_has_been_full_for_long_keeps_nobody_waiting(books: Books):
    """ "Later" parks nothing: after eleven days there were more tries than their column can count."""
    families = await books.families(*crowd(1, "email"), *crowd(3, "sms")[1:])
    full, *_ = await books.tell(*families)
    await books.set(delivery, {"attempts": 32_767}, id=full.id)
    lease, claimed = books.lease(), []
    async with books.store.transaction() as rows:  # as `usecases.drain` does: all channels in one transaction
        for channel in ("push", "sms", "email"):
            good, _ = await rows.claim("bulk", make.NOON, make.NOON, lease, 500, channel=channel)
            claimed += good
    assert len(claimed) == 3
    [tried] = [each for each in claimed if each.id == full.id]
    assert await books.finish(lease, [outcome(tried, DeliveryState.PENDING)]) == 0
    assert [row["number"] for row in await books.table(attempt)] == [32_767], "counted as far as it goes"
