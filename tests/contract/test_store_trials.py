"""Trials of a channel in the store, on both databases: claimed like any message, met by nothing else, forgotten."""

from datetime import datetime
from uuid import UUID

from alertd.domain.delivery import DeliveryState
from alertd.domain.family import AddressId
from alertd.domain.incident import IncidentId
from alertd.domain.trial import TRIAL_FAMILY, trial_incident, trial_owed
from alertd.records import Known
from alertd.store.ids import uuid7
from alertd.store.tables import address, incident, responder_watch, watch
from tests import make
from tests.contract.books import Books

TO = "+14155550177"


async def begin(books: Books, at: datetime = make.NOON, to: str = TO) -> UUID:
    """The id of the delivery."""
    async with books.store.transaction() as rows:
        await rows.lock_incidents()
        known = await rows.known_address("sms", to)
        owner = known.id if known else AddressId(uuid7())
        if known is None:
            await rows.add_address(owner, "sms", to)
        trial = trial_incident(IncidentId(uuid7()), await rows.next_trial_number(), "follow", make.policy(), at)
        stale_after = at + make.minutes(5)
        owed = trial_owed(trial, owner, "sms", to, locale="en", zone="UTC", stale_after=stale_after)
        begun = uuid7()
        await rows.add_trial(trial, make.policy(), begun, owed, at)
    return begun


async def test_it_is_claimed_at_once_though_its_incident_is_over_and_its_address_is_nobodys(books: Books):
    begun = await begin(books)
    claimed, stale = await books.claim(lane="urgent")
    assert ([each.id for each in claimed], stale) == ([begun], [])
    assert (claimed[0].family, claimed[0].reader.to) == (TRIAL_FAMILY, TO)


async def test_after_five_minutes_it_leaves_no_more(books: Books):
    begun = await begin(books)
    claimed, stale = await books.claim(at=make.after(6), lane="urgent")
    assert (claimed, stale) == ([], [begun])
    async with books.store.transaction() as rows:
        await rows.give_back(stale, make.after(6))
    async with books.store.reading() as rows:
        found = await rows.trial(begun)
        assert not await rows.due_watches(make.after(60), 10), "nobody plans it anew"
    assert found is not None
    assert found.state is DeliveryState.SUPERSEDED


async def test_nothing_that_looks_for_incidents_meets_it(books: Books):
    await begin(books)
    await begin(books)
    async with books.store.reading() as rows:
        numbers = [each.number for each in await rows.incidents(open_only=False, limit=10)]
        assert await rows.next_incident_number() == 2
        assert set(await rows.count_open()) == {("critical", False)}
    assert numbers == [1]
    assert sorted(row["number"] for row in await books.table(incident)) == [-2, -1, 1]
    assert [row["incident_id"] for row in await books.table(responder_watch)] == [books.incident.id]
    assert {row["look_at"] for row in await books.table(watch)} == {None}


async def test_the_first_outage_after_a_trial_is_number_one(books: Books):
    await begin(books)
    await books.set(incident, {"number": -7}, number=1)  # there was no outage yet
    async with books.store.reading() as rows:
        assert await rows.next_incident_number() == 1


async def test_what_is_known_of_an_address(books: Books):
    async with books.store.reading() as rows:
        assert await rows.known_address("sms", TO) is None
    await begin(books)
    row = await books.row(address)
    assert row["verified"] is False
    await books.set(address, {"suspended_at": make.NOON, "suspended_code": "21211"}, dest=TO)
    async with books.store.reading() as rows:
        assert await rows.known_address("sms", TO) == Known(row["id"], True, False, "21211")
        assert await rows.known_address("voice", TO) is None


async def test_it_is_forgotten_and_an_opt_out_stays(books: Books):
    first = await begin(books)
    await begin(books, to="+14155550178")
    await books.set(address, {"opted_out_at": make.NOON}, dest="+14155550178")
    young = await begin(books, at=make.after(30))
    async with books.store.reading() as rows:
        assert not await rows.any_trial(make.NOON)
        assert await rows.any_trial(make.after(1))
    async with books.store.transaction() as rows:
        assert await rows.forget_trials(make.after(1)) == 2
    async with books.store.reading() as rows:
        assert await rows.trial(first) is None
        assert await rows.trial(young) is not None
    assert sorted(row["dest"] for row in await books.table(address)) == [TO, "+14155550178"]
    async with books.store.transaction() as rows:
        assert await rows.forget_trials(make.after(31)) == 1
    assert [row["dest"] for row in await books.table(address)] == ["+14155550178"]
    assert [row["number"] for row in await books.table(incident)] == [1]
