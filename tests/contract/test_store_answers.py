"""Answers in the store: each once, only for who was sent the link, and what they end; on both databases."""

import asyncio
from datetime import timedelta
from uuid import UUID

from alertd.domain.delivery import Reason
from alertd.domain.family import CaregiverId, FamilyId
from alertd.domain.watch import LadderState, Rest
from alertd.records import Linked
from alertd.store.tables import answer, delivery, watch
from tests import make
from tests.contract.books import Books, crowd

NURSE = make.caregiver("nurse", "sms")
MIA = CaregiverId("mia")


async def told(books: Books) -> tuple[Linked, list[dict[str, object]]]:
    """One family with two messages of which the second is a ladder's; what the first one's link is about."""
    [family] = await books.families(make.family())
    push, sms, *_ = family.caregivers[0].addresses
    await books.write(
        [books.watch(family, ladder=LadderState.CLIMBING, step=1)],
        [books.owed(family, push), books.owed(family, sms, step=2, reason=Reason.LADDER)],
    )
    rows = await books.table(delivery)
    async with books.store.reading() as reading:
        linked = await reading.linked(next(row["id"] for row in rows if row["step"] == 0))
    assert linked is not None
    return linked, rows


async def test_a_link_leads_to_the_families_that_the_message_was_for(books: Books):
    linked, _ = await told(books)
    assert (linked.incident, linked.epoch, linked.families) == (books.incident.id, 1, (FamilyId("fam-1"),))
    async with books.store.reading() as rows:
        assert await rows.linked(UUID(int=7)) is None


async def test_of_a_shared_address_to_all_of_them(books: Books):
    families = await books.families(*(make.family(NURSE, id=FamilyId(f"fam-{n}")) for n in (1, 2, 3)))
    shared = [families[0].caregivers[0].addresses[0]]
    await books.write([books.watch(f) for f in families], [books.owed(f) for f in families], shared=shared)
    row = await books.row(delivery)
    async with books.store.reading() as rows:
        linked = await rows.linked(row["id"])
    assert linked is not None
    assert linked.families == ("fam-1", "fam-2", "fam-3")


async def test_an_answer_is_kept_once(books: Books):
    linked, _ = await told(books)
    who = [(FamilyId("fam-1"), MIA)]
    async with books.store.transaction() as rows:
        assert await rows.add_answers(linked, who, make.after(5)) == who
    async with books.store.transaction() as rows:
        assert await rows.add_answers(linked, who, make.after(6)) == []
    [kept] = await books.table(answer)
    assert kept["at"] == make.after(5)
    async with books.store.reading() as rows:
        assert [(a.caregiver, a.epoch, a.at) for a in await rows.answers(linked.incident, FamilyId("fam-1"))] == [
            ("mia", 1, make.after(5))
        ]
        [candidate] = await rows.candidates(linked.incident, ["fam-1"], lock=False)
        assert [a.caregiver for a in candidate.answers] == ["mia"], "the planner is told of it"


async def test_whoever_answers_again_where_others_have_answered_too_changes_nothing(books: Books):
    families = await books.families(*crowd(3, "sms"))
    await books.write([books.watch(family) for family in families], [books.owed(family) for family in families])
    await books.set(watch, {"touched_at": make.after(9)}, family_id=families[2].id)
    deliveries = {row["family_id"]: row["id"] for row in await books.table(delivery)}
    for at, (minutes, fresh) in enumerate([(5, True), (6, True), (7, True), (10, False), (11, False), (12, True)]):
        family = families[at % 3]
        async with books.store.transaction() as rows:
            linked = await rows.linked(deliveries[family.id])
            assert linked is not None
            given = await rows.add_answers(linked, [(family.id, family.caregivers[0].id)], make.after(minutes))
        assert bool(given) is fresh, f"{minutes}: the third was touched anew after the first answer"
    kept = {row["family_id"]: row["at"] for row in await books.table(answer)}
    assert [kept[family.id] for family in families] == [make.after(minutes) for minutes in (5, 6, 12)]


async def test_a_step_that_was_on_its_way_when_they_answered_is_not_tried_again(books: Books):
    linked, _ = await told(books)
    lease = books.lease()
    claimed, _ = await books.claim(lease)
    assert len(claimed) == 2
    async with books.store.transaction() as rows:
        await rows.lock_duties(linked.incident, linked.families)
        await rows.end_ladders(linked.incident, linked.families, make.after(5))
        await rows.put_back(claimed, lease)  # a provider that is down, or a worker that has died
    again, stale = await books.claim(at=make.after(5))
    steps = {row["id"]: row["step"] for row in await books.table(delivery)}
    assert [steps[each.id] for each in again] == [0], "the news itself is owed as before"
    assert [steps[each] for each in stale] == [2]


async def test_a_step_for_two_families_stays_while_the_ladder_of_one_climbs(books: Books):
    families = await books.families(*(make.family(NURSE, id=FamilyId(f"fam-{n}")) for n in (1, 2)))
    shared = [families[0].caregivers[0].addresses[0]]
    owed = [books.owed(family, step=2, reason=Reason.LADDER) for family in families]
    await books.write([books.watch(f, ladder=LadderState.CLIMBING) for f in families], owed, shared=shared)
    async with books.store.transaction() as rows:
        await rows.lock_duties(books.incident.id, [FamilyId("fam-1")])
        await rows.end_ladders(books.incident.id, [FamilyId("fam-1")], make.after(5))
    claimed, stale = await books.claim(at=make.after(5))
    assert (len(claimed), stale) == (1, [])


async def test_ending_a_ladder_takes_back_what_waits_and_makes_the_family_due(books: Books):
    linked, _ = await told(books)
    async with books.store.transaction() as rows:
        await rows.lock_duties(linked.incident, linked.families)
        await rows.end_ladders(linked.incident, linked.families, make.after(5))
    states = {row["step"]: row["state"] for row in await books.table(delivery)}
    assert states == {0: "pending", 2: "superseded"}, "the news itself is owed as before"
    mine = await books.row(watch)
    assert (mine["look_at"], mine["version"]) == (make.after(5), 2)


async def test_two_answers_at_once_wait_for_each_other(books: Books):
    """The scanner and the thumb."""
    linked, _ = await told(books)
    who = [(FamilyId("fam-1"), MIA)]

    async def say() -> int:
        async with books.store.transaction() as rows:
            await rows.lock_duties(linked.incident, linked.families)
            return len(await rows.add_answers(linked, who, make.after(5)))

    assert sorted(await asyncio.gather(say(), say())) == [0, 1]


async def test_the_lists_hold_who_has_not_answered(books: Books):
    names = [f"fam-{number}" for number in range(5)]
    families = await books.families(*(make.family(id=FamilyId(name)) for name in names))
    ladders = (LadderState.UNANSWERED, LadderState.UNREACHABLE, LadderState.ANSWERED, LadderState.CLIMBING, None)
    watches = [books.watch(f, ladder=ladder, step=3) for f, ladder in zip(families, ladders, strict=True)]
    watches[0].next_by = make.NOON + timedelta(hours=1)
    watches[4].rest = Rest.NOT_TOUCHED
    await books.write(watches, [])
    async with books.store.reading() as rows:
        reached = await rows.reach(books.incident.id, 10, make.NOON)
        none = await rows.reach(books.incident.id, 0, make.NOON)
    assert (reached.families, reached.heard) == (4, 0)
    assert reached.ladders == dict.fromkeys(LadderState, 1)
    assert [(each.family, each.step, each.next_by) for each in reached.unanswered] == [
        ("fam-0", 3, make.NOON + timedelta(hours=1))
    ]
    assert [each.family for each in reached.unreachable] == ["fam-1"]
    assert (none.unanswered, none.ladders) == ((), reached.ladders)


async def test_the_signing_key_is_made_once_for_all(books: Books):
    async def ask() -> bytes:
        async with books.store.transaction() as rows:
            return await rows.signing_key(make.NOON)

    secrets = set(await asyncio.gather(*(ask() for _ in range(4))))
    assert len(secrets) == 1
    assert len(secrets.pop()) == 32
