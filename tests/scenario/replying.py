"""What the stories of families that write back share."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests import make
from tests.make import caregiver
from tests.scenario.on_call import OnCallWorld, policy
from tests.scenario.world import World

Town = Callable[..., World]
NAN = caregiver("nan", "sms", role="grandparent", order=3)
NURSE = caregiver("nurse", "sms", role="nurse", order=3)
SMS_ONLY = make.preferences(critical=("sms",))


async def opted_out(world: World, name: str = "mia") -> bool:
    [(at,)] = world.sql("SELECT opted_out_at FROM address WHERE dest = ?", make.own(name, "sms").to)
    return at is not None


@pytest.fixture
async def duty(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    made = OnCallWorld(tmp_path, make.NOON, policy())
    await made.family("fam-1", caregiver("mia", "sms", preferences=SMS_ONLY))
    yield made
    await made.close()
