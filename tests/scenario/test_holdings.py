"""R3: an outage of which nobody writes: "no news yet" is said in time, honestly, and not too loudly."""

from collections.abc import Callable
from dataclasses import replace

from alertd.domain.policy import Holdings
from alertd.usecases.audit import audit
from tests import make
from tests.scenario.world import World

BOTH = make.preferences(critical=("push", "sms"), quiet_hours="none")
PHONE = make.preferences(critical=("sms",), quiet_hours="none")


async def test_two_loud_ones_then_silent_ones_and_news_are_loud_again(world: World):
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=BOTH))
    await world.outage("follow")
    world.phone("mia").expect_push("Follow", loud=True)
    world.phone("mia").expect_sms("Follow")
    for _ in range(2):
        await world.fast_forward(minutes=30)
        world.phone("mia").expect_push("No news", loud=True)
        world.phone("mia").expect_sms("No news")
    for _ in range(3):
        await world.fast_forward(minutes=30)
        world.phone("mia").expect_push("No news", loud=False)
    await world.update("We found the cause.", state="identified")
    world.phone("mia").expect_push("We found the cause.", loud=True)
    world.phone("mia").expect_sms("We found the cause.")
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_push("No news", loud=True)
    world.phone("mia").expect_sms("No news")
    await world.resolve()
    world.phone("mia").expect_push("works again", loud=True)
    world.phone("mia").expect_sms("works again")


async def test_an_only_phone_gets_so_many_a_day_and_is_told_when_the_next_one_comes(town: Callable[..., World]):
    rules = make.policy()
    world = town(policy=replace(rules, silence=replace(rules.silence, holdings=Holdings(loud=2, sms_per_day=3))))
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=PHONE))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow")
    for _ in range(2):
        await world.fast_forward(minutes=30)
        world.phone("mia").expect_sms("No news")
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_sms("No news", "12:2")  # tomorrow, a day after the first of the three
    await world.fast_forward(hours=2)
    assert world.sql("SELECT rest FROM watch") == [("capped",)]
    assert (await audit(world.deps)).passed
    await world.update("We found the cause.", state="identified")
    world.phone("mia").expect_sms("We found the cause.")
    await world.fast_forward(hours=20)
    world.phone("mia").expect_nothing()
    await world.fast_forward(hours=1)
    world.phone("mia").expect_sms("No news")
    await world.resolve()
    world.phone("mia").expect_sms("works again")


async def test_whoever_asks_for_few_hears_silently_and_still_in_time(world: World):
    few = replace(BOTH, holdings="few")
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=few))
    await world.outage("follow")
    world.phone("mia").expect_push("Follow", loud=True)
    world.phone("mia").expect_sms("Follow")
    for _ in range(2):
        await world.fast_forward(minutes=30)
        world.phone("mia").expect_push("No news", loud=False)
    await world.cancel()
    world.phone("mia").forget()
