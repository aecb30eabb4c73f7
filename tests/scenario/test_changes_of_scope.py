"""R6, R15: what was on its way when the family changed says nothing that is not true any more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from alertd.domain.incident import Reach
from alertd.ports import Later
from alertd.usecases.publish import News, publish
from tests import make
from tests.scenario.machines import with_sources
from tests.scenario.world import PACIFIC, World

MIA = make.caregiver("mia", "sms")
BUSY = timedelta(seconds=60)


def busy(world: World) -> None:
    """Mia's provider takes the next message only a minute later."""
    world.channels["sms"].fail(make.own("mia", "sms").to, Later("20429", retry_after=BUSY))


async def test_a_notice_is_not_for_a_family_that_has_moved_away(world: World):
    await world.family("fam-1", MIA)
    busy(world)
    await world.outage("follow", regions=("us",))
    await world.fast_forward(seconds=20)
    await world.family("fam-1", MIA, region="eu-north")
    await world.fast_forward(minutes=40)
    world.phone("mia").expect_nothing()


async def test_not_affected_is_not_for_a_family_that_has_come_back(world: World):
    await world.family("fam-1", MIA)
    await world.outage("follow", regions=("us",))
    world.phone("mia").expect_sms("Follow")
    busy(world)
    await world.family("fam-1", MIA, region="eu-north")
    await world.fast_forward(seconds=20)
    await world.family("fam-1", MIA)
    await world.fast_forward(minutes=5)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=25)
    world.phone("mia").expect_sms("No news")


async def test_nothing_is_for_a_family_that_asked_not_to_be_told(world: World):
    person = make.caregiver("mia", "sms", preferences=make.preferences(minor=("sms",)))
    await world.family("fam-1", person)
    busy(world)
    await world.outage("follow", severity="minor")
    await world.fast_forward(seconds=20)
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=make.preferences(minor=())))
    await world.fast_forward(minutes=5)
    assert world.sql("SELECT rest FROM watch") == [("muted",)]
    world.phone("mia").expect_nothing()


async def test_a_nurse_is_not_told_that_it_works_while_another_child_waits(world: World):
    nurse = make.caregiver("nurse", "sms")
    await world.family("fam-1", nurse)
    await world.family("fam-2", nurse)
    await world.outage("follow", regions=("us",))
    world.phone("nurse").expect_sms("Follow")
    await world.fast_forward(minutes=5)
    await world.family("fam-2", nurse, region="eu-north")
    await world.fast_forward(minutes=5)
    world.phone("nurse").expect_nothing()
    await world.family("fam-1", nurse, region="eu-north")
    await world.fast_forward(minutes=5)
    world.phone("nurse").expect_sms("No longer affected")
    world.phone("nurse").expect_nothing()
    await world.resolve()
    world.phone("nurse").expect_nothing()


async def test_who_joins_late_does_not_end_what_waits_for_somebody_else(world: World):
    """R6: Mia's notice waits for her provider while Gran, who joins, is told the newest number."""
    ben = make.caregiver("ben", "push", order=2)
    await world.family("fam-1", MIA, ben)
    busy(world)
    await world.outage("follow")
    world.phone("ben").expect_push("Follow")
    await world.holding_elsewhere()
    await world.family("fam-1", MIA, ben, make.caregiver("gran", "push", order=3))
    await world.settle()
    world.phone("gran").expect_push("Follow")
    await world.fast_forward(minutes=2)
    world.phone("mia").expect_sms("Follow")


NIGHT = datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC)


async def test_what_fails_for_others_too_wakes_nobody_whom_it_does_not_concern(town: Callable[..., World]):
    """R15: "those whose own list of failing services changed" get a change; for all others it is progress."""
    world = town(NIGHT)
    await world.family("fam-1", make.caregiver("mia", "push", "sms"), services=("follow",))
    await world.family("fam-2", make.caregiver("ana", "push", "sms"), services=("follow", "login"))
    await world.outage("follow")
    world.phone("mia").forget()
    world.phone("ana").forget()
    await world.fast_forward(minutes=20)

    await world.update("Log-in fails too.", add_scope=(Reach("login", ("us",)),))
    message = world.phone("mia").expect_push("still down", "Log-in fails too.", loud=False)
    assert "changed" not in message.text
    assert "began" not in message.text
    world.phone("mia").expect_nothing()
    world.phone("ana").expect_push("Follow and Log-in are down", "affected for you has changed", loud=True)
    world.phone("ana").expect_sms("Follow and Log-in are down")

    await world.fast_forward(minutes=20)
    await world.update("Log-in works.", remove_scope=(Reach("login"),))
    world.phone("mia").expect_push("still down", loud=False)
    # Less fails: no reason to wake, and what is left is no news.
    world.phone("ana").expect_push("still down", "No longer affected: Log-in", loud=False)
    world.phone("mia").expect_nothing()
    world.phone("ana").expect_nothing()


async def test_a_fall_reads_as_the_good_news_it_is(world: World):
    """R15: critical to major has got better, minor to major worse."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.update(severity="major")
    world.phone("mia").expect_sms("still has problems", "It has got better")
    await world.update(severity="critical")
    world.phone("mia").expect_sms("is now down", "It has got worse")


async def test_whoever_uses_both_reads_which_one_works_again_and_which_does_not(world: World):
    """R15: the state of every service is named to those who use it."""
    await world.family("fam-1", MIA, services=("follow", "share"))
    await world.family("fam-2", make.caregiver("ben", "sms"), services=("share",))
    await world.outage("follow", "share")
    world.phone("mia").expect_sms("Follow", "Share")
    world.phone("ben").expect_sms("Share")
    await world.update("", remove_scope=(Reach("share"),))
    told = world.phone("mia").expect_sms("Follow", "No longer affected: Share")
    assert "has changed" not in told.text
    world.phone("ben").expect_sms("No longer affected", "Share")
    await world.fast_forward(minutes=1)
    await world.update("", add_scope=(Reach("share"),))
    assert "No longer" not in world.phone("mia").expect_sms("Follow and Share", "has changed").text
    world.phone("ben").expect_sms("Share")
    await world.resolve()
    world.phone("mia").expect_sms("Follow and Share", "again")
    world.phone("ben").expect_sms("Share", "again")


async def test_a_nurse_is_not_told_that_a_service_is_released_which_fails_for_another_child(world: World):
    nurse = make.caregiver("nurse", "sms")
    await world.family("fam-1", nurse, services=("follow", "share"), region="us-west")
    await world.family("fam-2", nurse, services=("share",), region="us-east")
    await world.outage("follow", "share")
    world.phone("nurse").expect_sms("Follow", "Share")
    await world.update("", remove_scope=(Reach("share"),), add_scope=(Reach("share", ("us-east",)),))
    told = world.phone("nurse").expect_sms("Follow", "Share")
    assert "No longer" not in told.text
    await world.cancel()
    world.phone("nurse").forget()


async def test_whom_it_came_to_touch_later_reads_since_when_theirs_fails(world: World):
    """Not since the outage began: until then theirs worked. Who uses both reads when the trouble began."""
    await world.family("fam-1", MIA, services=("share",))
    await world.family("fam-2", make.caregiver("ben", "sms"), services=("follow", "share"))
    await world.outage("follow")
    world.phone("ben").expect_sms("since 12:00")
    await world.fast_forward(minutes=20)
    await world.update("Share fails too.", add_scope=(Reach("share"),))
    world.phone("mia").expect_sms("Share", "since 12:20")
    world.phone("ben").expect_sms("Follow and Share", "trouble began 12:00")
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_sms("still down (since 12:20 PM, 29 min now)")
    world.phone("ben").expect_sms("still down")


async def test_whom_it_let_go_and_touches_again_reads_since_when_this_time(world: World):
    await world.family("fam-1", MIA, services=("share",))
    await world.family("fam-2", make.caregiver("ben", "sms"))
    await world.outage("share", "follow")
    world.phone("mia").expect_sms("since 12:00")
    await world.fast_forward(minutes=5)
    await world.update("", remove_scope=(Reach("share"),))
    world.phone("mia").expect_sms("No longer affected")
    await world.fast_forward(minutes=5)
    await world.update("It fails again.", add_scope=(Reach("share"),))
    world.phone("mia").expect_sms("Share", "since 12:10")
    world.phone("ben").forget()


async def test_who_is_touched_no_more_is_counted_for_what_they_are_told(world: World):
    """What a dry run says it takes is what is sent: the other families' messages are not fewer for it."""
    names = ("mia", "ana", "ben")
    for at, name in enumerate(names):
        await world.family(f"fam-{at}", make.caregiver(name, "sms"), services=("follow",))
    await world.family("fam-3", make.caregiver("eve", "sms"), services=("share",))
    await world.outage("follow")
    await world.update("Share fails too.", add_scope=(Reach("share"),))
    narrowed = News(message={"en": "Follow works."}, remove_scope=(Reach("follow"),))
    seen = (await publish(world.deps, 1, narrowed, who="test", dry_run=True)).preview
    assert (seen.families, seen.leaving, seen.messages, seen.exact) == (1, 3, {"sms": 4}, True)
    for name in (*names, "eve"):
        world.phone(name).forget()
    await world.update("Follow works.", remove_scope=(Reach("follow"),))
    for name in names:
        world.phone(name).expect_sms("No longer affected")
    world.phone("eve").expect_sms("Follow works.")

    more = News(message={"en": "Still looking."})
    seen = (await publish(world.deps, 1, more, who="test", dry_run=True)).preview
    assert (seen.families, seen.leaving, seen.messages, seen.exact) == (1, 0, {"sms": 1}, True)
    await world.update("Still looking.")
    world.phone("eve").expect_sms("Still looking.")


async def test_a_sample_stands_for_all_families_that_news_would_come_by(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("alertd.usecases.preview._SAMPLE", 2)
    for at in range(6):
        await world.family(f"fam-{at}", make.caregiver(f"c{at}", "sms"), services=("follow",))
    await world.outage("follow")
    for at in range(6):
        world.phone(f"c{at}").forget()
    seen = (await publish(world.deps, 1, News(message={"en": "Soon."}), who="test", dry_run=True)).preview
    assert (seen.families, seen.messages, seen.exact) == (6, {"sms": 6}, False)


async def test_whom_an_import_takes_off_the_list_is_not_told_that_it_works(world: World):
    """The outage goes on, and the import may be wrong: nothing sounds well then."""
    mia = make.caregiver("mia", "push")
    await world.family("fam-1", mia, services=("follow", "share"))
    await world.outage("follow", regions=("us",))
    world.phone("mia").forget()
    await world.family("fam-1", mia, services=("share",))
    await world.settle()
    said = world.phone("mia").expect_push("By our list no longer affected: Follow", "The problem goes on.")
    assert "If our list is wrong, readings and alarms may still not reach you." in said.text
    assert "works" not in said.title + said.text


async def test_nor_is_she_where_other_services_came_to_fail_meanwhile(world: World):
    """The newest word is of a change of scope, and it is not what took her out."""
    mia = make.caregiver("mia", "push")
    await world.family("fam-1", mia, services=("follow", "share"))
    await world.family("fam-2", make.caregiver("ben", "push"), services=("login",))
    await world.outage("follow", regions=("us",))
    await world.update("Log-in fails too.", add_scope=(Reach("login", ("us",)),))
    world.phone("mia").forget()
    await world.family("fam-1", mia, services=("share",))
    await world.settle()
    world.phone("mia").expect_push("By our list no longer affected: Follow", "The problem goes on.")
    world.phone("ben").forget()


async def test_nor_is_she_where_it_had_been_wider_and_she_knew_that_it_was_not(town: Callable[..., World]):
    """What decides is what she was told last, not what was ever said."""
    world = town(policy=make.climbing())
    await world.family("fam-1", make.caregiver("mia", "push"), region="us-west")
    await world.outage("follow")
    first = world.phone("mia").expect_push("Follow is down")
    await world.update("Only the US.", add_scope=(Reach("follow", ("us",)),), remove_scope=(Reach("follow"),))
    world.phone("mia").forget()
    await world.family("fam-1", make.caregiver("mia", "push"), region="eu")
    await world.settle()
    world.phone("mia").expect_push("By our list no longer affected: Follow", "The problem goes on.")
    page = await world.looks_at(first)
    assert "By our list no longer affected" in page, "and the first link says what the message says"
    assert "works for you" not in page


async def test_nor_where_only_a_machine_had_called_it_wider(town: Callable[..., World]):
    world = with_sources(town)()
    await world.family("fam-1", make.caregiver("mia", "push"), region="us-west")
    await world.machine("prober")
    await world.outage("follow", regions=("us",), message="Only in the US.")
    world.phone("mia").expect_push("Only in the US.")
    await world.family("fam-1", make.caregiver("mia", "push"), region="eu")
    await world.settle()
    world.phone("mia").expect_push("By our list no longer affected: Follow", "The problem goes on.")


async def test_whom_it_reached_when_it_was_milder_reads_in_the_morning_how_bad_it_was_for_them(
    town: Callable[..., World],
):
    """It had been critical elsewhere before: they are told over their list for what it was here."""
    world = town(datetime(2026, 11, 5, 6, 30, tzinfo=UTC))  # 22:30 in Los Angeles
    await world.family("fam-1", make.caregiver("mia", "push", "sms"), region="us")
    await world.family("fam-2", make.caregiver("eva", "push", "sms"), region="eu")  # with their clock here
    await world.outage("follow", regions=("us",))
    await world.fast_forward(hours=1)
    await world.update("Late, not lost.", severity="major")
    await world.update("Europe too.", add_scope=(Reach("follow", ("eu",)),))
    await world.fast_forward(hours=1)
    world.phone("eva").expect_nothing()
    await world.resolve()
    world.phone("mia").forget()

    await world.until_local("2026-11-05 06:31")
    said = world.phone("eva").expect_push("Follow had problems")
    assert "did not reach you" not in said.text
    world.phone("eva").expect_nothing()
    world.phone("mia").forget()


async def test_whom_the_outage_has_left_is_told_that_it_works_also_later(world: World):
    """Mia hears so at once, Ann after a night in which others were told that there is no news."""
    asleep = make.preferences(quiet_hours="10:00-13:00", critical=("sms",))
    await world.family("fam-1", make.caregiver("mia", "push"))
    await world.family("fam-2", make.caregiver("ben", "push"), region="eu-north")
    await world.outage("follow")
    await world.family("fam-3", make.caregiver("ann", "sms", preferences=asleep))
    await world.settle()
    for name in ("mia", "ben", "ann"):
        world.phone(name).forget()
    await world.update("Only Europe.", add_scope=(Reach("follow", ("eu",)),), remove_scope=(Reach("follow"),))
    world.phone("mia").expect_push("No longer affected: Follow works for you", "Only Europe.")
    await world.until(make.after(61))
    world.phone("ann").expect_sms("No longer affected: Follow works for you")
    world.phone("ben").forget()
