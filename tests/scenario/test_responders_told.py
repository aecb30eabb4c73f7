"""What responders hear beside the updates that they owe: families whom nobody told, and what was ignored or broken."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.ports.deps import Timing
from alertd.usecases.audit import audit
from tests import make
from tests.scenario.on_call import OnCallWorld, policy


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """Noon in Los Angeles, which is 20:00 UTC."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    yield made
    await made.close()


# --- families whom nobody told ----------------------------------------------------------------------


async def ask(world: OnCallWorld) -> int:
    """The auditor asks; how many families it misses."""
    answer = await audit(replace(world.deps, timing=Timing(look_twice=0.0)))
    assert answer.failed is None
    await world.settle()
    return answer.missing


def forget_the_family(world: OnCallWorld) -> None:
    """Its watch says "look in a year", and that it was to hear by now."""
    world.sql("UPDATE watch SET look_at = look_at + 31536000000000, next_by = ?", _us(world) - 11_000_000)


def _us(world: OnCallWorld) -> int:
    return int(world.clock.now().timestamp() * 1_000_000)


async def test_a_family_whom_nobody_told_pages_the_owner_once_while_it_lasts(world: OnCallWorld):
    await world.family("fam-1")
    await world.outage("follow")
    world.phone("mia").forget()
    assert await ask(world) == 0

    forget_the_family(world)
    assert await ask(world) == 1
    world.on_call("owner").expect_page(
        "families unaccounted for in incident 1",
        "Not told by the time we said, and nothing explains it: fam-1.",
        "alertd family show fam-1",
        "alertd doctor",
        "https://alertd.example.org/r/",
    )
    for _ in range(3):
        world.clock.advance(seconds=30)
        forget_the_family(world)
        assert await ask(world) == 1
    world.on_call("owner").expect_nothing()


async def test_families_that_are_missed_again_later_are_another_trouble(world: OnCallWorld):
    """What comes and goes within minutes is one page; after a lull it is another."""
    await world.family("fam-1")
    await world.outage("follow")
    world.phone("mia").forget()
    forget_the_family(world)
    assert await ask(world) == 1
    world.on_call("owner").expect_page("families unaccounted for")
    world.phone("mia").forget()
    assert await ask(world) == 0  # planned anew

    forget_the_family(world)
    assert await ask(world) == 1
    world.phone("mia").forget()
    world.on_call("owner").expect_nothing()

    await world.fast_forward(minutes=11)
    assert await ask(world) == 0
    forget_the_family(world)
    assert await ask(world) == 1
    world.on_call("owner").expect_page("families unaccounted for")
    world.phone("mia").forget()
