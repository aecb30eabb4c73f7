"""R8, R13: whoever owes families what happened is nudged in time, and paged once when it is missed."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from alertd.ports import Refused
from tests import make
from tests.make import caregiver
from tests.scenario.on_call import OnCallWorld, policy

FRIDAY = make.NOON + timedelta(days=2, hours=5)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """Noon in Los Angeles, which is 20:00 UTC; an outage is over, and what happened is promised for Friday, 5 PM."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    await made.family("fam-1", caregiver("mia", "sms"))
    await made.outage("follow")
    await made.resolve(postmortem_by=FRIDAY)
    made.phone("mia").forget()
    yield made
    await made.close()


async def test_the_owner_is_nudged_a_day_before_and_paged_once(world: OnCallWorld):
    await world.until(FRIDAY - timedelta(days=1, seconds=1))
    world.on_call("owner").expect_nothing()
    await world.until(FRIDAY - timedelta(days=1))
    nudge = world.on_call("owner").expect_nudge(
        "families are owed what happened in incident 1 by Sat 01:00 UTC (Fri 17:00 PST)",
        "Incident 1 (critical, resolved)",
        'alertd incident postmortem 1 --message "..."',
    )
    assert "Acknowledge" not in nudge.text
    await world.until(FRIDAY)
    world.on_call("owner").expect_page("publish now", "Nobody is paged for it again")
    await world.fast_forward(days=20)  # neither again, nor the lead, nor the duty manager
    await world.postmortem()
    world.phone("mia").expect_sms("What happened")


async def test_who_publishes_is_left_alone(world: OnCallWorld):
    await world.until(FRIDAY - timedelta(hours=2))
    world.on_call("owner").expect_nudge("what happened")
    await world.postmortem()
    world.phone("mia").expect_sms("What happened")
    await world.fast_forward(days=20)


async def test_of_a_shorter_promise_half_of_it_is_left(world: OnCallWorld):
    await world.fast_forward(hours=1)
    await world.reopen()
    await world.resolve(postmortem_by=world.clock.now() + timedelta(hours=4))
    world.phone("mia").forget()
    await world.fast_forward(minutes=119)
    world.on_call("owner").expect_nothing()
    await world.fast_forward(minutes=1)
    world.on_call("owner").expect_nudge("what happened")
    await world.postmortem()
    world.phone("mia").forget()
    await world.fast_forward(days=3)


async def test_where_the_owner_cannot_be_reached_the_next_one_is(world: OnCallWorld):
    world.break_pager("owner", Refused)
    await world.until(FRIDAY)
    world.on_call("lead").expect_nudge("what happened in incident 1")
    world.on_call("lead").expect_page("publish now")
    await world.fast_forward(days=3)


async def test_a_relapse_is_about_updates_again(world: OnCallWorld):
    await world.fast_forward(hours=2)
    await world.reopen()
    world.phone("mia").expect_sms("down again")
    await world.fast_forward(minutes=20)
    world.on_call("owner").expect_nudge("needs an update by")
    await world.resolve()
    world.phone("mia").expect_sms("works again")
    await world.fast_forward(days=5)
