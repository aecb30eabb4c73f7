"""R8: the people who owe families an update are nudged, paged, and paged again until somebody publishes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from alertd.domain.errors import Invalid
from alertd.domain.incident import Kind
from alertd.ports import Later, Misconfigured, Refused
from alertd.records import Lease
from alertd.store.ids import uuid7
from alertd.usecases.page_responders import tend_responders
from alertd.usecases.plan_responders import plan_responders
from tests import make
from tests.scenario.on_call import OnCallWorld, policy


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[OnCallWorld]:
    """Noon in Los Angeles, which is 20:00 UTC."""
    made = OnCallWorld(tmp_path, make.NOON, policy())
    yield made
    await made.close()


async def test_a_machine_opens_at_night_and_nobody_answers(world: OnCallWorld):
    """The owner at once; then around the time to publish by owner, lead, duty manager, and again without end."""
    await world.machine_opens()
    world.on_call("owner").expect_page(
        "Incident 1 (critical, suspected): Follow is down.",
        "Opened by alertmanager at 20:00 UTC (12:00 PST), and no person has spoken yet.",
        "Families are told of it at 20:05 UTC (12:05 PST) unless somebody acts.",
        'alertd incident update 1 --message "..."',
        "False alarm: alertd incident cancel 1",
        "https://alertd.example.org/r/",
    )

    await world.fast_forward(minutes=19)
    world.on_call("owner").expect_nudge("needs an update by 20:30 UTC (12:30 PST)", "Publish by 20:30 UTC")
    await world.fast_forward(minutes=10)
    world.on_call("owner").expect_page("Publish by 20:30 UTC")
    await world.fast_forward(minutes=10)
    world.on_call("lead").expect_page("The update was due by 20:30 UTC: publish now.")
    for _ in range(3):
        await world.fast_forward(minutes=10)
        world.on_call("duty-manager").expect_page("The update was due by 20:30 UTC")

    await world.update("We know of it and are working on it.")
    await world.fast_forward(minutes=18)
    await world.cancel()
    await world.fast_forward(hours=24)


async def test_a_person_publishes_and_there_is_silence_until_the_next_update_is_due(world: OnCallWorld):
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.fast_forward(minutes=20)
    world.on_call("owner").expect_nudge("No update since 20:00 UTC", "1 family touched", "20:30 UTC")
    await world.update("We found the cause.", state="identified", next_in=timedelta(minutes=45))
    world.phone("mia").forget()

    await world.fast_forward(minutes=33)
    world.phone("mia").forget()  # a holding: the promise is later than their window
    await world.fast_forward(minutes=2)
    world.on_call("owner").expect_nudge("21:05 UTC (13:05 PST)")
    await world.resolve()
    world.phone("mia").forget()
    await world.fast_forward(hours=24)


async def test_a_holding_relieves_nobody(world: OnCallWorld):
    """Families hear that there is no news; those who owe the news hear it too."""
    await world.family()
    await world.outage("follow", next_in=timedelta(minutes=30))
    world.phone("mia").forget()
    await world.fast_forward(minutes=30)
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")
    world.on_call("owner").expect_nudge("20:30 UTC")
    world.on_call("owner").expect_page("families are told then that there is no news")
    await world.fast_forward(minutes=10)
    world.on_call("lead").expect_page("Families are told that there is no news.")
    await world.resolve()
    world.phone("mia").forget()


async def test_an_acknowledgement_holds_each_step_once_and_moves_no_deadline(world: OnCallWorld):
    await world.machine_opens()
    world.on_call("owner").expect_page()
    done = await world.acknowledge()
    assert done.post_by == make.after(30)
    assert done.next is not None
    assert (done.next.who, done.next.page, done.next.at) == ("owner", False, make.after(29))

    await world.fast_forward(minutes=28)
    await world.fast_forward(minutes=1)
    world.on_call("owner").expect_nudge("20:30 UTC")
    await world.acknowledge()
    await world.fast_forward(minutes=10)
    world.on_call("owner").expect_page("20:30 UTC")
    await world.fast_forward(minutes=10)
    world.on_call("lead").expect_page()
    await world.cancel()


async def test_a_page_that_is_refused_makes_the_next_step_due_at_once(world: OnCallWorld):
    world.break_pager("owner", Refused)
    await world.machine_opens()
    world.on_call("lead").expect_page("was opened by a machine")
    assert not await world.unreachable()
    await world.cancel()


async def test_a_responder_whom_nobody_set_makes_the_next_step_due_at_once(world: OnCallWorld):
    del world.known["follow-owner"]
    await world.machine_opens()
    world.on_call("lead").expect_page("was opened by a machine")
    [told] = world.log.named("page_not_accepted")
    assert told["code"] == "not set: follow-owner"
    await world.cancel()


async def test_a_pager_that_is_down_is_tried_again_and_after_two_failures_the_next_one_is_paged(
    world: OnCallWorld,
):
    world.break_pager("owner", Later, "503")
    await world.machine_opens()
    await world.fast_forward(seconds=10)
    world.on_call("lead").expect_page("was opened by a machine")
    world.pagers["sms"].mend()
    await world.fast_forward(seconds=60)
    world.on_call("owner").expect_page("was opened by a machine")  # better twice than never
    await world.cancel()


async def test_when_nobody_can_be_paged_the_ping_is_withheld_and_all_are_tried_again(world: OnCallWorld):
    for who in ("owner", "lead", "duty-manager"):
        world.break_pager(who, Misconfigured, "401")
    await world.machine_opens()
    assert await world.unreachable()
    await world.fast_forward(minutes=9)
    assert await world.unreachable()
    for pager in world.pagers.values():
        pager.mend()
    await world.fast_forward(minutes=1)
    world.on_call("owner").expect_page("was opened by a machine")
    assert not await world.unreachable()
    await world.cancel()
    assert not await world.unreachable()


async def test_words_that_say_nothing_new_do_not_satisfy_the_news_clock(world: OnCallWorld):
    """ "Something other than the same generic feedback": the silence clock is kept, the news clock is not."""
    await world.family()
    await world.outage("follow", message="We work on it around the clock.")
    for _ in range(6):
        await world.fast_forward(minutes=18)
        await world.update("We work on it around the clock.", next_in=timedelta(minutes=30))
    world.phone("mia").forget()
    await world.fast_forward(minutes=12)
    world.on_call("lead").expect_page("wait for news", "no news by a person since 20:00 UTC (2h)")
    await world.update("A third party is involved.", state="identified")
    world.phone("mia").forget()
    await world.fast_forward(minutes=18)
    await world.resolve()
    world.phone("mia").forget()


async def test_a_broken_channel_is_told_once_for_each_incident(world: OnCallWorld):
    await world.family()
    world.channels["push"].fail_always("*", lambda: Misconfigured("THIRD_PARTY_AUTH_ERROR", account=True))
    await world.outage("follow")
    world.phone("mia").forget()
    world.on_call("owner").expect_page(
        "channel push fails in incident 1", "misconfigured: THIRD_PARTY_AUTH_ERROR", "alertd doctor"
    )
    await world.fast_forward(minutes=18)
    await world.resolve()
    world.phone("mia").forget()
    await world.fast_forward(hours=1)


async def test_a_restart_and_a_standstill_page_each_person_once(world: OnCallWorld):
    await world.machine_opens()
    world.on_call("owner").expect_page()
    await world.restart()
    world.clock.advance(hours=1)
    await world.settle()
    world.on_call("owner").expect_page("was due by 20:30 UTC")
    world.on_call("lead").expect_page("was due by 20:30 UTC")
    world.on_call("duty-manager").expect_page("was due by 20:30 UTC")
    await world.settle()
    await world.cancel()


async def test_an_exercise_moves_nothing(world: OnCallWorld):
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    await world.fast_forward(minutes=10)
    async with world.deps.store.transaction() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        exercise = replace(incident.newest, number=2, kind=Kind.EXERCISE, at=world.clock.now(), notify=False)
        assert await rows.add_update(incident.id, exercise)
    await world.fast_forward(minutes=10)
    world.on_call("owner").expect_nudge("20:30 UTC")
    await world.resolve()
    world.phone("mia").forget()


async def test_two_sweepers_at_once_page_once(world: OnCallWorld):
    await world.machine_opens(settle=False)
    await asyncio.gather(*(tend_responders(world.deps) for _ in range(3)))
    await world.settle()
    world.on_call("owner").expect_page("was opened by a machine")
    await world.cancel()


async def test_a_sweeper_that_dies_with_a_page_in_hand_costs_its_lease_and_no_page(world: OnCallWorld):
    """Better twice than never."""
    await world.machine_opens(settle=False)
    await plan_responders(world.deps)
    lease = Lease(uuid7(), world.clock.machine() + timedelta(seconds=30))
    async with world.deps.store.transaction() as rows:
        assert len(await rows.claim_pages(world.clock.machine(), lease, 10)) == 1
    await world.settle()
    world.on_call("owner").expect_nothing()
    await world.fast_forward(seconds=31)
    world.on_call("owner").expect_page("was opened by a machine")
    await world.cancel()


async def test_what_waits_when_somebody_publishes_is_not_sent_any_more(world: OnCallWorld):
    world.break_pager("owner", Later, "503")
    world.break_pager("lead", Later, "503")
    world.break_pager("duty-manager", Later, "503")
    await world.machine_opens()
    await world.update("We know of it.")
    for pager in world.pagers.values():
        pager.mend()
    await world.fast_forward(minutes=18)
    await world.cancel()


async def test_a_policy_by_which_nobody_could_be_paged_is_refused(world: OnCallWorld):
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    others = dict.fromkeys(world.policy.responders, "nobody-known")
    with pytest.raises(Invalid) as refused:
        await world.change_policy(replace(world.policy, responders=others))
    assert refused.value.field == "responders"
    assert "follow-owner" in refused.value.message
    changed = await world.change_policy(
        replace(world.policy, responders={**world.policy.responders, "lead": "ghost"})
    )
    assert changed.unset == ("ghost",)
    await world.resolve()
    world.phone("mia").forget()
