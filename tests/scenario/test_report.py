"""R13: afterwards every promise is in the ledger, with its fate, and how long anybody waited."""

from datetime import timedelta

from alertd.domain.incident import Reach
from alertd.domain.promises import Cause, Fate, Kept
from alertd.ports import Later
from alertd.usecases.recall import recall
from alertd.usecases.report import IncidentReport
from tests import make
from tests.scenario.world import World

MINUTE = timedelta(minutes=1)


def by_sms(name: str):
    return make.caregiver(name, "sms")


async def two_families(world: World) -> None:
    await world.family("fam-1", by_sms("mia"))
    await world.family("fam-2", by_sms("ben"))


def forget(world: World) -> None:
    for phone in world.phones.values():
        phone.forget()


def only(report: IncidentReport) -> Kept:
    [kept] = report.promises
    return kept


async def test_a_person_who_writes_in_time_has_kept_it_for_everybody(world: World):
    await two_families(world)
    await world.outage("follow", next_by=make.after(25))
    await world.fast_forward(minutes=20)
    await world.update("We know the cause.")
    await world.fast_forward(minutes=10)
    kept = only(await world.report())
    assert (kept.fate, kept.cause, kept.share, kept.telling.told) == (Fate.HUMAN, None, 1.0, 2)
    assert kept.promise.kept_by is not None
    assert (kept.promise.kept_by.number, kept.promise.kept_by.at) == (2, make.after(20))
    forget(world)


async def test_nobody_writes_and_the_holding_keeps_it(world: World):
    await two_families(world)
    await world.outage("follow", next_by=make.after(25))
    assert only(await world.report()).fate is Fate.OPEN
    await world.fast_forward(minutes=26)
    kept = only(await world.report())
    assert (kept.fate, kept.share, kept.telling.told) == (Fate.HOLDING, 1.0, 2)
    forget(world)


async def test_what_is_missed_through_our_own_downtime_says_so(world: World):
    await two_families(world)
    await world.outage("follow", next_by=make.after(25))
    await world.fast_forward(minutes=10)
    await world.down(hours=2)
    report = await world.report()
    kept = only(report)
    assert (kept.fate, kept.cause, kept.share, kept.untold) == (Fate.MISSED, Cause.DOWNTIME, 0.0, 2)
    assert [each.ended_at - each.began_at for each in report.downtimes] == [timedelta(hours=2)]
    assert (report.silences.longest, report.silences.late) == (130 * MINUTE, 2)
    assert report.silences.latest == 105 * MINUTE
    forget(world)


async def test_of_a_provider_that_was_down_the_ledger_names_the_provider(world: World):
    await two_families(world)
    await world.outage("follow", next_by=make.after(25))
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.fast_forward(hours=1)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    kept = only(await world.report())
    assert (kept.fate, kept.cause, kept.untold) == (Fate.MISSED, Cause.PROVIDER, 2)
    forget(world)


async def test_it_is_kept_although_one_familys_number_was_busy(world: World):
    await two_families(world)
    await world.outage("follow", next_by=make.after(25))
    world.channels["sms"].fail_always(make.own("ben", "sms").to, lambda: Later("20503"))
    await world.fast_forward(minutes=20)
    await world.update("We know the cause.")
    await world.fast_forward(minutes=10)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    kept = only(await world.report())
    assert (kept.fate, kept.cause, kept.share, kept.untold) == (Fate.HUMAN, Cause.PROVIDER, 0.5, 1)
    forget(world)


async def test_a_night_that_goes_on_is_no_silence_by_day(world: World):
    """They read in the evening that they hear in the morning, and nobody looks at them in between."""
    await world.until_local("2026-11-04 21:00")
    await world.family("fam-1", by_sms("mia"))
    await world.outage("follow", severity="major")
    await world.until_local("2026-11-05 05:00")
    silences = (await world.report()).silences
    assert (silences.longest, silences.longest_at_night) == (None, timedelta(hours=8))
    await world.until_local("2026-11-05 12:00")
    over = (await world.report()).silences
    assert over.longest_at_night is not None
    assert over.longest_at_night > timedelta(hours=9)
    forget(world)


async def test_a_family_that_sleeps_was_told_another_time(world: World):
    """They know that they hear in the morning; whoever is awake is owed the promise all the same."""
    await world.until_local("2026-11-04 18:30")
    await world.family("fam-1", by_sms("mia"))
    await world.family("fam-2", by_sms("ben"), time_zone="America/New_York")
    await world.outage("follow", severity="major", next_by=world.clock.now() + timedelta(hours=2))
    await world.until_local("2026-11-04 21:00")
    kept = only(await world.report())
    assert (kept.fate, kept.share) == (Fate.HOLDING, 1.0)
    assert (kept.telling.told, kept.telling.deferred) == (1, 1)
    await world.until_local("2026-11-05 12:00")
    silences = (await world.report()).silences
    assert silences.longest_at_night is not None
    assert silences.longest is not None
    assert silences.longest_at_night > silences.longest
    assert silences.late == 0
    forget(world)


async def test_first_notices_are_held_against_what_was_promised_for_them(world: World):
    """One in time, one at wake-up, one late through a provider, one that has no way to be told."""
    await world.until_local("2026-11-04 20:00")
    await world.family("awake", by_sms("mia"))
    await world.family("asleep", by_sms("ben"), time_zone="America/New_York")
    await world.family("busy", by_sms("ida"))
    await world.family("mute", make.caregiver("max", addresses=()))
    world.channels["sms"].fail_always(make.own("ida", "sms").to, lambda: Later("20503"))
    await world.outage("follow", severity="major")
    await world.fast_forward(hours=1)
    world.channels["sms"].mend()
    await world.until_local("2026-11-05 09:00")
    notices = (await world.report()).notices
    assert (notices.families, notices.told, notices.in_time) == (4, 3, 1)
    assert (notices.slept, notices.late) == (1, 1)
    assert notices.longest is not None
    assert 60 * MINUTE <= notices.longest <= 66 * MINUTE
    forget(world)


async def test_a_shared_mailbox_counts_for_every_family_that_has_it(world: World):
    nurse = make.caregiver("nurse", "sms", role="parent")
    await world.family("fam-1", nurse)
    await world.family("fam-2", nurse)
    await world.outage("follow", next_by=make.after(25))
    await world.fast_forward(minutes=31)
    report = await world.report()
    assert (report.notices.told, report.notices.in_time) == (2, 2)
    assert (only(report).fate, only(report).telling.told) == (Fate.HOLDING, 2)
    forget(world)


async def test_who_was_found_not_to_be_affected_is_owed_no_promise(world: World):
    await world.family("fam-1", by_sms("mia"), services=("follow",))
    await world.family("fam-2", by_sms("ben"), services=("share",))
    await world.outage("follow", "share", next_by=make.after(25))
    await world.fast_forward(minutes=10)
    await world.update("Sharing works.", remove_scope=(Reach("share"),))
    await world.fast_forward(minutes=20)
    kept = only(await world.report())
    assert (kept.fate, kept.telling.touched, kept.share) == (Fate.HUMAN, 1, 1.0)
    forget(world)


async def test_a_recalled_update_that_nobody_got_kept_no_promise(world: World):
    await two_families(world)
    await world.outage("follow", next_by=make.after(25))
    await world.fast_forward(minutes=10)
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.update("It works again from five.")
    await recall(world.deps, 1, who="test")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=20)
    assert only(await world.report()).fate is Fate.HOLDING
    forget(world)


async def test_for_whom_has_it_a_recalled_update_was_a_word_in_time(world: World):
    await two_families(world)
    await world.outage("follow", next_by=make.after(25))
    await world.fast_forward(minutes=10)
    world.channels["sms"].fail_always(make.own("ben", "sms").to, lambda: Later("20503"))
    await world.update("It works again from five.", next_in=make.minutes(30))
    await recall(world.deps, 1, who="test")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=40)
    assert [kept.fate for kept in (await world.report()).promises] == [Fate.HUMAN, Fate.HOLDING]
    forget(world)


async def test_a_promise_that_nobody_got_is_none(world: World):
    await two_families(world)
    await world.outage("follow")
    await world.fast_forward(minutes=5)
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.update("We write in ten minutes.", next_in=make.minutes(10))
    await recall(world.deps, 1, who="test")
    world.channels["sms"].mend()
    await world.fast_forward(minutes=40)
    assert (await world.report()).promises == ()
    forget(world)
