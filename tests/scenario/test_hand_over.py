"""How a process hands over: one provider's bad day stays its own, and nothing is sent twice for our own faults."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from alertd.domain.family import Family, FamilyId
from alertd.domain.incident import Reach, Severity
from alertd.ports import Message, Misconfigured, Receipt
from alertd.records import Lease, Outcome
from alertd.store.ids import uuid7
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import claim, drain
from alertd.usecases.fan_out import Step, fan_out
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.put_families import put_families
from tests import make
from tests.fakes import FakeChannel
from tests.scenario.world import World


class Hanging(FakeChannel):
    """Answers nobody until it is let go."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.go = asyncio.Event()

    async def send(self, message: Message) -> Receipt:
        await self.go.wait()
        return await super().send(message)


class Narrow(FakeChannel):
    """Two connections, and a deadline that nearly fills the lease."""

    at_once = 2
    deadline = 25.0


def street(count: int, *channels: str) -> list[Family]:
    """So many families with one parent each."""
    return [
        make.family(
            make.caregiver(f"{'-'.join(channels)}{n}", *channels), id=FamilyId(f"{'-'.join(channels)}-{n:04}")
        )
        for n in range(count)
    ]


async def outage(world: World, families: Sequence[Family]) -> None:
    await put_families(world.deps, families, who="test")
    await open_incident(world.deps, Opening((Reach("follow"),), Severity.CRITICAL, "Follow is down"), who="test")


def states(world: World) -> Counter[tuple[str, str]]:
    return Counter(dict[Any, int](
        ((channel, state), count)
        for channel, state, count in world.sql("SELECT channel, state, count(*) FROM delivery GROUP BY 1, 2")
    ))  # fmt: skip


async def test_a_provider_that_hangs_holds_back_no_other(world: World):
    """SMS answers nobody; 1,300 pushes go out all the same, and the SMS after that, each once."""
    sms = Hanging("sms")
    deps = replace(world.deps, channels={**world.deps.channels, "sms": sms})
    await outage(world, street(1300, "push") + street(1300, "sms"))
    work = asyncio.create_task(drain(deps, Sender(deps), "bulk", seconds=30))
    async with asyncio.timeout(30):
        while len(world.channels["push"].accepted) < 1300:  # noqa: ASYNC110  the fakes know no event for it
            await asyncio.sleep(0)
    assert sms.accepted == []
    sms.go.set()
    await work
    await drain(deps, Sender(deps), "bulk", seconds=30)
    assert Counter(message.to for message in sms.accepted) == {
        f.caregivers[0].addresses[0].to: 1 for f in street(1300, "sms")
    }
    assert set(states(world)) == {("push", "accepted"), ("sms", "accepted")}


async def test_a_process_takes_no_more_in_hand_than_it_can_send(world: World):
    mail = Narrow("email")
    deps = replace(world.deps, channels={**world.deps.channels, "email": mail})
    await outage(world, street(60, "email"))
    sender = Sender(deps)
    assert sender.room()["email"] == 20
    step = await fan_out(deps, "urgent", send=True, room=sender.room())
    assert len(step.batch) == 20
    assert states(world) == {("email", "leased"): 20, ("email", "pending"): 40}
    assert step.lease is not None
    flight = asyncio.create_task(sender.hand_over(step.batch, step.lease))
    await asyncio.sleep(0)
    assert "email" not in sender.room()
    await flight
    assert sender.room()["email"] == 20


class Paced(FakeChannel):
    """Answers after so many seconds, over as many connections as FCM gets."""

    at_once = 150

    def __init__(self, name: str, seconds: float) -> None:
        super().__init__(name)
        self.seconds = seconds

    async def send(self, message: Message) -> Receipt:
        await asyncio.sleep(self.seconds)
        return await super().send(message)


async def test_what_is_planned_is_sent_by_who_planned_it(world: World, monkeypatch: pytest.MonkeyPatch):
    """To leave it for a claim costs twice; a provider that keeps up is waited for, until there is room again."""
    claimed = []

    async def noted(*given: Any, **named: Any) -> Step:
        step = await claim(*given, **named)
        claimed.extend(step.batch)
        return step

    monkeypatch.setattr("alertd.usecases.drain.claim", noted)
    # How long is too long depends on the machine: one that stands still for a moment makes any provider look slow.
    monkeypatch.setattr("alertd.usecases.drain._WAIT_FOR_ROOM", 30.0)
    deps = replace(world.deps, channels={**world.deps.channels, "push": Paced("push", 0.02)})
    await outage(world, street(3000, "push"))
    assert await drain(deps, Sender(deps), "bulk", seconds=60) == 3000
    assert claimed == []


async def test_who_keeps_up_does_not_wait_for_who_cannot(world: World):
    """SMS takes 150 in two seconds, for ever behind; pushes to the same families are not slowed down to that."""
    pushes, texts = Paced("push", 0.01), Paced("sms", 2.0)
    deps = replace(world.deps, channels={**world.deps.channels, "push": pushes, "sms": texts})
    await outage(world, street(1500, "push", "sms"))

    def all_pushed() -> bool:
        return len(pushes.accepted) == 1500

    work = asyncio.create_task(drain(deps, Sender(deps), "bulk", seconds=30, stop=all_pushed))
    async with asyncio.timeout(30):
        while not all_pushed():  # noqa: ASYNC110  the fakes know no event for it
            await asyncio.sleep(0.01)
    assert len(texts.accepted) < 750
    texts.seconds = 0.0
    await work


async def test_what_no_time_is_left_for_is_put_back_untried(world: World):
    """A lease that ends before a letter could: it waits as before, and no attempt is held against it."""
    deps = replace(world.deps, channels={**world.deps.channels, "email": Narrow("email")})
    await outage(world, street(3, "email"))
    step = await fan_out(deps, "urgent", send=True)
    assert step.lease is not None
    world.clock.advance(seconds=10)
    await Sender(deps).hand_over(step.batch, step.lease)
    assert world.sql("SELECT state, attempts, lease_token FROM delivery") == [("pending", 0, None)] * 3
    assert world.sql("SELECT count(*) FROM attempt") == [(0,)]
    again = await claim(deps, "urgent")
    assert [each.attempt for each in again.batch] == [1, 1, 1]


async def test_one_token_of_another_account_stops_nobody_else(world: World):
    families = street(50, "push")
    world.channels["push"].fail_always(
        families[7].caregivers[0].addresses[0].to, lambda: Misconfigured("SENDER_ID_MISMATCH")
    )
    await outage(world, families)
    await drain(world.deps, world.sender, "urgent", seconds=30)
    assert states(world) == {("push", "accepted"): 49, ("push", "parked"): 1}


async def test_a_broken_account_is_not_tried_for_every_message(world: World):
    world.channels["push"].fail_always("*", lambda: Misconfigured("UNAUTHENTICATED", account=True))
    await outage(world, street(500, "push"))
    await drain(world.deps, world.sender, "urgent", seconds=30)
    assert world.channels["push"].attempts <= FakeChannel.at_once
    assert states(world) == {("push", "parked"): 500}


class Flaky:
    """A store whose first so many writes of outcomes fail."""

    def __init__(self, store: Any, failures: int) -> None:
        self._store, self.left = store, failures

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with self._store.transaction() as rows:
            yield _Failing(rows, self)


class Unreadable:
    """A store that cannot be read."""

    def reading(self) -> Any:
        raise ConnectionError("the database is restarting")


async def test_a_batch_that_could_not_even_be_begun_takes_no_room_for_ever(world: World):
    """Three of them, and the process would never again have taken a push in hand."""
    await outage(world, street(100, "push"))
    step = await fan_out(world.deps, "urgent", send=True)
    assert step.lease is not None
    sender = Sender(replace(world.deps, store=Unreadable()))  # type: ignore[arg-type]  # it is only read
    before = sender.room()
    for _ in range(20):
        with pytest.raises(ConnectionError):
            await sender.hand_over(step.batch, step.lease)
    assert sender.room() == before


class _Failing:
    def __init__(self, rows: Any, owner: Flaky) -> None:
        self._rows, self._owner = rows, owner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)

    async def finish(self, outcomes: Sequence[Outcome], lease: Lease, now: datetime) -> int:
        if self._owner.left:
            self._owner.left -= 1
            raise ConnectionError("the database is restarting")
        lost: int = await self._rows.finish(outcomes, lease, now)
        return lost


async def test_a_database_that_restarts_while_outcomes_are_written_costs_no_second_message(world: World):
    deps = replace(world.deps, store=Flaky(world.deps.store, failures=2))
    await outage(world, street(40, "push"))
    assert await drain(deps, Sender(deps), "urgent", seconds=30) == 40
    assert Counter(message.to for message in world.channels["push"]).most_common(1)[0][1] == 1
    assert states(world) == {("push", "accepted"): 40}
    assert len(world.log.named("outcomes_not_written")) == 2


async def test_an_outcome_that_comes_after_its_lease_changes_nothing_and_is_counted(world: World):
    """A worker stood still; the sweeper has given its messages to others."""
    push = Hanging("push")
    deps = replace(world.deps, channels={**world.deps.channels, "push": push})
    await outage(world, street(3, "push"))
    step = await fan_out(deps, "urgent", send=True, room={"push": 100})
    assert step.lease is not None
    before = states(world)
    push.go.set()
    of_another = replace(step.lease, token=uuid7())
    await Sender(deps).hand_over(step.batch, of_another, "urgent")
    assert len(push.accepted) == 3
    assert states(world) == before
    assert world.log.named("leases_lost")
    assert world.sql("SELECT value FROM counter WHERE name = 'leases_lost'") == [(3,)]
