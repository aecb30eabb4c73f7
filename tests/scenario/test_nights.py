"""R10, R11: quiet hours defer and never drop; the end reaches exactly those who were told."""

from collections.abc import Callable
from datetime import datetime, timedelta

from tests import make
from tests.scenario.world import PACIFIC, World

EVENING = datetime(2026, 11, 4, 21, 0, tzinfo=PACIFIC)
NIGHT = datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC)
Town = Callable[..., World]


async def test_a_critical_outage_at_night_wakes_and_goes_on_softly(town: Town):
    """Only what wakes is loud; holdings go soft, with the quiet window; one loud message in the morning."""
    world = town(NIGHT)
    await world.family("fam-1", make.caregiver("mia", "push", "sms", "email"))

    await world.outage("follow", message="No alarms arrive.")
    world.phone("mia").expect_push("No alarms arrive.", loud=True)
    world.phone("mia").expect_sms("No alarms arrive.", "wake you only if", "6:30")
    world.phone("mia").expect_nothing()

    await world.until_local("2026-11-05 06:29")
    for _ in range(5):  # 02:00, 03:00, 04:00, 05:00, 06:00, each a margin early
        world.phone("mia").expect_push("No news", loud=False)
    world.phone("mia").expect_nothing()

    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_push("still down", "No alarms arrive.", loud=True)
    world.phone("mia").expect_sms("still down")
    world.phone("mia").expect_nothing()
    await world.resolve()
    world.phone("mia").forget()


async def test_at_night_the_page_behind_the_link_names_the_time_that_the_message_named(town: Town):
    """The family's own time is in her sleep, and what is due then may wake nobody."""
    world = town(NIGHT, policy=make.climbing())
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    woken = world.phone("mia").expect_sms("Follow is down", "6:30 AM")
    for page in (await world.looks_at(woken), await world.answers(woken)):
        assert "6:30 AM" in page
        assert "Next update by 2" not in page
    world.phone("mia").expect_nothing()


async def test_a_major_outage_at_night_waits_for_the_morning(town: Town):
    """Policy `wait`: nothing at night, one message at wake-up with the newest state."""
    world = town(NIGHT)
    await world.family("fam-1", make.caregiver("mia", "push"))
    await world.outage("share", severity="major", message="Readings are late.")
    await world.fast_forward(hours=2)
    await world.update("We found the cause.", state="identified")
    await world.until_local("2026-11-05 06:29")
    world.phone("mia").expect_nothing()
    assert world.sql("SELECT rest FROM watch") == [("quiet",)]

    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_push("We found the cause.", loud=True)
    world.phone("mia").expect_nothing()


async def test_who_slept_through_it_is_told_in_the_morning(town: Town):
    """The one exception to "told": was down from .. to .., works again."""
    world = town(NIGHT)
    await world.family("fam-1", make.caregiver("mia", "push"))
    await world.outage("share", severity="major")
    await world.fast_forward(hours=3)
    await world.resolve()
    world.phone("mia").expect_nothing()

    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_push("1:00", "4:00")
    await world.fast_forward(days=1)
    assert world.sql("SELECT rest FROM watch") == [("closed",)]


async def test_the_end_wakes_only_whom_the_outage_woke(town: Town):
    """R11: loud at night only for a person who had a loud message in quiet hours in this epoch."""
    world = town(EVENING)
    await world.family("fam-1", make.caregiver("early", "sms"))
    await world.outage("follow")
    world.phone("early").expect_sms("Follow")  # at 21:00, awake
    await world.until_local("2026-11-04 21:31")
    world.phone("early").expect_sms("No news")
    await world.until_local("2026-11-04 21:59")
    world.phone("early").expect_sms("No news")

    await world.until_local("2026-11-05 02:00")
    await world.resolve("Works again.")
    world.phone("early").expect_nothing()  # not woken before, not woken now

    await world.until_local("2026-11-05 06:31")
    world.phone("early").expect_sms("Works again.")


async def test_the_end_wakes_whom_the_outage_woke_though_it_had_become_milder(town: Town):
    """R11: judged by the worst of this epoch: "we wake you only if it gets worse or is fixed", and we do."""
    world = town(NIGHT)
    await world.family("fam-1", make.caregiver("mia", "push", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_push("or is fixed", loud=True)
    world.phone("mia").expect_sms("wake you only if it gets worse or is fixed", "6:30")
    await world.fast_forward(minutes=20)
    await world.update("Readings come late.", severity="major")
    world.phone("mia").expect_push("Readings come late.", "6:30", loud=False)
    world.phone("mia").expect_nothing()

    await world.fast_forward(minutes=20)
    await world.resolve("Works again.")
    world.phone("mia").expect_push("Works again.", loud=True)
    world.phone("mia").expect_sms("Works again.")
    world.phone("mia").expect_nothing()


async def test_what_wakes_is_worth_delivering_until_the_time_that_it_names(town: Town):
    """A phone that is off gets it until then; nothing follows the end, which is kept as long as may be."""
    world = town(NIGHT)
    await world.family("fam-1", make.caregiver("mia", "push", "sms"))
    await world.outage("follow")
    for message in (world.phone("mia").expect_push("6:30", loud=True), world.phone("mia").expect_sms("6:30")):
        assert message.useful_for == timedelta(hours=5, minutes=30)
    await world.fast_forward(minutes=20)
    await world.resolve()
    for message in (world.phone("mia").expect_push("again"), world.phone("mia").expect_sms("again")):
        assert message.useful_for >= timedelta(days=1)
        assert message.ends


async def test_the_end_comes_softly_to_whom_it_does_not_wake_though_it_had_become_milder(town: Town):
    """R11: the soft rule, too, is that of the worst of this epoch."""
    world = town(EVENING)
    await world.family("fam-1", make.caregiver("mia", "push", "sms"))
    await world.outage("follow")
    await world.update("Readings come late.", severity="major")
    world.phone("mia").forget()
    await world.until_local("2026-11-04 23:00")
    world.phone("mia").forget()
    await world.resolve("Works again.")
    world.phone("mia").expect_push("Works again.", loud=False)
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-05 07:00")
    world.phone("mia").expect_nothing()


async def test_who_was_told_awake_is_not_promised_to_be_woken_for_the_end(town: Town):
    """R11: nobody is woken for the end whom the outage itself did not wake; so nobody is told they are."""
    world = town(EVENING.replace(hour=21, minute=45))
    await world.family("fam-1", make.caregiver("mia", "push", "sms"))
    await world.outage("follow")
    for message in (world.phone("mia").expect_push("6:30"), world.phone("mia").expect_sms("6:30")):
        assert "We wake you only if it gets worse; otherwise" in message.text
    await world.until_local("2026-11-04 22:05")
    await world.resolve("Works again.")
    world.phone("mia").expect_push("Works again.", loud=False)
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-05 07:00")
    world.phone("mia").expect_nothing()


async def test_where_nothing_wakes_nobody_is_told_of_waking(town: Town):
    """A policy that wakes for nothing: the message only says when they hear again."""
    world = town(EVENING.replace(hour=21, minute=45), make.policy(wakes={}))
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    assert "wake" not in world.phone("mia").expect_sms("Next update by Thu 6:30 AM").text


async def test_a_nurse_off_duty_hears_nothing_even_if_critical(town: Town):
    """Off duty = neither loud nor soft; duty's start is a wake-up."""
    world = town(NIGHT, make.policy(always=("parent", "nurse")))
    nurse = make.caregiver("nurse", "sms", "email", role="nurse", on_duty="mon-fri 08:00-15:00", order=2)
    await world.family("fam-1", make.caregiver("mia", "sms"), nurse)
    await world.outage("follow")
    world.phone("mia").forget()
    await world.until_local("2026-11-05 07:59")
    world.phone("mia").forget()
    world.phone("nurse").expect_nothing()

    await world.until_local("2026-11-05 08:01")
    world.phone("mia").forget()
    world.phone("nurse").expect_sms("Follow")
    world.phone("nurse").expect_nothing()


async def test_the_end_is_told_only_to_those_who_were_told(world: World):
    """No "up" without a "down"."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.family("fam-2", make.caregiver("ana", "sms"), services=("share",))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.resolve()
    world.phone("mia").expect_sms("again")
    world.phone("ana").expect_nothing()


async def test_a_family_no_longer_touched_hears_so_once(world: World):
    """R15: "not affected after all", if they were told."""
    from alertd.domain.incident import Reach

    await world.family("fam-1", make.caregiver("mia", "sms"), region="us-west")
    await world.family("fam-2", make.caregiver("ana", "sms"), region="eu-west", services=("share",))
    await world.outage("follow", "share")
    world.phone("mia").forget()
    world.phone("ana").forget()
    await world.update("Share is fine.", remove_scope=(Reach("share"),))
    world.phone("mia").expect_sms("Share is fine.")
    world.phone("ana").expect_sms("does not affect you")
    await world.fast_forward(hours=3)
    world.phone("ana").expect_nothing()
    world.phone("mia").forget()


async def test_spanish_families_are_told_in_spanish(world: World):
    """In their language; a sentence that has no translation stays in its own."""
    await world.family("fam-1", make.caregiver("ana", "sms", locale="es"))
    await world.outage("follow", message={"en": "We are on it.", "es": "Estamos en ello."}, do=("check_by_hand",))
    message = world.phone("ana").expect_sms("Estamos en ello.", "Follow")
    assert "We are on it" not in message.text
