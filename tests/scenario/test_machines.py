"""R0: machines suspect, humans confirm, and families hear neither too early nor never."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.event import EventStatus, OutageEvent, Told
from alertd.domain.incident import Incident, Kind, Reach, Severity, State
from alertd.domain.policy import Escalation
from alertd.ports.deps import Timing
from alertd.store.types import to_us
from alertd.usecases.audit import audit
from alertd.usecases.conditions import CONDITIONS
from alertd.usecases.received import Received
from alertd.usecases.ripen import ripen
from alertd.usecases.sweep import sweep
from alertd.usecases.take_event import take_event
from alertd.usecases.take_machine_events import take_machine_event, take_machine_events
from tests import make
from tests.scenario.world import World

SOURCES = {"prober": ("open", "raise"), "statusbot": ("open", "widen", "resolve"), "shy": ()}


@pytest.fixture
def town(town: Callable[..., World]) -> Callable[..., World]:
    """A policy that names three machines: one opens and raises, one widens and resolves, one may only propose."""
    return lambda **changes: town(policy=make.policy(sources=SOURCES, **changes))


async def incident(world: World, number: int = 1) -> Incident:
    """As it stands."""
    async with world.deps.store.reading() as rows:
        found = await rows.incident(number)
    assert found is not None
    return found


async def acts(world: World) -> list[tuple[str, str]]:
    """(who, what) of all that people and machines did, but for imports."""
    return world.sql("SELECT who, what FROM act WHERE what <> 'import' ORDER BY at, id")


# --- who confirms ---------------------------------------------------------------------------------


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


# --- what a source may do -------------------------------------------------------------------------


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


# --- what was ignored, and goes on firing ------------------------------------------------------------


def telling(source: str = "prober", name: str = "1", **changes: Any) -> OutageEvent:
    """One telling, to be told again word for word."""
    given: dict[str, Any] = {
        "source": source, "id": name, "alert": "probe", "service": "follow", "severity": Severity.CRITICAL,
        "status": EventStatus.FIRING, "title": "Probe fails",
    }  # fmt: skip
    return OutageEvent(**given | changes)


async def tells(world: World, event: OutageEvent, body: bytes = b"the same") -> Received:
    """A machine tells it (again)."""
    received = await take_machine_event(world.deps, event, body)
    await world.settle()
    return received


async def test_what_touched_nobody_opens_its_incident_once_families_are_there(town: Callable[..., World]):
    """The nightly import comes after the alert; nobody waits until it has resolved and fired anew."""
    world = town()
    assert (await tells(world, telling())).why == "no family uses follow"
    await world.fast_forward(minutes=10)
    await world.family()

    received = await tells(world, telling())
    assert (received.did, received.incident, received.why) == ("opened", 1, None)
    assert (await incident(world)).opened_at == make.after(10)
    assert world.sql("SELECT id, incident_id IS NOT NULL, at FROM outage_event") == [("1", 1, to_us(make.NOON))]
    for _ in range(3):
        assert await tells(world, telling()) == Received("duplicate", 1)
    await world.fast_forward(minutes=5)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")


async def test_what_its_source_might_not_do_is_done_once_the_policy_lets_it(town: Callable[..., World]):
    """And the alert belongs to the incident: its end is that of the incident's."""
    world = town()
    await world.family()
    assert "open by itself" in ((await tells(world, telling("bot"))).why or "")
    policy = make.policy(sources={"bot": ("open", "resolve")})
    world.deps = replace(world.deps, policies=dict.fromkeys(("follow", "share"), policy), default_policy=policy)
    assert (await tells(world, telling("bot"))).did == "opened"
    await world.fast_forward(minutes=1)
    ended = await tells(world, telling("bot", "2", status=EventStatus.RESOLVED))
    assert "is resolved at" in (ended.why or "")
    await world.fast_forward(minutes=15)
    assert (await incident(world)).state is State.RESOLVED


async def test_what_was_ignored_joins_what_a_human_has_opened_meanwhile(town: Callable[..., World]):
    """It is noted there once; then it is a duplicate, and so it stays when they have ended it."""
    world = town()
    await world.family()
    await tells(world, telling("shy"))
    await world.outage("follow", message="Nothing arrives.")
    world.phone("mia").forget()
    assert await tells(world, telling("shy")) == Received("noted", 1)
    assert await tells(world, telling("shy")) == Received("duplicate", 1)
    await world.cancel()
    world.phone("mia").forget()
    assert await tells(world, telling("shy")) == Received("duplicate", 1)
    assert world.sql("SELECT count(*) FROM incident") == [(1,)]


async def test_only_what_an_alert_said_last_is_judged_again(town: Callable[..., World]):
    """It was resolved since, or said something newer: whoever sends the old word again is late."""
    world = town()
    await tells(world, telling())
    await tells(world, telling(name="3", alert="other"))
    await world.fast_forward(minutes=1)
    await tells(world, telling(name="2", status=EventStatus.RESOLVED))
    await tells(world, telling(name="4", alert="other", severity=Severity.MINOR))
    await world.family()
    for name, alert in (("1", "probe"), ("3", "other")):
        assert await tells(world, telling(name=name, alert=alert)) == Received("duplicate", None)
    assert world.sql("SELECT count(*) FROM incident") == [(0,)]
    assert (await tells(world, telling(name="4", alert="other", severity=Severity.MINOR))).did == "opened"


async def test_an_event_that_changes_is_refused_also_where_it_was_ignored(town: Callable[..., World]):
    world = town()
    await tells(world, telling())
    await world.family()
    with pytest.raises(Conflict, match="an event never changes"):
        await tells(world, telling(), b"another")
    assert world.sql("SELECT count(*) FROM incident") == [(0,)]


async def test_a_human_who_sends_what_was_ignored_opens_it(town: Callable[..., World]):
    """They took the machine's own words, and have the right to."""
    world = town()
    await world.family()
    await tells(world, telling("shy"))
    for expected in ("opened", "duplicate"):
        received = await take_event(world.deps, telling("shy"), b"the same", who="ann")
        assert (received.did, received.incident) == (expected, 1)
    await world.settle()
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow is down")
    assert world.sql("SELECT count(*), count(incident_id) FROM outage_event") == [(1, 1)]


# --- the end --------------------------------------------------------------------------------------


async def test_a_source_with_authority_ends_it_after_the_hold(town: Callable[..., World]):
    """All alerts resolved, and quiet for fifteen minutes; whoever was told is told so."""
    world = town()
    await world.family()
    await world.machine("statusbot")
    await world.machine("statusbot", alert="b")
    await world.fast_forward(minutes=5)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "may be down")
    still = await world.machine("statusbot", "resolved")
    assert 'alert "b" of source "statusbot" is not resolved' in (still.why or "")
    assert (await incident(world)).resolve_at is None
    last = await world.machine("statusbot", "resolved", "b")
    assert last.why == "incident 1 is resolved at 20:20:00 UTC unless an alert fires again"
    await world.fast_forward(minutes=14)
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=1)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow works again")
    ended = await incident(world)
    assert (ended.state, ended.newest.source) == (State.RESOLVED, "statusbot")
    assert ended.ended_at == make.after(20)


async def test_an_alert_that_fires_again_within_the_hold_changes_nothing(town: Callable[..., World]):
    world = town()
    await world.family()
    await world.machine("statusbot")
    await world.fast_forward(minutes=5)
    world.phone("mia").forget()
    await world.machine("statusbot", "resolved")
    await world.fast_forward(minutes=10)
    assert (await world.machine("statusbot")).did == "noted"
    assert (await incident(world)).resolve_at is None
    await world.fast_forward(minutes=13)
    world.phone("mia").expect_nothing()
    assert (await incident(world)).state is State.SUSPECTED


async def test_a_source_without_authority_only_proposes_the_end(town: Callable[..., World]):
    """And silence of a machine resolves nothing at all: families go on hearing."""
    world = town()
    await world.family()
    await world.machine("prober")
    await world.fast_forward(minutes=5)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "may be down")
    received = await world.machine("prober", "resolved")
    assert received.why == (
        'incident 1 goes on: policy follow does not let source "prober" resolve by itself; '
        "to end it: alertd incident resolve 1"
    )
    assert await acts(world) == [("prober", "open"), ("alertd", "confirm"), ("prober", "proposed")]
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_push("may be down", "no news")
    world.phone("mia").forget()
    assert (await incident(world)).state is State.SUSPECTED


async def test_an_end_before_anybody_was_told_is_silent(town: Callable[..., World]):
    """A source with authority takes it back within the five minutes: nobody is woken for a minute's blip."""
    world = town()
    await world.family()
    await world.machine("statusbot")
    await world.fast_forward(minutes=1)
    await world.machine("statusbot", "resolved")
    await world.fast_forward(hours=1)
    world.phone("mia").expect_nothing()
    assert (await incident(world)).state is State.RESOLVED


async def test_a_blip_that_comes_back_is_told_at_once(town: Callable[..., World]):
    """The five minutes have passed meanwhile."""
    world = town()
    await world.family()
    await world.machine("statusbot")
    await world.fast_forward(minutes=4)
    await world.machine("statusbot", "resolved")
    await world.fast_forward(minutes=4)
    world.phone("mia").expect_nothing()
    await world.machine("statusbot")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "may be down")


async def test_no_machine_ends_what_a_person_opened(town: Callable[..., World]):
    """Neither by themselves, nor by opening what it suspected."""
    world = town()
    await world.family()
    await world.machine("statusbot")
    await world.outage(message="Nothing arrives.")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Nothing arrives.")
    received = await world.machine("statusbot", "resolved")
    assert "a person opened it" in (received.why or "")
    assert (await incident(world)).resolve_at is None


async def test_a_humans_word_stops_the_hold(town: Callable[..., World]):
    """Whoever writes after the machine knows better; they will end it."""
    world = town()
    await world.family()
    await world.machine("statusbot")
    await world.machine("statusbot", "resolved")
    await world.update("We still see errors.")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "We still see errors.")
    await world.fast_forward(minutes=20)
    world.phone("mia").expect_nothing()
    assert (await incident(world)).state is State.INVESTIGATING


@pytest.mark.parametrize("source", ["prober", "statusbot"])
async def test_flapping_for_an_hour_is_one_incident_and_one_notice(town: Callable[..., World], source: str):
    """Every 20 seconds, with the right to resolve and without."""
    world = town()
    await world.family()
    for _ in range(90):
        await world.machine(source)
        await world.fast_forward(seconds=20)
        await world.machine(source, "resolved")
        await world.fast_forward(seconds=20)
    assert world.sql("SELECT count(*) FROM incident") == [(1,)]
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")
    for said in world.phone("mia").unread:  # only what the silence rule owes
        assert "no news" in said[1].text.lower()
    world.phone("mia").forget()
    assert len(await acts(world)) == 3  # opened, told by itself, and one word about the end


async def test_what_fires_after_its_end_is_suspected_anew(town: Callable[..., World]):
    """A machine reopens nothing: its families wait for a human, or `confirm`, and read "may be" as the first time."""
    world = town()
    await world.family()
    await world.machine("statusbot")
    await world.fast_forward(minutes=5)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")
    await world.machine("statusbot", "resolved")
    await world.fast_forward(minutes=15)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow works again")
    await world.fast_forward(minutes=30)

    received = await world.machine("statusbot")
    assert (received.did, received.incident) == ("opened", 2)
    assert received.why == "it follows incident 1, which is resolved"
    assert (await incident(world, 2)).held
    assert (await incident(world, 1)).state is State.RESOLVED
    with pytest.raises(Conflict, match=r"incident 2 .* is about this now"):
        await world.reopen()
    world.phone("mia").expect_nothing()
    await world.fast_forward(minutes=5)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")
    await world.machine("statusbot", "resolved")
    await world.fast_forward(minutes=15)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow works again")


async def test_it_comes_back_after_a_humans_false_alarm_and_nobody_is_woken_for_nothing(
    town: Callable[..., World],
):
    """What a person has ended no machine opens again; it may suspect, and they may say so once more."""
    world = town()
    await world.family()
    await world.outage("follow", message="We are looking.")
    world.phone("mia").forget()
    await world.cancel()
    world.phone("mia").forget()
    received = await world.machine("prober")
    assert received.why == "it follows incident 1, which is cancelled"
    await world.cancel(number=2)
    await world.fast_forward(hours=25)
    world.phone("mia").expect_nothing()
    assert (await world.machine("prober", alert="later")).why is None
    await world.cancel(number=3)


async def test_a_human_reopens_once_the_suspicion_is_cancelled(town: Callable[..., World]):
    """It was the same outage, they say: the first goes on, and families hear of one."""
    world = town()
    await world.family()
    await world.outage("follow", message="We are looking.")
    world.phone("mia").forget()
    await world.resolve()
    world.phone("mia").forget()
    await world.machine("prober")
    await world.cancel(number=2)
    await world.reopen("It stopped again.")
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "down again", "It stopped again.")
    assert (await world.machine("prober")).incident == 1
    await world.cancel()
    world.phone("mia").forget()


# --- a group --------------------------------------------------------------------------------------


def group(count: int, status: str = "firing", severity: Sequence[str] = ("critical",)) -> list[Told]:
    """So many alerts of one service."""
    return [
        Told(
            f"{n} {status}", f"alert-{n}", EventStatus(status), "High error rate", bytes(32), "{}",
            OutageEvent(
                "prober", f"{n} {status}", f"alert-{n}", "follow", Severity(severity[n % len(severity)]),
                EventStatus(status), "High error rate",
            ),
        )
        for n in range(count)
    ]  # fmt: skip


async def test_a_group_of_three_hundred_alerts_is_one_incident_and_one_notice(town: Callable[..., World]):
    """The gravest first; what of it came before is a duplicate; and it ends with the last of them."""
    world = town()
    await world.family()
    alerts = group(300, severity=("minor", "critical", "major"))
    became = await take_machine_events(world.deps, "prober", alerts)
    assert [each.did for each in became].count("opened") == 1
    assert became[1].did == "opened"
    assert {each.incident for each in became} == {1}
    assert len((await incident(world)).updates) == 1
    again = await take_machine_events(world.deps, "prober", alerts)
    assert {(each.did, each.incident) for each in again} == {("duplicate", 1)}
    await world.fast_forward(minutes=5)
    for channel in ("push", "sms"):
        world.phone("mia").expect(channel, "Follow may be down")
    ends = group(300, "resolved")
    became = await take_machine_events(world.deps, "prober", ends[:299])
    assert all("not resolved" in (each.why or "") for each in became)
    [last] = await take_machine_events(world.deps, "prober", ends[299:])
    assert "does not let source" in (last.why or "")


async def test_services_that_share_no_region_are_incidents_of_their_own(town: Callable[..., World]):
    world = town()
    await world.family()
    await world.family("fam-2", make.caregiver("ben"), region="eu")
    assert (await world.machine("prober", regions=("us",))).incident == 1
    assert (await world.machine("prober", alert="b", regions=("eu",))).incident == 2
    assert (await world.machine("prober", alert="c", regions=("us-west",))).incident == 1
    assert Reach("follow", ("us",)) in (await incident(world)).scope.reaches
    await world.cancel()
    await world.cancel(number=2)


# --- what it means for ladders ----------------------------------------------------------------------


async def test_what_a_human_confirms_as_critical_has_its_ladder(town: Callable[..., World]):
    """The epoch began, for families, with what they were told; not with what a machine suspected before."""
    escalation = Escalation(families={Severity.CRITICAL: make.ladder()})
    world = town(escalation=escalation)
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.machine("prober", severity="major")
    await world.outage("follow", severity="critical")
    world.phone("mia").expect_sms("Follow is down", "Please confirm")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_sms("Not confirmed yet")
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
