"""What a policy comes to, told by the planner itself; the expectations are reckoned by hand."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alertd.domain.incident import Severity
from alertd.domain.policy import Policy
from alertd.policy_file import load_policies
from alertd.settings import shipped_config
from alertd.usecases.explain_policy import Explained, Role, explain_policy
from alertd.usecases.rehearse import roles_of

FOLLOW = load_policies(shipped_config())["follow"]
NIGHT = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)  # a Sunday
DAY = datetime(2026, 12, 1, 10, 0, tzinfo=UTC)  # a Tuesday
CHANNELS = ("push", "sms", "email")


def explained(
    at: datetime, severity: Severity = Severity.CRITICAL, policy: Policy = FOLLOW, hours: int = 12
) -> Explained:
    until = at + timedelta(hours=hours)
    return explain_policy(policy, "follow", severity, at, until, zone="UTC", channels=CHANNELS)


def role(told: Explained, name: str) -> Role:
    return next(each for each in told.roles if each.name == name)


def heard(who: Role) -> list[tuple[str, str, str]]:
    """Time, channels (capitals when loud) and reason of every moment."""
    moments: dict[tuple[str, str], list[str]] = {}
    for each in who.told:
        key = f"{each.at:%H:%M}", each.reason.value
        moments.setdefault(key, []).append(each.channel.upper() if each.loud else each.channel)
    return [(at, " ".join(sorted(channels)), why) for (at, why), channels in moments.items()]


def test_the_policy_knows_its_roles_and_anybody_else() -> None:
    assert roles_of(FOLLOW) == ("parent", "guardian", "nurse", "other")


def test_parents_at_night_are_woken_told_again_then_softly_and_once_more_in_the_morning() -> None:
    parent = role(explained(NIGHT), "parent")

    assert parent.quiet_until == NIGHT.replace(hour=6, minute=30)
    assert heard(parent)[:8] == [
        ("02:00", "PUSH SMS", "first_notice"),
        ("02:10", "SMS email", "ladder"),
        ("02:59", "push", "silence"),
        ("03:58", "push", "silence"),
        ("04:57", "push", "silence"),
        ("05:56", "push", "silence"),
        ("06:30", "PUSH SMS", "wake_up"),
        ("06:55", "push", "silence"),
    ]
    assert parent.told[0].next_by == NIGHT + timedelta(hours=1)
    assert parent.told[0].reads == NIGHT + timedelta(hours=4, minutes=30)  # they sleep until then
    assert parent.family.ended_at == NIGHT + timedelta(minutes=30)


def test_who_is_off_duty_is_told_nothing_and_on_duty_is_the_next() -> None:
    sunday, tuesday = role(explained(NIGHT), "nurse"), role(explained(DAY), "nurse")

    assert sunday.told == ()
    assert sunday.off_duty_until == datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
    assert tuesday.off_duty_until is None
    assert heard(tuesday)[:2] == [("10:20", "SMS", "ladder"), ("10:29", "SMS", "silence")]
    assert heard(tuesday)[-1][0] < "15:00"


def test_anybody_else_is_the_next_whom_the_ladder_tells_and_hears_from_then_on() -> None:
    other = role(explained(DAY), "other")

    assert heard(other)[:2] == [("10:20", "PUSH SMS", "ladder"), ("10:29", "PUSH SMS", "silence")]
    assert other.told[0].step == 3


def test_a_major_outage_at_night_waits_for_the_morning_and_has_no_ladder() -> None:
    told = explained(NIGHT, Severity.MAJOR)

    assert heard(role(told, "parent"))[:2] == [("06:30", "PUSH", "first_notice"), ("07:29", "PUSH", "silence")]
    assert "parent" in role(told, "parent").family.waited
    assert role(told, "other").told == ()


def test_responders_are_nudged_then_paged_around_the_window_by_day() -> None:
    told = [(f"{r.at:%H:%M}", r.who, r.page, r.ladder.value) for r in explained(NIGHT).responders]

    assert told[:5] == [
        ("02:19", "owner", False, "post"),
        ("02:29", "owner", True, "post"),
        ("02:39", "lead", True, "post"),
        ("02:49", "duty-manager", True, "post"),
        ("02:59", "duty-manager", True, "post"),
    ]
    assert ("04:00", "lead", True, "news") in told


@pytest.mark.parametrize("severity", Severity)
def test_a_policy_that_leaves_a_severity_without_channels_tells_nobody_of_it(severity: Severity) -> None:
    default = replace(FOLLOW.caregivers["default"], major=(), minor=())
    told = explained(DAY, severity, replace(FOLLOW, caregivers={"default": default}))

    assert bool(role(told, "parent").told) is (severity is Severity.CRITICAL)


def test_a_policy_whose_families_hear_over_nothing_still_ends() -> None:
    told = explain_policy(
        FOLLOW, "follow", Severity.CRITICAL, DAY, DAY + timedelta(hours=3), zone="UTC", channels=()
    )

    assert all(each.told == () for each in told.roles)
