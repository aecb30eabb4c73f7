"""R13: after an outage of alertd itself each family gets one message, which says that it is late."""

from datetime import timedelta

from alertd.domain.downtime import Downtime
from alertd.domain.incident import Reach
from alertd.ports import Later
from alertd.usecases.beat import SWEEPER, beat
from tests import make
from tests.scenario.world import World

LATE = "Sorry, this comes late: our message service was down."


def says(message, text: str = LATE) -> bool:
    return text in f"{message.title}\n{message.text}"


async def test_two_hours_of_our_own_are_made_good_by_one_message_that_says_so(world: World):
    """Four holdings would have been due; one message comes, late, and says why; the next is as ever."""
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.down(hours=2)
    world.phone("mia").expect_push(LATE, "No news")
    world.phone("mia").expect_sms(LATE, "No news")

    await world.fast_forward(minutes=30)
    assert not says(world.phone("mia").expect_push("No news"))
    assert not says(world.phone("mia").expect_sms("No news"))


async def test_it_is_said_in_the_readers_language(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms", locale="es"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.down(hours=2)
    world.phone("mia").expect_sms("Disculpe el retraso: un fallo en nuestros avisos.")


async def test_news_that_had_to_wait_for_us_says_so_too(world: World):
    """A person wrote just before we went down: families get these words, late, and no holding beside them."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.fast_forward(minutes=20)
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.update("We know the cause.")
    world.channels["sms"].mend()
    await world.down(hours=1)
    world.phone("mia").expect_sms(LATE, "We know the cause.")


async def test_a_pause_in_which_nobody_was_due_is_not_apologised_for(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.down(minutes=20)
    await world.fast_forward(minutes=10)
    assert not says(world.phone("mia").expect_sms("No news"))


async def test_a_minute_late_is_not_worth_a_word(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.down(minutes=30, seconds=50)
    assert not says(world.phone("mia").expect_sms("No news"))


async def test_a_provider_that_was_down_is_not_apologised_for(world: World):
    """We looked all the time: the delay has a cause of its own, and it is not ours."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.fast_forward(hours=2)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    assert not says(world.phone("mia").expect_sms("No news"))


async def test_of_two_nodes_one_is_down_and_nobody_notices(world: World):
    """While any sweeper of the cluster looks, families are told in time; the other one comes back to no gap."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    for _ in range(4):
        await world.swept()
        await world.fast_forward(minutes=30)
        assert not says(world.phone("mia").expect_sms("No news"))
    await world.swept()
    world.clock.advance(seconds=20)
    await beat(world.deps, SWEEPER, None)  # the other node is back: its own last look was hours ago
    assert world.sql("SELECT count(*) FROM downtime") == [(0,)]


async def test_a_first_notice_that_we_could_not_give_in_time_says_so(world: World):
    """The outage begins, and with it ours: the first word comes after the time promised for it."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.outage("follow")
    world.channels["sms"].mend()
    await world.down(hours=1)
    world.phone("mia").expect_sms("Follow is down", LATE)


async def test_who_slept_through_our_outage_is_told_as_ever(world: World):
    """Nobody could be told anyway: they are told in time when they wake up, and hear no excuse."""
    await world.until_local("2026-11-04 23:00")
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow", severity="major")
    await world.until_local("2026-11-05 02:00")
    await world.down(hours=3)
    await world.until_local("2026-11-05 07:30")
    assert not says(world.phone("mia").expect_sms("Follow"))
    world.phone("mia").forget()


async def test_who_wakes_up_while_we_are_down_is_told_late(world: World):
    await world.until_local("2026-11-04 23:00")
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow", severity="major")
    await world.until_local("2026-11-05 05:00")
    await world.down(hours=4)
    world.phone("mia").expect_sms("Follow", LATE)


async def test_a_provider_that_is_down_when_we_are_back_is_not_our_excuse_again(world: World):
    """What was planned in time once we were back, and waited for the provider, blames nobody on our side."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.fast_forward(minutes=28)
    world.channels["sms"].fail_always("*", lambda: Later("20503"))
    await world.down(minutes=1, seconds=30)  # back half a minute before they are due
    await world.fast_forward(minutes=10)
    world.channels["sms"].mend()
    await world.fast_forward(minutes=2)
    assert not says(world.phone("mia").expect_sms("No news"))


async def test_how_long_we_were_down_is_kept_once(world: World):
    await world.swept()
    began = world.clock.now()
    world.clock.advance(hours=2)
    await beat(world.deps, SWEEPER, None)
    await beat(world.deps, SWEEPER, None)
    async with world.deps.store.reading() as rows:
        assert await rows.downtimes(began, SWEEPER) == (
            [Downtime(began, world.clock.now())],
            world.clock.machine(),
        )
    assert world.log.lines[-1] == ("we_were_down", {"seconds": 7200})


async def test_the_end_that_we_were_too_late_for_says_so(world: World):
    """Promised for 30 minutes on; an hour later we are back, and by then it is over."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.swept()
    world.clock.advance(hours=1)
    await world.resolve("It works again.")
    world.phone("mia").expect_sms("Follow works again", LATE, "It works again.")
    await beat(world.deps, SWEEPER, None)
    await world.fast_forward(hours=24)


async def test_an_end_in_time_apologises_for_nothing(world: World):
    """We were down for a while, but nobody was due in it; and what we made good needs no second word."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    await world.down(minutes=20)
    await world.resolve("It works again.")
    assert not says(world.phone("mia").expect_sms("works again"))

    await world.reopen("It is down again.")
    world.phone("mia").forget()
    await world.down(hours=1)
    assert says(world.phone("mia").expect_sms("No news"))
    await world.resolve("It works again.")
    assert not says(world.phone("mia").expect_sms("works again"))


async def test_whoever_is_no_longer_affected_hears_late_that_we_were(world: World):
    await world.family("fam-1", make.caregiver("mia", "sms"), services=("follow",))
    await world.family("fam-2", make.caregiver("ben", "sms"), services=("share",))
    await world.outage("follow", "share")
    for name in ("mia", "ben"):
        world.phone(name).forget()
    await world.swept()
    world.clock.advance(hours=1)
    await world.update("Only Follow fails.", remove_scope=(Reach("share"),))
    world.phone("ben").expect_sms("no longer affected", LATE)
    world.phone("mia").expect_sms(LATE, "Only Follow fails.")


async def test_who_stood_still_is_not_heard_of_before_they_have_looked_at_the_clock(world: World):
    """Another sweeper ran meanwhile: its beat stands, and nobody was down. A clock that is followed begins anew."""
    now = world.clock.machine()
    for ahead, stands in ((timedelta(minutes=70), True), (timedelta(hours=3), False)):
        async with world.deps.store.transaction() as rows:
            await rows.beat(SWEEPER, now + ahead)
        await beat(world.deps, SWEEPER, now - timedelta(hours=1))
        async with world.deps.store.reading() as rows:
            assert ((await rows.heartbeats())[SWEEPER] == now + ahead) is stands
