"""What a report counts, in both databases; tests/scenario/test_report.py tells the stories."""

from datetime import timedelta

from alertd.domain.downtime import Downtime
from alertd.domain.family import FamilyId
from alertd.domain.promises import Promise, Telling
from alertd.store.tables import delivery
from tests import make
from tests.contract.books import Books

MINUTE = timedelta(minutes=1)


async def take(books: Books, name: str, minutes: float, **more) -> None:
    """A provider takes the first message of a family."""
    await books.set(
        delivery,
        {"state": "accepted", "accepted_at": make.after(minutes), "tried_at": make.NOON, **more},
        family_id=name,
    )


async def test_first_notices_silences_and_a_promise_are_counted_by_family(books: Books):
    names = ("soon", "late", "busy", "waits")
    made = [make.family(make.caregiver(name, "sms"), id=FamilyId(name)) for name in names]
    await books.tell(*await books.families(*made))
    await take(books, "soon", 1, next_by=make.after(15))
    await take(books, "late", 20)
    await books.set(delivery, {"tried_at": make.after(1)}, family_id="busy")
    incident = books.incident
    promise = Promise(incident.updates[0], make.after(15), None)
    async with books.store.reading() as rows:
        limits = [(make.NOON, 10 * MINUTE), (make.after(60), 5 * MINUTE)]
        notices = await rows.first_notices(incident.id, limits, [Downtime(make.after(100), make.after(101))])
        silences = await rows.silences(
            incident.id, [(make.NOON, 30 * MINUTE), (make.after(60), 60 * MINUTE)], make.after(45), going_on=True
        )
        telling = await rows.told_by(incident.id, promise, make.after(15))
    assert (notices.families, notices.told, notices.in_time, notices.late) == (4, 2, 1, 1)
    assert notices.longest == 20 * MINUTE
    assert silences.late == 0
    assert telling == Telling(unplanned=1, tried=2, waiting=1, heard=1)


async def test_before_anything_happens_there_is_nothing_to_count(books: Books):
    async with books.store.reading() as rows:
        notices = await rows.first_notices(books.incident.id, [(make.NOON, 10 * MINUTE)], ())
        silences = await rows.silences(books.incident.id, [(make.NOON, MINUTE)], make.after(1), going_on=True)
    assert (notices.families, notices.told, notices.in_time, notices.longest) == (0, 0, 0, None)
    assert (silences.longest, silences.longest_at_night, silences.late, silences.latest) == (None, None, 0, None)
