"""A caregiver asks how things stand: they hear it, with when they hear next, and no clock moves (R4)."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from alertd.domain.incident import Reach, Severity
from alertd.domain.policy import Holdings
from alertd.ports.inbound import Heard
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.take_reply import take_reply
from tests import make
from tests.make import caregiver, climbing
from tests.scenario.on_call import OnCallWorld, policy
from tests.scenario.replying import NAN, SMS_ONLY, Town
from tests.scenario.world import PACIFIC


async def test_who_asks_hears_how_things_stand_and_no_clock_moves(town: Town):
    world = town()
    mia = caregiver("mia", "sms", preferences=SMS_ONLY)
    await world.family("fam-1", mia)
    works = (
        "As far as we know, Follow and Share work. If you see something else, write it here: a person reads it."
    )
    assert await world.replies("mia", "status") == works

    await world.outage("follow", message="A server is down.")
    world.phone("mia").expect_sms("Follow is down", "12:30")
    await world.fast_forward(minutes=10)
    before = world.sql("SELECT next_by, heard_at, look_at FROM watch")
    said = await world.replies("mia", "Status?") or ""
    assert said.startswith("Follow is down (since 12:00 PM)")
    for part in ("A server is down.", "12:30 PM"):
        assert part in said
    assert world.sql("SELECT next_by, heard_at, look_at FROM watch") == before
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    assert await world.replies("mia", "STATUS") == works


async def test_still_down_is_a_question_while_we_say_so_too_and_else_a_report(town: Town):
    """After an all-clear that came too soon a person is to read it; the receipt says that one does."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    assert (await world.replies("mia", "Still down?") or "").startswith("Follow is down")
    assert world.sql("SELECT count(*) FROM reply WHERE meaning = 'other'") == [(0,)]
    await world.update("A fix is in place.", state="monitoring")
    world.phone("mia").expect_sms("may work again")
    assert (await world.replies("mia", "still down!") or "").startswith("We got your message. A person reads it")
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    await world.replies("mia", "STILL DOWN")
    assert world.sql("SELECT text FROM reply WHERE meaning = 'other' ORDER BY at, id") == [
        ("still down!",),
        ("STILL DOWN",),
    ]


async def test_in_the_evening_who_asks_is_promised_the_morning(town: Town):
    """The family's next time is in her quiet hours; what the first message said holds."""
    world = town(start=datetime(2026, 11, 4, 21, 45, tzinfo=PACIFIC))
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.outage("follow")
    assert "6:30 AM" in world.phone("mia").expect_sms("Follow is down").text
    assert "6:30 AM" in (await world.replies("mia", "status") or "")
    world.phone("mia").expect_nothing()


async def test_it_is_said_in_their_language(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY, locale="es"))
    assert (await world.replies("mia", "ESTADO") or "").startswith("Que sepamos, Follow y Share funcionan.")
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow no funciona")
    assert (await world.replies("mia", "Estado?") or "").startswith("Follow no funciona")
    assert "MENOS o MAS" in (await world.replies("mia", "ayuda") or "")


async def test_the_gravest_is_told_first_and_the_rest_is_named(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.outage("share", severity="minor")
    await world.outage("follow")
    world.phone("mia").forget()
    said = await world.replies("mia", "status") or ""
    assert said.startswith("Follow is down")
    assert said.endswith("There is more: Share.")


async def test_while_a_machine_suspects_nobody_is_told_that_all_is_well(tmp_path: Path):
    world = OnCallWorld(tmp_path, make.NOON, policy())
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.machine_opens()
    said = await world.replies("mia", "status") or ""
    assert said.startswith("We are checking whether Follow works as it should.")
    assert "Nobody has confirmed a problem yet." in said
    world.on_call("owner").forget()
    await world.close()


async def test_an_exercise_is_no_outage(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    await world.outage("follow", exercise=True)
    world.phone("mia").forget()
    assert (await world.replies("mia", "status") or "").startswith("As far as we know, Follow and Share work.")


async def test_who_asked_not_to_be_told_is_promised_nothing_when_they_ask(town: Town):
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(major=())))
    await world.outage("follow", severity=Severity.MAJOR)
    said = await world.replies("mia", "status") or ""
    assert "Follow" in said
    assert "Next update" not in said
    assert "Do not wait for a message about it: write STATUS to ask again." in said


async def test_who_asks_with_the_day_s_holdings_used_up_is_told_when_the_next_one_comes(town: Town):
    """Tom has the app and goes on hearing; Mia has a phone alone, and hers are used up until tomorrow (R3)."""
    rules = make.policy()
    world = town(policy=replace(rules, silence=replace(rules.silence, holdings=Holdings(loud=2, sms_per_day=3))))
    mia = caregiver("mia", "sms", preferences=make.preferences(critical=("sms",), quiet_hours="none"))
    tom = caregiver("tom", "push", order=2, preferences=make.preferences(critical=("push",), quiet_hours="none"))
    await world.family("fam-1", mia, tom)
    await world.outage("follow")
    for _ in range(3):
        await world.fast_forward(minutes=30)
    last = world.phone("mia").unread[-1][1]
    assert "Next update by Thu 12:29 PM." in last.text, "a day after the first of the three"
    await world.fast_forward(minutes=45)
    said = await world.replies("mia", "status") or ""
    assert "Next update by Thu 12:29 PM." in said
    world.phone("mia").forget()
    world.phone("tom").forget()


async def test_who_asks_before_we_came_to_tell_them_is_not_sent_away(town: Town):
    """It was opened this very moment, and the message to them is on its way."""
    world = town()
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    opening = Opening(reaches=(Reach("follow"),), severity=Severity.CRITICAL, title="Follow is down")
    await open_incident(world.deps, opening, who="test")
    said = await take_reply(world.deps, "sms", Heard("SM" + "a" * 32, make.own("mia", "sms").to, "status"))
    assert (said.text or "").startswith("Follow is down")
    assert "Next update very soon." in (said.text or "")
    await world.settle()
    world.phone("mia").expect_sms("Follow is down")


async def test_who_hears_only_when_a_ladder_comes_to_them_is_promised_nothing(town: Town):
    world = town(policy=climbing())
    await world.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY), NAN)
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    said = await world.replies("nan", "status") or ""
    assert said.startswith("Follow is down")
    assert "Next update" not in said
    assert "We write as soon as" not in said
    assert "Do not wait for a message about it: write STATUS to ask again." in said
    assert "12:30" in (await world.replies("mia", "status") or "")
