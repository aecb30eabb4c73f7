"""What the policy commands say."""

import shutil
from pathlib import Path

import pytest

from tests.listening import Shell, alertd
from tests.served import CONFIG

__all__ = ["alertd"]


def test_families_that_fit_and_families_that_do_not(alertd: Shell) -> None:
    """0 and 1; by window and channel, with the rate that would do."""
    assert alertd("policy", "check", str(CONFIG), "--families", "1500") == 0
    assert "1,500 families fit into every window." in alertd.out
    assert alertd("policy", "check", str(CONFIG), "--families", "1501") == 1
    row = next(line for line in alertd.out.splitlines() if line.startswith("critical, first notice"))
    assert row.split()[3] == "NO"
    assert "1,500 sms" in row
    assert "raise twilio.rate_per_second from 10 to 10.1" in " ".join(alertd.out.split())
    assert alertd("policy", "check", str(CONFIG), "--families", "0") == 2


def test_a_higher_rate_holds_more_families(alertd: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTD_TWILIO__RATE_PER_SECOND", "100")
    told = alertd.json("policy", "check", str(CONFIG), "--families", "15000")
    assert told["audience"]["fits"] is True
    by_day = next(w for w in told["audience"]["windows"] if (w["severity"], w["when"]) == ("critical", "by day"))
    assert by_day["most"] == {"push": 4350000, "sms": 43500}
    assert by_day["audience"] == 43500


def test_a_folder_with_mistakes_is_not_measured(alertd: Shell, tmp_path: Path) -> None:
    assert alertd("policy", "check", str(tmp_path), "--families", "10") == 1
    assert "services.yaml: cannot be read" in alertd.out
    assert "fit into" not in alertd.out


def test_what_a_mistake_in_services_hides_is_said(alertd: Shell, tmp_path: Path) -> None:
    (tmp_path / "services.yaml").write_text("services: {follow: {}}\n")
    assert alertd("policy", "check", str(tmp_path)) == 1
    assert "note  the texts were not checked" in alertd.out
    (tmp_path / "services.yaml").write_text("services: {follow: {names: {en: Follow}}}\n")
    assert alertd("policy", "check", str(tmp_path)) == 1
    assert "not checked" not in alertd.out


def test_a_note_is_no_mistake(alertd: Shell, tmp_path: Path) -> None:
    folder = shutil.copytree(CONFIG, tmp_path / "config")
    (folder / "policies" / "default.yaml").write_text("policy: default\nfirst_notice: {critical: 3d}\n")
    assert alertd("policy", "check", str(folder)) == 0
    assert "note  policies/default.yaml: first_notice.critical: a first notice may take 3d" in alertd.out


def test_names_that_nobody_reads_are_mistakes(alertd: Shell, tmp_path: Path) -> None:
    """A misnamed file, and a misnamed language; no more is said of either."""
    folder = Path(shutil.copytree(CONFIG, tmp_path / "config"))
    (folder / "templates" / "es" / "phrases.yaml").rename(folder / "templates" / "es" / "phrase.yaml")
    services = folder / "services.yaml"
    services.write_text(services.read_text().replace("{en: Follow, es:", "{en: Follow, sp:"))
    line = next(n for n, each in enumerate(services.read_text().splitlines(), 1) if "sp:" in each)
    assert alertd("policy", "check", str(folder)) == 1
    assert alertd.out.splitlines() == [
        f'services.yaml:{line}: services.follow.names.sp: "sp" has no folder in templates/; known: en, es',
        'templates/es/phrase.yaml: is not read; did you mean "phrases.yaml"?',
        "2 mistakes.",
    ]


def test_a_folder_without_templates_is_checked_with_those_that_are_shipped(alertd: Shell, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(CONFIG, tmp_path / "config"))
    shutil.rmtree(folder / "templates")
    assert alertd("policy", "check", str(folder)) == 0


NIGHT = ("--service", "follow", "--severity", "critical", "--at", "2026-11-29T02:00")


def test_explain_fits_on_one_screen_and_says_it_in_order(alertd: Shell) -> None:
    assert alertd("policy", "explain", *NIGHT, "--zone", "America/Los_Angeles", str(CONFIG)) == 0
    lines = alertd.out.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("follow, critical, opened by a person on Sun 29 Nov 02:00 America/Los_Angeles")
    at = lines.index("parent, guardian: in quiet hours until 06:30")
    assert lines[at + 1 : at + 7] == [
        "  02:00: push and sms loud: first notice; they read: next update by 06:30",
        "  02:10: sms loud, email soft: step 2 of the ladder",
        "  02:30: the ladder is over: nobody has answered",
        "  02:59 to 05:56 every 59m: push soft: holding update",
        "  06:30: push and sms loud: at the end of quiet hours or time off duty",
        "  06:55 to 13:41 every 29m: push soft: holding update",
    ]
    assert "nurse: off duty until Mon 08:00; told nothing by 14:00" in lines
    assert "  02:29: owner is paged (follow-owner): an update is due" in lines


def test_what_waits_on_a_later_night_is_no_reason_for_the_first_message(alertd: Shell) -> None:
    """A nurse on duty is told by the ladder; that she is off duty at night has nothing to do with it."""
    day = ("--service", "follow", "--severity", "critical", "--at", "2026-11-30T09:00", "--hours", "26")
    assert alertd("policy", "explain", *day, "--zone", "America/New_York", str(CONFIG)) == 0
    assert "  09:20: " in alertd.out.partition("nurse: awake")[2]
    assert "waits until then" not in alertd.out


def test_a_time_that_the_clock_shows_twice_names_its_zone(alertd: Shell) -> None:
    back = ("--service", "follow", "--severity", "critical", "--at", "2026-11-01T00:30", "--hours", "4")
    assert alertd("policy", "explain", *back, "--zone", "America/Los_Angeles", str(CONFIG)) == 0
    assert "01:29 PDT" in alertd.out
    assert "01:30 PST: lead is paged" in alertd.out
    assert "  02:00 to 03:30 every 30m" in alertd.out


def test_explain_for_programs(alertd: Shell) -> None:
    told = alertd.json("policy", "explain", *NIGHT, str(CONFIG))
    assert (told["policy"], told["at"]) == ("follow", "2026-11-29T02:00:00+00:00")
    parent = told["roles"][0]
    assert (parent["role"], parent["channels"], parent["ladder"]) == ("parent", ["push", "sms"], "unanswered")
    assert parent["told"][0]["loud"] is True
    assert told["responders"][0]["how"] == "nudge"
    assert {each["role"] for each in told["roles"]} == {"parent", "guardian", "nurse", "other"}


def test_a_weekday_is_the_coming_one(alertd: Shell) -> None:
    told = alertd.json("policy", "explain", *NIGHT[:4], "--at", "Wed 23:30", "--zone", "Asia/Kolkata", str(CONFIG))
    assert told["at"].endswith("T18:00:00+00:00")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--service", "folow", *NIGHT[2:]), 1, 'did you mean "follow"?'),
        ((*NIGHT[:2], "--severity", "crit", *NIGHT[4:]), 2, "is not a severity"),
        ((*NIGHT[:4], "--at", "Sun 26:00"), 2, "is no moment"),
        ((*NIGHT[:4], "--at", "9999-12-31T00:00"), 2, "is no moment"),
        ((*NIGHT, "--zone", "Los Angeles"), 2, "America/Los_Angeles"),
        (NIGHT[:4], 2, "--at"),
    ],
)
def test_what_cannot_be_explained_is_refused(words: tuple[str, ...], code: int, said: str, alertd: Shell) -> None:
    assert alertd("policy", "explain", *words, str(CONFIG)) == code
    assert said in " ".join(alertd.err.replace("│", " ").split())


def test_every_mistake_of_a_question_is_told_at_once(alertd: Shell, tmp_path: Path) -> None:
    asked = ("--service", "folow", "--severity", "critcal", "--at", "Sunn 2am", "--zone", "Los Angeles")
    assert alertd("policy", "explain", *asked, str(CONFIG)) == 2
    told = " ".join(alertd.err.replace("│", " ").split())
    for said in (
        'did you mean "follow"?',
        'did you mean "critical"?',
        '"Sunn 2am" is no moment',
        '"America/Los_Angeles"',
    ):
        assert said in told
    assert [told.count(option) for option in ("--service: ", "--severity: ", "--at: ", "--zone: ")] == [1, 1, 1, 1]

    assert alertd("policy", "explain", *asked, str(tmp_path)) == 2, "a folder with mistakes hides none of these"
    assert "is no moment" in alertd.err


def test_a_folder_with_mistakes_is_not_explained(alertd: Shell, tmp_path: Path) -> None:
    assert alertd("policy", "explain", *NIGHT, str(tmp_path)) == 1
    assert "services.yaml" in alertd.err
