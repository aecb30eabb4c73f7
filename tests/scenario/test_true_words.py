"""What families read is true of them: whose services, since when, how bad, and whether they will be woken."""

from collections.abc import Callable
from datetime import datetime

from alertd.domain.incident import Reach
from alertd.ports import Later
from alertd.usecases.recall import recall
from tests import make
from tests.make import caregiver, climbing, own
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
GOES_ON = "another goes on"
LATE = "Sorry, this comes late"
EVENING = datetime(2026, 11, 4, 21, 45, tzinfo=PACIFIC)
NIGHT = datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC)


def forget(world: World) -> None:
    for phone in world.phones.values():
        phone.forget()


def said(message) -> str:
    return f"{message.title}\n{message.text}"


def texts(world: World, name: str = "mia") -> list[str]:
    found = [said(m) for _, m in world.phone(name).unread]
    world.phone(name).forget()
    return found


async def test_a_human_who_confirms_says_since_when_for_all_whom_they_name(town: Town):
    """Nobody was told of the machine's narrower suspicion: nothing has grown for anybody."""
    world = town(policy=make.policy(sources={"prober": ("open",)}))
    await world.family("fam-1", caregiver("mia", "sms"), region="us-west")
    await world.family("fam-2", caregiver("eva", "sms"), region="eu-north")
    await world.machine("prober", regions=("us",))
    await world.fast_forward(minutes=4)
    await world.outage("follow", since=make.after(-10))
    mia, eva = texts(world), texts(world, "eva")
    assert "11:50" in mia[0], mia
    assert "11:50" in eva[0], eva
    await world.fast_forward(minutes=6)
    await world.resolve()
    mia, eva = texts(world), texts(world, "eva")
    assert "(20 min)" in mia[0], mia
    assert "(20 min)" in eva[0], eva


async def test_a_recalled_narrowing_of_which_they_never_heard_began_nothing(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), region="eu-north")
    await world.family("fam-2", caregiver("ben", "sms"), region="us-west")
    await world.outage("follow", regions=("us", "eu"))
    forget(world)
    await world.fast_forward(minutes=10)
    world.channels["sms"].fail_always(own("mia", "sms").to, lambda: Later("20503"))
    await world.update("Only the US.", remove_scope=(Reach("follow", ("eu",)),))
    await world.fast_forward(minutes=2)
    await recall(world.deps, 1, who="test")
    world.channels["sms"].mend()
    await world.settle()
    told = texts(world)
    await world.fast_forward(minutes=18)
    told += texts(world)
    assert len(told) == 1, told
    assert "12:00" in told[0], told
    assert "12:12" not in told[0], told
    forget(world)


async def test_was_down_says_how_bad_it_was_not_how_mild_it_ended(town: Town):
    """Readings may have been missing for two hours: that is no small problem, and it was urgent."""
    world = town(NIGHT)
    await world.family("fam-1", caregiver("mia", "push"))
    await world.outage("follow", severity="major")
    await world.fast_forward(hours=2)
    await world.update(severity="minor")
    await world.fast_forward(hours=1)
    await world.resolve()
    await world.until_local("2026-11-05 06:31")
    [told] = texts(world)
    assert "small problem" not in told, told
    assert "not urgent" not in told, told


async def test_a_nurse_off_duty_reads_how_bad_it_was(world: World):
    nurse = caregiver("nurse", "sms", role="nurse", on_duty="mon-fri 08:00-12:30", order=1)
    await world.family("fam-1", nurse)
    await world.until_local("2026-11-04 14:00")
    await world.outage("follow")
    await world.fast_forward(hours=2)
    await world.update(severity="minor")
    await world.fast_forward(hours=1)
    await world.resolve()
    await world.until_local("2026-11-05 08:01")
    [told] = texts(world, "nurse")
    assert "small problem" not in told, told


async def test_a_flap_of_which_they_never_heard_wakes_nobody(town: Town):
    """Told at 21:45 that it is critical, and "we wake you only if it gets worse": it never was milder to them."""
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down")
    await world.until_local("2026-11-04 23:00")
    await world.update("Half of it works.", severity="major")
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=20)
    await world.update("No, it does not.", severity="critical")
    told = texts(world)
    assert told == [], told
    await world.until_local("2026-11-05 06:31")
    forget(world)


async def test_a_service_that_was_gone_while_they_slept_and_fails_again_wakes_nobody(town: Town):
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("follow", "share")
    forget(world)
    await world.until_local("2026-11-04 23:00")
    await world.update("Share works.", remove_scope=(Reach("share"),))
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=20)
    await world.update("Share fails again.", add_scope=(Reach("share"),))
    told = texts(world)
    assert told == [], told
    await world.until_local("2026-11-05 06:31")
    forget(world)


async def test_a_machine_may_raise_what_a_person_raised_by_mistake_and_took_back(town: Town):
    world = town(policy=make.policy(sources={"prober": ("open", "raise")}))
    await world.family("fam-1", caregiver("mia", "push", "sms"))
    await world.outage("follow", severity="major")
    await world.update("All of it.", severity="critical")
    await recall(world.deps, 1, who="test")
    await world.settle()
    await world.fast_forward(hours=1)
    forget(world)
    received = await world.machine("prober", severity="critical")
    assert received.did == "updated", received
    forget(world)


async def test_who_had_no_address_then_is_not_told_that_we_were_down(world: World):
    await world.family("fam-1", caregiver("mia", addresses=()))
    await world.outage("follow")
    await world.fast_forward(minutes=9)
    await world.down(minutes=2)
    await world.fast_forward(hours=3)
    await world.swept()
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.settle()
    [told] = texts(world)
    assert LATE not in told, told


async def test_who_was_muted_then_is_not_told_that_we_were_down(world: World):
    mia = caregiver("mia", "sms", preferences=make.preferences(minor=(), default=("sms",)))
    await world.family("fam-1", mia)
    await world.outage("follow", severity="minor")
    await world.fast_forward(minutes=59)
    await world.down(minutes=2)
    await world.fast_forward(hours=3)
    await world.swept()
    await world.update(severity="critical")
    [told] = texts(world)
    assert LATE not in told, told


async def test_who_asked_not_to_be_told_gets_no_apology_at_the_end(world: World):
    mia = caregiver("mia", "sms", preferences=make.preferences(minor=(), default=("sms",)))
    await world.family("fam-1", mia)
    await world.outage("follow")
    forget(world)
    await world.update(severity="minor")
    forget(world)
    await world.fast_forward(minutes=29)
    assert texts(world) == []
    await world.down(minutes=3)
    assert texts(world) == []
    await world.fast_forward(hours=3)
    await world.swept()
    await world.resolve()
    [told] = texts(world)
    assert LATE not in told, told


async def test_who_was_wrongly_told_that_they_are_not_affected_reads_since_when_it_fails(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), region="eu-north")
    await world.family("fam-2", caregiver("ben", "sms"), region="us-west")
    await world.outage("follow", regions=("us", "eu"))
    forget(world)
    await world.fast_forward(minutes=10)
    await world.update("Only the US.", remove_scope=(Reach("follow", ("eu",)),))
    world.phone("mia").expect_sms("No longer affected")
    await world.fast_forward(minutes=2)
    await world.update("The EU too.", corrects=2, add_scope=(Reach("follow", ("eu",)),))
    [told] = texts(world)
    assert "12:00" in told, told
    forget(world)


async def test_each_reads_which_of_their_own_services_is_no_longer_affected(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.family("fam-2", caregiver("ben", "sms"), services=("follow", "login"))
    await world.outage("follow", "share", "login")
    forget(world)
    await world.update("", remove_scope=(Reach("share"), Reach("login")))
    mia, ben = texts(world), texts(world, "ben")
    assert "No longer affected: Share" in mia[0], mia
    assert "No longer affected: Log-in" in ben[0], ben


async def test_who_does_not_use_it_reads_nothing_of_it(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.family("fam-2", caregiver("ben", "sms"), services=("follow",))
    await world.outage("follow", "share")
    forget(world)
    await world.update("", severity="major", remove_scope=(Reach("share"),))
    mia, ben = texts(world), texts(world, "ben")
    both = (mia, ben)
    assert any("No longer affected: Share" in each for each in mia), both
    assert not any("Share" in each for each in ben), both


async def test_a_relapse_that_is_milder_has_not_got_better(world: World):
    """They were told that it works; now it has problems."""
    mia = caregiver("mia", "sms", preferences=make.preferences(default=("sms",)))
    await world.family("fam-1", mia)
    await world.outage("follow")
    await world.resolve()
    forget(world)
    await world.fast_forward(minutes=30)
    await world.reopen("Readings come late.", severity="major")
    [told] = texts(world)
    assert "has problems again" in told, told
    assert "better" not in told, told


async def test_a_milder_relapse_at_night_waits_as_its_severity_says(town: Town):
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "push", "sms"))
    await world.outage("follow")
    await world.resolve()
    forget(world)
    await world.until_local("2026-11-05 01:00")
    await world.reopen("Readings come late.", severity="major")
    told = texts(world)
    assert told == [], told
    await world.until_local("2026-11-05 06:31")
    forget(world)


async def test_while_a_ladder_asks_nobody_is_promised_to_sleep(town: Town):
    """They are woken again in ten minutes where nobody answers."""
    world = town(NIGHT, climbing())
    await world.family("fam-1", caregiver("mia", "push", "sms"))
    await world.outage("follow")
    first = said(world.phone("mia").expect_sms("Tell us you know"))
    forget(world)
    await world.fast_forward(minutes=11)
    again = [said(m) for _, m in world.phone("mia").unread if m.loud]
    forget(world)
    assert not (again and "wake you only if" in first), (first, again)


async def test_who_left_and_came_back_while_asleep_is_not_told_twice(town: Town):
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "sms"), services=("share",))
    await world.family("fam-2", caregiver("ben", "push"), services=("follow",))
    await world.outage("follow", "share")
    forget(world)
    await world.until_local("2026-11-04 23:00")
    await world.update("Share works.", remove_scope=(Reach("share"),))
    assert texts(world) == []
    await world.fast_forward(minutes=30)
    await world.update("Share fails again.", add_scope=(Reach("share"),))
    told = texts(world)
    await world.until_local("2026-11-05 06:31")
    more = texts(world)
    forget(world)
    assert told == [], told
    assert len(more) == 1, more


async def test_who_asked_not_to_be_told_of_minor_things_hears_that_the_critical_one_has_become_minor(world: World):
    """Told "next update by 12:30": a fall is told by the rules of the severity it leaves (R15), and that binds (R2)."""
    mia = caregiver("mia", "sms", preferences=make.preferences(minor=(), default=("sms",)))
    await world.family("fam-1", mia)
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down", "Next update by 12:30 PM")
    await world.fast_forward(minutes=10)
    await world.update("Only pictures are missing.", severity="minor")
    await world.fast_forward(minutes=20)
    [told] = texts(world)
    assert "Only pictures are missing." in told
    assert "We write if it gets worse or is over." in told  # no time at which nobody writes
    await world.fast_forward(hours=5)
    await world.resolve()
    world.phone("mia").expect_sms("Follow works again")


async def test_how_long_is_said_only_where_all_of_it_failed_for_so_long(world: World):
    """A push says it in its title."""
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.family("fam-2", caregiver("ben", "push"), services=("follow", "share"))
    await world.outage("share")
    forget(world)
    await world.fast_forward(minutes=25)
    await world.update("Follow fails too.", add_scope=(Reach("follow"),))
    forget(world)
    await world.fast_forward(minutes=30)
    [told] = texts(world)
    assert "(trouble began 12:00 PM)" in told, told
    [told] = texts(world, "ben")
    assert "54 min" not in told, told
    assert "Share and Follow are still down (29 min)" in told, told
    for phone in world.phones.values():
        phone.forget()
    await world.fast_forward(hours=1)
    assert "(began 12:00 PM, all for 1 h)" in texts(world)[-1]
    forget(world)


async def test_at_wake_up_what_fails_no_more_is_named(town: Town):
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("follow", "share")
    forget(world)
    await world.until_local("2026-11-04 23:00")
    await world.update("Share works.", remove_scope=(Reach("share"),))
    await world.until_local("2026-11-05 02:00")
    await world.update("We go on looking for the cause.")
    await world.until_local("2026-11-05 06:31")
    told = texts(world)
    await world.fast_forward(hours=1)
    told += texts(world)
    await world.resolve()
    told += texts(world)
    assert ["No longer affected: Share" in each for each in told] == [True, *[False] * (len(told) - 1)], told


async def test_the_end_names_all_that_they_were_told_of(town: Town):
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("follow", "share")
    forget(world)
    await world.until_local("2026-11-04 23:00")
    await world.update("Share works.", remove_scope=(Reach("share"),))
    await world.until_local("2026-11-05 02:00")
    await world.resolve()
    await world.until_local("2026-11-05 06:31")
    [told] = texts(world)
    assert "Follow and Share work again" in told, told


async def test_a_correction_that_takes_a_service_out_names_it(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("follow")
    await world.update("More fails.", add_scope=(Reach("share"),))
    forget(world)
    await world.update("That was wrong.", corrects=2, remove_scope=(Reach("share"),))
    [told] = texts(world)
    assert "No longer affected: Share" in told, told
    await world.fast_forward(minutes=30)
    [told] = texts(world)
    assert "Share" not in told, told


async def test_a_recall_that_takes_a_service_out_names_it_in_their_turn(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("follow")
    await world.update("More fails.", add_scope=(Reach("share"),))
    forget(world)
    await recall(world.deps, 1, who="test")
    await world.settle()
    await world.fast_forward(minutes=30)
    [told] = texts(world)
    assert "Correction" in told
    assert "No longer affected: Share" in told, told
    assert "since 12:00 PM, 29 min now" in told, told  # it never was otherwise
    await world.fast_forward(minutes=30)
    [told] = texts(world)
    assert "Share" not in told, told


async def test_what_fails_now_has_not_failed_since_something_else_did(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("share")
    forget(world)
    await world.fast_forward(minutes=25)
    await world.update("Share works, Follow fails.", add_scope=(Reach("follow"),), remove_scope=(Reach("share"),))
    forget(world)
    await world.fast_forward(minutes=30)
    [told] = texts(world)
    assert "Follow is still down (trouble began 12:00 PM)" in told, told


async def test_a_late_family_reads_since_when_each_fails(world: World):
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.outage("share")
    await world.fast_forward(minutes=25)
    await world.update("Follow fails too.", add_scope=(Reach("follow"),))
    forget(world)
    await world.family("fam-2", caregiver("ben", "sms"), services=("follow", "share"))
    await world.settle()
    [told] = texts(world, "ben")
    assert "(trouble began 12:00 PM)" in told, told


async def test_a_relapse_and_then_news_while_asleep_is_no_still(town: Town):
    """They last heard that it works."""
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "sms", preferences=make.preferences(default=("sms",))))
    await world.outage("follow", severity="major")
    await world.resolve()
    forget(world)
    await world.until_local("2026-11-05 01:00")
    await world.reopen("Down again.")
    await world.fast_forward(hours=1)
    await world.update("We look for the cause.")
    await world.until_local("2026-11-05 06:31")
    [told] = texts(world)
    assert "Follow has problems again" in told, told


async def test_a_first_notice_is_not_of_a_relapse(town: Town):
    world = town(policy=make.policy(sources={"prober": ("open", "resolve")}))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.machine("prober")
    await world.resolve()
    assert texts(world) == []
    await world.fast_forward(hours=1)
    await world.reopen("It is down.")
    [told] = texts(world)
    assert "Follow is down" in told, told
    assert "again" not in told, told


async def test_not_affected_names_what_they_were_told_of_and_did_not_hear_the_end_of(town: Town):
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "sms"), services=("follow", "share"))
    await world.family("fam-2", caregiver("ben", "sms"), services=("login",))
    await world.outage("follow", "share", "login")
    forget(world)
    await world.until_local("2026-11-04 23:00")
    await world.update("Share works.", remove_scope=(Reach("share"),))
    await world.until_local("2026-11-05 02:00")
    await world.update("Follow works too.", remove_scope=(Reach("follow"),))
    await world.until_local("2026-11-05 06:31")
    [told] = texts(world)
    assert "No longer affected: Follow and Share" in told, told
    forget(world)


async def test_what_was_told_silently_in_the_night_is_named_once_more_aloud(town: Town):
    world = town(EVENING)
    await world.family("fam-1", caregiver("mia", "push"), services=("follow", "share"))
    await world.outage("follow", "share")
    await world.until_local("2026-11-04 23:00")
    forget(world)
    await world.update("Share works.", remove_scope=(Reach("share"),))
    world.phone("mia").expect_push("No longer affected: Share", loud=False)
    await world.until_local("2026-11-05 06:29")
    forget(world)
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_push("No longer affected: Share", loud=True)
    await world.fast_forward(minutes=40)
    told = texts(world)
    assert told
    assert not any("Share" in each for each in told), told


async def test_a_family_with_text_messages_alone_reads_what_wakes_it(town: Town):
    """R10: while nobody in the family may be told the clock stands, and the message before says so."""
    world = town(datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC))
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").expect_sms("Follow is down", "We wake you only if it gets worse or is fixed", "6:30 AM")


async def test_who_hears_of_a_fall_alone_is_promised_no_news(world: World):
    only_critical = make.preferences(critical=("sms",), major=(), minor=())
    await world.family("fam-1", caregiver("mia", "sms", preferences=only_critical))
    await world.outage("follow")
    await world.update("Better.", severity="major")
    world.phone("mia").expect_sms("Follow is down")
    world.phone("mia").expect_sms("still has problems", "We write if it gets worse or is over.")
    await world.fast_forward(minutes=10)
    await world.update("The cause is found.", state="identified")
    world.phone("mia").expect_nothing()


async def test_what_is_real_after_a_false_alarm_is_not_called_back(world: World):
    await world.family("fam-1", caregiver("mia", "sms"))
    await world.outage("follow")
    await world.cancel()
    world.phone("mia").expect_sms("Follow is down")
    world.phone("mia").expect_sms("there was no outage")
    await world.reopen("It is real.")
    told = world.phone("mia").expect_sms("Follow is down (since 12:00 PM)", "It is real.")
    assert "again" not in told.text, told.text
