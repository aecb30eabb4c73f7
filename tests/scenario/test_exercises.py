"""An exercise says in every text that it is one, and moves nothing that is real (R5)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from alertd.domain.errors import Conflict, Invalid
from alertd.ports import Refused
from alertd.usecases.audit import audit
from alertd.usecases.recall import recall
from tests import make
from tests.make import caregiver
from tests.scenario.world import World


async def test_it_is_told_once_and_its_end_and_every_text_says_that_it_is_a_test(world: World):
    await world.family("fam-1", caregiver("mia", "push", "sms", "email"))
    await world.outage("follow", exercise=True, message="We try our alarm.")
    for channel in ("push", "sms"):
        told = world.phone("mia").expect(channel, "TEST ONLY", "Nothing is down", "We try our alarm.")
        assert "We write again when the test is over" in told.text
        assert told.link is None
    await world.fast_forward(hours=30)  # nothing is promised, so nothing is held, asked or repeated
    world.phone("mia").expect_nothing()

    await world.resolve("Thank you.")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "TEST ONLY", "Thank you.")
    await world.fast_forward(hours=30)


async def test_nobody_is_rung_up_in_it(world: World):
    """Whoever rings up says when they hear again, and an exercise promises nothing."""
    await world.family("fam-1", caregiver("mia", "push"))
    await world.outage("follow", exercise=True)
    world.phone("mia").forget()
    with pytest.raises(Conflict, match="incident 1 is an exercise"):
        await world.told_by_phone()
    assert world.sql("SELECT count(*) FROM incident_update") == [(1,)]


async def test_it_wakes_nobody_and_its_ladder_asks_nobody(town: Callable[..., World]):
    """Who sleeps reads it in the morning, and who slept through all of it never hears of it."""
    world = town(policy=make.climbing((0, "always"), (10, "all", "sms")))
    await world.family("fam-1", caregiver("mia", "sms"), caregiver("gran", "sms", role="grandparent", order=2))
    await world.until_local("2026-11-05 01:00")
    await world.outage("follow", exercise=True)
    world.phone("mia").expect_nothing()
    await world.resolve()
    await world.until_local("2026-11-05 12:00")
    world.phone("mia").expect_nothing()

    await world.until_local("2026-11-06 01:00")
    await world.outage("follow", exercise=True)
    await world.until_local("2026-11-06 06:40")
    world.phone("mia").expect_sms("TEST ONLY")
    await world.until_local("2026-11-06 12:00")
    await world.resolve(number=2)
    world.phone("mia").expect_sms("TEST ONLY")


async def test_a_real_outage_meanwhile_is_its_own_and_its_clock_is_not_moved(town: Callable[..., World]):
    """Machines and people open a real incident beside it; what families hear of the test buys no time."""
    world = town(policy=make.policy(sources={"prober": ("open",)}))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow", exercise=True)
    world.phone("mia").expect_sms("TEST ONLY")
    assert (await world.machine("prober")).incident == 2
    await world.cancel(number=2)
    await world.outage("follow")
    told = world.phone("mia").expect_sms("Follow is down", "12:30")
    assert "TEST" not in told.text
    await world.fast_forward(minutes=20)
    await world.resolve()
    world.phone("mia").expect_sms("TEST ONLY")
    await world.fast_forward(minutes=10)
    assert "TEST" not in world.phone("mia").expect_sms("No news").text
    await world.resolve(number=3)
    world.phone("mia").expect_sms("works again")


async def test_neither_the_auditor_nor_responders_are_concerned(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow", exercise=True)
    world.phone("mia").forget()
    await world.fast_forward(hours=5)
    answer = await audit(world.deps)
    assert (answer.passed, answer.families) == (True, 0)
    assert world.sql("SELECT count(*) FROM page") == [(0,)]
    await world.resolve()
    world.phone("mia").forget()


async def test_an_address_that_fails_costs_the_exercise_nothing(world: World):
    await world.family(
        "fam-1", caregiver("mia", "push", "email", preferences=make.preferences(critical=("push",)))
    )
    world.channels["push"].fail("push-mia", Refused("UNREGISTERED"))
    await world.outage("follow", exercise=True)
    world.phone("mia").expect_email("TEST ONLY")
    await world.cancel()
    world.phone("mia").expect_email("TEST ONLY")


async def test_what_an_exercise_cannot_do(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    with pytest.raises(Invalid, match="promises nothing") as refused:
        await world.outage("follow", exercise=True, next_in=timedelta(minutes=20))
    assert refused.value.field == "next_in"
    await world.outage("follow", exercise=True)
    with pytest.raises(Conflict, match="end that exercise first"):
        await world.outage("follow", exercise=True)
    with pytest.raises(Conflict, match="told once"):
        await world.update("Half way.")
    with pytest.raises(Conflict, match="is an exercise"):
        await recall(world.deps, 1, who="test")
    await world.resolve()
    for again in (world.reopen, world.resolve):
        with pytest.raises(Conflict, match="is over"):
            await again()
    world.phone("mia").forget()
