"""R1-R4: first notice, news, and the honest holding when nobody speaks."""

from datetime import timedelta

import pytest

from alertd.domain.errors import Invalid
from alertd.domain.incident import Reach
from tests import make
from tests.scenario.world import World


async def test_a_family_hears_at_once_and_again_when_we_fall_silent(world: World):
    """While an outage lasts, no family is left unheard for longer than the silence window."""
    await world.family()

    await world.outage("follow", message="Engineers are on it.", do=("check_by_hand",))
    world.phone("mia").expect_push("Follow", "12:30", loud=True)
    world.phone("mia").expect_sms("Follow", "Engineers are on it.", "12:30")

    await world.fast_forward(minutes=28)
    world.phone("mia").expect_nothing()

    await world.fast_forward(minutes=2)
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news", "12:0")

    await world.resolve("It works again.")
    world.phone("mia").expect_push("again")
    world.phone("mia").expect_sms("again")
    await world.fast_forward(hours=12)


async def test_news_replaces_the_holding_and_moves_the_deadline(world: World):
    """R2: each message says when they hear again; news at 12:20 moves 12:30 to 12:50."""
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.fast_forward(minutes=20)
    await world.update("We found the cause.", state="identified")
    world.phone("mia").expect_push("We found the cause.", "12:50")
    world.phone("mia").expect_sms("We found the cause.", "12:50")

    await world.fast_forward(minutes=28)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")


async def test_a_promise_binds_when_it_comes_before_the_window(world: World):
    """R2: min(t + window, promise)."""
    await world.family()
    await world.outage("follow", next_in=timedelta(minutes=15))
    world.phone("mia").expect_push("12:15")
    world.phone("mia").expect_sms("12:15")

    await world.fast_forward(minutes=15)
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news", "12:4")  # the holding closed the promise: the window binds again


async def test_an_update_marked_no_notify_moves_nothing(world: World):
    """R5: internal notes reach nobody and reset no clock."""
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    await world.fast_forward(minutes=10)

    await world.update("For the team only.", notify=False)
    world.phone("mia").expect_nothing()

    await world.fast_forward(minutes=20)
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")


async def test_a_note_for_the_record_does_not_leak_into_what_families_are_told(world: World):
    """R5: a holding repeats what families know; the next update by a human tells what was noted."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow", works=("sensor_works",), do=("check_by_hand",))
    world.phone("mia").forget()
    await world.update("For the team only.", works=(), do=("Call the desk",), notify=False)

    await world.fast_forward(minutes=30)
    message = world.phone("mia").expect_sms("No news", "Check glucose directly")
    assert "Call the desk" not in message.text
    await world.update("We are on it.")
    world.phone("mia").expect_sms("We are on it.", "Call the desk")


async def test_nobody_is_told_that_alarms_may_not_come_without_a_word_on_what_to_do(world: World):
    """Left out, it is to check by hand, at the opening and at a raise; said to be nothing, it is nothing."""
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=make.preferences(default=("sms",))))
    await world.outage("follow")
    world.phone("mia").expect_sms("Check glucose directly")
    await world.resolve()
    await world.outage("follow", do=())
    world.phone("mia").expect_sms("work")
    assert "Check" not in world.phone("mia").expect_sms("is down").text
    await world.resolve(number=2)
    await world.outage("follow", severity="minor")
    world.phone("mia").expect_sms("work")
    assert "Check" not in world.phone("mia").expect_sms("has a small problem").text
    await world.update(number=3, severity="major")
    world.phone("mia").expect_sms("now has problems", "Check glucose directly")
    await world.update(number=3, severity="critical")
    world.phone("mia").expect_sms("now down", "Check glucose directly")


async def test_advice_that_a_raise_brought_stays_until_a_person_takes_it_back(world: World):
    """A milder outage is no reason to trust readings again: nobody is told to stop checking but by a person."""
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=make.preferences(default=("sms",))))
    await world.outage("follow", severity="major")
    await world.update(severity="critical")
    world.phone("mia").forget()
    await world.update(severity="major")
    world.phone("mia").expect_sms("Check glucose directly")
    await world.update(severity="minor", do=())
    assert "Check" not in world.phone("mia").expect_sms("Update 4").text


async def test_what_nobody_is_told_changes_neither_scope_nor_severity_nor_state(world: World):
    """R5: whom it touches and how badly is never written down in silence: no family is lost by it."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.family("fam-2", make.caregiver("lea", "sms"), services=("login",))
    await world.outage("follow")
    world.phone("mia").forget()
    for change in ({"add_scope": (Reach("login"),)}, {"severity": "minor"}, {"state": "monitoring"}):
        with pytest.raises(Invalid) as refused:
            await world.update("For the team.", notify=False, **change)
        assert refused.value.field == "notify"

    await world.update("For the team.", notify=False, severity="critical")  # as it is: no change
    world.phone("mia").expect_nothing()
    await world.update("Log-in fails too.", add_scope=(Reach("login"),))
    world.phone("mia").expect_sms("Log-in fails too.")
    world.phone("lea").expect_sms("Log-in fails too.")


async def test_in_monitoring_the_window_is_twice_as_long(world: World):
    """R2: window by severity and state."""
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.update("A fix is in place.", state="monitoring")
    world.phone("mia").expect_push("1:00")
    world.phone("mia").expect_sms("1:00")
    await world.fast_forward(minutes=57)
    world.phone("mia").expect_nothing()


async def test_a_family_that_comes_late_gets_the_newest_state_as_a_first_notice(world: World):
    """R1: somebody told late gets one message, not a stack of old updates."""
    await world.family("fam-1")
    await world.outage("follow", message="Down.")
    await world.update("Found it.", state="identified")
    world.phone("mia").forget()

    await world.family("fam-2", make.caregiver("ana", "sms"))
    await world.settle()
    world.phone("ana").expect_sms("Follow", "Found it.")
    world.phone("ana").expect_nothing()


async def test_a_growing_scope_tells_whom_it_newly_touches(world: World):
    """R15: newly touched families get a notice."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.family("fam-2", make.caregiver("ana", "sms"), services=("login",))
    await world.outage("follow")
    world.phone("mia").forget()
    world.phone("ana").expect_nothing()

    await world.update("Log-in is down too.", add_scope=(Reach("login"),))
    world.phone("mia").expect_sms("Log-in is down too.")
    world.phone("ana").expect_sms("Log-in", "Log-in is down too.")


async def test_an_outage_turns_out_to_be_in_one_region_only(world: World):
    """R15: everywhere is taken out and the region put in, in one update; only the others hear that it is not theirs."""
    await world.family("fam-1", make.caregiver("mia", "sms"), region="us-west")
    await world.family("fam-2", make.caregiver("ana", "sms"), region="eu-north")
    await world.outage("follow")
    world.phone("mia").forget()
    world.phone("ana").forget()

    await world.update(remove_scope=(Reach("follow"),), add_scope=(Reach("follow", ("eu",)), Reach("login")))
    world.phone("mia").expect_sms("No longer affected")
    world.phone("ana").forget()
    assert world.sql("SELECT family_id, rest FROM watch WHERE rest IS NOT NULL") == [("fam-1", "not_touched")]


async def test_a_restart_forgets_nothing(world: World):
    """Level-triggered: what is owed is found in the database."""
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.restart()
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")


async def test_after_the_end_nothing_more_is_said(world: World):
    """R11: a closed watch is silent; a false alarm is called off to those who were told."""
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    await world.cancel("It was a drill gone wrong.")
    world.phone("mia").expect_push("It was a drill gone wrong.")
    world.phone("mia").expect_sms("It was a drill gone wrong.")
    await world.fast_forward(days=2)
    assert world.sql("SELECT rest, look_at FROM watch") == [("closed", None)]
