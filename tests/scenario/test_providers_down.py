"""A provider that fails as a whole is left alone for a while: nobody is lost by it, and no address suffers."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from alertd.api.exposition import render
from alertd.api.scrape import read
from alertd.domain.breaker import ENOUGH, PROBES, BreakerState
from alertd.domain.family import Caregiver, Family, Preferences
from alertd.ports import Cause, Later, Message, Misconfigured, Receipt, Unknown
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.providers import watch_providers
from tests.fakes import FakeChannel
from tests.scenario.test_hand_over import outage, states, street
from tests.scenario.world import World


async def drained(world: World, families: Sequence[Family]) -> None:
    await outage(world, families)
    await drain(world.deps, world.sender, "urgent", seconds=30)


async def until_told(world: World, seconds: int) -> None:
    for _ in range(seconds):
        world.clock.advance(seconds=1)
        await drain(world.deps, world.sender, "urgent", seconds=30)


async def test_a_provider_that_is_down_is_not_asked_for_every_message(world: World):
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await drained(world, street(900, "push"))
    asked = world.channels["push"].attempts
    assert ENOUGH <= asked <= FakeChannel.at_once
    assert states(world) == {("push", "pending"): 900}
    assert world.sql("SELECT count(*) FROM delivery WHERE tried_at IS NULL") == [(0,)], "their ladder has begun"
    assert world.sql("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]
    assert {code for (code,) in world.sql("SELECT code FROM attempt")} == {"UNAVAILABLE", "held: UNAVAILABLE"}
    assert world.sql("SELECT count(*) FROM attempt") == [(900,)], "each is told of once"
    [line] = world.log.named("provider_down")
    assert line == {"channel": "push", "code": "UNAVAILABLE", "ours": False}

    await until_told(world, 45)
    assert world.channels["push"].attempts - asked <= PROBES * 5, "a few probes, and nothing else"
    world.channels["push"].mend()
    await until_told(world, 50)
    assert states(world) == {("push", "accepted"): 900}
    assert Counter(m.to for m in world.channels["push"].accepted).most_common(1)[0][1] == 1
    assert len(world.log.named("provider_back")) == 1


async def test_a_provider_that_hangs_gives_its_place_back(world: World):
    """Whatever is behind the first few that hang is answered at once, and waits no ten seconds each."""
    world.channels["email"].fail_always("*", lambda: Unknown("timeout"))
    await drained(world, street(400, "email"))
    assert world.channels["email"].attempts <= FakeChannel.at_once
    assert states(world) == {
        ("email", "unknown"): world.channels["email"].attempts,
        ("email", "pending"): 400 - world.channels["email"].attempts,
    }


async def test_what_is_about_one_phone_opens_nothing(world: World):
    world.channels["email"].fail_always("*", lambda: Later("450 4.2.1", cause=Cause.ADDRESS))
    await drained(world, street(50, "email"))
    assert world.channels["email"].attempts == 50
    assert world.log.named("provider_down") == []


async def test_another_channel_is_none_the_wiser(world: World):
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await drained(world, street(200, "push", "sms"))  # of whom several share a number
    found = states(world)
    assert set(found) == {("push", "pending"), ("sms", "accepted")}
    assert found["push", "pending"] == 200


async def test_a_wrong_account_moves_to_the_next_channel_at_once(world: World):
    world.channels["push"].fail_always("*", lambda: Misconfigured("UNAUTHENTICATED", account=True))
    families = [
        replace(f, caregivers=tuple(replace(c, preferences=only_push(c)) for c in f.caregivers))
        for f in street(300, "push", "email")
    ]
    await drained(world, families)
    assert states(world) == {("push", "parked"): 300, ("email", "accepted"): 300}
    assert world.channels["push"].attempts <= FakeChannel.at_once
    assert world.sql("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]
    assert world.sql("SELECT subject, code FROM trouble") == [("channel push", "misconfigured: UNAUTHENTICATED")]


async def incident_troubles(world: World) -> list[tuple[str, str]]:
    await watch_providers(world.deps)
    return [(subject, code) for subject, code in world.sql("SELECT subject, code FROM trouble")]


async def test_responders_and_operators_hear_of_it_and_of_its_end(world: World):
    """Once in an incident, until a minute after it was over; whoever asks for metrics is another process."""
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await drained(world, street(50, "push"))
    assert await incident_troubles(world) == [("channel push", "UNAVAILABLE")]
    state = await read(world.deps)
    assert (state.providers["push"].state, state.providers["push"].failed) == (BreakerState.OPEN, 1.0)
    said = render(state).decode()
    assert 'alertd_provider_breaker{channel="push"} 2.0' in said
    assert 'alertd_provider_breaker{channel="sms"} 0.0' in said
    assert 'alertd_provider_failed_ratio{channel="push"} 1.0' in said

    began = state.providers["push"].since
    await until_told(world, 120)
    state = await read(world.deps)
    assert state.providers["push"].since == began, "it has been down since then"
    assert await incident_troubles(world) == [("channel push", "UNAVAILABLE")]

    world.channels["push"].mend()
    await until_told(world, 45)
    assert states(world) == {("push", "accepted"): 50}
    assert await incident_troubles(world) == [("channel push", "UNAVAILABLE")], "it may yet come back"
    world.clock.advance(seconds=61)
    assert await incident_troubles(world) == []
    assert world.sql("SELECT count(*) FROM provider") == [(0,)]
    assert 'alertd_provider_breaker{channel="push"} 0.0' in render(await read(world.deps)).decode()


async def test_while_all_is_well_nobody_writes_of_it(world: World):
    await drained(world, street(50, "push"))
    assert world.sql("SELECT count(*) FROM provider") == [(0,)]


def only_push(caregiver: Caregiver) -> Preferences:
    return replace(caregiver.preferences, default=("push",))


class Crowded(FakeChannel):
    """An account that takes three at once, and says so to all others."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.under_way, self.most = 0, 0

    async def send(self, message: Message) -> Receipt:
        if self.under_way >= 3:
            self.attempts += 1
            raise Later("421", retry_after=timedelta(seconds=0.2), cause=Cause.PACE)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await asyncio.sleep(0.01)
            return await super().send(message)
        finally:
            self.under_way -= 1


async def test_what_comes_too_fast_makes_connections_rest(world: World):
    """Without a rest, each of the others would be refused again and again while three are under way."""
    mail = Crowded("email")
    deps = replace(world.deps, channels={**world.deps.channels, "email": mail})
    await outage(world, street(100, "email"))
    await drain(deps, Sender(deps), "urgent", seconds=30)
    assert world.log.named("provider_down") == []
    assert len(mail.accepted) + world.sql("SELECT count(*) FROM delivery WHERE state = 'pending'")[0][0] == 100
    world.clock.advance(seconds=3)
    await drain(deps, Sender(deps), "urgent", seconds=30)
    assert mail.most == 3
