"""R7, R11, R15: a new token or number is no new person: whoever was told at the old one hears the end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from alertd.domain.family import Caregiver
from alertd.ports import Later, Refused
from tests.make import caregiver, climbing, own
from tests.scenario.world import World


def moved(person: Caregiver, channel: str) -> Caregiver:
    return replace(person, addresses=(own(person.id, channel, 1),))


async def told_of_something_major(world: World) -> Caregiver:
    mia = caregiver("mia", "push")
    await world.family("fam-1", mia)
    await world.outage("follow", severity="major")
    world.phone("mia").expect_push("Follow")
    return mia


async def test_a_new_token_while_the_all_clear_waits(world: World):
    mia = await told_of_something_major(world)
    world.channels["push"].fail_always("*", lambda: Later("unavailable", "not now"))
    await world.resolve("Repaired.")
    await world.fast_forward(minutes=2)
    await world.family("fam-1", moved(mia, "push"))
    world.channels["push"].mend()
    await world.fast_forward(hours=1)
    world.phone("mia").expect_push("works again")
    await world.fast_forward(hours=30)
    world.phone("mia").expect_nothing()


async def test_a_new_token_just_before_the_end(world: World):
    """The notice to the new token still waits: it would be wrong by now."""
    mia = await told_of_something_major(world)
    world.channels["push"].fail_always("*", lambda: Later("unavailable", "not now"))
    await world.family("fam-1", moved(mia, "push"))
    await world.settle()
    await world.resolve("Repaired.")
    world.channels["push"].mend()
    await world.fast_forward(hours=1)
    world.phone("mia").expect_push("works again")


async def test_a_token_that_dies_with_the_all_clear(world: World):
    mia = await told_of_something_major(world)
    world.channels["push"].fail_always("push-mia", lambda: Refused("UNREGISTERED", "gone"))
    await world.resolve("Repaired.")
    await world.fast_forward(minutes=1)
    await world.family("fam-1", moved(mia, "push"))
    await world.fast_forward(hours=1)
    world.phone("mia").expect_push("works again")


async def test_a_number_that_is_put_right_while_it_goes_on_is_told_all_of_it_and_the_end_once(world: World):
    mia = await told_of_something_major(world)
    await world.family("fam-1", moved(mia, "push"))
    await world.settle()
    world.phone("mia").expect_push("Follow has problems")
    await world.resolve("Repaired.")
    world.phone("mia").expect_push("works again")
    world.phone("mia").expect_nothing()


async def test_whom_the_ladder_told_goes_on_hearing_at_a_new_number(town: Callable[..., World]):
    world = town(policy=climbing())
    mia, nan = caregiver("mia", "sms"), caregiver("nan", "sms", role="grandparent", order=3)
    await world.family("fam-1", mia, nan)
    await world.outage("follow")
    await world.fast_forward(minutes=20)
    world.phone("nan").expect_sms("Follow is down")
    await world.answers(world.phone("mia").expect_sms("Follow is down"))
    world.phone("nan").forget()
    await world.family("fam-1", mia, moved(nan, "sms"))
    await world.fast_forward(minutes=1)
    world.phone("nan").expect_sms("Follow is down")
    await world.update("The cause is found.", state="identified")
    await world.resolve()
    world.phone("mia").forget()
    world.phone("nan").expect_sms("The cause is found")
    world.phone("nan").expect_sms("works again")


async def test_the_postmortem_that_was_promised(world: World):
    mia = caregiver("mia", "push")
    await world.family("fam-1", mia)
    await world.outage("follow")
    world.phone("mia").forget()
    await world.resolve("ok", postmortem_by=world.clock.now() + timedelta(hours=20))
    world.phone("mia").forget()
    await world.family("fam-1", moved(mia, "push"))
    await world.postmortem("A queue filled up.")
    await world.fast_forward(hours=30)
    world.phone("mia").expect_push("A queue filled up")


async def test_who_moves_away_with_a_new_token_is_told_that_it_does_not_concern_them(world: World):
    mia = caregiver("mia", "push")
    await world.family("fam-1", mia)
    await world.outage("follow", severity="major", regions=("us-west",))
    world.phone("mia").expect_push("Follow")
    await world.family("fam-1", moved(mia, "push"), region="eu")
    await world.settle()
    world.phone("mia").expect_push("no longer affected")
    await world.resolve()
    await world.fast_forward(hours=12)
    world.phone("mia").expect_nothing()


async def test_the_end_at_a_new_number_is_that_of_what_was_real(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Refused("30005"))
    await world.fast_forward(minutes=40)
    await world.resolve()
    await world.fast_forward(minutes=40)
    await world.reopen()
    await world.fast_forward(minutes=5)
    await world.cancel()
    await world.family("fam-1", moved(caregiver("mia", "sms"), "sms"))
    await world.settle()
    said = world.phone("mia").expect_sms("Follow works again", "12:40 PM").text
    assert "wrong" not in said, said
