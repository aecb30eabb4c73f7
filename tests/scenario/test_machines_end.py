"""How what a machine opened comes to an end: sources with authority, holds, relapses (R0)."""

from collections.abc import Callable

import pytest

from alertd.domain.errors import Conflict
from alertd.domain.incident import State
from tests import make
from tests.scenario.machines import acts, incident, with_sources
from tests.scenario.world import World


@pytest.fixture
def town(town: Callable[..., World]) -> Callable[..., World]:
    """With three machines."""
    return with_sources(town)


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
