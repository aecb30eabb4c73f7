"""A provider is dead for long: whoever it keeps waiting hears over their next channel before their time is over."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from alertd.domain.incident import Reach
from alertd.domain.policy import Policy
from alertd.ports import Later, Misconfigured, Unknown
from alertd.ports.deps import Timing
from alertd.usecases.audit import audit
from tests import make
from tests.scenario.world import World

PUSH = make.preferences(critical=("push",), major=("push",), quiet_hours="none")
ASLEEP = make.preferences(critical=("push",), major=("push",))


def quiet_policy() -> Policy:
    """Nobody is woken, so that no SMS goes beside a push from the beginning."""
    return make.policy(wakes={})


async def sent(world: World) -> list[tuple[str, str, str]]:
    return world.sql("SELECT channel, reason, state FROM delivery ORDER BY id")


async def test_mother_hears_by_sms_before_her_first_notice_is_due(town: Callable[..., World]):
    """Push fails from the beginning: a margin before ten minutes are over it goes over SMS, which takes it."""
    world = town(policy=quiet_policy())
    await world.family("fam-1", make.caregiver("mia", "push", "sms", "email", preferences=PUSH))
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.outage("follow")
    await world.until(make.after(8.9))
    world.phone("mia").expect_nothing()
    await world.until(make.after(9.1))
    world.phone("mia").expect_sms("Follow", "Next update by")
    world.phone("mia").expect_nothing()
    assert (await sent(world))[-1] == ("sms", "not_taken", "accepted")

    world.channels["push"].mend()
    await world.until(make.after(12))
    world.phone("mia").expect_push("Follow")
    await world.until(make.after(20))
    world.phone("mia").expect_nothing()
    assert len(await sent(world)) == 2, "twice rather than never, and never more"


@pytest.mark.parametrize("error", [Later("UNAVAILABLE"), Unknown("timeout")], ids=["fails", "hangs"])
async def test_a_promise_is_kept_over_the_next_channel_one_after_the_other(world: World, error: Exception):
    """Told at noon until 12:30; then push dies, and SMS with it: each has a part of the margin, and mail is in time."""
    await world.family("fam-1", make.caregiver("mia", "push", "sms", "email", preferences=PUSH))
    await world.outage("follow")
    world.phone("mia").forget()
    for name in ("push", "sms"):
        world.channels[name].fail_always("*", lambda: error)
    await world.until(make.after(30))
    world.phone("mia").expect_email("No news")
    assert world.sql("SELECT channel, reason FROM delivery WHERE update_no = 2 ORDER BY id") == [
        ("push", "silence"),
        ("sms", "not_taken"),
        ("email", "not_taken"),
    ]
    assert world.sql("SELECT next_by >= ? FROM watch", round(make.after(58).timestamp() * 1e6)) == [(1,)]
    for name in ("push", "sms"):
        world.channels[name].mend()


async def test_a_raise_does_not_wait_for_what_was_promised_before_it(town: Callable[..., World]):
    """It is critical now, which is as a first notice: ten minutes, not the hour that was said at noon."""
    world = town(policy=quiet_policy())
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=PUSH))
    await world.outage("follow", severity="major")
    world.phone("mia").forget()
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.until(make.after(5))
    await world.update("Alarms do not arrive.", severity="critical")
    await world.until(make.after(14.5))
    world.phone("mia").expect_sms("Alarms do not arrive.")
    world.channels["push"].mend()


async def test_at_night_the_next_channel_is_as_silent_as_the_first(town: Callable[..., World]):
    """Push is dead and nothing here wakes: mail takes its place, and her phone does not ring."""
    world = town(make.after(10.5 * 60), quiet_policy())  # 22:30
    await world.family("fam-1", make.caregiver("mia", "push", "sms", "email", preferences=ASLEEP))
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.outage("follow")
    await world.fast_forward(minutes=10)
    world.phone("mia").expect_email("Follow")
    await world.until_local("2026-11-05 06:29")
    assert {channel for channel, _ in world.phone("mia").unread} <= {"email"}
    assert len(world.phone("mia").unread) >= 6, "each hour of the night"
    world.phone("mia").forget()
    world.channels["push"].mend()


async def test_with_one_address_nothing_changes_and_the_excuse_says_so(world: World):
    await world.family("fam-1", make.caregiver("mia", "push", preferences=PUSH))
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.outage("follow")
    await world.until(make.after(12))
    assert [row[0] for row in await sent(world)] == ["push"]
    deps = replace(world.deps, timing=Timing(look_twice=0.0))
    assert (await audit(deps)).excuses == {"provider_down": 1}
    world.channels["push"].mend()
    await world.until(make.after(14))
    world.phone("mia").expect_push("Follow")


async def test_an_untried_way_is_no_excuse(town: Callable[..., World]):
    """The planner never looks again: that push is tried all the time excuses nobody who has an SMS number too."""
    world = town(policy=quiet_policy())
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=PUSH))
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.outage("follow")
    world.sql("UPDATE watch SET look_at = look_at + 31536000000000")
    deps = replace(world.deps, timing=Timing(look_twice=0.0))
    await world.until(make.after(10.1))
    assert (await audit(deps)).excuses == {}
    await world.until(make.after(10.2))
    assert [each.families for each in (await audit(deps)).unaccounted] == [("fam-1",)]
    await world.settle()
    world.phone("mia").expect_sms("Follow")
    assert (await audit(deps)).passed
    world.channels["push"].mend()


async def test_a_way_that_our_own_fault_had_closed_is_tried_again_while_the_first_takes_nothing(
    town: Callable[..., World],
):
    """Push is dead, and the account of SMS is wrong until somebody mends it: she hears a backoff later, not never."""
    world = town(policy=quiet_policy())
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=PUSH))
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    world.channels["sms"].fail_always("*", lambda: Misconfigured("21606"))
    await world.outage("follow")
    await world.until(make.after(9.5))
    assert [row[2] for row in await sent(world)] == ["pending", "parked"]
    world.channels["sms"].mend()
    await world.until(make.after(10.2))
    world.phone("mia").expect_sms("Follow")
    world.channels["push"].mend()


async def test_what_only_waits_for_its_turn_has_until_the_time_itself(town: Callable[..., World]):
    """Nobody has tried it yet: another channel would but add to what waits. When the time is over, it is used."""
    world = town(policy=quiet_policy())
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=PUSH))
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.outage("follow")
    later = round(make.after(60).timestamp() * 1e6)
    world.sql("UPDATE delivery SET tried_at = NULL, attempts = 0, due_at = ?", later)
    await world.until(make.after(9.9))
    world.phone("mia").expect_nothing()
    await world.until(make.after(10))
    world.phone("mia").expect_sms("Follow")
    world.channels["push"].mend()


async def test_the_end_goes_over_the_next_channel_by_when_they_were_to_hear(world: World):
    """Told at noon until 12:30; push dies, and it is over at 12:05: by 12:30 they know, by SMS."""
    await world.family("fam-1", make.caregiver("mia", "push", "sms", "email", preferences=PUSH))
    await world.outage("follow")
    world.phone("mia").forget()
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.until(make.after(5))
    await world.resolve("Repaired.")
    await world.until(make.after(29))
    world.phone("mia").expect_nothing()
    await world.until(make.after(29.6))
    world.phone("mia").expect_sms("Follow works again")
    await world.until(make.after(60))
    world.phone("mia").expect_nothing()
    world.channels["push"].mend()
    await world.until(make.after(80))
    world.phone("mia").expect_push("Follow works again")
    assert world.sql("SELECT rest FROM watch") == [("closed",)]


async def test_no_longer_affected_goes_over_the_next_channel_too(world: World):
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=PUSH))
    await world.family("fam-2", make.caregiver("ben", "sms"), services=("login",))
    await world.outage("follow")
    world.phone("mia").forget()
    world.channels["push"].fail_always("*", lambda: Unknown("timeout"))
    await world.until(make.after(5))
    await world.update("Only the login fails.", add_scope=(Reach("login"),), remove_scope=(Reach("follow"),))
    world.phone("ben").forget()
    await world.until(make.after(29.6))
    world.phone("mia").expect_sms("Follow")
    world.channels["push"].mend()


async def test_who_slept_through_it_is_told_so_over_the_next_channel(town: Callable[..., World]):
    """Nothing promised her a word: she has it ten minutes after she woke, as soon as a first notice."""
    world = town(
        make.after(10.5 * 60), make.policy(silence=make.silence(quiet={}), wakes={})
    )  # 22:30, and it waits
    await world.family("fam-1", make.caregiver("mia", "push", "sms", preferences=ASLEEP))
    await world.outage("follow")
    await world.fast_forward(minutes=90)
    await world.resolve("Repaired.")
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.until_local("2026-11-05 06:38")
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-05 06:40")
    world.phone("mia").expect_sms("was down")
    world.channels["push"].mend()


async def test_who_heard_silently_another_way_hears_aloud_when_she_wakes(town: Callable[..., World]):
    """The mail of the night stood for a push that nobody took; once push works again she hears it at 06:30."""
    world = town(make.after(10.5 * 60), quiet_policy())  # 22:30
    await world.family("fam-1", make.caregiver("mia", "push", "email", preferences=ASLEEP))
    world.channels["push"].fail_always("*", lambda: Later("UNAVAILABLE"))
    await world.outage("follow")
    await world.until_local("2026-11-05 06:25")
    world.phone("mia").forget()
    world.channels["push"].mend()
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").expect_push("Follow", loud=True)
    world.phone("mia").forget()
