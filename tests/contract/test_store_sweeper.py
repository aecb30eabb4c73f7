"""What the sweeper leaves to the workers, and what it does itself because nobody took it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from alertd.domain.incident import Reach, Severity
from alertd.records import Lease
from alertd.store.tables import trouble
from alertd.usecases import sweep as sweep_module
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from alertd.usecases.fan_out import fan_out
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from alertd.usecases.put_families import put_families
from alertd.usecases.sweep import sweep
from tests.contract.books import Books, crowd, outcome
from tests.fakes import FakeClock, FakeDoorbell
from tests.served import open_deps

FAMILIES = 60


class Node:
    """A sweeper beside a broker, families who have heard of an outage, and the time at which they must hear again."""

    def __init__(self, url: str) -> None:
        self.deps, _ = open_deps(url)
        self.books = Books(url)

    async def outage(self) -> int:
        """`follow` fails for everybody; everybody has heard, and no look is left before the silence deadline's."""
        await put_families(self.deps, crowd(FAMILIES), who="test")
        opened = await open_incident(
            self.deps, Opening((Reach("follow"),), Severity.CRITICAL, "Follow is down"), who="test"
        )
        assert await self.work("urgent") == FAMILIES
        for _ in range(2):  # a look a while later, and a step that there is nobody for
            await self.until_due()
            assert await self.work("bulk") == 0
        return opened.incident

    async def work(self, lane: str) -> int:
        """As a worker does when it is rung for."""
        return await drain(self.deps, Sender(self.deps), lane, seconds=30)

    async def until_due(self, *, seconds: float = 0.0) -> None:
        """Until so long after the first family falls due."""
        clock = self.deps.clock
        assert isinstance(clock, FakeClock)
        while True:
            async with self.deps.store.reading() as rows:
                if await rows.due_watches(clock.now(), 1):
                    break
            clock.advance(seconds=1)
        clock.advance(seconds=seconds)

    async def close(self) -> None:
        await self.deps.store.close()
        await self.books.store.close()


@pytest.fixture
async def node(database_url: str) -> AsyncIterator[Node]:
    made = Node(database_url)
    yield made
    await made.close()


async def test_what_falls_due_is_left_to_the_workers_who_hand_it_over_as_they_plan_it(node: Node):
    """Planned by the sweeper, the longest due would wait as pending behind everybody whom the workers plan."""
    await node.outage()
    await node.until_due()
    swept = await sweep(node.deps, broker=True)
    assert swept.rung == ("bulk",)
    assert swept.alone == ()
    assert await node.books.states() == {"accepted": FAMILIES}  # nothing new is planned yet
    assert await node.work("bulk") == FAMILIES


async def test_what_no_worker_took_for_two_seconds_is_planned_by_the_sweeper(node: Node):
    await node.outage()
    await node.until_due(seconds=2)
    swept = await sweep(node.deps, broker=True)
    assert await node.books.states() == {"accepted": FAMILIES, "pending": FAMILIES}
    assert swept.rung  # a worker that is back by now hands it over ...
    clock = node.deps.clock
    assert isinstance(clock, FakeClock)
    clock.advance(seconds=2)
    assert (await sweep(node.deps, broker=True)).alone == swept.rung  # ... and else the sweeper does


async def test_what_waited_too_long_is_rung_for_again_as_the_hint_may_be_lost(node: Node):
    """Once, as the sweeper begins with it: workers who do not answer need no hint at each of its looks."""
    await node.outage()
    await node.until_due(seconds=2)
    await sweep(node.deps, broker=True)
    clock, bell = node.deps.clock, node.deps.doorbell
    assert isinstance(clock, FakeClock)
    assert isinstance(bell, FakeDoorbell)
    clock.advance(seconds=2)
    bell.rung.clear()
    swept = await sweep(node.deps, broker=True)
    assert swept.alone == swept.rung == tuple(bell.rung) == ("bulk",)
    again = await sweep(node.deps, broker=True, own={"bulk"})
    assert (again.alone, again.rung, bell.rung) == ((), (), ["bulk"])
    assert await node.work("bulk") == FAMILIES  # a worker that had lost its hint


async def test_without_a_broker_nobody_is_rung_for(node: Node):
    await node.outage()
    await node.until_due(seconds=2)
    rung = len(node.deps.doorbell.rung)  # type: ignore[attr-defined]
    swept = await sweep(node.deps, broker=False)
    assert swept.alone
    assert len(node.deps.doorbell.rung) == rung  # type: ignore[attr-defined]


async def test_without_a_broker_the_sweeper_plans_at_once(node: Node):
    await node.outage()
    await node.until_due()
    swept = await sweep(node.deps, broker=False)
    assert await node.books.states() == {"accepted": FAMILIES, "pending": FAMILIES}
    assert swept.rung == ()
    assert swept.alone


async def test_while_the_bulk_lane_carries_an_update_the_urgent_one_plans_what_falls_due(node: Node):
    number = await node.outage()
    await node.until_due()
    await publish(node.deps, number, News(message={"en": "We are looking into it."}), who="test")
    swept = await sweep(node.deps, broker=True)
    assert swept.rung == ("urgent", "bulk")


async def kills(node: Node, times: int) -> str:
    """Whoever tries to send to one family dies, so often; returns the family."""
    clock = node.deps.clock
    assert isinstance(clock, FakeClock)
    await publish(node.deps, 1, News(message={"en": "News."}), who="test")
    while set(await node.books.states()) == {"accepted"}:
        await fan_out(node.deps, "bulk", send=False)
    deadly = ""
    for _ in range(times):
        lease = Lease(node.deps.new_id(), clock.machine() + timedelta(seconds=30))
        async with node.deps.store.transaction() as rows:
            claimed, _ = await rows.claim("bulk", clock.now(), clock.machine(), lease, FAMILIES)
            deadly = deadly or claimed[0].family
            told = [outcome(each, at=clock.now()) for each in claimed if each.family != deadly]
            await rows.finish(told, lease, clock.now())
        clock.advance(seconds=31)
        await sweep(node.deps, broker=True)
        clock.advance(seconds=2)
        await sweep(node.deps, broker=True)
    return deadly


async def test_of_what_killed_its_workers_responders_are_told_once(node: Node):
    """Nobody that holds the message lives to say so: the sweeper parks it after five leases, and says it."""
    await node.outage()
    deadly = await kills(node, 6)
    told_of = [(row["subject"], row["code"]) for row in await node.books.table(trouble)]
    assert told_of == [("messages", f"{deadly}: push, 5 crashes")]


async def test_what_is_parked_is_noted_with_it_or_not_parked(node: Node, monkeypatch: pytest.MonkeyPatch):
    """The sweeper sends as well, and the next of these may kill it at any moment."""

    async def dies(*_: object) -> None:
        raise ConnectionError

    await node.outage()
    with monkeypatch.context() as patched:
        patched.setattr(sweep_module, "note_parked", dies)
        with pytest.raises(ConnectionError):
            await kills(node, 6)
        assert "parked" not in await node.books.states()
    await sweep(node.deps, broker=True)
    assert (await node.books.states())["parked"] == 1
    assert len(await node.books.table(trouble)) == 1
