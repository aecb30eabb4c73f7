"""R2, R15: what binds us is what each person was told, whatever others in their family know by then."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from alertd.domain.incident import Reach, Severity
from alertd.ports import Later
from alertd.usecases.recall import recall
from tests import make
from tests.make import caregiver
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
NIGHT = datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC)
SMS = make.preferences(critical=("sms",), default=("sms",))
ONLY_CRITICAL = make.preferences(critical=("sms",), major=(), minor=())


async def test_who_sleeps_through_the_fall_that_others_heard_is_told_in_the_morning(town: Town):
    world = town(NIGHT)
    await world.family(
        "fam-1", caregiver("mia", "sms", preferences=ONLY_CRITICAL), caregiver("ben", "push", order=2)
    )
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down", "otherwise you hear from us at 6:30 AM")
    await world.fast_forward(minutes=10)
    await world.update("Much better.", severity="major")
    await world.until_local("2026-11-05 06:31")
    world.phone("ben").forget()
    world.phone("mia").expect_sms("has problems", "Much better.")
    await world.until_local("2026-11-05 09:00")
    world.phone("ben").forget()
    world.phone("mia").expect_nothing()


async def test_who_is_off_duty_when_it_falls_is_told_when_they_come(world: World):
    dad = caregiver("dad", "sms", order=2, preferences=ONLY_CRITICAL, on_duty="mon-fri 08:00-13:00")
    await world.family("fam-1", caregiver("mia", "push"), dad)
    await world.outage("follow")
    await world.fast_forward(minutes=70)
    world.phone("dad").expect_sms("Follow is down")
    world.phone("dad").expect_sms("still down")
    world.phone("dad").expect_sms("still down", "Next update by Thu 8:00 AM")
    await world.update("Much better.", severity="major")
    await world.until_local("2026-11-05 08:01")
    world.phone("mia").forget()
    world.phone("dad").expect_sms("has problems", "Much better.")


async def test_whose_provider_is_down_when_it_falls_hears_of_it_all_the_same(world: World):
    await world.family(
        "fam-1", caregiver("mia", "sms", preferences=ONLY_CRITICAL), caregiver("ben", "push", order=2)
    )
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down", "Next update by 12:30 PM")
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.update("Much better.", severity="major")
    await world.fast_forward(minutes=5)
    await world.update("We know the cause.", state="identified")
    await world.fast_forward(minutes=2)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=30)
    world.phone("ben").forget()
    world.phone("mia").expect_sms("has problems")


async def test_who_was_told_a_raise_by_mistake_hears_by_the_time_it_named(world: World):
    """Decision 28: everybody is told in time, also who asked to be told nothing of what it falls to."""
    await world.family("fam-1", caregiver("mia", "sms", preferences=ONLY_CRITICAL))
    await world.outage("follow", severity="major")
    await world.fast_forward(minutes=10)
    await world.update("All of it.", severity="critical")
    world.phone("mia").expect_sms("Follow is down", "Next update by 12:40 PM")
    await world.fast_forward(minutes=5)
    await recall(world.deps, 1, who="test")
    await world.fast_forward(minutes=26)
    world.phone("mia").expect_sms("Correction", "has problems")
    await world.fast_forward(hours=3)
    world.phone("mia").expect_nothing()


async def test_who_is_left_with_a_service_of_which_they_asked_to_hear_nothing(world: World):
    mia = caregiver(
        "mia", "sms", preferences=make.preferences(default=("sms",), services={"share": {Severity.MAJOR: ()}})
    )
    await world.family("fam-1", mia)
    await world.outage("follow", "share", severity="major")
    world.phone("mia").expect_sms("Follow and Share have problems", "Next update by 1:00 PM")
    await world.fast_forward(minutes=10)
    await world.update("Follow is well.", remove_scope=(Reach("follow"),))
    world.phone("mia").expect_sms("No longer affected: Follow")
    await world.fast_forward(hours=3)
    world.phone("mia").expect_nothing()


async def test_who_stood_in_hears_by_the_time_that_they_were_told(world: World):
    """Decision 21: whoever stands in for somebody without an address goes on hearing."""
    gran = caregiver("gran", "sms", role="grandparent", order=3, preferences=SMS)
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS), gran)
    await world.outage("follow")
    await world.replies("mia", "STOP")
    world.phone("gran").expect_sms("Follow is down", "Next update by 12:30 PM")
    await world.fast_forward(minutes=10)
    await world.replies("mia", "START")
    await world.fast_forward(minutes=21)
    world.phone("mia").forget()
    world.phone("gran").expect_sms("still down")


async def test_a_mailbox_of_the_whole_house_tells_only_the_first(world: World):
    """Gran is told by a ladder alone; that the house's mailbox was told, which she has too, brings her in nowhere."""
    home = make.address("email", "home@example.org")
    mia = caregiver("mia", "sms", preferences=make.preferences(critical=("sms", "email"), default=("email",)))
    gran = caregiver("gran", "sms", role="grandparent", order=3, preferences=SMS)
    await world.family(
        "fam-1",
        replace(mia, addresses=(*mia.addresses, home)),
        replace(gran, addresses=(*gran.addresses, home)),
    )
    await world.outage("follow")
    await world.fast_forward(minutes=5)
    await world.update("The cause is found.", state="identified")
    await world.fast_forward(minutes=40)
    for phone in world.phones.values():
        phone.forget()
    assert world.sql("SELECT update_no FROM delivery WHERE caregiver='gran'") == []


async def test_a_ladder_that_rings_the_mailbox_of_the_house_brings_nobody_else_in(town: Town):
    world = town(policy=make.climbing((0, "always"), (10, "always", "sms email")))
    home = make.address("email", "home@example.org")
    mia, gran = caregiver("mia", "sms", preferences=SMS), caregiver("gran", "sms", role="grandparent", order=3)
    gran = replace(gran, preferences=SMS)
    await world.family(
        "fam-1", replace(mia, addresses=(*mia.addresses, home)), replace(gran, addresses=(*gran.addresses, home))
    )
    await world.outage("follow")
    await world.fast_forward(minutes=45)
    for phone in world.phones.values():
        phone.forget()
    assert world.sql("SELECT channel, reason, update_no FROM delivery WHERE caregiver='gran'") == []


async def test_who_asks_to_hear_nothing_more_of_it_gets_no_last_word(world: World):
    """Nothing has become better: it is she who has heard enough."""
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS))
    await world.outage("follow", severity="major")
    world.phone("mia").expect_sms("Follow has problems", "Next update by 1:00 PM")
    await world.fast_forward(minutes=10)
    await world.family("fam-1", caregiver("mia", "sms", preferences=ONLY_CRITICAL))
    await world.update("The cause is found.")
    await world.fast_forward(hours=2)
    world.phone("mia").expect_nothing()
    assert world.sql("SELECT rest FROM watch") == [("muted",)]
    await world.resolve()
    world.phone("mia").expect_sms("works again")
