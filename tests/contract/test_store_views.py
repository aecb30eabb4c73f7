"""What people and the sweeper look at."""

from datetime import timedelta

from sqlalchemy import update

from alertd.domain.delivery import DeliveryState
from alertd.domain.incident import Severity
from alertd.records import AddressState, FailedTry, Followed
from alertd.store.ids import uuid7
from alertd.store.tables import delivery, fanout, watch
from tests import make
from tests.contract.books import Books, crowd, outcome


async def test_an_empty_house_has_no_backlog(books: Books):
    async with books.store.reading() as rows:
        found = await rows.backlog(make.NOON, make.NOON)
        assert (dict(found.pending), dict(found.fanouts), found.watches) == ({}, {}, None)
        assert not await rows.lapsed(make.NOON)
        assert await rows.late(books.incident.id) is None


async def test_the_backlog_is_the_age_of_the_oldest_that_waits(books: Books):
    families = await books.families(*crowd(5))
    await books.tell(*families[:2])
    await books.tell(families[2], lane="urgent")
    await books.set(delivery, {"due_at": make.NOON - timedelta(seconds=30)}, family_id=families[1].id)
    await books.set(delivery, {"due_at": make.NOON + timedelta(seconds=30)}, lane="urgent")
    await books.set(watch, {"look_at": make.after(-4)}, family_id=families[0].id)
    async with books.store.transaction() as rows:
        await rows.add_fanout(
            [uuid7()], books.incident.id, 1, "urgent", make.after(-1), scope=books.incident.scope
        )
        await rows.add_fanout([uuid7()], books.incident.id, 2, "urgent", make.after(-0.5), scope=None)
    async with books.store.reading() as rows:
        found = await rows.backlog(make.NOON, make.NOON)
    assert dict(found.pending) == {("bulk", "push"): 30.0}
    assert dict(found.fanouts) == {"urgent": 60.0}
    assert found.watches == timedelta(minutes=4)


async def test_of_several_cursors_those_that_wait_for_their_worker_are_not_late(pages: Books):
    """An update moves when any of its cursors does, also when one has just ended."""
    await pages.families(*crowd(6))
    ids = [uuid7(), uuid7(), uuid7()]
    async with pages.store.transaction() as rows:
        await rows.add_fanout(ids, pages.incident.id, 1, "bulk", make.after(-9), scope=pages.incident.scope)
    await pages.set(fanout, {"moved_at": make.after(-1)}, id=ids[1])
    assert await _fanouts(pages) == {"bulk": 60.0}
    await pages.set(fanout, {"moved_at": make.after(-0.5), "done": True}, id=ids[0])
    assert await _fanouts(pages) == {"bulk": 30.0}
    async with pages.store.transaction() as rows:
        await rows.add_fanout([uuid7()], pages.incident.id, 2, "bulk", make.after(-3), scope=pages.incident.scope)
    assert await _fanouts(pages) == {"bulk": 180.0}, "another update does not move with it"


async def _fanouts(pages: Books) -> dict[str, float]:
    async with pages.store.reading() as rows:
        return dict((await rows.backlog(make.NOON, make.NOON)).fanouts)


async def test_what_waits_behind_more_urgent_things_counts_as_old(books: Books):
    """The age is that of the oldest, not of the first in order of hand-over."""
    one, two = await books.families(*crowd(2))
    await books.tell(one, priority=0)
    await books.tell(two, priority=3)
    await books.set(delivery, {"due_at": make.after(-10)}, family_id=two.id)
    async with books.store.reading() as rows:
        found = await rows.backlog(make.NOON, make.NOON)
    assert dict(found.pending) == {("bulk", "push"): 600.0}


async def test_each_channel_of_a_lane_waits_by_itself(books: Books):
    families = await books.families(*crowd(3, "push"), make.family(make.caregiver("ava", "sms"), id="fam-9"))
    await books.tell(*families)
    await books.set(delivery, {"due_at": make.after(-1)}, family_id="fam-9")
    await books.set(delivery, {"due_at": make.after(-2)}, family_id=families[1].id)
    await books.set(delivery, {"lane": "urgent"}, family_id=families[0].id)
    async with books.store.reading() as rows:
        found = await rows.backlog(make.NOON, make.NOON)
    assert dict(found.pending) == {("bulk", "sms"): 60.0, ("bulk", "push"): 120.0, ("urgent", "push"): 0.0}
    assert found.deliveries() == {"bulk": 120.0, "urgent": 0.0}


async def test_a_cursor_that_is_done_waits_for_nothing(books: Books):
    async with books.store.transaction() as rows:
        await rows.add_fanout([uuid7()], books.incident.id, 1, "bulk", make.NOON, scope=books.incident.scope)
    await books.set(fanout, {"done": True})
    async with books.store.reading() as rows:
        assert dict((await rows.backlog(make.NOON, make.NOON)).fanouts) == {}


async def test_how_late_the_last_hand_overs_were(books: Books):
    """p95 of (accepted - planned); those of another incident do not count."""
    families = await books.families(*crowd(100))
    await books.tell(*families)
    for number, row in enumerate(await books.table(delivery)):
        waited = make.NOON + timedelta(seconds=number + 1)
        await books.set(delivery, {"state": "accepted", "accepted_at": waited}, id=row["id"])
    async with books.store.reading() as rows:
        assert await rows.late(books.incident.id) == timedelta(seconds=96)
        assert await rows.late(make.incident(id=uuid7()).id) is None


async def test_a_backlog_does_not_hide_how_late_the_last_hand_overs_were(books: Books):
    """Half an hour behind, thousands of newer rows wait: the margin is needed then most of all."""
    [family] = await books.families(*crowd(1))
    new = [books.owed(family, step=step) for step in range(2600)]
    await books.write([books.watch(family)], new)
    await books.set(delivery, {"state": "accepted", "accepted_at": make.after(10)}, step=0)
    async with books.store.reading() as rows:
        assert await rows.late(books.incident.id) == timedelta(minutes=10)


async def test_only_the_last_500_hand_overs_count(books: Books):
    [family] = await books.families(*crowd(1))
    new = [books.owed(family, step=step) for step in range(600)]
    await books.write([books.watch(family)], new)
    long_ago = {"planned_at": make.after(-60), "accepted_at": make.after(-30), "state": "accepted"}
    lately = {"accepted_at": make.after(2), "state": "accepted"}
    async with books.store.transaction() as rows:
        await rows.sql.run(update(delivery).where(delivery.c.step < 100).values(long_ago))
        await rows.sql.run(update(delivery).where(delivery.c.step >= 100).values(lately))
    async with books.store.reading() as rows:
        assert await rows.late(books.incident.id) == timedelta(minutes=2)


async def test_progress_says_how_far_the_telling_has_come(books: Books):
    families = await books.families(*crowd(4, "push", "sms"))
    await books.tell(*families[:2])
    await books.hand_over()
    await books.write([books.watch(families[2], look_at=None, next_by=make.after(3))])
    await books.set(watch, {"rest": "no_address"}, family_id=families[2].id)
    await books.tell(families[3])
    async with books.store.reading() as rows:
        found = await rows.progress(books.incident.id, 1)
        unheard = await rows.unheard(books.incident.id, 10)
    assert (found.families, found.heard, found.newest_told) == (4, 2, 2)
    assert found.resting == {"no_address": 1}
    assert found.deliveries == {
        "push": {"accepted": 2, "pending": 1}, "sms": {"accepted": 2, "pending": 1}
    }  # fmt: skip
    assert found.next_by == make.after(10)  # of those who are owed something
    assert list(unheard) == [(families[2].id, "no_address"), (families[3].id, None)]

    await books.set(watch, {"rest": "not_touched"}, family_id=families[0].id)
    async with books.store.reading() as rows:
        found = await rows.progress(books.incident.id, 1)
    assert (found.families, found.heard, found.newest_told) == (4, 1, 1), "whom it let go is not counted as heard"


async def test_deliveries_are_shown_newest_first_with_masked_addresses(books: Books):
    sms = make.address("sms", "+14155550123")
    [family] = await books.families(make.family(make.caregiver("mia", addresses=(sms,))))
    [other] = await books.families(*crowd(1))
    await books.tell(family)
    await books.tell(other)
    await books.hand_over(DeliveryState.REFUSED, code="21211")
    async with books.store.reading() as rows:
        found = await rows.deliveries(books.incident.id, family_id=None, states=(), limit=10)
        own = await rows.deliveries(None, family_id=family.id, states=("refused",), limit=10)
        none = await rows.deliveries(None, family_id=family.id, states=("pending",), limit=10)
    assert [each.family for each in found] == [other.id, family.id]
    [row] = own
    assert (row.to, row.state, row.code, row.attempts) == ("+1***0123", DeliveryState.REFUSED, "21211", 1)
    assert list(none) == []


async def test_the_timeline_counts_by_update_and_names_failures(books: Books):
    families = await books.families(*crowd(3))
    await books.tell(*families[:2])
    await books.hand_over(at=make.after(2))
    await books.tell(families[2])
    await books.hand_over(DeliveryState.REFUSED, at=make.after(3), code="UNREGISTERED")
    async with books.store.reading() as rows:
        counted = await rows.by_update(books.incident.id)
        failures = await rows.failures(books.incident.id, 10)
    assert sorted(counted) == [(1, "push", "accepted", 2, make.after(2)), (1, "push", "refused", 1, None)]
    assert list(failures) == [
        FailedTry(
            make.after(3),
            families[2].id,
            families[2].caregivers[0].id,
            "push",
            1,
            "refused",
            "UNREGISTERED",
            False,
        )
    ]


async def test_a_failure_comes_with_what_the_family_was_sent_since(books: Books):
    """Of the same update and of later ones, at other addresses, with its state; and why an address is not used."""
    caregiver = make.caregiver("mia", "push", "sms")
    [family] = await books.families(make.family(caregiver))
    push, _ = family.caregivers[0].addresses
    await books.tell(family)
    lease = books.lease(make.after(3))
    batch, _ = await books.claim(lease, at=make.after(3))
    by_channel = {each.channel: each for each in batch}
    refused = outcome(by_channel["push"], DeliveryState.REFUSED, code="UNREGISTERED")
    await books.finish(lease, [refused, outcome(by_channel["sms"])], at=make.after(3))
    async with books.store.reading() as rows:
        [failure] = await rows.failures(books.incident.id, 10)
        states = await rows.address_states(family.id)
    assert failure.followed == (Followed("mia", "sms", DeliveryState.ACCEPTED, 1),)
    assert states == {push.id: AddressState(make.after(3), "UNREGISTERED", None)}


async def test_a_preview_reads_without_locking(books: Books):
    """People may look while a worker plans; and a snapshot does not change under them."""
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    async with books.store.transaction() as writing:
        await writing.touch_families([family.id], books.incident.id, make.after(1))
        async with books.store.reading() as rows:
            [found] = list(await rows.candidates(books.incident.id, [family.id], lock=False))
    assert found.watch is not None
    assert found.watch.version == 1
    assert books.incident.severity is Severity.CRITICAL
