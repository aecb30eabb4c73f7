"""Outcomes: what a provider said is written once, in the right places, and moves nothing that it must not."""

from uuid import UUID

import pytest

from alertd.domain.delivery import DeliveryState
from alertd.domain.family import FamilyId
from alertd.domain.incident import IncidentId
from alertd.store.tables import address, attempt, delivery, watch
from tests import make
from tests.contract.books import Books, crowd, outcome

MACHINE_DUE = make.after(7)


async def test_an_acceptance_says_what_the_family_heard_and_never_when_to_look_again(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    before = await books.row(watch)
    await books.hand_over(at=make.after(2))
    after = await books.row(watch)
    changed = {key: after[key] for key in after if after[key] != before[key]}
    assert changed == {"heard_at": make.after(2), "told": 1, "next_by": make.after(30)}
    assert (after["look_at"], after["version"]) == (make.after(29), 1)
    row = await books.row(delivery)
    assert (row["state"], row["accepted_at"], row["provider_id"], row["reader"], row["lease_until"]) == (
        "accepted", make.after(2), "id-1", None, None
    )  # fmt: skip
    assert await books.table(attempt) == []


@pytest.mark.parametrize("lapsed", [False, True])
async def test_what_may_have_arrived_is_remembered_whatever_becomes_of_it(books: Books, lapsed: bool):
    """R11: for the all-clear, unknown counts as told; also when the retry never left."""
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    if lapsed:
        await books.claim()
        async with books.store.transaction() as rows:
            assert (await rows.expire_leases(make.after(1), make.after(1), 500, now=make.after(1))).expired == 1
    else:
        await books.hand_over(DeliveryState.UNKNOWN, due_at=make.after(1))
    async with books.store.transaction() as rows:
        assert await rows.retry_unknown(make.after(1), 500) == 1
    await books.hand_over(DeliveryState.PENDING, at=make.after(2), due_at=make.after(3))
    for state in ("pending", "superseded", "cancelled", "expired", "parked"):
        await books.set(delivery, {"state": state})
        async with books.store.reading() as rows:
            [found] = list(await rows.candidates(books.incident.id, [family.id], lock=False))
        assert [(each.state, each.maybe) for each in found.tellings] == [(state, True)]


async def test_of_what_never_left_only_the_try_is_remembered(books: Books):
    """A ladder's steps count from it; where nobody tried, nothing is."""
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.hand_over(DeliveryState.PENDING, due_at=make.after(1))
    await books.set(delivery, {"state": "superseded"})
    async with books.store.reading() as rows:
        [found] = list(await rows.candidates(books.incident.id, [family.id], lock=False))
    assert [(told.state, told.maybe, told.tried_at) for told in found.tellings] == [
        (DeliveryState.SUPERSEDED, False, make.NOON)
    ]
    await books.set(delivery, {"tried_at": None})
    async with books.store.reading() as rows:
        [found] = list(await rows.candidates(books.incident.id, [family.id], lock=False))
    assert list(found.tellings) == []


async def test_only_crashes_of_our_own_are_counted(books: Books):
    """A busy provider never parks anything."""
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    for number, crashed in enumerate((False, True, False, True), start=1):
        [claimed] = await books.hand_over(
            DeliveryState.PENDING, at=make.after(number), due_at=make.after(number), crashed=crashed
        )
    assert (claimed.attempt, claimed.crashes) == (4, 1)
    assert (await books.row(delivery))["crashes"] == 2


async def test_the_reader_is_kept_while_it_may_be_sent_again(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.hand_over(DeliveryState.UNKNOWN, due_at=MACHINE_DUE)
    assert (await books.row(delivery))["reader"] is not None


async def test_what_comes_in_late_takes_nothing_back(books: Books):
    """An older update accepted after a newer one leaves told, next_by and heard as they are."""
    [family] = await books.families(*crowd(1, "push", "sms"))
    push, sms = family.caregivers[0].addresses
    await books.write([books.watch(family)], [books.owed(family, sms, next_by=make.after(20))])
    slow = books.lease()
    [old], _ = await books.claim(slow)
    await books.write(
        [books.watch(family, version=1, owed=2)], [books.owed(family, push, update=2, next_by=make.after(60))]
    )
    await books.hand_over(at=make.after(5))
    await books.finish(slow, [outcome(old, at=make.after(3))])
    row = await books.row(watch)
    assert (row["told"], row["next_by"], row["heard_at"]) == (2, make.after(60), make.after(5))


@pytest.mark.parametrize("order", [(40, 50), (50, 40)])
async def test_of_two_messages_about_one_update_the_earlier_promise_binds(books: Books, order: tuple[int, int]):
    [family] = await books.families(*crowd(1, "push", "sms"))
    push, sms = family.caregivers[0].addresses
    first, second = (make.after(minutes) for minutes in order)
    await books.write(
        [books.watch(family)],
        [books.owed(family, push, next_by=first), books.owed(family, sms, next_by=second)],
    )
    lease = books.lease()
    batch, _ = await books.claim(lease)
    for each in batch:
        await books.finish(lease, [outcome(each)])
    assert (await books.row(watch))["next_by"] == make.after(40)


async def test_a_promise_that_is_over_binds_nothing_that_is_heard_after_it(books: Books):
    """A first notice whose worker had lost its lease was heard; the planner, who did not count it, has put back the time
    by which it was due. What is told next of the same update is by when they hear again (found by random deaths)."""
    [family] = await books.families(*crowd(1, "push", "sms"))
    push, sms = family.caregivers[0].addresses
    await books.write([books.watch(family)], [books.owed(family, push, next_by=make.after(30))])
    await books.hand_over(at=make.after(2))
    await books.write(
        [books.watch(family, version=1, next_by=make.after(10))], [books.owed(family, sms, next_by=make.after(60))]
    )
    await books.hand_over(at=make.after(15))
    row = await books.row(watch)
    assert (row["told"], row["next_by"], row["heard_at"]) == (1, make.after(60), make.after(15))


async def test_one_batch_says_the_same_as_two(books: Books):
    [family] = await books.families(*crowd(1, "push", "sms", "email"))
    addresses = family.caregivers[0].addresses
    promised = (make.after(50), make.after(40), None)
    await books.write(
        [books.watch(family)],
        [books.owed(family, a, next_by=by) for a, by in zip(addresses, promised, strict=True)],
    )
    await books.hand_over(at=make.after(1))
    row = await books.row(watch)
    assert (row["told"], row["next_by"], row["heard_at"]) == (1, make.after(40), make.after(1))


async def test_an_all_clear_promises_nothing_and_leaves_the_promise(books: Books):
    [family] = await books.families(*crowd(1))
    await books.write([books.watch(family)], [books.owed(family, next_by=None)])
    await books.hand_over()
    assert (await books.row(watch))["next_by"] == make.after(10)


async def test_later_means_the_same_delivery_again(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.hand_over(DeliveryState.PENDING, code="20429", due_at=MACHINE_DUE)
    row = await books.row(delivery)
    assert (row["state"], row["code"], row["due_at"], row["lease_token"]) == (
        "pending",
        "20429",
        MACHINE_DUE,
        None,
    )
    assert row["reader"] is not None
    assert (await books.row(watch))["version"] == 1
    kept = await books.row(attempt)
    assert (kept["outcome"], kept["code"], kept["number"]) == ("pending", "20429", 1)
    assert (await books.claim(at=make.after(6)))[0] == []
    [again], _ = await books.claim(at=MACHINE_DUE)
    assert again.attempt == 2


async def test_an_unknown_outcome_is_kept_and_waits(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.hand_over(DeliveryState.UNKNOWN, code="timeout", due_at=MACHINE_DUE)
    row = await books.row(delivery)
    assert (row["state"], row["code"], row["due_at"]) == ("unknown", "timeout", MACHINE_DUE)
    assert (await books.row(attempt))["outcome"] == "unknown"
    assert (await books.row(watch))["heard_at"] is None


async def test_a_refusal_stops_the_address_and_makes_every_watch_that_has_it_due(books: Books):
    """R17, prototype R3: a plan made before it loses."""
    nurse = make.caregiver("nurse", "sms")
    one, two = await books.families(
        make.family(nurse, id=FamilyId("fam-1")), make.family(nurse, id=FamilyId("fam-2"))
    )
    [other] = await books.families(*crowd(1))
    second = await books.open(make.incident(id=IncidentId(UUID(int=7)), number=2))
    await books.write([books.watch(each) for each in (one, two, other)], [books.owed(one)])
    await books.write([books.watch(two)], incident=second)
    await books.hand_over(DeliveryState.REFUSED, at=make.after(4), code="21211")

    stopped = await books.row(address, id=one.caregivers[0].addresses[0].id)
    assert (stopped["suspended_at"], stopped["suspended_code"], stopped["opted_out_at"]) == (
        make.after(4), "21211", None
    )  # fmt: skip
    assert stopped["notable"]
    watches = {(row["incident_id"], row["family_id"]): row for row in await books.table(watch)}
    for key in ((books.incident.id, "fam-1"), (books.incident.id, "fam-2"), (second.id, "fam-2")):
        assert (watches[key]["look_at"], watches[key]["version"]) == (make.after(4), 2)
    calm = watches[books.incident.id, other.id]
    assert (calm["look_at"], calm["version"]) == (make.after(29), 1)
    row = await books.row(delivery)
    assert (row["state"], row["code"], row["reader"]) == ("refused", "21211", None)


async def test_a_refusal_wakes_watches_that_rest_but_not_closed_ones(books: Books):
    nurse = make.caregiver("nurse", "sms")
    one, two, three = await books.families(
        *(make.family(nurse, id=FamilyId(f"fam-{number}")) for number in (1, 2, 3))
    )
    await books.write(
        [books.watch(one), books.watch(two, look_at=None), books.watch(three, look_at=None)], [books.owed(one)]
    )
    await books.set(watch, {"rest": "closed"}, family_id=three.id)
    await books.hand_over(DeliveryState.REFUSED, at=make.after(4))
    assert [row["look_at"] for row in await books.table(watch)] == [make.after(4), make.after(4), None]


async def test_several_refusals_in_a_batch_each_keep_their_code(books: Books):
    families = await books.families(*crowd(3))
    await books.tell(*families)
    lease = books.lease()
    batch, _ = await books.claim(lease)
    said = [("30005", False), ("21610", True), ("21211", False)]
    await books.finish(
        lease,
        [
            outcome(each, DeliveryState.REFUSED, code=code, opted_out=out)
            for each, (code, out) in zip(batch, said, strict=True)
        ],
    )
    rows = {row["id"]: row for row in await books.table(address)}
    for each, (code, out) in zip(batch, said, strict=True):
        row = rows[each.address]
        assert row["suspended_code"] == (None if out else code)
        assert (row["suspended_at"] is None, row["opted_out_at"] is not None) == (out, out)


async def test_our_own_fault_stops_no_address_but_makes_the_family_due(books: Books):
    [family] = await books.families(*crowd(1))
    await books.tell(family)
    await books.hand_over(DeliveryState.PARKED, at=make.after(1), code="misconfigured: 20003", final=True)
    stopped = await books.row(address)
    assert (stopped["suspended_at"], stopped["opted_out_at"], stopped["notable"]) == (None, None, False)
    assert (await books.row(watch))["look_at"] == make.after(1)
    assert (await books.row(delivery))["state"] == "parked"
    assert (await books.row(attempt))["code"] == "misconfigured: 20003"


async def test_a_mixed_batch_is_written_as_a_whole(books: Books):
    families = await books.families(*crowd(40))
    await books.tell(*families)
    lease = books.lease()
    batch, _ = await books.claim(lease)
    kinds = (DeliveryState.ACCEPTED, DeliveryState.PENDING, DeliveryState.UNKNOWN, DeliveryState.REFUSED)
    outcomes = [
        outcome(each, kinds[n % 4], due_at=MACHINE_DUE if n % 4 in (1, 2) else None)
        for n, each in enumerate(batch)
    ]
    assert await books.finish(lease, outcomes) == 0
    assert await books.states() == {"accepted": 10, "pending": 10, "unknown": 10, "refused": 10}
    assert sum(row["heard_at"] is not None for row in await books.table(watch)) == 10
    assert len(await books.table(attempt)) == 30


async def test_texts_from_providers_are_kept_as_they_are(books: Books):
    """Whatever a provider calls its codes and ids, it is stored and not interpreted."""
    families = await books.families(*crowd(4))
    await books.tell(*families)
    lease = books.lease()
    batch, _ = await books.claim(lease)
    odd = ["{}", 'a,"b"\\', "NULL", "550 5.1.1 {x,y} 'é'"]
    await books.finish(lease, [outcome(c, code=t, provider_id=t) for c, t in zip(batch, odd, strict=True)])
    rows = {row["id"]: row for row in await books.table(delivery)}
    assert [(rows[c.id]["code"], rows[c.id]["provider_id"]) for c in batch] == [(t, t) for t in odd]


@pytest.mark.parametrize(
    "word", ["", "NULL", "null", 'a "b" c', "a\\b", "{a,b}", "a,b", " a ", "línea\nñ", "'; --"]
)
async def test_a_provider_may_answer_any_text(books: Books, word: str):
    [family] = await books.families(*crowd(1, "push"))
    await books.tell(family)
    await books.hand_over(provider_id=word)
    assert (await books.row(delivery))["provider_id"] == word
