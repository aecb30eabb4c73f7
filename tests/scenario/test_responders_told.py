"""What responders hear beside the updates that they owe: families whom nobody told, and what was ignored or broken."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import pytest

from alertd.ports import Refused
from alertd.ports.deps import Timing
from alertd.settings import shipped_config
from alertd.texts import load as load_texts
from alertd.usecases.audit import audit
from alertd.usecases.deliver import Sender
from alertd.wiring import TextFailures
from tests import make
from tests.scenario.on_call import OnCallWorld, policy
from tests.scenario.world import NAMES


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


# --- what fails while families are told all the same ------------------------------------------------


async def test_a_text_that_fails_costs_the_message_nothing_and_is_told_once(world: OnCallWorld, tmp_path: Path):
    """R14: the plain built-in words go out, and the owner is nudged, once for the incident."""
    folder = tmp_path / "templates"
    copytree(shipped_config() / "templates", folder)
    (folder / "sms.txt").write_text("{{ nobody.knows.this }}")
    failures = TextFailures(world.log)
    world.deps = replace(world.deps, compose=load_texts(folder, NAMES, failures), take_failures=failures.take)
    world.sender = Sender(world.deps)
    await world.family("fam-1")
    await world.family("fam-2", make.caregiver("ben", "sms"))
    await world.outage("follow")
    for who in ("mia", "ben"):
        world.phone(who).expect_sms("Follow")
    world.phone("mia").forget()
    await world.settle()
    world.on_call("owner").expect_nudge("a text fails in incident 1", "en/sms/notice", "alertd policy check")

    await world.update("Still working on it.")
    for who in ("mia", "ben"):
        world.phone(who).expect_sms("Still working on it")
        world.phone(who).forget()
    assert len(world.log.named("text_failed")) == 2
    await world.settle()


async def test_data_that_fails_costs_nobody_the_message_and_is_told_once(world: OnCallWorld):
    """R14: a zone that does not exist; the family is told without its hours, the others as ever."""
    await world.family("fam-1", make.caregiver("mia", "sms"))
    await world.family("fam-2", make.caregiver("ben", "sms"))
    world.sql("UPDATE family SET doc = replace(doc, 'America/Los_Angeles', 'Mars/Base') WHERE id = 'fam-2'")
    await world.outage("follow")
    for who in ("mia", "ben"):
        world.phone(who).expect_sms("Follow")
    await world.settle()
    world.on_call("owner").expect_nudge(
        "a family's data fails in incident 1", "fam-2: ", "alertd family show fam-2"
    )
    await world.update("Still working on it.")
    for who in ("mia", "ben"):
        world.phone(who).expect_sms("Still working on it")


async def test_who_cannot_be_nudged_is_followed_by_the_next(world: OnCallWorld):
    await world.family("fam-1", make.caregiver("mia", "sms"))
    world.sql("UPDATE family SET doc = replace(doc, 'America/Los_Angeles', 'Mars/Base')")
    world.break_pager("owner", Refused)
    await world.outage("follow")
    world.phone("mia").forget()
    await world.settle()
    world.on_call("lead").expect_nudge("a family's data fails")
