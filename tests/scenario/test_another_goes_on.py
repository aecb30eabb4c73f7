"""R11: no end may sound as if all were well while another outage keeps the same service from the same family."""

from collections.abc import Callable
from datetime import datetime

from alertd.domain.incident import Reach
from alertd.ports import Later
from tests import make
from tests.make import caregiver
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
NIGHT = datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC)
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
    world.phone("mia").expect_sms("A problem with Follow goes on, another of our messages was wrong")


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
    test = world.phone("mia").expect_sms("TEST ONLY: Follow is down", "a real problem with Follow goes on")
    assert "Nothing is down" not in said(test)
    await world.resolve(number=2)
    over = world.phone("mia").expect_sms("TEST ONLY: the test is over", "A real problem with Follow goes on")
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


async def test_a_nurse_of_two_families_is_not_told_that_it_works_for_the_other_child(world: World):
    """One message to a shared address ends the outage of both, and one of them has another."""
    nurse = caregiver("nurse", "sms")
    await world.family("fam-1", nurse, services=("follow",), region="us-west")
    await world.family("fam-2", nurse, services=("follow",), region="eu-north")
    await world.outage("follow", regions=("us", "eu-north"))
    await world.outage("follow", regions=("eu",))
    forget(world)
    await world.resolve("All is well.")
    told = world.phone("nurse").expect_sms(GOES_ON)
    assert "All is well" not in said(told)


async def test_an_exercise_does_not_say_that_nothing_is_down_while_another_service_of_theirs_is(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("share")
    forget(world)
    await world.outage("follow", exercise=True)
    test = world.phone("mia").expect_sms("TEST ONLY: Follow is down", "a real problem with Share goes on")
    assert "Nothing is down" not in said(test)
    await world.resolve(number=2)
    world.phone("mia").expect_sms("TEST ONLY: the test is over", "A real problem with Share goes on")


async def test_an_exercise_that_is_over_beside_a_real_outage_says_nothing_of_alarms_that_arrive(world: World):
    await world.family("fam-1", caregiver("mia", "push"))
    await world.outage("follow")
    await world.outage("follow", exercise=True)
    forget(world)
    await world.resolve("Alarms arrive again.", number=2)
    over = world.phone("mia").expect_push("TEST ONLY: the test is over", "A real problem with Follow goes on")
    assert "arrive again" not in said(over)


async def test_what_one_outage_leaves_and_another_keeps_is_not_called_unaffected(world: World):
    """An update, not an end: some services of theirs are let go."""
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"), region="us-west")
    await world.outage("share", "follow", regions=("us-west",))
    await world.outage("follow", regions=("us",))
    forget(world)
    await world.update("", remove_scope=(Reach("follow", ("us-west",)),))
    told = world.phone("mia").expect_sms("Share is still down")
    assert "No longer affected" not in said(told)
    assert "Follow" not in said(told)


async def test_a_false_alarm_slept_through_is_no_problem_that_is_over(town: Town):
    world = town(NIGHT)
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow",))
    await world.outage("follow", severity="major")
    await world.fast_forward(hours=1)
    await world.cancel()
    await world.outage("follow")
    await world.until_local("2026-11-05 06:29")
    forget(world)
    await world.until_local("2026-11-05 06:31")
    told = world.phone("mia").expect_sms("goes on, another that we suspected was none")
    assert "is over" not in said(told)
    forget(world)


async def test_of_a_false_alarm_what_never_failed_does_not_work_again(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"), region="us-west")
    await world.outage("follow", "share", regions=("us-west",))
    await world.outage("follow", regions=("us",))
    forget(world)
    await world.cancel()
    told = world.phone("mia").expect_sms("A problem with Follow goes on, Share works")
    assert "again" not in said(told)


async def test_beside_a_small_problem_readings_do_reach_them(world: World):
    """The other outage's own messages say "not urgent"; the end says no more than they do."""
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(default=("sms",))))
    await world.outage("follow", regions=("us-west",))
    await world.outage("follow", severity="minor", regions=("us",))
    forget(world)
    await world.resolve()
    told = world.phone("mia").expect_sms(GOES_ON, "Not urgent")
    assert "may still not reach you" not in said(told)
    assert "Check glucose directly" not in said(told)


async def test_of_a_small_and_a_grave_problem_beside_it_the_grave_one_counts(world: World):
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(default=("sms",))))
    await world.outage("follow", regions=("us-west",))
    await world.outage("follow", severity="minor", regions=("us",))
    await world.outage("follow")
    forget(world)
    await world.resolve()
    world.phone("mia").expect_sms(GOES_ON, "may still not reach you")


async def test_what_happened_does_not_say_that_it_is_over_while_another_goes_on(world: World):
    await world.family("fam-1", caregiver("mia", "email"))
    await world.outage("follow")
    await world.resolve()
    await world.outage("follow")
    forget(world)
    await world.postmortem("A queue filled up.")
    told = world.phone("mia").expect_email("What happened to Follow", "A queue filled up.", "until all is well")
    assert "if it comes back" not in said(told)


async def test_the_page_of_a_nurse_of_two_families_says_it_too(town: Town):
    world = town(policy=make.climbing((0, "always"), (60, "all", "sms")))
    nurse = caregiver("nurse", "sms")
    await world.family("fam-1", nurse, services=("follow",), region="us-west")
    await world.family("fam-2", nurse, services=("follow",), region="eu-north")
    await world.outage("follow", regions=("us", "eu-north"))
    told = world.phone("nurse").expect_sms("Follow is down")
    await world.outage("follow", regions=("eu",))
    await world.resolve()
    page = await world.looks_at(told)
    assert GOES_ON in page
    assert "works again" not in page
    forget(world)


async def test_the_other_child_of_a_phone_may_be_touched_by_the_other_outage_alone(world: World):
    """Her two children live in two regions, and each has an outage of its own: no child is named in "works again"."""
    rosa = caregiver("rosa", "sms")
    await world.family("fam-1", rosa, region="us")
    await world.family("fam-2", rosa, region="eu")
    await world.outage("follow", regions=("us",))
    await world.outage("follow", regions=("eu",))
    forget(world)
    await world.resolve()
    end = world.phone("rosa").expect_sms(GOES_ON)
    assert "again" not in said(end)
    await world.resolve(number=2)
    world.phone("rosa").expect_sms("Follow works again")
