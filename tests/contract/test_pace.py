"""The rates of channels: in one process and in a real Redis, by the same sentences; and a Redis on a bad day."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from alertd.domain.bucket import LONGEST_WAIT, most
from alertd.pace import OwnPace
from alertd.ports.pace import Pace
from alertd.redis_pace import ANSWER_SECONDS, CONNECT_SECONDS, KEY, RedisPace
from tests.fakes import FakeLog
from tests.redis_here import Server, running_redis
from tests.servers import kill

RATES = {"sms": 200.0, "voice": 1.0}
ALL = 1_000_000
PART = 0.25  # of the rates, which a process keeps to by itself


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Redis of our own."""
    with running_redis(tmp_path) as running:
        yield running


@pytest.fixture
def log() -> FakeLog:
    """What a process says."""
    return FakeLog()


@pytest.fixture
async def shared(server: Server, log: FakeLog) -> AsyncIterator[Callable[[], RedisPace]]:
    """Opens the pace of one process of a cluster."""
    opened: list[RedisPace] = []

    def process() -> RedisPace:
        opened.append(RedisPace(server.url, RATES, OwnPace(RATES, share=PART), log, pause=0.2))
        return opened[-1]

    yield process
    for pace in opened:
        pace.close()


@pytest.fixture(params=["own", "redis"])
def pace(request: pytest.FixtureRequest) -> Pace:
    """Each way in which rates are kept."""
    if request.param == "own":
        return OwnPace(RATES)
    made: Pace = request.getfixturevalue("shared")()
    return made


async def all_of(pace: Pace, lane: str = "bulk", seconds: float = 0.0) -> int:
    """What one lane of SMS is granted within so many seconds, asking whenever it is told to."""
    until, total = time.monotonic() + seconds, 0
    while True:
        grant = await pace.take("sms", lane, ALL)
        assert 0 < grant.wait <= LONGEST_WAIT
        total += grant.units
        if time.monotonic() + grant.wait > until:
            return total
        await asyncio.sleep(grant.wait)


# --- alone ----------------------------------------------------------------------------------------


def granted(pace: OwnPace, channel: str) -> int:
    return pace.grant(channel, "bulk", ALL).units


def test_processes_that_have_counted_each_other_keep_to_the_rate_together() -> None:
    """Each of four was to have half of it, by its settings: twice as fast as the sender."""
    at = 0.0
    all_four = [OwnPace({"sms": 100.0}, share=0.5, clock=lambda: at) for _ in range(4)]
    for pace in all_four:
        pace.among(4)
        granted(pace, "sms")  # what is saved up comes once
    total = 0
    for _ in range(100):
        at += 0.25
        total += sum(granted(pace, "sms") for pace in all_four)
    assert 0.8 * 100 * 25 * 0.95 <= total <= 100 * 25


def test_a_count_is_good_for_half_a_minute() -> None:
    """Who has heard of nobody since keeps to what the settings say, until it counts again."""
    at = 0.0
    pace = OwnPace({"sms": 100.0}, share=0.25, clock=lambda: at)

    def in_half_a_second(moment: float) -> int:
        nonlocal at
        at = moment
        granted(pace, "sms")  # what was saved up
        at += 0.5
        return granted(pace, "sms")

    assert in_half_a_second(0.0) == 12
    pace.among(1)
    assert [in_half_a_second(10.0), in_half_a_second(29.0)] == [50, 50]
    assert in_half_a_second(31.0) == 12
    pace.among(2)
    assert in_half_a_second(40.0) == 25


# --- both ways ------------------------------------------------------------------------------------


async def test_only_channels_with_a_rate_are_held_to_one(pace: Pace) -> None:
    assert [pace.limits(name) for name in ("sms", "voice", "console")] == [True, True, False]


async def test_what_is_asked_for_is_granted_while_there_is_enough(pace: Pace) -> None:
    assert [(await pace.take("sms", "bulk", units)).units for units in (1, 2, 97)] == [1, 2, 97]


async def test_what_bulk_took_is_not_taken_from_what_is_urgent(pace: Pace) -> None:
    assert (await pace.take("sms", "bulk", ALL)).units == 200
    assert (await pace.take("sms", "bulk", ALL)).units < 20
    assert (await pace.take("sms", "urgent", 50)).units == 50


async def test_channels_do_not_share(pace: Pace) -> None:
    await pace.take("sms", "bulk", ALL)
    assert (await pace.take("voice", "bulk", ALL)).units == 1
    assert 0 < (await pace.take("voice", "bulk", ALL)).wait <= LONGEST_WAIT


async def test_over_a_second_it_is_the_rate_and_not_more(pace: Pace) -> None:
    await all_of(pace, "urgent")
    await all_of(pace)
    began = time.monotonic()
    total = sum(await asyncio.gather(all_of(pace, "urgent", 1.0), all_of(pace, "bulk", 1.0)))
    passed = time.monotonic() - began
    assert total <= RATES["sms"] * passed + 1
    assert total >= RATES["sms"] * passed * 0.6


# --- a cluster ------------------------------------------------------------------------------------


async def test_processes_share_one_rate(shared: Callable[[], RedisPace]) -> None:
    began = time.monotonic()
    total = sum(await asyncio.gather(*(all_of(shared(), "bulk", 1.0) for _ in range(4))))
    assert total <= RATES["sms"] * (time.monotonic() - began) + most(RATES["sms"])[1] + 1
    assert total >= RATES["sms"] * 1.6


async def test_redis_keeps_two_numbers_and_forgets_them(shared: Callable[[], RedisPace], server: Server) -> None:
    """Nothing in there says who is told, or of what; once both vessels are full again, nothing is there."""
    await shared().take("sms", "bulk", 5)
    assert server.client.keys() == [f"{KEY}sms".encode()]
    assert set(server.client.hgetall(f"{KEY}sms")) == {b"at", b"urgent", b"bulk"}
    assert 0 < server.client.ttl(f"{KEY}sms") <= 4


async def test_a_flushed_redis_is_one_that_has_rested(shared: Callable[[], RedisPace], server: Server) -> None:
    """Data and scripts are gone: the script is loaded again, and what comes at once is what comes after a rest."""
    process = shared()
    await all_of(process)
    server.client.flushall()
    server.client.script_flush()
    assert (await process.take("sms", "bulk", ALL)).units == 200
    assert process.take_lost() == 0


async def test_a_loop_that_stands_still_is_no_redis_that_does(shared: Callable[[], RedisPace]) -> None:
    """A slice of five hundred families is planned meanwhile: longer than Redis may take to answer."""
    process = shared()
    await process.warm()
    asked = asyncio.create_task(process.take("sms", "bulk", 5))
    await asyncio.sleep(0)
    time.sleep(3 * ANSWER_SECONDS)  # noqa: ASYNC251  the very thing
    assert (await asked).units == 5
    assert process.take_lost() == 0


async def test_a_redis_that_is_killed(shared: Callable[[], RedisPace], server: Server, log: FakeLog) -> None:
    """The process goes on with its own part; once told is enough."""
    process = shared()
    await process.take("sms", "bulk", 5)
    kill(server.process)
    assert (await process.take("sms", "bulk", ALL)).units == RATES["sms"] * PART
    assert (await process.take("sms", "urgent", 5)).units == 5
    assert process.take_lost() == 2
    assert process.take_lost() == 0
    assert len(log.named("rates_not_shared")) == 1


async def test_one_that_was_never_there(log: FakeLog) -> None:
    process = RedisPace("redis://127.0.0.1:1/0", RATES, OwnPace(RATES, share=PART), log)
    await process.warm()
    assert (await process.take("sms", "bulk", ALL)).units == RATES["sms"] * PART
    process.close()


async def test_a_redis_that_hangs_costs_a_moment_once(
    shared: Callable[[], RedisPace], server: Server, log: FakeLog
) -> None:
    """And when it answers again, it is asked again."""
    process = shared()
    await process.take("sms", "bulk", 5)
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert (await process.take("sms", "bulk", 10)).units == 10
        assert ANSWER_SECONDS / 2 < time.monotonic() - began < ANSWER_SECONDS + CONNECT_SECONDS
        began = time.monotonic()
        assert (await process.take("sms", "bulk", 10)).units == 10
        assert time.monotonic() - began < ANSWER_SECONDS / 2
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    async with asyncio.timeout(30):
        while not log.named("rates_shared"):
            await process.take("sms", "bulk", 1)
            await asyncio.sleep(0.02)


async def test_a_redis_that_may_not_be_written_to(
    shared: Callable[[], RedisPace], server: Server, log: FakeLog
) -> None:
    """Full: it refuses the script, and the process goes on."""
    process = shared()
    server.client.config_set("maxmemory", "1")
    assert (await process.take("sms", "bulk", 10)).units == 10
    assert len(log.named("rates_not_shared")) == 1
