"""The fakes are small and real: what they stand in for may be used in their place."""

from datetime import timedelta
from uuid import UUID

import pytest

from alertd.ports import Callback, Channel, Clock, Doorbell, Later, Message, Receipt, Receives, Refused
from alertd.ports.deps import Log
from tests.fakes import FakeChannel, FakeClock, FakeDoorbell, FakeLog, ReportingChannel
from tests.make import NOON


def message(to: str = "push-mia") -> Message:
    return Message(
        to, "Follow is down", "No readings.", None, "en", True, UUID(int=1), 1, UUID(int=2), 1, timedelta(hours=1)
    )


def test_each_stands_where_its_port_does():
    """mypy holds them to the ports here."""
    clock: Clock = FakeClock()
    channel: Channel = FakeChannel("push")
    doorbell: Doorbell = FakeDoorbell()
    log: Log = FakeLog()
    assert (clock.rate, channel.name, doorbell, log) == (1.0, "push", doorbell, log)


def test_time_moves_by_hand_and_never_backwards():
    clock = FakeClock(NOON)
    clock.advance(minutes=1)
    assert clock.now() == clock.machine() == NOON + timedelta(minutes=1)
    with pytest.raises(AssertionError):
        clock.set(NOON)


def test_a_doorbell_remembers_who_was_rung_for():
    bell = FakeDoorbell()
    bell.ring("urgent")
    bell.ring("bulk")
    assert bell.rung == ["urgent", "bulk"]


def test_a_log_remembers_every_line():
    log = FakeLog()
    log.info("opened", incident=1)
    log.warning("failed", code="x")
    log.info("opened", incident=2)
    assert log.named("opened") == [{"incident": 1}, {"incident": 2}]
    assert log.lines[1] == ("failed", {"code": "x"})


async def test_a_channel_accepts_and_numbers_what_it_accepts():
    push = FakeChannel("push")
    assert [await push.send(message()) for _ in range(2)] == [Receipt("push-1"), Receipt("push-2")]
    assert list(push) == push.accepted == [message(), message()]
    await push.close()
    assert (push.attempts, push.closed) == (2, True)


async def test_a_channel_fails_as_told_for_that_address_alone_and_accepts_again():
    push = FakeChannel("push")
    push.fail("push-mia", Later("429"), Refused("UNREGISTERED"))
    for error in (Later, Refused):
        with pytest.raises(error):
            await push.send(message())
    await push.send(message("push-ana"))
    await push.send(message())
    assert (push.attempts, [each.to for each in push]) == (4, ["push-ana", "push-mia"])


@pytest.mark.parametrize("broken", ["push-mia", "*"])
async def test_a_channel_that_always_fails_does_so_until_it_is_mended(broken):
    push = FakeChannel("push")
    push.fail_always(broken, lambda: Later("503"))
    for _ in range(3):
        with pytest.raises(Later):
            await push.send(message())
    push.mend()
    await push.send(message())
    assert (push.attempts, len(push.accepted)) == (4, 1)


async def test_a_reporting_channel_reads_what_is_posted_in_its_providers_name():
    said: list[Callback] = []
    sms = ReportingChannel("sms", "twilio", said.append, calls_it="SM7")
    assert isinstance(sms, Receives)
    assert await sms.send(message("+14155550123")) == Receipt("SM7")
    assert sms.receive(Callback("a=1", {}, b"")) is None
    assert said == [Callback("a=1", {}, b"")]
