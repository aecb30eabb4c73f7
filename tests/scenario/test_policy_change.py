"""R2: a policy that changes while an outage lasts. Shorter windows bind at once, longer ones from the next message."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from alertd.domain.errors import Conflict, Invalid
from alertd.domain.incident import Severity
from alertd.domain.policy import Policy
from alertd.ports import Later
from tests import make
from tests.scenario.world import PACIFIC, World

Town = Callable[..., World]
MINUTE = timedelta(minutes=1)


def windows(day: float, quiet: float | None = None, **changes: object) -> Policy:
    """The policy of the design's sketch with another critical window."""
    critical = Severity.CRITICAL
    made = make.silence()
    silence = make.silence(
        window={**made.window, critical: make.minutes(day)},
        quiet={**made.quiet, critical: make.minutes(quiet if quiet is not None else 2 * day)},
        promise_at_most={**made.promise_at_most, critical: make.minutes(4 * day)},
    )
    return make.policy(silence=silence, **changes)


def deadline(world: World) -> datetime:
    """By when the family was promised to hear, as the watch holds it."""
    [(at,)] = world.sql("SELECT next_by FROM watch")
    return datetime.fromtimestamp(at / 1_000_000, PACIFIC)


async def test_a_shorter_window_brings_the_next_message_nearer(town: Town):
    """Told at 12:00 to hear by 14:00; at 12:10 the window becomes 30 min: they hear by 12:30, and then every 30."""
    world = town(policy=windows(120))
    await world.family()
    await world.outage("follow")
    world.phone("mia").expect_push("2:00 PM")
    world.phone("mia").expect_sms("2:00 PM")

    await world.fast_forward(minutes=10)
    changed = await world.change_policy(windows(30))
    world.phone("mia").expect_nothing()
    assert (changed.families, changed.sooner) == (1, 1)
    assert deadline(world) == datetime(2026, 11, 4, 12, 30, tzinfo=PACIFIC)

    await world.until_local("2026-11-04 12:28")
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-04 12:30")
    world.phone("mia").expect_push("No news", "12:5")
    world.phone("mia").expect_sms("No news")
    await world.until_local("2026-11-04 12:57")
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-04 13:00")
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")


async def test_a_window_that_is_over_already_leaves_a_quarter_of_it_to_tell_them(town: Town):
    """Told at 12:00; at 13:00 the window becomes 20 min. Nobody is late at 13:00: they hear by 13:05."""
    world = town(policy=windows(120))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.fast_forward(minutes=60)
    await world.change_policy(windows(20))
    world.phone("mia").expect_nothing()
    assert deadline(world) == datetime(2026, 11, 4, 13, 5, tzinfo=PACIFIC)
    await world.until_local("2026-11-04 13:05")
    world.phone("mia").expect_push("No news")
    world.phone("mia").expect_sms("No news")


async def test_a_longer_window_holds_from_the_next_message_on(town: Town):
    """Told at 12:00 to hear by 12:30, they do, and then by 14:30."""
    world = town(policy=windows(30))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.fast_forward(minutes=5)
    changed = await world.change_policy(windows(120))
    assert changed.sooner == 0
    assert deadline(world) == datetime(2026, 11, 4, 12, 30, tzinfo=PACIFIC)
    await world.until_local("2026-11-04 12:30")
    world.phone("mia").expect_push("No news", "2:29 PM")
    world.phone("mia").expect_sms("No news")
    await world.until_local("2026-11-04 14:20")
    world.phone("mia").expect_nothing()


async def test_at_night_the_quiet_window_is_the_one_that_binds(town: Town):
    """Told at 01:00 in quiet hours, by 03:00; the quiet window becomes 1 h, and the one by day matters to nobody."""
    world = town(datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC), windows(30, quiet=120))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()

    await world.fast_forward(minutes=10)
    await world.change_policy(windows(20, quiet=60))
    await world.until_local("2026-11-05 01:58")
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-05 02:00")
    world.phone("mia").expect_push("No news", loud=False)


async def test_wait_at_night_holds_at_once_and_is_counted(town: Town):
    """Told at 01:00 in quiet hours, by 02:00; under the new policy they sleep until 06:30."""
    world = town(datetime(2026, 11, 5, 1, 0, tzinfo=PACIFIC), windows(30, quiet=60))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    waiting = make.silence(quiet=dict.fromkeys(Severity))
    changed = await world.change_policy(make.policy(silence=waiting))
    assert (changed.sooner, changed.later) == (0, 1)
    assert ("silence.quiet.critical", "1h", "wait") in {(c.key, c.before, c.after) for c in changed.windows}
    await world.until_local("2026-11-05 06:29")
    world.phone("mia").expect_nothing()
    await world.until_local("2026-11-05 06:31")
    world.phone("mia").forget()


async def test_a_shorter_window_than_the_quiet_one_binds_who_was_told_by_day(town: Town):
    """Told at 12:00 by day for 60 min; the day's window becomes 20 min, the quiet one 2 h: they hear by 12:20."""
    world = town(policy=windows(60, quiet=120))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    await world.fast_forward(minutes=1)
    await world.change_policy(windows(20, quiet=120))
    assert deadline(world) == datetime(2026, 11, 4, 12, 20, tzinfo=PACIFIC)
    await world.until_local("2026-11-04 12:20")
    world.phone("mia").forget()


async def test_who_could_not_be_told_yet_is_owed_it_no_later_than_before(town: Town):
    """Their provider is down: first notice by 12:10, whatever the new policy says."""
    world = town(policy=windows(30))
    await world.family()
    for channel in ("push", "sms"):
        world.channels[channel].fail_always(make.own("mia", channel).to, lambda: Later("down"))
    long = {severity: timedelta(hours=2) for severity in Severity}
    await world.outage("follow")
    before = deadline(world)
    await world.fast_forward(minutes=1)
    await world.change_policy(windows(120, first_notice=long))
    assert deadline(world) == before == datetime(2026, 11, 4, 12, 10, tzinfo=PACIFIC)


async def test_responders_owe_the_next_update_by_the_new_window(town: Town):
    world = town(policy=windows(120))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    await world.change_policy(windows(30))
    [(look_at,)] = world.sql("SELECT look_at FROM responder_watch")
    assert look_at is not None
    async with world.deps.store.reading() as rows:
        incident = await rows.incident(1)
        assert incident is not None
        assert incident.policy == "follow"
        policy = await rows.policy_of(incident.id)
        acts = await rows.acts(incident.id)
    assert policy.silence.window[Severity.CRITICAL] == timedelta(minutes=30)
    assert [what for _, _, what, _ in acts] == ["open", "policy"]


async def test_a_dry_run_shows_what_would_change_and_changes_nothing(town: Town):
    world = town(policy=windows(120))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    seen = await world.change_policy(windows(30, floor=("sms",)), dry_run=True)
    assert {each.key: (each.before, each.after) for each in seen.windows} == {
        "silence.window.critical": ("2h", "30m"),
        "silence.quiet.critical": ("4h", "1h"),
        "silence.promise_at_most.critical": ("8h", "2h"),
    }
    assert seen.others == ("floor",)
    assert seen.messages_before == seen.messages_after == {"push": 1, "sms": 1}
    assert deadline(world) == datetime(2026, 11, 4, 14, 0, tzinfo=PACIFIC)
    assert [what for (what,) in world.sql("SELECT what FROM act")] == ["import", "open"]


async def test_what_cannot_be_changed_is_refused(town: Town):
    world = town(policy=windows(30))
    await world.family()
    await world.outage("follow")
    with pytest.raises(Invalid, match="nothing would change"):
        await world.change_policy(windows(30))
    with pytest.raises(Invalid, match="add follow to its services"):
        await world.change_policy(windows(20, services=("login",)))
    await world.resolve()
    world.phone("mia").forget()
    with pytest.raises(Conflict, match="no policy binds it"):
        await world.change_policy(windows(20))


async def test_back_to_the_longer_window_nobody_hears_later_than_they_were_told(town: Town):
    """Told at 12:00 to hear by 12:30; a window of 2 min brings that nearer, and taken back at once, it stands again."""
    world = town(policy=windows(30))
    await world.family()
    await world.outage("follow")
    world.phone("mia").forget()
    assert (await world.change_policy(windows(2))).sooner == 1
    back = await world.change_policy(windows(30))
    assert (back.sooner, back.later) == (0, 1)
    assert deadline(world) == datetime(2026, 11, 4, 12, 30, tzinfo=PACIFIC)
