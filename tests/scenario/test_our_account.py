"""An account that is wrong is ours to mend: no address suffers by it, traffic moves on, and somebody hears of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.domain.breaker import ENOUGH_DECLINED
from alertd.ports import Misconfigured
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from tests import make
from tests.contract.letters import mail_to
from tests.contract.samples.mail_server import mail_server
from tests.fakes import FakeChannel
from tests.scenario.on_call import OnCallWorld, policy
from tests.scenario.test_hand_over import outage, states

FAMILIES = 20
MAIL_FIRST = make.preferences(critical=("email",))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """Noon in Los Angeles, which is 20:00 UTC."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        ("CONTENT", "554 5.2.252 SendAsDenied; alerts@example.org not allowed to send as status@example.org"),
        ("CONTENT", "554 5.2.0 STOREDRV.Submission.Exception:SendAsDeniedException.MapiExceptionSendAsDenied"),
        ("RCPT", "550 relay not permitted"),
        ("RCPT", "550 Sender verify failed"),
    ],
)
async def test_a_mail_server_that_refuses_our_sender_costs_no_family_its_mailbox(
    world: OnCallWorld, stage: str, reply: str
):
    names = [f"m{n:02}" for n in range(FAMILIES)]
    for name in names:
        await world.family(f"fam-{name}", make.caregiver(name, "email", "push", preferences=MAIL_FIRST))
    async with mail_server() as server, mail_to(server) as mail:
        server.says[stage] = reply
        deps = replace(world.deps, channels={**world.channels, "email": mail})
        await outage(world, ())
        await drain(deps, Sender(deps), "urgent", seconds=30)
        assert server.mails == []
    assert world.sql("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]
    assert states(world) == {("email", "parked"): FAMILIES, ("push", "accepted"): FAMILIES}

    await world.settle()
    for name in names:
        world.phone(name).expect_push("Follow is down")
    code = " ".join(word for word in reply.split()[:2] if word[0].isdigit())
    world.on_call("owner").expect_page("channel email fails", code)


async def test_an_account_that_sends_to_nobody_is_not_asked_for_every_message(world: OnCallWorld):
    """The token of each belongs to another Firebase project: no single answer says so. Mended, one shows it."""
    names = [f"p{n:03}" for n in range(3 * FakeChannel.at_once)]
    for name in names:
        await world.family(
            f"fam-{name}", make.caregiver(name, "push", "email", preferences=make.preferences(critical=("push",)))
        )
    push = world.channels["push"]
    push.fail_always("*", lambda: Misconfigured("SENDER_ID_MISMATCH"))
    await outage(world, ())
    await drain(world.deps, world.sender, "urgent", seconds=30)
    assert ENOUGH_DECLINED <= push.attempts <= FakeChannel.at_once
    assert states(world) == {("push", "parked"): len(names), ("email", "accepted"): len(names)}
    assert world.sql("SELECT count(*) FROM address WHERE suspended_at IS NOT NULL") == [(0,)]
    assert world.log.named("provider_down") == [{"channel": "push", "code": "SENDER_ID_MISMATCH", "ours": True}]
    await world.settle()
    for name in names:
        world.phone(name).expect_email("Follow is down")
    world.on_call("owner").expect_page("channel push fails", "SENDER_ID_MISMATCH")

    push.mend()
    world.clock.advance(seconds=6)
    await world.update("Found it.")
    await world.fast_forward(seconds=60)
    for name in names:
        world.phone(name).expect_push("Found it.")
        world.phone(name).forget()
    assert len(world.log.named("provider_back")) == 1


async def test_one_that_is_accepted_keeps_the_account_in_use(world: OnCallWorld):
    """The first families have the app of the new project, all others that of the old one."""
    push, half = world.channels["push"], FakeChannel.at_once // 2
    names = [f"p{n:03}" for n in range(2 * half)]
    for n, name in enumerate(names):
        await world.family(
            f"fam-{name}", make.caregiver(name, "push", "email", preferences=make.preferences(critical=("push",)))
        )
        if n >= half:
            push.fail_always(make.own(name, "push").to, lambda: Misconfigured("SENDER_ID_MISMATCH"))
    await outage(world, ())
    await drain(world.deps, world.sender, "urgent", seconds=30)
    assert states(world) == {("push", "parked"): half, ("push", "accepted"): half, ("email", "accepted"): half}
    assert world.log.named("provider_down") == []
    await world.settle()
    for name in names:
        world.phone(name).forget()
    world.on_call("owner").expect_page("channel push fails")
