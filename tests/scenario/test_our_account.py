"""An account that is wrong is ours to mend: no address suffers by it, traffic moves on, and somebody hears of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.usecases.deliver import Sender
from alertd.usecases.drain import drain
from tests import make
from tests.contract.letters import mail_to
from tests.contract.samples.mail_server import mail_server
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
