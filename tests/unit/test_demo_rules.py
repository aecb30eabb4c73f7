"""From the shipped policy and script to the plain numbers that the demo's judge goes by."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alertd.demo.rules import moments_of, rules_of
from alertd.demo.script_file import read_script
from alertd.demo.verdict import Asking, Duty, stretches
from alertd.domain.errors import Invalid
from alertd.domain.incident import Severity
from alertd.domain.policy import Ladder
from alertd.policy_file import load_policies
from alertd.settings.reading import shipped_config

FOLDER = shipped_config() / "scenarios" / "demo"
POLICY = load_policies(FOLDER)["follow"]
HOUR = timedelta(hours=1)


def test_what_the_demos_policy_promises() -> None:
    rules = rules_of(POLICY, "critical", 1800)
    assert (rules.first_notice, rules.window, rules.quiet) == (2 * HOUR, 4 * HOUR, 6 * HOUR)
    assert (rules.confirm, rules.news) == (HOUR, 8 * HOUR)
    assert rules.listening == ("parent", "guardian")
    assert rules.asking == Asking(2 * HOUR, 4 * HOUR, 6 * HOUR, ("parent", "guardian"))
    assert rules.duties == (Duty("owner", 0 * HOUR), Duty("lead", HOUR), Duty("duty-manager", 2 * HOUR))
    assert rules.slack == 2 * HOUR
    assert rules.skew == timedelta(minutes=15)


def test_a_ladder_that_the_judge_does_not_know_is_refused() -> None:
    families = dict(POLICY.escalation.families)
    ladder = families[Severity.CRITICAL]
    families[Severity.CRITICAL] = Ladder(ladder.by, ladder.steps[:2])
    other = replace(POLICY, escalation=replace(POLICY.escalation, families=families))
    with pytest.raises(Invalid, match="has three steps"):
        rules_of(other, "critical", 1800)


def test_the_weekend_in_stretches() -> None:
    moments = moments_of(read_script(FOLDER / "weekend.yaml", relapse=True))
    assert [moment.what for moment in moments if moment.wakes] == ["open", "reopen"]  # Share; it came back
    first, second = stretches(moments, HOUR)
    assert first.begins == datetime(2019, 11, 30, 7, 50, tzinfo=UTC)
    assert first.told_from == first.begins + HOUR
    assert first.confirmed == datetime(2019, 11, 30, 16, 3, tzinfo=UTC)
    assert second.begins == second.told_from == second.confirmed == moments[len(first.moments)].at
    assert second.begins - first.over < 24 * HOUR
    assert (first.epoch, second.epoch) == (1, 2)


def test_a_human_who_is_quicker_than_confirm_ends_the_suspicion() -> None:
    moments = moments_of(read_script(FOLDER / "weekend.yaml"))
    [stretch] = stretches(moments, 12 * HOUR)
    assert stretch.told_from == stretch.confirmed == datetime(2019, 11, 30, 16, 3, tzinfo=UTC)
