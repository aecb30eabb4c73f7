"""R7: what a family was told by phone, in the store; on both databases."""

from uuid import UUID

import pytest

from alertd.domain.family import CaregiverId, Family, FamilyId
from alertd.domain.watch import BY_PHONE, Answer, LadderState, Rest
from alertd.records import Linked, Reach
from alertd.store.heard import hear_anew
from alertd.store.tables import answer, watch
from tests import make
from tests.contract.books import Books

MIA = CaregiverId("mia")
ACT = UUID(int=1)
FAM = FamilyId("fam-1")


def call(at: float = 5, told: int = 1, next_by: float = 35, epoch: int = 1) -> Answer:
    return Answer(BY_PHONE, epoch, make.after(at), told, make.after(next_by), (MIA,))


async def a_family(books: Books, **changes: object) -> Family:
    [family] = await books.families(make.family(id=FAM))
    await books.write([books.watch(family, **changes)], [])
    return family


async def ring(books: Books, said: Answer) -> None:
    async with books.store.transaction() as rows:
        await rows.lock_duties(books.incident.id, [FAM])
        await rows.add_call(books.incident.id, FAM, said, ACT)


async def reach(books: Books, at: float) -> Reach:
    async with books.store.reading() as rows:
        return await rows.reach(books.incident.id, 10, make.after(at))


async def test_what_was_told_by_phone_is_heard(books: Books):
    """The planner reads it with the answers; the family has heard, and hears again by what they were told."""
    await a_family(books, ladder=LadderState.UNREACHABLE, step=3)
    await ring(books, call(told=2))
    async with books.store.reading() as rows:
        assert await rows.answers(books.incident.id, FAM) == [call(told=2)]
        [candidate] = list(await rows.candidates(books.incident.id, [FAM], lock=False))
    assert list(candidate.answers) == [call(told=2)]
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["next_by"]) == (make.after(5), 2, make.after(35))
    assert (row["owed"], row["ladder"]) == (2, "answered")
    assert (await reach(books, 6)).unreachable == ()


async def test_a_second_call_takes_the_place_of_the_first(books: Books):
    """In its epoch; that of another epoch stays."""
    await a_family(books)
    await ring(books, call())
    await ring(books, call(at=20, told=2, next_by=50))
    await ring(books, call(at=60, told=3, next_by=90, epoch=2))
    kept = sorted((row["epoch"], row["told"], row["at"]) for row in await books.table(answer))
    assert kept == [(1, 2, make.after(20)), (2, 3, make.after(60))]
    assert (await books.row(watch))["next_by"] == make.after(90)


async def test_what_is_taken_back_leaves_what_was_told_by_phone(books: Books):
    """A receipt says that the message never arrived: they have heard all the same."""
    await a_family(books)
    await ring(books, call())
    async with books.store.transaction() as rows:
        await hear_anew(rows.sql, {(books.incident.id, FAM)}, make.after(40))
    row = await books.row(watch)
    assert (row["heard_at"], row["told"], row["next_by"]) == (make.after(5), 1, make.after(35))


@pytest.mark.parametrize("rest", [Rest.NO_ADDRESS, Rest.OPTED_OUT])
async def test_whom_nobody_else_can_tell_is_listed_again_in_time(books: Books, rest: Rest):
    await a_family(books, rest=rest)
    assert [(each.family, each.next_by) for each in (await reach(books, 4)).untellable] == [("fam-1", None)]
    await ring(books, call())
    assert (await reach(books, 34)).untellable == ()
    [again] = (await reach(books, 35)).untellable
    assert (again.family, again.next_by) == ("fam-1", make.after(35)), "they were told so"


async def test_nobody_says_when_a_family_hears_that_there_is_no_way_to_tell(books: Books):
    """Whatever else it is listed as: no message will come."""
    await a_family(books, rest=Rest.NO_ADDRESS)
    await books.set(watch, {"ladder": "unreachable"}, family_id="fam-1")
    found = await reach(books, 4)
    assert [each.next_by for each in (*found.unreachable, *found.untellable)] == [None, None]


async def test_an_answer_by_a_caregiver_tells_them_nothing(books: Books):
    await a_family(books)
    linked = Linked(UUID(int=2), books.incident.id, 1, make.own("mia", "sms").id, (FAM,))
    async with books.store.transaction() as rows:
        await rows.add_answers(linked, [(FAM, MIA)], make.after(3))
    async with books.store.reading() as rows:
        assert await rows.answers(books.incident.id, FAM) == [Answer(MIA, 1, make.after(3))]
