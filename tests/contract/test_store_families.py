"""Families: one row each, index tables that a fan-out can trust, and addresses that keep what they are."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alertd.domain.family import Address, AddressId, AddressStatus, Family, FamilyId
from alertd.domain.incident import IncidentId
from alertd.domain.reply import Meaning
from alertd.records import Imported
from alertd.store.ids import uuid7
from alertd.store.tables import address, delivery, family, family_address, family_service, reply, watch
from tests import make
from tests.contract.books import Books, crowd

SMS = make.address("sms", "+14155550123")
PUSH = make.address("push", "token-1")


def home(name: str = "fam-1", *addresses: Address, **changes: Any) -> Family:
    return make.family(make.caregiver("mia", addresses=addresses or (PUSH, SMS)), id=FamilyId(name), **changes)


async def test_a_family_comes_back_as_it_was_stored(books: Books):
    given = home(preferences=make.preferences(minor=("email",), services={"share": {"minor": ()}}), region=None)
    [stored] = await books.families(given)
    ids = {(a.channel, a.to): a.id for c in stored.caregivers for a in c.addresses}
    mia = given.caregivers[0]
    expected = tuple(replace(a, id=ids[a.channel, a.to]) for a in mia.addresses)
    assert stored == replace(given, caregivers=(replace(mia, addresses=expected),))


async def test_the_index_tables_say_what_the_document_says(books: Books):
    [stored] = await books.families(home(services=("follow", "login"), region="us-west"))
    assert [(r["service"], r["family_id"], r["region"]) for r in await books.table(family_service)] == [
        ("follow", "fam-1", "us-west"), ("login", "fam-1", "us-west")
    ]  # fmt: skip
    linked = {r["address_id"] for r in await books.table(family_address)}
    assert linked == {a.id for a in stored.caregivers[0].addresses}

    await books.families(home("fam-1", SMS, services=("share",), region=None))
    assert [(r["service"], r["region"]) for r in await books.table(family_service)] == [("share", None)]
    [link] = await books.table(family_address)
    assert (await books.row(address, id=link["address_id"]))["dest"] == SMS.to


async def test_an_address_has_one_row_in_the_whole_system(books: Books):
    one, two = await books.families(home("fam-1"), home("fam-2"))
    assert [a.id for a in one.caregivers[0].addresses] == [a.id for a in two.caregivers[0].addresses]
    assert len(await books.table(address)) == 2
    [again] = await books.families(home("fam-1"))
    assert again == one


async def test_who_shares_an_address_is_counted_anew_at_every_change(books: Books):
    async def shared() -> dict[str, tuple[bool, bool]]:
        return {row["dest"]: (row["shared"], row["notable"]) for row in await books.table(address)}

    await books.families(home("fam-1"))
    assert await shared() == {PUSH.to: (False, False), SMS.to: (False, False)}
    await books.families(home("fam-2", SMS))
    assert await shared() == {PUSH.to: (False, False), SMS.to: (True, True)}
    await books.families(home("fam-2", make.address("sms", "+14155550199")))
    assert (await shared())[SMS.to] == (False, False)
    await books.families(home("fam-2", SMS), home("fam-3", SMS))
    async with books.store.transaction() as rows:
        assert await rows.delete_family(FamilyId("fam-1"))
    assert (await shared())[SMS.to] == (True, True)
    async with books.store.transaction() as rows:
        assert await rows.delete_family(FamilyId("fam-2"))
    assert (await shared())[SMS.to] == (False, False)


@pytest.mark.parametrize("column", ["opted_out_at", "suspended_at"])
async def test_an_import_lifts_neither_an_opt_out_nor_a_suspension(books: Books, column: str):
    """R17: the stop belongs to the address, whoever imports it, and whatever the document says."""
    await books.families(home("fam-1"))
    await books.set(address, {column: make.NOON, "notable": True}, dest=SMS.to)
    await books.families(home("fam-1", updated_at=make.after(60)), home("fam-2"))
    await books.families(home("fam-2", PUSH))
    row = await books.row(address, dest=SMS.to)
    assert (row[column], row["notable"], row["shared"]) == (make.NOON, True, False)
    async with books.store.reading() as rows:
        [found] = list(await rows.candidates(books.incident.id, ["fam-1"], lock=False))
    status = found.addresses[AddressId(row["id"])]
    assert not status.usable


async def test_an_address_that_says_so_is_not_verified_until_an_import_says_it_is(books: Books):
    """R12: an imported address counts as verified unless it says `false`."""
    [stored] = await books.families(home("fam-1", make.address("sms", SMS.to, verified=False)))
    row = await books.row(address)
    assert (row["verified"], row["notable"]) == (False, True)
    await books.families(home("fam-1", SMS))
    row = await books.row(address)
    assert (row["verified"], row["notable"]) == (True, False)
    assert row["id"] == stored.caregivers[0].addresses[0].id


async def test_whom_an_import_verified_an_address_for_is_said_once(books: Books):
    """Other families who have it: they can be told now, and their watches are to look again."""
    unsure = make.address("sms", SMS.to, verified=False)
    await books.families(home("fam-1", unsure), home("fam-2", unsure), home("fam-3", PUSH))
    async with books.store.transaction() as rows:
        again = await rows.put_families([home("fam-1", unsure)])
        verified = await rows.put_families([home("fam-3", SMS, PUSH)])
        nothing_new = await rows.put_families([home("fam-3", SMS, PUSH)])
    assert again == nothing_new == Imported(frozenset())
    assert verified == Imported(frozenset({"fam-1", "fam-2"}))


async def test_what_another_family_writes_takes_no_verification_away(books: Books):
    await books.families(home("fam-1", SMS))
    await books.families(home("fam-2", make.address("sms", SMS.to, verified=False)))
    assert (await books.row(address))["verified"] is True


async def test_what_an_import_takes_away_and_nobody_has_is_forgotten_with_what_was_written_there(books: Books):
    """Their number, in plain words, and that it was verified: whoever brings it next has to verify it anew (R12)."""
    await books.families(home("fam-1", SMS, PUSH))
    row = await books.row(address, dest=SMS.to)
    written = (uuid7(), "SM1", row["id"], make.NOON, make.NOON, Meaning.OTHER, "Is it down for you too?")
    async with books.store.transaction() as rows:
        assert await rows.take_reply(*written)
    await books.families(home("fam-1", PUSH))
    assert (await books.row(reply))["text"] == written[-1]  # a person is still to read it, and to see who wrote it
    async with books.store.transaction() as rows:
        assert await rows.close_letter(written[0], "desk", make.NOON)
    assert [each["dest"] for each in await books.table(address)] == [PUSH.to]
    assert (await books.row(reply))["text"] is None
    await books.families(home("fam-2", make.address("sms", SMS.to, verified=False)))
    assert (await books.row(address, dest=SMS.to))["verified"] is False


@pytest.mark.parametrize("column", ["opted_out_at", "suspended_at"])
async def test_what_an_import_takes_away_is_kept_where_it_stopped_us(books: Books, column: str):
    await books.families(home("fam-1", SMS, PUSH))
    await books.set(address, {column: make.NOON, "notable": True}, dest=SMS.to)
    await books.families(home("fam-1", PUSH))
    assert (await books.row(address, dest=SMS.to))[column] == make.NOON


async def test_an_address_stays_verified_when_the_family_that_verified_it_is_gone(books: Books):
    """The first one's own document still says that it is not; the address has one row, and that says it is."""
    [stored] = await books.families(home("fam-1", make.address("sms", SMS.to, verified=False)))
    await books.families(home("fam-2", SMS))
    async with books.store.transaction() as rows:
        assert await rows.delete_family(FamilyId("fam-2"))
    assert not (await books.row(address))["notable"]
    async with books.store.reading() as rows:
        [found] = list(await rows.candidates(books.incident.id, ["fam-1"], lock=False))
    assert found.addresses == {stored.caregivers[0].addresses[0].id: AddressStatus()}


async def test_only_noteworthy_addresses_are_loaded_for_the_planner(books: Books):
    [stored] = await books.families(home("fam-1"))
    push, sms = stored.caregivers[0].addresses
    await books.set(address, {"suspended_at": make.NOON, "notable": True}, id=sms.id)
    async with books.store.reading() as rows:
        [found] = list(await rows.candidates(books.incident.id, ["fam-1"], lock=False))
    assert set(found.addresses) == {sms.id}
    assert found.addresses[sms.id].suspended
    assert found.watch is None
    assert push.id not in found.addresses


async def test_a_deleted_family_leaves_nothing_of_itself(books: Books):
    await books.families(home("fam-1"), home("fam-2", PUSH))
    async with books.store.transaction() as rows:
        assert await rows.delete_family(FamilyId("fam-1"))
    for table in (family, family_service, family_address):
        assert "fam-1" not in str(await books.table(table))
    assert [row["dest"] for row in await books.table(address)] == [PUSH.to]
    async with books.store.transaction() as rows:
        assert not await rows.delete_family(FamilyId("fam-1"))


async def test_an_opt_out_outlives_the_family(books: Books):
    """Whoever said STOP stays stopped when they are imported again."""
    await books.families(home("fam-1"))
    await books.set(address, {"opted_out_at": make.NOON, "notable": True}, dest=SMS.to)
    async with books.store.transaction() as rows:
        await rows.delete_family(FamilyId("fam-1"))
    assert [row["dest"] for row in await books.table(address)] == [SMS.to]
    await books.families(home("fam-9", SMS))
    row = await books.row(address)
    assert (row["opted_out_at"], row["notable"]) == (make.NOON, True)


async def test_a_deleted_family_is_owed_nothing_and_holds_nobody_up(books: Books):
    """Its watch rests; what still waits for it is cancelled, and the address blanked."""
    [gone] = await books.families(home("fam-1"))
    [left] = await books.families(*crowd(1))
    await books.tell(gone, left)
    async with books.store.transaction() as rows:
        await rows.delete_family(gone.id)
    assert [(r["state"], r["reader"]) for r in await books.table(delivery, family_id=gone.id)] == [
        ("cancelled", None), ("cancelled", None)
    ]  # fmt: skip
    row = await books.row(watch, family_id=gone.id)
    assert (row["look_at"], row["version"]) == (None, 2)
    assert row["rest"] is not None
    async with books.store.turn("due") as turn:
        assert turn is not None
        assert await turn.rows.due_watches(make.after(60), 10) == {books.incident.id: [left.id]}


async def test_touching_makes_open_watches_of_that_incident_due(books: Books):
    one, two, three = await books.families(*crowd(3))
    other = await books.open(make.incident(id=IncidentId(make.address("push").id), number=2))
    await books.write(
        [books.watch(one), books.watch(two, look_at=make.after(1)), books.watch(three, look_at=None)]
    )
    await books.write([books.watch(one)], incident=other)
    await books.set(watch, {"rest": "closed"}, family_id=three.id)
    async with books.store.transaction() as rows:
        ids = [each.id for each in (one, two, three)]
        assert await rows.touch_families(ids, books.incident.id, make.after(5)) == 2
        assert await rows.watched(ids, other.id) == {one.id}
    found = {(r["incident_id"], r["family_id"]): (r["look_at"], r["version"]) for r in await books.table(watch)}
    assert found == {
        (books.incident.id, one.id): (make.after(5), 2),
        (books.incident.id, two.id): (make.after(1), 2),
        (books.incident.id, three.id): (None, 1),
        (other.id, one.id): (make.after(29), 1),
    }


async def test_families_are_exported_in_keyset_order(books: Books):
    await books.families(*reversed(crowd(5)))
    got: list[str] = []
    async with books.store.reading() as rows:
        while page := await rows.families_after(got[-1] if got else "", 2):
            got += [each.id for each in page]
        assert await rows.family(FamilyId("nobody")) is None
        known = await rows.family_updated_at(["fam-0000", "nobody"])
    assert got == [f"fam-{n:04}" for n in range(5)]
    assert known == {"fam-0000": make.NOON - timedelta(days=1)}


async def test_a_large_import_is_taken_whole(books: Books):
    """More addresses than one statement asks for at a time."""
    families = []
    for number in range(100):
        people = tuple(
            make.caregiver(f"c{n}", addresses=(make.address("push", f"{number}-{n}"),), order=n + 1)
            for n in range(12)
        )
        families.append(make.family(*people, id=FamilyId(f"fam-{number:03}")))
    async with books.store.transaction() as rows:
        assert await rows.put_families(families)
        assert await rows.put_families(families)
    assert len(await books.table(address)) == 1200
    assert len(await books.table(family_address)) == 1200
