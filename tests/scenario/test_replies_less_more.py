"""LESS and MORE choose how much comes while there is nothing new (R3, R17)."""

from dataclasses import replace

import pytest

from alertd.domain.family import FamilyId
from alertd.usecases.put_families import put_families
from tests import make
from tests.make import caregiver
from tests.scenario.replying import SMS_ONLY, Town
from tests.scenario.world import World


async def holdings(world: World, family: str = "fam-1", name: str = "mia") -> str | None:
    async with world.deps.store.reading() as rows:
        found = await rows.family(FamilyId(family))
    assert found is not None
    [mine] = [each for each in found.caregivers if each.id == name]
    return mine.preferences.holdings


async def test_less_is_silent_and_more_rings_again(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", "email", preferences=SMS_ONLY))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    assert "fewer messages" in (await world.replies("mia", "LESS") or "")
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_email("No news")
    assert "As usual again" in (await world.replies("mia", "more") or "")
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_sms("No news")
    await world.update("The cause is found.")
    world.phone("mia").expect_sms("The cause is found.")


async def test_more_takes_less_back_and_only_once_more_makes_it_louder_than_before(town: Town):
    """Two loud holdings in a row, then silent ones: as before LESS. MORE once more: all of them ring."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", "email", preferences=SMS_ONLY))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    await world.replies("mia", "less")
    assert await holdings(world) == "few"
    said = await world.replies("mia", "MORE") or ""
    assert said == (
        "As usual again: while there is nothing new the first messages ring, later ones come silently where they "
        "can, and at most 12 a day by text. MORE once more: all ring."
    )
    assert await holdings(world) is None
    for channel in ("sms", "sms", "email", "email"):
        await world.fast_forward(minutes=30)
        world.phone("mia").expect(channel, "No news")
    said = await world.replies("mia", "more") or ""
    assert said.startswith("Every message rings from now on")
    assert await holdings(world) == "all"
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_sms("No news")


@pytest.mark.parametrize(
    ("own", "of_family", "word", "becomes"),
    [
        (None, None, "less", "few"),
        ("all", None, "less", "few"),
        ("few", None, "more", None),
        (None, None, "more", "all"),
        ("all", None, "more", "all"),
        ("few", "all", "more", "all"),
        (None, "few", "more", "all"),
        ("few", "few", "more", "all"),
    ],
)
async def test_less_is_few_and_more_is_one_step_up(
    town: Town, own: str | None, of_family: str | None, word: str, becomes: str | None
):
    world = town()
    mia = caregiver("mia", "sms", preferences=make.preferences(holdings=own))
    await world.family("fam-1", mia, preferences=make.preferences(holdings=of_family))
    said = await world.replies("mia", word) or ""
    assert await holdings(world) == becomes
    assert said.startswith({"few": "You get fewer", None: "As usual again", "all": "Every message rings"}[becomes])


async def test_more_lowers_nobody_who_shares_the_number(town: Town):
    """Mia has all of them, Tom asked for few: he goes one step up, she stays, and what is said holds for both."""
    world = town()
    mia = caregiver("mia", "sms", preferences=make.preferences(holdings="all"))
    tom = replace(caregiver("tom"), addresses=mia.addresses, preferences=make.preferences(holdings="few"))
    await world.family("fam-1", mia, tom)
    assert (await world.replies("tom", "more") or "").startswith("As usual again")
    assert (await holdings(world), await holdings(world, name="tom")) == ("all", None)


async def test_an_older_import_does_not_undo_what_was_chosen_here_and_a_newer_one_does(town: Town):
    """R17. What else stands in the older document counts."""
    world = town()
    mia = caregiver("mia", "sms", "email", preferences=make.preferences(critical=("sms",), holdings="all"))
    family = await world.family("fam-1", mia, updated_at=make.after(0))
    world.clock.advance(minutes=60)
    await world.replies("mia", "less")
    assert await holdings(world) == "few"

    await put_families(world.deps, [replace(family, updated_at=make.after(30), region="us-east")], who="nightly")
    assert await holdings(world) == "few"
    async with world.deps.store.reading() as rows:
        found = await rows.family(family.id)
    assert found is not None
    assert found.region == "us-east"
    await put_families(world.deps, [replace(family, updated_at=make.after(61))], who="nightly")
    assert await holdings(world) == "all"
    await put_families(world.deps, [replace(family, updated_at=make.after(62))], who="nightly")
    assert await holdings(world) == "all"
