"""R1, R15: a phone that several families share is told what fails for each of them, and what does no more."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from alertd.domain.incident import Reach
from tests import make
from tests.make import caregiver
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
SMS = make.preferences(critical=("sms",), default=("sms",))


async def test_a_family_that_comes_late_with_a_phone_that_knows_of_another_service(town: Town):
    world = town(datetime(2026, 11, 4, 23, 0, tzinfo=PACIFIC))
    nurse = caregiver("rosa", "sms", "push", preferences=SMS)
    await world.family("fam-1", nurse, services=("follow",))
    await world.outage("follow", "share")
    assert "Share" not in world.phone("rosa").expect_sms("Follow is down").text
    await world.fast_forward(minutes=5)
    await world.family("fam-2", nurse, services=("share",))
    await world.fast_forward(minutes=10)  # first_notice of what is critical
    world.phone("rosa").expect_sms("Share and Follow are down")
    world.phone("rosa").expect_nothing()
    await world.family("fam-3", nurse, services=("share",))
    await world.fast_forward(minutes=10)
    world.phone("rosa").expect_nothing()
    await world.resolve()
    world.phone("rosa").expect_sms("Follow and Share work again")
    world.phone("rosa").expect_nothing()
    await world.fast_forward(minutes=5)
    assert world.sql("SELECT DISTINCT rest FROM watch") == [("closed",)]


async def test_a_family_that_comes_late_with_a_phone_that_knows_of_its_service(world: World):
    nurse = caregiver("rosa", "sms", preferences=SMS)
    await world.family("fam-1", nurse, services=("follow", "share"))
    await world.outage("follow", "share")
    world.phone("rosa").expect_sms("Follow and Share are down")
    await world.fast_forward(minutes=5)
    await world.family("fam-2", nurse, services=("share",))
    await world.fast_forward(minutes=10)
    world.phone("rosa").expect_nothing()


async def test_what_works_again_for_the_other_child_is_said_to_who_has_both(world: World):
    rosa = caregiver("rosa", "sms", preferences=SMS)
    await world.family("fam-1", rosa, services=("follow",))
    await world.family("fam-2", rosa, services=("share",))
    await world.outage("follow", "share")
    world.phone("rosa").expect_sms("Follow and Share are down")
    await world.fast_forward(minutes=10)
    await world.update("", remove_scope=(Reach("share"),))
    world.phone("rosa").expect_sms("Follow is still down", "No longer affected: Share")
    await world.fast_forward(minutes=10)
    await world.resolve()
    world.phone("rosa").expect_sms("Follow and Share work again")
    world.phone("rosa").expect_nothing()


async def test_the_other_way_round_too(world: World):
    rosa = caregiver("rosa", "sms", preferences=SMS)
    await world.family("fam-1", rosa, services=("share",))
    await world.family("fam-2", rosa, services=("follow",))
    await world.outage("follow", "share")
    world.phone("rosa").forget()
    await world.fast_forward(minutes=10)
    await world.update("", remove_scope=(Reach("share"),))
    world.phone("rosa").expect_sms("Follow is still down", "No longer affected: Share")
    await world.fast_forward(minutes=10)
    await world.resolve()
    world.phone("rosa").expect_sms("work again")
    world.phone("rosa").expect_nothing()


async def test_a_phone_hears_what_works_again_though_its_other_family_is_muted(world: World):
    """R2, R15: there she asked to hear of critical things alone, and nothing else would say it."""
    rosa = caregiver("rosa", "sms", role="guardian", preferences=make.preferences(critical=("sms",), major=()))
    await world.family("fam-1", rosa, services=("follow",))
    await world.family("fam-2", replace(rosa, preferences=SMS), services=("share",))
    await world.outage("follow", "share", severity="major")
    world.phone("rosa").expect_sms("Share", "Next update by 1:00 PM")
    await world.fast_forward(minutes=10)
    await world.update("Share is well.", remove_scope=(Reach("share"),))
    await world.until(make.after(61))
    world.phone("rosa").expect_sms("No longer affected: Share")
