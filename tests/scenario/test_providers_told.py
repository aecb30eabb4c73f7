"""What responders hear of providers: that one fails, that it works again, and that one reports nothing."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.api.exposition import render
from alertd.api.paged import told_to_responders
from alertd.api.scrape import read
from alertd.domain.breaker import BreakerState
from alertd.domain.incident import Reach, Severity
from alertd.ports import Misconfigured, Refused
from alertd.records import Provider
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.providers import CALM, watch_providers
from alertd.usecases.put_families import put_families
from alertd.usecases.watch_receipts import ENOUGH, watch_receipts
from tests import make
from tests.scenario.on_call import OnCallWorld, policy
from tests.scenario.test_hand_over import street


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """Noon in Los Angeles, which is 20:00 UTC."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    yield made
    await made.close()


async def note(world: OnCallWorld, state: BreakerState) -> None:
    """A process says how it finds push, and a sweeper looks."""
    now = world.clock.now()
    async with world.deps.store.transaction() as rows:
        await rows.note_providers("a", [Provider("push", state, "UNAVAILABLE", 1.0, now, now)])
    await look(world)


async def look(world: OnCallWorld) -> None:
    await watch_providers(world.deps)
    await watch_receipts(world.deps)
    await world.settle()


async def told(world: OnCallWorld) -> list[str]:
    async with world.deps.store.reading() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        return [entry.text for entry in told_to_responders(await rows.pages(incident.id))]


async def test_who_was_told_that_push_fails_is_told_once_that_it_works_again(world: OnCallWorld):
    await world.family("fam-1")
    await world.outage("follow")
    world.phone("mia").forget()
    await note(world, BreakerState.OPEN)
    world.on_call("owner").expect_page("channel push fails in incident 1", "UNAVAILABLE", "alertd doctor")

    world.clock.advance(seconds=5)
    await note(world, BreakerState.CLOSED)
    world.on_call("owner").expect_nothing()
    world.clock.advance(seconds=CALM.total_seconds() + 1)
    await look(world)
    again = world.on_call("owner").expect_nudge("channel push works again in incident 1", "goes out now")
    assert "Acknowledge" not in again.text
    await look(world)
    for who in ("owner", "lead", "duty-manager"):
        world.on_call(who).expect_nothing()
    assert await told(world) == ["Paged owner: channel push fails.", "Nudged owner: channel push works again."]

    await note(world, BreakerState.OPEN)
    world.on_call("owner").expect_page("channel push fails")


async def test_that_nobody_tries_is_no_sign_that_it_works_again(world: OnCallWorld):
    """A wrong account parks everything at once, and until the next holding there is nothing to try."""
    await world.family("fam-1", make.caregiver("mia", "push", "email"))
    world.channels["push"].fail_always("*", lambda: Misconfigured("UNAUTHENTICATED", account=True))
    await world.outage("follow")
    await look(world)
    world.on_call("owner").expect_page("channel push fails in incident 1", "UNAUTHENTICATED")
    for _ in range(25):
        await world.fast_forward(minutes=1)
        await look(world)
    assert not [each for each in await told(world) if "works again" in each]

    world.channels["push"].mend()
    await world.fast_forward(minutes=10)  # with the holding
    await look(world)
    assert (await told(world)).count("Nudged owner: channel push works again.") == 1
    assert (await told(world)).count("Paged owner: channel push fails.") == 1
    for phone in world.phones.values():
        phone.forget()


async def test_what_others_send_since_says_that_it_works_again(world: OnCallWorld):
    """The process that had found it down has ended."""
    await world.family("fam-1", make.caregiver("mia", "push"))
    await world.outage("follow")
    await note(world, BreakerState.OPEN)
    world.on_call("owner").expect_page("channel push fails in incident 1")
    await world.fast_forward(seconds=5)
    await world.update("Half of them are back.")
    await world.fast_forward(seconds=CALM.total_seconds() + 1)
    await look(world)
    world.on_call("owner").expect_nudge("channel push works again in incident 1")
    world.phone("mia").forget()


async def test_nobody_is_told_of_the_end_of_what_nobody_was_told_of(world: OnCallWorld):
    """All pagers had failed: that it works again would only raise questions."""
    await world.family("fam-1")
    await world.outage("follow")
    world.phone("mia").forget()
    for who in ("owner", "lead", "duty-manager"):
        world.break_pager(who, Refused)
    await note(world, BreakerState.OPEN)
    for pager in world.pagers.values():
        pager.mend()
    world.clock.advance(seconds=CALM.total_seconds() + 1)
    await look(world)
    assert not [text for text in await told(world) if "works again" in text]


async def test_a_provider_that_takes_all_and_reports_nothing(world: OnCallWorld):
    """After two minutes responders are paged, once; families are told as before; and it ends with the receipts."""
    sms = world.channels["sms"]
    sms.has_callbacks = True
    families = [
        replace(family, id=type(family.id)(f"fam-{n:02}")) for n, family in enumerate(street(ENOUGH, "sms"))
    ]
    await put_families(world.deps, families, who="test")
    for family in families:
        for person in family.caregivers:
            world._owners["sms", person.addresses[0].to] = "mia"
    await world.family("fam-x", make.caregiver("mia", "email"))
    opening = Opening((Reach("follow"),), Severity.CRITICAL, "Follow is down")
    await open_incident(world.deps, opening, who="test")
    await world.settle()
    world.phone("mia").forget()
    assert len({message.to for message in sms.accepted}) == ENOUGH

    world.clock.advance(seconds=100)
    await look(world)
    world.on_call("owner").expect_nothing()
    world.clock.advance(seconds=30)
    await look(world)
    world.on_call("owner").expect_page(
        "receipts of sms are missing in incident 1", "has reported nothing of any", "all have arrived, or none"
    )
    await look(world)
    world.on_call("owner").expect_nothing()
    said = render(await read(world.deps)).decode()
    assert 'alertd_receipts_missing_ratio{channel="sms"} 1.0' in said
    assert 'alertd_receipts_oldest_missing_seconds{channel="sms"} 130.0' in said

    world.sql("UPDATE delivery SET state = 'delivered' WHERE channel = 'sms'")
    world.clock.advance(seconds=30)
    await look(world)
    world.on_call("owner").expect_nudge("receipts of sms come again in incident 1")
    assert 'alertd_receipts_missing_ratio{channel="sms"} 0.0' in render(await read(world.deps)).decode()
    assert sms.attempts == len(sms.accepted), "it was asked as before"
    world.phone("mia").forget()


async def test_a_channel_without_receipts_and_a_few_messages_say_nothing(world: OnCallWorld):
    await world.family("fam-1", make.caregiver("mia", "sms", "push"))
    await world.outage("follow")
    world.phone("mia").forget()
    world.clock.advance(minutes=3)
    await look(world)
    assert world.sql("SELECT count(*) FROM receipt_lag") == [(0,)]
    world.channels["sms"].has_callbacks = True
    await look(world)
    assert world.sql("SELECT taken, missing, since FROM receipt_lag") == [(1, 1, None)]
    world.on_call("owner").expect_nothing()
    world.clock.advance(minutes=10)
    await world.settle()
    world.phone("mia").forget()
    assert "alertd_receipts" not in "".join(
        line for line in render(await read(world.deps)).decode().splitlines() if not line.startswith("#")
    ), "an old count says nothing"
