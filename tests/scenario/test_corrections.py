"""A correction goes to exactly those who received the wrong update (R1, R10)."""

from collections.abc import Callable

import pytest

from alertd.domain.errors import Invalid
from alertd.domain.incident import Kind, Severity
from alertd.ports import Later, Unknown
from tests import make
from tests.make import caregiver
from tests.scenario.world import World


async def test_who_was_told_the_wrong_update_is_put_right_at_once(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow", message="Readings stopped.")
    await world.update("It works again from five o'clock.")
    await world.family("fam-2", caregiver("lea", "sms"))  # hears of it by update 2
    await world.settle()
    world.phone("mia").forget()
    world.phone("lea").expect_sms("from five o'clock")

    await world.update("From six o'clock, not from five.", corrects=2)

    for name in ("mia", "lea"):
        world.phone(name).expect_sms("Update 3 corrects update 2", "From six o'clock")


async def test_who_never_heard_it_hears_the_newest_state_in_their_turn_as_what_it_is_to_them(world: World):
    """Lea joined when update 2 was old: no word of a correction, and no message that only others need."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.update("It works again from five o'clock.")
    await world.update("We are adding servers.")
    world.phone("mia").forget()
    await world.family("fam-2", caregiver("lea", "sms"))
    await world.settle()
    world.phone("lea").expect_sms("We are adding servers.")

    await world.fast_forward(minutes=10)
    await world.update("From six o'clock, not from five.", corrects=2)
    world.phone("mia").expect_sms("Update 4 corrects update 2")
    world.phone("lea").expect_nothing()

    await world.fast_forward(minutes=20)
    told = world.phone("lea").expect_sms("Update 4", "From six o'clock")
    assert "correct" not in told.text
    world.phone("mia").expect_nothing()


async def test_a_correction_that_changes_facts_is_news_for_everybody(world: World):
    """What to do has changed: who never heard the wrong words hears that at once, as news."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.update("Restart the app.")
    await world.update("We are adding servers.")
    await world.family("fam-2", caregiver("lea", "sms"))
    await world.settle()
    for name in ("mia", "lea"):
        world.phone(name).forget()

    await world.update("Do not restart the app.", corrects=2, do=("check_by_hand", "do_not_reinstall"))
    world.phone("mia").expect_sms("corrects update 2")
    assert "correct" not in world.phone("lea").expect_sms("Update 4", "Do not restart").text


async def test_wrong_words_that_have_not_left_never_leave(world: World):
    """The provider was down: who has not got them gets the right ones, as news; who may have them is put right."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.family("fam-2", caregiver("lea", "sms"))
    await world.outage("follow")
    for name in ("mia", "lea"):
        world.phone(name).forget()
    world.channels["sms"].fail_always(make.own("mia", "sms").to, lambda: Later("20503"))
    world.channels["sms"].fail(make.own("lea", "sms").to, Unknown("timeout"))
    await world.update("It works again from five o'clock.")

    world.channels["sms"].mend()
    await world.update("From six o'clock, not from five.", corrects=2)
    told = world.phone("mia").expect_sms("Update 3", "From six o'clock")
    assert "correct" not in told.text
    world.phone("lea").expect_sms("Update 3 corrects update 2")


async def test_news_after_the_correction_still_says_that_the_old_words_were_wrong(world: World):
    """Mia's phone was off for the correction alone: the newest news puts her right, too."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.update("It works again from five o'clock.")
    world.phone("mia").forget()
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.update("From six o'clock, not from five.", corrects=2)
    world.channels["sms"].mend()
    await world.update("We are adding servers.")
    world.phone("mia").expect_sms("Update 4 corrects update 2", "We are adding servers.")
    await world.update("Half of them run.")
    assert "correct" not in world.phone("mia").expect_sms("Update 5").text


@pytest.mark.parametrize("wakes", [True, False])
async def test_a_correction_wakes_only_where_the_policy_says_so(town: Callable[..., World], wakes: bool):
    """R10: what is true of every kind of news; at wake-up there is one message."""
    kinds = make.WAKING | ({Kind.CORRECTION} if wakes else set())
    world = town(policy=make.policy(wakes={Severity.CRITICAL: kinds}))
    await world.family("fam-1", caregiver("mia", "push"))
    await world.until_local("2026-11-05 01:00")
    await world.outage("follow")
    world.phone("mia").expect_push(loud=True)
    await world.update("It works again from five o'clock.")
    world.phone("mia").expect_push("from five", loud=False)
    await world.update("From six o'clock, not from five.", corrects=2)
    world.phone("mia").expect_push("corrects update 2", loud=wakes)
    await world.resolve()
    world.phone("mia").expect_push("works again", loud=True)


async def test_what_readers_never_saw_cannot_be_corrected(world: World):
    """A holding has no number of its own for readers; a note was told to nobody."""
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.update("For the team only.", notify=False)
    await world.fast_forward(minutes=30)  # a holding
    world.phone("mia").forget()
    before = world.sql("SELECT count(*) FROM incident_update")
    for number, field, why in (
        (2, "corrects", "for the record only"),
        (3, "corrects", "no update 3 to correct; families were told 1"),
        (0, "corrects", "no update 0"),
        (-1, "corrects", "no update -1"),
    ):
        with pytest.raises(Invalid, match=why) as refused:
            await world.update("Not so.", corrects=number)
        assert refused.value.field == field
    with pytest.raises(Invalid, match="leave out one") as refused:
        await world.update("Not so.", corrects=1, notify=False)
    assert refused.value.field == "notify"
    assert world.sql("SELECT count(*) FROM incident_update") == before
    world.phone("mia").expect_nothing()
