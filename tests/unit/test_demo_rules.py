"""From the shipped policy and script to the plain numbers that the demo's judge goes by."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alertd.demo.course import stretches, touches
from alertd.demo.rules import moments_of, rules_of
from alertd.demo.script_file import read_script
from alertd.demo.verdict import Asking, Duty
from alertd.domain.errors import Invalid
from alertd.domain.incident import Severity
from alertd.domain.policy import Ladder
from alertd.policy_file import load_policies, load_services
from alertd.settings.reading import shipped_config

FOLDER = shipped_config() / "scenarios" / "demo"
POLICY, SERVICES = load_policies(FOLDER)["follow"], load_services(FOLDER / "services.yaml")
SCRIPT = FOLDER / "weekend.yaml"
HOUR = timedelta(hours=1)
CONFIRM = rules_of(POLICY, SERVICES, 1800).confirm


def test_what_the_demos_policy_promises() -> None:
    rules = rules_of(POLICY, SERVICES, 1800)
    critical, major = rules.levels["critical"], rules.levels["major"]
    assert (critical.first_notice, critical.window, critical.quiet) == (2 * HOUR, 4 * HOUR, 6 * HOUR)
    assert (critical.confirm, critical.news, critical.wakes) == (HOUR, 8 * HOUR, True)
    assert critical.asking == Asking(2 * HOUR, 4 * HOUR, 6 * HOUR, ("parent", "guardian"))
    assert (major.first_notice, major.window, major.quiet) == (2 * HOUR, 6 * HOUR, None)
    assert (major.wakes, major.asking) == (False, None)
    assert rules.listening == ("parent", "guardian")
    assert rules.duties == (Duty("owner", 0 * HOUR), Duty("lead", HOUR), Duty("duty-manager", 2 * HOUR))
    assert rules.slack == 2 * HOUR
    assert rules.skew == timedelta(minutes=15)
    assert set(rules.names["share"]) == {"Share", "Compartir"}


@pytest.mark.parametrize(("rate", "minutes"), [(1800, 120), (600, 40), (240, 40), (1, 40)])
def test_a_slower_story_gives_the_machine_more_time_and_is_judged_as_sharply(rate: float, minutes: int) -> None:
    assert rules_of(POLICY, SERVICES, rate).slack == timedelta(minutes=minutes)


def test_a_ladder_that_the_judge_does_not_know_is_refused() -> None:
    families = dict(POLICY.escalation.families)
    ladder = families[Severity.CRITICAL]
    families[Severity.CRITICAL] = Ladder(ladder.by, ladder.steps[:2])
    other = replace(POLICY, escalation=replace(POLICY.escalation, families=families))
    with pytest.raises(Invalid, match="has three steps"):
        rules_of(other, SERVICES, 1800)


def test_the_weekend_in_stretches() -> None:
    first, second, third = stretches(moments_of(read_script(SCRIPT, relapse=True)), CONFIRM)
    assert first.begins == datetime(2019, 11, 30, 4, 40, tzinfo=UTC)
    assert first.told_from == first.begins + HOUR
    assert first.confirmed == datetime(2019, 11, 30, 16, 3, tzinfo=UTC)
    assert second.begins == second.told_from == second.confirmed
    assert second.begins - first.over < 24 * HOUR
    assert third.begins - second.over < 24 * HOUR
    epochs = [(e.number, e.severity, e.raised) for each in (first, second, third) for e in each.epochs]
    assert epochs == [(1, "major", False), (2, "critical", True), (3, "critical", False), (4, "critical", False)]
    assert first.epochs[1].begins == datetime(2019, 11, 30, 6, 50, tzinfo=UTC)


def test_what_fails_and_how_badly_at_each_moment() -> None:
    moments = moments_of(read_script(SCRIPT))
    assert [moment.severity for moment in moments[:2]] == ["major", "critical"]
    assert {moment.severity for moment in moments[1:]} == {"critical"}
    both = [moment.at for moment in moments if moment.services == ("follow", "share")]
    assert [len(both), both[0], both[-1]] == [3, moments[3].at, moments[5].at]
    assert {moment.services for moment in (*moments[:3], *moments[6:])} == {("follow",)}


@pytest.mark.parametrize("length", [{}, {"fast": True}, {"relapse": True}])
def test_a_story_goes_on_until_its_last_all_clear_is_due(length: dict[str, bool]) -> None:
    rules, story = rules_of(POLICY, SERVICES, 1800), read_script(SCRIPT, **length)
    over = stretches(moments_of(story), CONFIRM)[-1].over
    assert story.ends + rules.slack - over > rules.levels["critical"].first_notice + rules.slack


def test_every_change_of_the_weekend_is_due_before_the_next_end() -> None:
    rules, found = rules_of(POLICY, SERVICES, 1800), []
    for stretch in stretches(moments_of(read_script(SCRIPT)), CONFIRM):
        for touch in (t for services in (("follow", "share"), ("share",)) for t in touches(services, stretch)):
            found += [change.what for change in touch.changes]
            limit = rules.levels["critical"].first_notice + rules.slack
            assert all(change.at + limit < touch.over for change in touch.changes)
            assert touch.begins + limit < touch.over
    assert found == ["raise", "more", "less"]


def test_a_human_who_is_quicker_than_confirm_ends_the_suspicion() -> None:
    slow = dict.fromkeys(CONFIRM, 12 * HOUR)
    stretch = stretches(moments_of(read_script(SCRIPT)), slow)[0]
    assert stretch.told_from == stretch.confirmed == datetime(2019, 11, 30, 16, 3, tzinfo=UTC)
    assert [(epoch.severity, epoch.raised) for epoch in stretch.epochs] == [("critical", False)]
