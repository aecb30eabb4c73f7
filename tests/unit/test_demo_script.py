"""The demo's script: the shipped one says what it should, and every mistake is named with its line."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alertd.demo.script_file import read_script
from alertd.domain.incident import Severity
from alertd.ingest.reading import Mistakes
from alertd.ingest.yaml_text import read_yaml
from alertd.policy_file import load_policies, load_services
from alertd.settings.reading import shipped_config

CONFIG = shipped_config()
FOLDER = CONFIG / "scenarios" / "demo"
PACIFIC = ZoneInfo("America/Los_Angeles")

GOOD = """\
zone: America/Los_Angeles
begins: 2019-11-29 23:40
ends: 2019-11-30 20:00
acts:
  - at: 2019-11-29 23:50
    open: {services: [follow], severity: critical, title: It fails, message: {en: It fails, es: Falla}}
  - at: 2019-11-30 08:03
    update: {next_in: 4h, message: {en: Still, es: Sigue}}
  - at: 2019-11-30 18:00
    resolve: {message: {en: Over, es: Ya}}
fast:
  ends: 2019-11-30 09:00
  acts:
    - at: 2019-11-30 08:30
      resolve: {message: {en: Cut, es: Corto}}
"""

MACHINE = (
    GOOD.replace(
        "  - at: 2019-11-29 23:50\n",
        "  - at: 2019-11-29 23:45\n"
        "    alert: {name: Stopped, service: follow, severity: page, summary: It stopped, labels: {job: probe}}\n"
        "  - at: 2019-11-29 23:50\n",
    ).replace("next_in: 4h", "next_in: 4h, add_scope: [share], remove_scope: [login]")
    + """\
answers:
  - {at: 2019-11-30 03:00, share: 25%}
  - {at: 2019-11-30 04:00, families: [fam-003], by: [grandparent]}
relapse:
  ends: 2019-12-01 10:00
  acts:
  - at: 2019-12-01 08:00
    reopen: {message: {en: Again, es: Otra vez}}
  - at: 2019-12-01 09:00
    resolve: {message: {en: Over, es: Ya}}
"""
)


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "weekend.yaml"
    path.write_text(text)
    return path


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PACIFIC)


def test_the_weekend_is_told_at_the_hours_of_2019() -> None:
    story = read_script(FOLDER / "weekend.yaml")
    assert (story.begins, story.ends) == (wall("2019-11-29 20:30"), wall("2019-12-02 17:20"))
    told = [act.at.astimezone(PACIFIC).strftime("%a %H:%M") for act in story.acts]
    assert told[:6] == ["Fri 20:40", "Fri 22:50", "Sat 08:03", "Sat 12:29", "Sat 15:02", "Sun 08:43"]
    again = ["reopen", "update", "update", "resolve"]
    assert [act.what for act in story.acts] == ["alert", "alert", "open", *["update"] * 5, "resolve", *again]
    assert story.opening is story.acts[2]


def test_what_the_weekend_shows() -> None:
    story = read_script(FOLDER / "weekend.yaml")
    late, stopped = (act.alert for act in story.acts[:2])
    assert late is not None
    assert stopped is not None
    assert (late.labels["severity"], stopped.labels["severity"]) == ("major", "page")
    assert [act.add_scope for act in story.acts if act.add_scope] == [("share",)]
    assert [act.remove_scope for act in story.acts if act.remove_scope] == [("share",)]
    over, back = story.acts[8], story.acts[9]
    assert timedelta(hours=6) < back.at - over.at < timedelta(hours=24)


def test_the_relapse_of_tuesday_begins_within_a_day_of_the_end() -> None:
    story = read_script(FOLDER / "weekend.yaml", relapse=True)
    first = read_script(FOLDER / "weekend.yaml")
    assert story.acts[: len(first.acts)] == first.acts
    assert [act.what for act in story.acts[len(first.acts) :]] == ["reopen", *["update"] * 3, "resolve"]
    reopened = story.acts[len(first.acts)]
    assert reopened.at.astimezone(PACIFIC).strftime("%a") == "Tue"
    assert reopened.at - first.resolution.at < timedelta(hours=24)
    assert story.resolution.at.astimezone(PACIFIC).strftime("%a") == "Wed"


def test_caregivers_answer_at_hours_of_the_script() -> None:
    story, fast = (read_script(FOLDER / "weekend.yaml", fast=fast) for fast in (False, True))
    assert len(story.answers) >= 4
    assert len(fast.answers) >= 4
    assert all(each.at < fast.resolution.at for each in fast.answers)
    assert all(0 < each.share < 1 for each in story.answers)
    assert ("grandparent",) in {each.by for each in story.answers}
    relapse = read_script(FOLDER / "weekend.yaml", relapse=True)
    assert relapse.answers[: len(story.answers)] == story.answers
    assert all(each.at > story.ends for each in relapse.answers[len(story.answers) :])


def test_nobody_speaks_in_the_night_of_saturday() -> None:
    story = read_script(FOLDER / "weekend.yaml")
    silence = [act for act in story.acts if wall("2019-11-30 15:03") <= act.at < wall("2019-12-01 08:43")]
    assert silence == []


def test_the_fast_story_is_the_first_nineteen_hours_and_ends_well() -> None:
    whole, fast = (read_script(FOLDER / "weekend.yaml", fast=fast) for fast in (False, True))
    assert fast.length == timedelta(hours=19)
    assert fast.acts[:-1] == whole.acts[:4]  # the raise and the growing scope are in it
    assert fast.acts[0].what == "alert"
    assert fast.resolution.what == "resolve"
    assert fast.resolution.at < fast.ends


def test_the_daemon_will_take_every_act() -> None:
    story = read_script(FOLDER / "weekend.yaml", relapse=True)
    policy = load_policies(FOLDER)["follow"]
    known = set(load_services(FOLDER / "services.yaml").names)
    for act in story.acts:
        assert {*act.services, *act.add_scope, *act.remove_scope} <= known
        if act.next_in is not None:
            assert act.next_in <= policy.silence.promise_at_most[Severity.CRITICAL]
        for language in ("en", "es"):
            phrases: Any = read_yaml(
                (CONFIG / "templates" / language / "phrases.yaml").read_bytes(), language
            ).value
            assert set(act.works + act.do) <= set(phrases["phrases"])


def test_a_good_script_is_read(tmp_path: Path) -> None:
    story = read_script(written(tmp_path, GOOD))
    assert story.opening.at == wall("2019-11-29 23:50")
    assert story.acts[1].next_in == timedelta(hours=4)
    assert story.acts[1].message == {"en": "Still", "es": "Sigue"}
    fast = read_script(written(tmp_path, GOOD), fast=True)
    assert [act.message["en"] for act in fast.acts] == ["It fails", "Still", "Cut"]


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ("2019-11-30 08:03", "2019-11-29 23:45", 7, "is not after the act before it"),
        ("2019-11-30 08:03", "8 in the morning", 7, "is no time of day"),
        ("2019-11-30 08:03", "2019-11-30 25:03", 7, "is no time of day"),
        ("2019-11-30 18:00", "2019-11-30 21:00", 9, "lies outside of the story"),
        ("update: {next_in: 4h,", "opne: {next_in: 4h,", 8, 'did you mean "open"?'),
        ("update: {next_in: 4h, ", "open: {", 8, "services: is missing"),
        ("next_in: 4h", "next_in: 4", 8, "has no unit"),
        ("next_in: 4h", "next_in: 0h", 8, "promises news at once"),
        ("message: {en: Still, es: Sigue}", "message: {en: Still}", 8, "message.es: is missing"),
        ("update: {next_in: 4h, m", "resolve: {m", 9, "resolve cannot come after resolve"),
        ("ends: 2019-11-30 20:00", "ends: 2019-11-29 20:00", 4, "ends before it begins"),
        ("severity: critical", "severity: terrible", 6, "is not a severity"),
        ("zone: America/Los_Angeles", "zone: Los Angeles", 1, 'did you mean "America/Los_Angeles"?'),
        ("resolve: {message: {en: Cut,", "update: {message: {en: Cut,", 14, "must be resolve"),
        ("fast:", "fsat:", 11, 'did you mean "fast"?'),
    ],
)
def test_every_mistake_is_named_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, complaint: str
) -> None:
    assert old in GOOD
    with pytest.raises(Mistakes) as caught:
        read_script(written(tmp_path, GOOD.replace(old, new, 1)))
    said = [str(problem) for problem in caught.value.problems]
    assert any(f"weekend.yaml:{line}:" in problem and complaint in problem for problem in said), said


def test_an_alert_and_answers_are_read(tmp_path: Path) -> None:
    story = read_script(written(tmp_path, MACHINE))
    alert = story.acts[0].alert
    assert alert is not None
    assert alert.labels == {"alertname": "Stopped", "service": "follow", "severity": "page", "job": "probe"}
    assert alert.began == story.acts[0].at
    assert story.answers[0].share == 0.25
    assert story.answers[0].by == ("parent", "guardian")
    assert story.answers[1].families == ("fam-003",)
    assert story.answers[1].by == ("grandparent",)
    assert (story.acts[2].add_scope, story.acts[2].remove_scope) == (("share",), ("login",))


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("share: 25%", "share: 0.25", "is no share"),
        ("share: 25%", "share: 101%", "is no share"),
        ("share: 25%", "by: [parent]", "needs exactly one of share and families"),
        ("2019-11-30 03:00", "2019-12-30 03:00", "lies outside of the story"),
        ("service: follow, ", "", "service: is missing"),
        ("job: probe", "jbo: probe", 'did you mean "job"?'),
        ("reopen: {", "alert: {", "alert cannot come after resolve"),
        ("    reopen: ", "    update: ", "update cannot come after resolve"),
        (
            "  - at: 2019-12-01 09:00\n    resolve: {message: {en: Over, es: Ya}}\n",
            "",
            "the last act must be resolve",
        ),
    ],
)
def test_every_mistake_in_what_machines_and_caregivers_do(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in MACHINE
    with pytest.raises(Mistakes) as caught:
        read_script(written(tmp_path, MACHINE.replace(old, new, 1)), relapse=True)
    said = [str(problem) for problem in caught.value.problems]
    assert any(complaint in problem for problem in said), said


def test_a_script_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Mistakes, match="cannot be read"):
        read_script(tmp_path / "nothing.yaml")
