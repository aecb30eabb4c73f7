"""R0: machines suspect, humans confirm, and families hear neither too early nor never."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.incident import Kind, Reach, Severity, State
from alertd.domain.policy import Escalation
from alertd.ports.deps import Timing
from alertd.usecases.audit import audit
from alertd.usecases.conditions import CONDITIONS
from alertd.usecases.ripen import ripen
from alertd.usecases.sweep import sweep
from alertd.usecases.take_machine_events import take_machine_event
from tests import make
from tests.scenario.machines import acts, incident, with_sources
from tests.scenario.world import World


@pytest.fixture
def town(town: Callable[..., World]) -> Callable[..., World]:
    """With three machines."""
    return with_sources(town)


async def test_nobody_wakes_up_so_families_are_told_that_they_may_not_receive(town: Callable[..., World]):
    """At five minutes for critical, in built-in words: nothing that the machine wrote."""
    world = town()
    await world.family()
    received = await world.machine("prober", title="sev1 on edge-7", message={"en": "kernel panic"})
    assert (received.did, received.incident, received.update) == ("opened", 1, None)
    suspected = await incident(world)
    assert (suspected.state, suspected.held, suspected.confirm_at) == (State.SUSPECTED, True, make.after(5))
    assert suspected.newest.facts.title == "sev1 on edge-7"
    assert (suspected.newest.source, suspected.newest.by_person) == ("prober", False)
    await world.fast_forward(minutes=4, seconds=59)
    world.phone("mia").expect_nothing()

    await world.fast_forward(seconds=1)
    for channel in ("push", "sms"):
        said = world.phone("mia").expect(channel, "Follow may be down", "may get no readings", "check glucose")
        assert "sev1" not in said.text
        assert "panic" not in said.text
    told = await incident(world)
    assert (told.state, told.held, told.confirm_at) == (State.SUSPECTED, False, None)
    assert not told.newest.by_person
    assert await acts(world) == [("prober", "open"), ("alertd", "confirm")]

    await world.fast_forward(minutes=30)  # the silence rule goes on, and nobody pretends that there was news
    said = world.phone("mia").expect_push("may be down", "no news")
    assert "since" not in said.text.lower().partition("no news")[2].partition(".")[0]
    world.phone("mia").forget()


async def test_the_all_clear_says_how_long_it_lasted_not_how_long_families_knew(town: Callable[..., World]):
    """The suspicion was held for five minutes; what was told then began five minutes earlier."""
    world = town()
    await world.family()
    await world.machine("prober")
    await world.fast_forward(minutes=20)
    world.phone("mia").forget()
    await world.resolve()
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "works again", "(20 min)")


async def test_a_human_confirms_with_an_update(town: Callable[..., World]):
    """Families are told at once, as a first notice, with the human's words; the machine's time is over."""
    world = town()
    await world.family()
    await world.machine("prober")
    await world.fast_forward(minutes=2)
    await world.update("Followers get no readings.")
    for channel in ("push", "sms"):
        said = world.phone("mia").expect(channel, "Follow is down", "Followers get no readings.")
        assert "Update" not in said.text
    now = await incident(world)
    assert (now.state, now.held, now.confirm_at) == (State.INVESTIGATING, False, None)
    assert now.newest.human_number == 1
    await world.fast_forward(minutes=20)
    await world.update("A server is being replaced.")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Update 2", "A server is being replaced.")


async def test_a_human_who_opens_it_confirms_it(town: Callable[..., World]):
    """`incident open` over what is suspected is no conflict: it publishes the message, and there is one incident."""
    world = town()
    await world.family()
    await world.machine("prober", severity="major", title="p99 of follow")
    opened = await world.outage("follow", "share", message="Nothing arrives.", title="Follow is down")
    assert opened == 1
    now = await incident(world)
    assert (now.severity, now.state, now.held) == (Severity.CRITICAL, State.INVESTIGATING, False)
    assert now.scope.services == ("follow", "share")
    assert now.newest.facts.title == "Follow is down"
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow", "Share", "Nothing arrives.")
    with pytest.raises(Conflict):
        await world.outage("follow")


async def test_a_humans_region_is_believed_before_anybody_was_told(town: Callable[..., World]):
    """The machine knew no region; the human does. What they did not name stays as the machine has it."""
    world = town()
    await world.family()
    await world.family("fam-2", make.caregiver("ben"), region="eu")
    await world.machine("statusbot")
    await world.machine("statusbot", service="share", alert="other", regions=("us",))
    assert (await incident(world)).scope == make.scope("follow")
    assert (await incident(world, 2)).scope == make.scope("share", regions=("us",))
    await world.outage("follow", regions=("us",), message="Only in the US.")
    assert (await incident(world)).scope == make.scope("follow", regions=("us",))
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Only in the US.")
    world.phone("ben").expect_nothing()
    await world.cancel(number=2)
    # The same alert again does not undo what the human has said.
    received = await world.machine("statusbot")
    assert "a person took that out" in (received.why or "")
    assert (await incident(world)).scope == make.scope("follow", regions=("us",))


async def test_what_families_were_told_a_humans_opening_does_not_take_back(town: Callable[..., World]):
    """Once it was told by itself, an opening of a part of it narrows nothing."""
    world = town()
    await world.family()
    await world.family("fam-2", make.caregiver("ben"), region="eu")
    await world.machine("prober")
    await world.fast_forward(minutes=5)
    for name in ("mia", "ben"):
        for channel in ("push", "sms"):
            world.phone(name).expect(channel, "may be down")
    await world.fast_forward(minutes=1)
    await world.outage("follow", regions=("us",), message="We are on it.")
    for name in ("mia", "ben"):
        for channel in ("push", "sms"):
            world.phone(name).expect(channel, "still down", "We are on it.")


async def test_a_false_alarm_that_nobody_heard_of_ends_in_silence(town: Callable[..., World]):
    world = town()
    await world.family()
    await world.machine("prober")
    await world.cancel()
    await world.fast_forward(days=1)
    world.phone("mia").expect_nothing()
    assert world.sql("SELECT count(*) FROM watch") == [(0,)]
    assert (await incident(world)).state is State.CANCELLED


async def test_what_is_minor_waits_for_a_human_for_ever(town: Callable[..., World]):
    """And when they come after three hours, nobody is late: the duty begins when it is confirmed."""
    world = town()
    await world.family()
    await world.machine("prober", severity="minor")
    assert (await incident(world)).confirm_at is None
    await world.fast_forward(hours=3)
    world.phone("mia").expect_nothing()
    await world.update("Some graphs are empty.")
    world.phone("mia").expect_email("Some graphs are empty.")
    [(touched, next_by)] = world.sql("SELECT touched_at, next_by FROM watch")
    assert touched == world.sql("SELECT at FROM incident_update WHERE number = 2")[0][0]
    assert next_by > touched


async def test_a_note_confirms_nothing(town: Callable[..., World]):
    """For the record only is for the record only: the machine's time runs on."""
    world = town()
    await world.family()
    await world.machine("prober")
    await world.update("Looking at the graphs.", notify=False)
    assert (await incident(world)).held
    await world.fast_forward(minutes=5)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")


async def test_where_confirm_is_nothing_families_are_told_at_once(town: Callable[..., World]):
    world = town(confirm={Severity.CRITICAL: make.minutes(0), Severity.MAJOR: None, Severity.MINOR: None})
    await world.family()
    await world.machine("prober")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")
    assert not (await incident(world)).held


async def test_where_confirm_becomes_nothing_families_are_told_in_the_same_breath(town: Callable[..., World]):
    """A raise to what is told at once is told by whoever takes the event: nobody waits for the sweeper."""
    world = town(
        confirm={Severity.CRITICAL: make.minutes(0), Severity.MAJOR: make.minutes(15), Severity.MINOR: None}
    )
    await world.family()
    await world.machine("prober", severity="minor")
    assert (await incident(world)).held
    await world.fast_forward(hours=1)
    rung = len(world.deps.doorbell.rung)  # type: ignore[attr-defined]
    raised = OutageEvent(
        "prober", "raised", "probe", "follow", Severity.CRITICAL, EventStatus.FIRING, "Probe fails"
    )
    assert (await take_machine_event(world.deps, raised, b"raised")).did == "updated"
    now = await incident(world)
    assert (now.held, now.severity, now.newest.kind, now.newest.notify) == (
        False,
        Severity.CRITICAL,
        Kind.NOTICE,
        True,
    )
    assert len(world.deps.doorbell.rung) == rung + 1  # type: ignore[attr-defined]
    assert await acts(world) == [("prober", "open"), ("prober", "severity"), ("alertd", "confirm")]
    await world.settle()
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")


async def test_a_family_imported_meanwhile_waits_with_the_others(town: Callable[..., World]):
    """An import tells nobody of a suspicion; its confirmation tells those who came too."""
    world = town()
    await world.family()
    await world.machine("prober")
    await world.fast_forward(minutes=1)
    await world.family("fam-2", make.caregiver("ben"))
    await world.settle()
    world.phone("ben").expect_nothing()
    assert world.sql("SELECT count(*) FROM watch") == [(0,)]
    await world.fast_forward(minutes=4)
    for name in ("mia", "ben"):
        for channel in ("push", "sms"):
            world.phone(name).expect(channel, "Follow may be down")


async def test_two_sweepers_tell_it_once(town: Callable[..., World]):
    world = town()
    await world.family()
    await world.machine("prober")
    world.clock.advance(minutes=5)
    async with world.deps.store.reading() as rows:
        assert len(await rows.ripe_incidents(world.clock.now())) == 1
    await sweep(world.deps, broker=True)
    assert await ripen(world.deps) == 0
    assert len((await incident(world)).updates) == 2
    await world.settle()
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")


async def test_one_suspicion_that_cannot_be_told_keeps_nobody_else_waiting(town: Callable[..., World]):
    """Another one is told, a family elsewhere hears in time; of the one the outside hears, until it is mended."""
    world = town()
    await world.family()
    await world.family("fam-2", make.caregiver("ben", "sms"), region="eu")
    await world.family("fam-3", make.caregiver("ann", "sms"), region="ap")
    await world.outage("share", regions=("eu",), message="Nothing arrives.")
    world.phone("ben").expect_sms("Nothing arrives.")
    world.clock.advance(minutes=24)
    for region in ("us", "ap"):
        await world.machine("prober", alert=region, regions=(region,))
    world.sql(
        "CREATE TRIGGER broken BEFORE INSERT ON incident_update WHEN new.incident_id = "
        "(SELECT id FROM incident WHERE number = 2) BEGIN SELECT raise(ABORT, 'broken'); END"
    )
    world.clock.advance(minutes=5, seconds=30)
    swept = await sweep(world.deps, broker=False)
    assert set(swept.alone) == {"bulk", "urgent"}
    assert world.sql("SELECT family_id, reason, state FROM delivery WHERE state = 'pending'") == [
        ("fam-2", "silence", "pending")
    ]
    told = world.log.named("ripen_failed")
    assert [(each["incident"], each["error"], each["exc_info"]) for each in told] == [(2, "IntegrityError", True)]
    assert (await audit(replace(world.deps, timing=Timing(look_twice=0.0)), CONDITIONS)).withheld == (
        "suspicion_or_end_overdue",
    )
    await world.settle()
    world.phone("ben").expect_sms("No news")
    world.phone("ann").expect_sms("Follow may be down")
    world.phone("mia").expect_nothing()

    world.sql("DROP TRIGGER broken")
    await sweep(world.deps, broker=False)
    await world.settle()
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")


async def test_a_machine_may_only_propose_to_open(town: Callable[..., World]):
    """Kept, and noted once for the responders, however often it says so."""
    world = town()
    await world.family()
    for _ in range(30):
        received = await world.machine("shy")
        await world.fast_forward(seconds=20)
    assert (received.did, received.incident) == ("noted", None)
    assert 'does not let source "shy" open by itself' in (received.why or "")
    assert "alertd incident open --service follow --severity critical" in (received.why or "")
    assert world.sql("SELECT count(*), count(incident_id) FROM outage_event") == [(30, 0)]
    async with world.deps.store.reading() as rows:
        [ignored] = await rows.ignored_events(make.NOON - make.minutes(1), 10)
    assert (ignored.source, ignored.reason, ignored.count) == ("shy", "may not open", 1)
    assert list(ignored.alerts) == ["Probe of the follow servers fails"]
    assert len(world.log.named("event_ignored")) == 1

    await world.fast_forward(days=1, minutes=1)
    await world.machine("shy")
    assert len(world.log.named("event_ignored")) == 2


async def test_what_touches_nobody_is_kept_and_noted(town: Callable[..., World]):
    world = town()
    await world.family()
    received = await world.machine("prober", regions=("eu",))
    assert (received.did, received.incident, received.why) == ("noted", None, "no family uses follow:eu")
    assert world.sql("SELECT count(*) FROM incident") == [(0,)]
    assert await acts(world) == [("prober", "ignored event")]


async def test_a_machine_raises_where_it_may(town: Callable[..., World]):
    """While it is held the raise brings the telling nearer; afterwards it wakes like a human's."""
    world = town()
    await world.family()
    await world.machine("prober", severity="minor")
    await world.fast_forward(hours=1)
    assert (await world.machine("prober", severity="major")).did == "updated"
    assert (await incident(world)).confirm_at == make.after(75)
    assert (await world.machine("statusbot", alert="b")).did == "noted"
    assert (await incident(world)).severity is Severity.MAJOR
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=15)
    world.phone("mia").expect_push("may have problems")

    assert (await world.machine("prober", severity="critical")).did == "updated"
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "may be down")
    raised = await incident(world)
    assert (raised.state, raised.epoch, raised.newest.source) == (State.SUSPECTED, 2, "prober")


async def test_who_may_not_raise_is_noted_with_the_way_out(town: Callable[..., World]):
    world = town()
    await world.family()
    await world.machine("statusbot", severity="minor")
    received = await world.machine("statusbot", severity="critical")
    assert received.did == "noted"
    assert received.why == (
        'incident 1 stays minor: policy follow does not let source "statusbot" raise by itself; '
        "to do it: alertd incident update 1 --severity critical"
    )
    assert ("statusbot", "proposed") in await acts(world)


async def test_a_machine_does_not_raise_again_what_a_human_lowered(town: Callable[..., World]):
    world = town()
    await world.family()
    await world.machine("prober")
    await world.update("Only the graphs.", severity="minor")
    world.phone("mia").expect_email("Only the graphs.")
    received = await world.machine("prober", alert="another")
    assert (received.did, (await incident(world)).severity) == ("noted", Severity.MINOR)
    assert "a person lowered it" in (received.why or "")
    await world.resolve("Fixed.")
    world.phone("mia").expect_email("Fixed.")


async def test_a_machine_widens_where_it_may(town: Callable[..., World]):
    world = town()
    await world.family()
    await world.family("fam-2", make.caregiver("ben"), region="eu")
    await world.machine("prober", regions=("us",))
    await world.update("Nothing arrives.")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Nothing arrives.")
    received = await world.machine("prober", alert="b")
    assert received.did == "noted"
    assert "does not grow by follow" in (received.why or "")
    world.phone("ben").expect_nothing()
    assert (await world.machine("statusbot", alert="c")).did == "updated"
    for channel in ("push", "sms"):
        world.phone("ben").expect(channel, "Follow is down")
        world.phone("mia").expect(channel, "still down")  # as of a human's: for her it is progress


async def test_what_a_human_confirms_as_critical_has_its_ladder(town: Callable[..., World]):
    """The epoch began, for families, with what they were told; not with what a machine suspected before."""
    escalation = Escalation(families={Severity.CRITICAL: make.ladder()})
    world = town(escalation=escalation)
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.machine("prober", severity="major")
    await world.outage("follow", severity="critical")
    world.phone("mia").expect_sms("Follow is down", "Tell us you know")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("No answer yet. Tell us you know:")
    await world.fast_forward(minutes=5)


async def test_no_machine_ends_what_a_person_reopened(town: Callable[..., World]):
    """A parent who reads "works again" against a human's word goes to sleep on it."""
    world = town()
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.machine("statusbot", alert="a")
    await world.fast_forward(minutes=5)
    await world.machine("statusbot", alert="a", status="resolved")
    await world.fast_forward(minutes=15)
    world.phone("mia").forget()
    assert (await incident(world)).state is State.RESOLVED
    await world.reopen("It does not work after all.")
    world.phone("mia").expect_sms("It does not work after all.")
    await world.machine("statusbot", alert="b")
    await world.machine("statusbot", alert="b", status="resolved")
    await world.fast_forward(minutes=20)
    assert (await incident(world)).state is State.INVESTIGATING
    world.phone("mia").forget()


async def test_a_second_suspicion_that_a_persons_opening_covers_is_not_told_beside_it(town: Callable[..., World]):
    """Two regions, two suspicions; a person opens it for everywhere: that confirms both, and is told once."""
    world = town()
    await world.family("fam-1", make.caregiver("mia", "sms"), region="us-west")
    await world.family("fam-2", make.caregiver("eva", "sms"), region="eu-north")
    assert (await world.machine("prober", alert="us", regions=("us",))).incident == 1
    assert (await world.machine("prober", alert="eu", regions=("eu",))).incident == 2
    await world.fast_forward(minutes=3)
    await world.outage("follow", message="It is down everywhere.")
    world.phone("mia").expect_sms("Follow is down", "everywhere")
    world.phone("eva").expect_sms("Follow is down", "everywhere")
    await world.fast_forward(minutes=10)
    for name in ("mia", "eva"):
        world.phone(name).expect_nothing()


async def test_a_suspicion_that_a_persons_update_covers_is_not_told_beside_it(town: Callable[..., World]):
    world = town()
    await world.family("fam-1", make.caregiver("mia", "sms"), region="us-west")
    await world.family("fam-2", make.caregiver("eva", "sms"), region="eu-north")
    await world.outage("follow", regions=("us",))
    assert (await world.machine("prober", alert="eu", regions=("eu",))).incident == 2
    await world.fast_forward(minutes=3)
    await world.update("The EU too.", add_scope=(Reach("follow", ("eu",)),))
    for phone in world.phones.values():
        phone.forget()
    await world.fast_forward(minutes=10)
    world.phone("eva").expect_nothing()
