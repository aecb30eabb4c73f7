"""What machines say in vain, in a group too, and what responders hear of it (R0)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.event import EventStatus
from alertd.domain.incident import Reach, Severity, State
from alertd.store.types import to_us
from alertd.usecases.received import Received
from alertd.usecases.take_event import take_event
from alertd.usecases.take_machine_events import take_machine_events
from tests import make
from tests.scenario.machines import group, incident, telling, tells, with_sources
from tests.scenario.world import World


@pytest.fixture
def town(town: Callable[..., World]) -> Callable[..., World]:
    """With three machines."""
    return with_sources(town)


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
