"""R11: no end may sound as if all were well while another outage keeps the same service from the same family."""

from collections.abc import Callable

from alertd.domain.incident import Reach
from alertd.ports import Later
from tests import make
from tests.scenario.world import World

GOES_ON = "A problem with Follow goes on, another is over"


def forget(world: World) -> None:
    for phone in world.phones.values():
        phone.forget()


def said(message) -> str:
    return f"{message.title}\n{message.text}\n{message.html or ''}"


async def test_a_relapse_at_night_is_not_called_well_in_the_morning(world: World):
    """Over at two, down again at five: what waited since two would be the last word they read at half past six."""
    await world.until_local("2026-11-04 23:00")
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow", severity="major")
    await world.until_local("2026-11-05 02:00")
    await world.resolve("It works again.")
    await world.until_local("2026-11-05 05:00")
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    await world.until_local("2026-11-05 06:25")
    forget(world)

    await world.until_local("2026-11-05 06:31")
    end = world.phone("mia").expect_sms(GOES_ON, "may still not reach you", "Check glucose directly")
    assert "again" not in said(end)  # neither ours nor the human's words
    forget(world)
    await world.resolve(number=2)
    world.phone("mia").expect_sms("Follow works again")


async def test_once_the_other_is_over_too_all_is_well(world: World):
    await world.until_local("2026-11-04 23:00")
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow", severity="major")
    await world.until_local("2026-11-05 02:00")
    await world.resolve()
    await world.until_local("2026-11-05 03:00")
    await world.outage("follow", severity="major")
    await world.until_local("2026-11-05 04:00")
    await world.resolve(number=2)
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_sms("works again")
    world.phone("mia").expect_sms("works again")


async def test_an_end_that_a_provider_held_up_is_told_as_things_are_when_it_goes_out(world: World):
    await world.family("fam-1", make.caregiver("mia", "push", "sms"))
    await world.outage("follow")
    forget(world)
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.resolve("It works again.")
    world.phone("mia").expect_push("Follow works again", "It works again.")
    await world.outage("follow")
    world.phone("mia").expect_push("Follow is down")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    texts = [said(message) for _, message in world.phone("mia").unread]
    assert any(GOES_ON in text for text in texts)
    assert not any("works again" in text for text in texts)
    forget(world)


async def test_of_two_services_the_one_that_works_is_named(world: World):
    await world.until_local("2026-11-04 23:00")
    await world.family("fam-1", make.caregiver("mia", "push"), services=("follow", "share"))
    await world.outage("follow", "share", severity="major")
    await world.until_local("2026-11-05 02:00")
    await world.resolve()
    await world.until_local("2026-11-05 05:00")
    await world.outage("follow")
    await world.until_local("2026-11-05 06:25")
    forget(world)
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_push("A problem with Follow goes on, Share works again")
    forget(world)


async def test_what_does_not_touch_them_changes_no_word(world: World):
    """Another service; another region; and what is only a suspicion of which nobody was told."""
    await world.family("fam-1", make.caregiver("mia", "sms"), services=("follow",), region="us-west")
    await world.family("fam-2", make.caregiver("ben", "sms"), services=("share",), region="us-west")
    await world.family("fam-3", make.caregiver("eva", "sms"), services=("follow",), region="us-east")
    await world.outage("follow", regions=("us-west",))
    await world.outage("share")
    await world.outage("follow", regions=("us-east",))
    forget(world)
    await world.resolve("It works again.")
    world.phone("mia").expect_sms("Follow works again", "It works again.")


async def test_a_false_alarm_beside_a_real_outage_is_no_comfort(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"), region="us-west")
    await world.outage("follow", regions=("us-west",))
    await world.outage("follow", regions=("us",))
    forget(world)
    await world.cancel()
    world.phone("mia").expect_sms("A problem with Follow goes on, another alarm was false")


async def test_whom_one_outage_leaves_and_another_does_not(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"), services=("share",), region="us-west")
    await world.family("fam-2", make.caregiver("ben", "sms"), services=("follow",))
    await world.outage("share", regions=("us-west",))
    await world.outage("follow", "share")
    forget(world)
    await world.update("Only Follow.", number=2, remove_scope=(Reach("share"),))
    left = world.phone("mia").expect_sms("A problem with Share still affects you, another no longer does")
    assert "works" not in said(left)
    assert "Only Follow." not in said(left)
    forget(world)


async def test_an_exercise_beside_a_real_outage_does_not_say_that_nothing_is_down(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    forget(world)
    await world.outage("follow", exercise=True)
    test = world.phone("mia").expect_sms("TEST ONLY", "a real problem goes on")
    assert "Nothing is down" not in said(test)
    await world.resolve(number=2)
    over = world.phone("mia").expect_sms("TEST ONLY", "a real problem goes on")
    assert "works again" not in said(over)


async def test_the_page_of_an_old_link_says_it_too(town: Callable[..., World]):
    world = town(policy=make.climbing((0, "always"), (60, "all", "sms")))
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    told = world.phone("mia").expect_sms("Follow is down")
    await world.resolve()
    assert "Follow works again" in await world.looks_at(told)
    await world.outage("follow")
    page = await world.looks_at(told)
    assert GOES_ON in page
    assert "works again" not in page
    forget(world)
