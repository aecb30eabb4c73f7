"""R1, R9, R11: it came back; the same incident goes on, in a new epoch."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.watch import LadderState
from tests import make
from tests.make import caregiver, climbing
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]


async def test_a_relapse_is_told_to_everybody_and_asks_anew(town: Town):
    """Who was told that it works again is told at once that it does not, and the ladder begins anew."""
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    first = world.phone("mia").expect_sms("Follow is down", "Tell us you know")
    await world.answers(first)
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    await world.family("fam-2", caregiver("bo", "sms"))  # moves in while all is well

    await world.fast_forward(hours=3)
    await world.reopen("Readings stopped again.", next_in=make.minutes(20))
    again = world.phone("mia").expect_sms("down again", "Readings stopped again.", "3:20", "Tell us you know")
    world.phone("bo").expect_sms("down again", "3:20")
    assert (await world.reach()).ladders == {LadderState.CLIMBING: 2}

    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("No answer yet. Tell us you know:")
    world.phone("bo").expect_sms("No answer yet. Tell us you know:")
    await world.answers(again)
    await world.fast_forward(minutes=10)
    for name in ("mia", "bo"):
        world.phone(name).expect_sms("No news")  # the promise of 3:20, kept by a holding
    await world.resolve()
    for name in ("mia", "bo"):
        world.phone(name).expect_sms("works again")
    await world.fast_forward(hours=12)


async def test_the_all_clear_after_a_relapse_is_about_the_relapse(town: Callable[..., World]):
    """In between it worked: nobody is told that the trouble lasted for all that time."""
    world = town(policy=climbing((0, "always")))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=10)
    await world.resolve()
    await world.fast_forward(hours=3)
    world.phone("mia").forget()
    await world.reopen()
    world.phone("mia").expect_sms("down again")
    await world.fast_forward(minutes=20)
    await world.resolve()
    world.phone("mia").expect_sms("works again", "(20 min)")


async def test_a_relapse_at_night_wakes(town: Town):
    """A reopening stands in the policy's `wakes`."""
    world = town(policy=climbing((0, "always")))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("is down")
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    await world.until_local("2026-11-04 23:30")
    await world.reopen()
    world.phone("mia").expect_sms("down again")
    await world.cancel()
    said = world.phone("mia").expect_sms("False alarm", "had not failed again").text
    assert "there was no outage" not in said  # there was: its all-clear came in the afternoon


async def test_what_was_a_false_alarm_from_the_first_is_called_so_again(town: Town):
    """Nothing was ever down: neither the first time nor when it seemed to come back."""
    world = town(policy=climbing((0, "always")))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.cancel()
    await world.reopen()
    world.phone("mia").forget()
    await world.cancel()
    world.phone("mia").expect_sms("False alarm", "there was no outage")


async def test_who_never_heard_of_a_first_time_reads_nothing_of_it(town: Town):
    """A machine's suspicion ended before families were told; what a person says came back is their first word."""
    world = town(policy=replace(climbing((0, "always")), sources={"bot": ("open", "resolve")}))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.machine("bot")
    await world.resolve()
    await world.reopen()
    world.phone("mia").expect_sms("Follow is down")
    await world.cancel()
    said = world.phone("mia").expect_sms("False alarm", "there was no outage")
    assert "failed again" not in said.text


async def test_it_is_reopened_within_a_day_only_and_only_where_nothing_else_tells_of_it(world: World):
    await world.family()
    await world.outage("follow")
    with pytest.raises(Conflict, match="not ended; update it"):
        await world.reopen()
    await world.resolve()
    await world.fast_forward(hours=2)
    second = await world.outage("follow")
    with pytest.raises(Conflict, match=r"incident 2 .* is about this now"):
        await world.reopen()
    await world.resolve(number=second)
    await world.fast_forward(hours=22, minutes=1)
    with pytest.raises(Conflict, match="ended more than 1d ago; open a new one"):
        await world.reopen()
    world.phone("mia").forget()


async def test_an_all_clear_on_its_way_does_not_come_after_the_relapse(town: Town):
    """The provider was busy when all was well."""
    from alertd.ports import Later

    world = town(policy=climbing((0, "always")))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("is down")
    world.channels["sms"].fail_always("*", lambda: Later("20429"))
    await world.resolve()
    await world.fast_forward(minutes=1)
    await world.reopen()
    world.channels["sms"].mend()
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_sms("down again")
    world.phone("mia").expect_nothing()


async def test_who_slept_through_an_outage_and_a_false_return_reads_of_the_outage(town: Town):
    """R11: only that it came back was wrong."""
    world = town(datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow", severity="major")
    await world.fast_forward(hours=1)
    await world.resolve()
    await world.fast_forward(hours=1)
    await world.reopen()
    await world.fast_forward(minutes=10)
    await world.cancel()
    await world.until_local("2026-11-05 06:31")
    told = world.phone("mia").expect_sms("Follow had problems 1:00-2:00 AM", "works again")
    assert "There was none" not in told.text, told.text
    world.phone("mia").expect_nothing()


async def test_who_slept_through_both_stretches_reads_of_both(town: Town):
    world = town(datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow", severity="major")
    await world.fast_forward(hours=1)
    await world.resolve()
    await world.fast_forward(hours=1)
    await world.reopen()
    await world.fast_forward(hours=1)
    await world.resolve()
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_sms("Follow had problems 1:00-4:00 AM", "works again")


async def ended_in_the_evening(town: Town) -> World:
    """Mia heard of the outage and of its end; at night it comes back, milder."""
    world = town(datetime(2026, 11, 4, 19, 0, tzinfo=PACIFIC))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.fast_forward(minutes=20)
    await world.resolve()
    world.phone("mia").expect_sms("Follow is down")
    world.phone("mia").expect_sms("works again")
    await world.until_local("2026-11-05 01:00")
    await world.reopen(severity="major")
    return world


async def test_who_slept_through_the_return_alone_reads_of_that_alone(town: Town):
    world = await ended_in_the_evening(town)
    await world.fast_forward(hours=1)
    await world.resolve()
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_sms("Follow had problems 1:00-2:00 AM")


async def test_who_slept_through_a_false_return_alone_reads_that_there_was_none(town: Town):
    world = await ended_in_the_evening(town)
    await world.fast_forward(minutes=10)
    await world.cancel()
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_sms("1:00-1:10 AM", "There was none")


async def test_who_knows_of_what_was_real_alone_is_not_told_that_it_was_a_false_alarm(world: World):
    """Dad was told of the outage and went off duty; it ended, came back by mistake, and that was cancelled."""
    dad = caregiver("dad", "sms", on_duty="mon-fri 08:00-13:00")
    await world.family("fam-1", dad)
    await world.outage("follow")
    await world.fast_forward(minutes=90)
    world.phone("dad").forget()
    await world.resolve("It works.", postmortem_by=world.clock.now() + timedelta(days=2))
    await world.fast_forward(hours=1)
    await world.reopen()
    await world.fast_forward(minutes=10)
    await world.cancel()
    await world.until_local("2026-11-05 08:01")
    said = world.phone("dad").expect_sms("Follow works again", "12:00 PM", "1:30 PM", "what happened").text
    assert "wrong" not in said, said
