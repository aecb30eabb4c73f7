"""R0: what machines tell in vain is told to people on our side: gathered, once, and it wakes nobody."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from alertd.domain.event import EventStatus, Told
from alertd.ports import Message, Misconfigured, Refused
from alertd.usecases.take_machine_events import take_machine_events
from alertd.usecases.tell_ignored import TOLD, tell_ignored
from tests import make
from tests.scenario.on_call import OnCallWorld, policy


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """A machine that may open, one that may not, and three people who are reachable."""
    made = OnCallWorld(tmp_path, make.NOON, replace(policy(), sources={"prober": ("open", "raise")}))
    await made.family()
    yield made
    await made.close()


def unmapped(*names: str) -> list[Told]:
    """Alerts that say of no service that it fails."""
    return [
        Told(f"{name} 1", name, EventStatus.FIRING, name, bytes(32), "{}", None, "no label service")
        for name in names
    ]


async def ignores(world: OnCallWorld, *names: str) -> None:
    """They come in one webhook."""
    await take_machine_events(world.deps, "prober", unmapped(*names))
    await world.settle()


async def test_the_owner_is_nudged_and_told_why(world: OnCallWorld):
    await ignores(world, "DiskFull", "Up")
    said = world.on_call("owner").expect_nudge(
        "2 alerts of prober opened no incident since 20:00 UTC (12:00 PST)",
        '"DiskFull", "Up"',
        "Why: no label service.",
        "alertd incident open",
    )
    assert said.title == "Nudge: 2 alerts ignored"
    await world.fast_forward(days=2)


async def test_what_comes_meanwhile_is_gathered_for_ten_minutes(world: OnCallWorld):
    """Three hundred alerts in as many webhooks are two messages."""
    for number in range(300):
        await take_machine_events(world.deps, "prober", unmapped(f"alert-{number}"))
        await tell_ignored(world.deps)
        world.clock.advance(seconds=1)
    await world.settle()
    world.on_call("owner").expect_nudge("1 alert of prober")
    await world.fast_forward(minutes=5)
    await world.settle()
    said = world.on_call("owner").expect_nudge("299 alerts of prober opened no incident", ", ...")
    assert len(said.text) < 320


async def test_what_asks_for_more_than_it_may_is_told_too(world: OnCallWorld):
    """A small thing in Europe is known; that it fails everywhere must not drown in it."""
    await world.family("fam-2", make.caregiver("eva", "sms"), region="eu")
    await world.outage("follow", severity="minor", regions=("eu",), message="A small thing.")

    async def hears(*texts: str, **asks: Any) -> None:
        for phone in world.phones.values():
            phone.forget()
        await world.machine("prober", **asks)
        await tell_ignored(world.deps)
        await world.settle()
        sent = [each for pager in world.pagers.values() for each in pager.accepted]
        nudges = [each for each in sent if "asks for more" in each.title]
        if texts:
            assert nudges[-1].title == "Nudge: 1 alert asks for more"
            for text in texts:
                assert text in nudges[-1].text
        assert len(nudges) == told + bool(texts)
        await world.fast_forward(minutes=11)
        for phone in world.phones.values():
            phone.forget()

    told = 0
    await hears(
        "1 alert of prober asks for more than alertd does since",
        "incident 1 does not grow by follow:eu-west,us",
        "alertd incident update 1 --add-scope follow:eu-west,us",
        severity="minor",
        regions=("eu-west", "us"),
    )
    told = 1
    await hears(severity="minor", regions=("eu-west", "us"))  # it goes on
    await hears(severity="minor", regions=("eu-west", "us"), alert="another")  # nothing that is not known
    await hears("does not grow by follow: policy", severity="critical")  # the same alert, and everywhere
    told = 2
    await world.fast_forward(days=1)
    await hears("does not grow by follow: policy", severity="critical")  # a day later they forgot it


async def test_it_can_be_looked_up_who_has_heard_of_it(world: OnCallWorld):
    """What was told by another stays told by them; what waits ten minutes more says so."""

    async def told() -> list[tuple[str, str | None]]:
        async with world.deps.store.reading() as rows:
            return [(each.alerts[0], each.told) for each in await rows.newest_ignored(10, TOLD)]

    await ignores(world, "DiskFull")
    world.on_call("owner").expect_nudge("DiskFull")
    world.clock.advance(seconds=1)
    world.break_pager("owner", Refused)
    await ignores(world, "Up")
    assert await told() == [("Up", None), ("DiskFull", "owner")]
    await world.fast_forward(minutes=11)
    await world.settle()
    world.on_call("lead").expect_nudge("Up")
    assert await told() == [("Up", "lead"), ("DiskFull", "owner")]


async def test_what_flaps_for_an_hour_is_told_once_a_day(world: OnCallWorld):
    for number in range(180):
        told = unmapped("DiskFull")
        await take_machine_events(world.deps, "prober", [replace(told[0], id=f"DiskFull {number}")])
        await tell_ignored(world.deps)
        world.clock.advance(seconds=20)
    await world.settle()
    world.on_call("owner").expect_nudge("1 alert of prober")
    assert world.sql("SELECT count(*) FROM incident") == [(0,)]


async def test_what_flaps_for_ever_is_named_again_once_a_day(world: OnCallWorld):
    """Whoever forgot to mend it is reminded, and nobody is told more than once."""
    for number in range(4 * 24):
        told = unmapped("DiskFull")
        await take_machine_events(world.deps, "prober", [replace(told[0], id=f"DiskFull {number}")])
        await world.settle()
        if number % 24 == 0:
            world.on_call("owner").expect_nudge("1 alert of prober", "DiskFull")
        world.clock.advance(minutes=60)


async def test_what_goes_on_firing_is_named_again_once_a_day(world: OnCallWorld):
    """Alertmanager repeats one and the same alert: within the day nothing is written, and never another event."""
    for number in range(3 * 6):
        before = world.sql("SELECT count(*) FROM act")
        [received] = await take_machine_events(world.deps, "prober", unmapped("DiskFull"))
        assert received.did == ("noted" if number == 0 else "duplicate")
        if number % 6:
            assert world.sql("SELECT count(*) FROM act") == before
        await world.settle()
        if number % 6 == 0:
            world.on_call("owner").expect_nudge("1 alert of prober", "DiskFull")
        world.clock.advance(hours=4)
    assert world.sql("SELECT count(*), count(incident_id) FROM outage_event") == [(1, 0)]


async def test_who_cannot_be_reached_is_passed_over(world: OnCallWorld):
    """The next one is told at once; and where nobody can be, it is tried again a minute later, and logged."""
    world.break_pager("owner", Refused)
    await ignores(world, "DiskFull")
    world.on_call("lead").expect_nudge("DiskFull")

    world.clock.advance(minutes=11)
    for who in ("lead", "duty-manager"):
        world.break_pager(who, Misconfigured)
    await ignores(world, "Up")
    assert len(world.log.named("ignored_events_untold")) == 1
    await world.settle()
    assert len(world.log.named("ignored_events_untold")) == 1
    for pager in world.pagers.values():
        pager.mend()
    world.clock.advance(minutes=1, seconds=1)
    await world.settle()
    world.on_call("owner").expect_nudge("Up")
    assert await tell_ignored(world.deps) == 0


async def test_two_sweepers_at_once_tell_it_once(world: OnCallWorld):
    """One has not said yet what became of it when the other looks."""

    class Slow:
        """A pager during which the other sweeper looks."""

        def __init__(self, send: Callable[[Message], object]) -> None:
            self._send = send

        async def send(self, message: Message) -> object:
            assert await tell_ignored(world.deps) == 0
            return await self._send(message)  # type: ignore[misc]

    await take_machine_events(world.deps, "prober", unmapped("DiskFull"))
    on_call = world.deps.on_call
    assert on_call is not None
    slow = replace(on_call, pagers={"sms": Slow(world.pagers["sms"].send)})  # type: ignore[dict-item]
    assert await tell_ignored(replace(world.deps, on_call=slow)) == 1
    await world.settle()
    world.on_call("owner").expect_nudge("DiskFull")


async def test_words_of_an_alert_are_cleaned(world: OnCallWorld):
    await ignores(world, "line\nbreak\u202e")
    assert '"line break"' in world.on_call("owner").expect_nudge().text
