"""The auditor: whatever the planner forgets is found, told, mended, and heard of outside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from alertd.domain.audit import Audit
from alertd.domain.receipt import Word
from alertd.ports import Later, Message, Receipt, Refused, Report
from alertd.ports.deps import Timing
from alertd.usecases.audit import audit
from alertd.usecases.conditions import CONDITIONS
from alertd.usecases.ping import Pinger
from alertd.usecases.take_receipt import Receipts
from tests import make
from tests.fakes import FakeChannel
from tests.scenario.world import World


class Outside:
    """Somebody who raises an alarm when no ping comes."""

    def __init__(self) -> None:
        self.pings = 0

    async def ping(self) -> None:
        self.pings += 1

    async def close(self) -> None:
        """Nothing to close."""


class Watched:
    """A town, its auditor, and who hears of it outside."""

    def __init__(self, world: World) -> None:
        self.world, self.outside = world, Outside()
        self._deps = replace(world.deps, timing=Timing(look_twice=0.0))
        self._pinger = Pinger(self._deps, self.outside, 30.0)

    async def audit(self) -> Audit:
        """The auditor asks, and pings if all is well."""
        answer = await audit(self._deps, CONDITIONS)
        before = self.outside.pings
        await self._pinger.after(answer)
        assert (self.outside.pings > before) is answer.well
        return answer


async def test_a_family_that_the_planner_would_never_look_at_again_is_found_and_told(world: World) -> None:
    """Its watch says "look in a year"; nobody planned that, and nobody but the auditor would notice."""
    watched = Watched(world)
    await world.family("fam-1")
    await world.family("fam-2", make.caregiver("ben", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    world.phone("ben").forget()
    assert (await watched.audit()).passed

    world.sql("UPDATE watch SET look_at = look_at + 31536000000000 WHERE family_id = 'fam-1'")
    await world.fast_forward(minutes=30)
    world.phone("ben").expect_sms("No news")
    world.phone("mia").expect_nothing()
    await world.fast_forward(seconds=11)

    answer = await watched.audit()
    assert [(each.incident, each.families) for each in answer.unaccounted] == [(1, ("fam-1",))]
    assert (answer.families, answer.accounted) == (2, 1)
    assert world.log.named("families_unaccounted") == [{"incident": 1, "families": 1, "first": ["fam-1"]}]
    assert world.log.named("ping_withheld") == [{"why": "families_unaccounted"}]

    await world.settle()
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")
    await world.fast_forward(seconds=19)
    assert (await watched.audit()).passed
    assert watched.outside.pings == 2


async def test_who_was_told_by_phone_is_accounted_for_as_long_as_they_were_told(world: World) -> None:
    """And no longer: the planner never looks again, and the auditor finds that out by its own query."""
    watched = Watched(world)
    await world.family("fam-1")
    await world.outage("follow")
    world.phone("mia").forget()
    await world.fast_forward(minutes=20)
    assert (await world.told_by_phone()).next_by == make.after(50)
    world.sql("UPDATE watch SET look_at = look_at + 31536000000000")
    await world.until(make.after(50))
    assert (await watched.audit()).passed
    await world.fast_forward(seconds=11)
    assert [each.families for each in (await watched.audit()).unaccounted] == [("fam-1",)]
    await world.settle()
    world.phone("mia").forget()


async def test_a_family_that_no_cursor_ever_reached_is_found_and_told(world: World) -> None:
    """An import that died between writing the family and making it due, or a bug in a cursor."""
    watched = Watched(world)
    await world.family("fam-1")
    await world.outage("follow")
    world.phone("mia").forget()
    await world.family("fam-2", make.caregiver("ben", "sms"))
    await world.settle()
    world.phone("ben").forget()
    world.sql("DELETE FROM delivery WHERE family_id = 'fam-2'")
    world.sql("DELETE FROM watch WHERE family_id = 'fam-2'")

    assert [each.families for each in (await watched.audit()).unaccounted] == [("fam-2",)]
    await world.settle()
    world.phone("ben").expect_sms("Follow")
    assert (await watched.audit()).passed


async def test_a_watch_that_rests_on_a_lie_is_found_and_told(world: World) -> None:
    """It says that nobody has an address; the address tables say otherwise."""
    watched = Watched(world)
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    world.sql("UPDATE watch SET look_at = NULL, rest = 'no_address'")
    await world.fast_forward(minutes=31)
    assert [each.families for each in (await watched.audit()).unaccounted] == [("fam-1",)]
    await world.settle()
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")
    assert (await watched.audit()).passed


async def test_a_provider_that_is_down_is_an_excuse_while_it_is_tried(world: World) -> None:
    """Nobody is paged for what alertd does all it can about; when it stops trying, somebody is."""
    watched = Watched(world)
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.outage("follow")
    world.phone("mia").forget()
    world.channels["sms"].fail_always("*", lambda: Later("20500", "down"))
    await world.fast_forward(minutes=35)
    assert (await watched.audit()).excuses == {"provider_down": 1}

    world.clock.advance(minutes=2)  # nobody takes the next try up
    assert (await watched.audit()).missing == 1

    world.channels["sms"].mend()
    await world.settle()
    world.phone("mia").forget()
    assert (await watched.audit()).passed


class Filtered(FakeChannel):
    """Twilio takes every SMS, and says a moment later that our own fault stopped it."""

    def __init__(self, world: World) -> None:
        super().__init__("sms", has_callbacks=True)
        self._world, self.stops = world, True

    async def send(self, message: Message) -> Receipt:
        taken = await super().send(message)
        if self.stops:
            report = Report(
                message.delivery, message.attempt, Word.UNDELIVERED, taken.provider_id, "30007", ours=True
            )
            await Receipts(self._world.deps).take("sms", report)
        return taken


async def test_what_our_own_fault_stopped_is_no_excuse(world: World) -> None:
    """Whoever has an e-mail is told by it; whoever has none is missed, and tried again until it is mended."""
    watched = Watched(world)
    only_sms = make.preferences(critical=("sms",))
    world.channels["sms"] = sms = Filtered(world)
    await world.family("fam-1", make.caregiver("mia", "sms", preferences=only_sms))
    await world.family("fam-2", make.caregiver("ben", "sms", "email", preferences=only_sms))
    await world.outage("follow")
    world.phone("ben").expect_email("Follow")
    await world.fast_forward(minutes=10)
    assert (await watched.audit()).passed  # until then they are in time

    for _ in range(3):
        await world.fast_forward(seconds=11)
        answer = await watched.audit()
        assert [each.families for each in answer.unaccounted] == [("fam-1",)]
        assert answer.excuses == {}
        await world.fast_forward(minutes=7)
    for name in ("mia", "ben"):
        world.phone(name).forget()

    sms.stops = False
    await world.fast_forward(minutes=1)
    world.phone("mia").expect_sms("Follow")
    world.phone("ben").forget()
    assert (await watched.audit()).passed


async def test_those_who_can_or_will_not_be_told_are_accounted_for_by_name(town: Callable[..., World]) -> None:
    """No address that works, and muted: each is checked in the tables and the documents; the night is in time."""
    world = town()
    watched = Watched(world)
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.family("fam-2", make.caregiver("ben", "push", preferences=make.preferences(major=())))
    await world.family("fam-3", make.caregiver("ann", "push"))
    world.channels["sms"].fail_always("*", lambda: Refused("30005", "no such number"))
    await world.outage("follow", severity="major")
    world.phone("ann").forget()
    await world.fast_forward(hours=1)
    world.phone("ann").forget()
    answer = await watched.audit()
    assert (answer.families, answer.excuses) == (3, {"muted": 1, "no_address": 1})

    await world.until_local("2026-11-05 03:00")
    world.phone("ann").forget()
    assert (await watched.audit()).passed
    await world.resolve("It works again.")
    await world.until_local("2026-11-05 07:00")
    for name in ("mia", "ben", "ann"):
        world.phone(name).forget()


async def test_a_suspicion_that_nobody_tells_in_time_is_heard_of_outside(town: Callable[..., World]) -> None:
    """No family is touched by what is held, so no family is late: it is asked about by itself."""
    world = town(policy=make.policy(sources={"prober": ("open",)}))
    watched = Watched(world)
    await world.family()
    await world.machine("prober")
    world.clock.advance(minutes=5, seconds=10)
    assert (await watched.audit()).well

    world.clock.advance(seconds=1)
    answer = await watched.audit()
    assert (answer.passed, answer.families, answer.withheld) == (True, 0, ("suspicion_or_end_overdue",))
    assert world.log.named("ping_withheld") == [{"why": "suspicion_or_end_overdue"}]

    await world.settle()
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")
    world.clock.advance(seconds=30)
    assert (await watched.audit()).well


async def test_an_end_that_nobody_carries_out_is_heard_of_outside(town: Callable[..., World]) -> None:
    """Also where families know of it; and a suspicion whose end is near waits for that, not for `confirm`."""
    world = town(policy=make.policy(sources={"bot": ("open", "resolve")}))
    watched = Watched(world)
    await world.family()
    await world.machine("bot")
    world.clock.advance(minutes=4)
    await world.machine("bot", "resolved")
    world.clock.advance(minutes=15, seconds=10)
    assert (await watched.audit()).well
    world.clock.advance(seconds=1)
    assert (await watched.audit()).withheld == ("suspicion_or_end_overdue",)
    await world.settle()
    world.clock.advance(seconds=30)
    assert (await watched.audit()).well
    world.phone("mia").expect_nothing()

    await world.machine("bot")
    await world.fast_forward(minutes=5)
    world.phone("mia").forget()
    await world.machine("bot", "resolved")
    world.clock.advance(minutes=15, seconds=11)
    assert (await watched.audit()).withheld == ("suspicion_or_end_overdue",)
    await world.settle()
    world.phone("mia").forget()
    world.clock.advance(seconds=30)
    assert (await watched.audit()).well


async def test_what_waits_for_a_human_is_nothing_to_hear_of(town: Callable[..., World]) -> None:
    """Minor, by the policy: nobody else tells it, however long that takes."""
    world = town(policy=make.policy(sources={"prober": ("open",)}))
    watched = Watched(world)
    await world.family()
    await world.machine("prober", severity="minor")
    world.clock.advance(days=3)
    assert (await watched.audit()).well


async def test_ten_seconds_are_real_ones(town: Callable[..., World]) -> None:
    """In a story that runs sixty times as fast they are ten minutes."""
    world = town(policy=make.policy(sources={"prober": ("open",)}))
    watched = Watched(world)
    world.clock.rate = 60.0
    await world.family()
    await world.machine("prober")
    world.clock.advance(minutes=15)
    assert (await watched.audit()).well
    world.clock.advance(seconds=1)
    assert not (await watched.audit()).well
    await world.settle()
    world.phone("mia").forget()


async def test_over_a_whole_outage_nobody_is_ever_unaccounted_for(town: Callable[..., World]) -> None:
    """Day and night, a raise, a fall, a shrinking scope, an import, a reopened wound: the auditor agrees throughout."""
    world = town(make.NOON)
    watched = Watched(world)
    nurse = make.caregiver("nurse", "sms", role="nurse", on_duty="mon-fri 08:00-15:00")
    await world.family("fam-1", make.caregiver("mia"))
    await world.family("fam-2", make.caregiver("ben", "email"), region="eu")
    await world.family("fam-3", nurse)
    await world.outage("follow", severity="major")
    for hour in range(30):
        match hour:
            case 2:
                await world.update("Worse.", severity="critical")
            case 4:
                await world.family("fam-4", make.caregiver("ann", "push"))
            case 9:
                await world.update("Better.", severity="major", state="monitoring")
            case 20:
                await world.update("Only here.", severity="minor")
        for _ in range(6):
            await world.fast_forward(minutes=10)
            answer = await watched.audit()
            assert answer.passed, (hour, answer.unaccounted, world.sql("SELECT * FROM watch"))
    for phone in world.phones.values():
        phone.forget()


async def test_what_a_shared_phone_was_promised_for_one_family_is_looked_at_for_the_other(
    town: Callable[..., World],
) -> None:
    """Rose is told once for both, at night: the earlier time counts, also for the family that would sleep longer."""
    world = town(datetime(2026, 11, 5, 3, 0, tzinfo=ZoneInfo("America/Los_Angeles")))
    watched = Watched(world)
    rose = make.caregiver("rose", "sms", role="guardian", order=2)
    await world.family("fam-1", make.caregiver("mia", "sms"), rose)
    await world.family("fam-2", make.caregiver("leo", "email"), rose)
    await world.outage("follow")
    await world.fast_forward(minutes=60)  # to a minute before the earlier time
    for _ in range(5):
        await world.fast_forward(minutes=1)
        assert (await watched.audit()).passed
    for name in ("mia", "rose", "leo"):
        world.phone(name).forget()
