"""The report: what was measured, who could not be reached and why, and a verdict that can be trusted."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from alertd.demo.household import Hours
from alertd.demo.report import Report, Unreached, tried
from alertd.demo.verdict import Asked, Fault, Judgement, Level, Rules, Wait

OPENED = datetime(2019, 11, 30, 7, 50, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CRITICAL = Level(120 * MINUTE, 240 * MINUTE, 360 * MINUTE, wakes=True, confirm=60 * MINUTE)
RULES = Rules({"critical": CRITICAL}, ("parent",), Hours({}, {}), 90 * MINUTE)


def a_report(**changes: Any) -> Report:
    found = Judgement(
        families=200,
        heard=195,
        first_notices=[n * MINUTE for n in range(10, 110)],
        longest=Wait("fam-007", OPENED, OPENED + 200 * MINUTE, 185 * MINUTE, 240 * MINUTE),
        all_clear=400,
        all_clear_waits=12,
        suspected=1429,
        asked={
            2: Asked(
                [30 * MINUTE, 90 * MINUTE, 200 * MINUTE], unanswered=73, unreachable=1, others=68, not_enough=14
            )
        },
        pages=Counter(owner=5, lead=2),
        messages=Counter(sms=5828, push=100),
        addresses=Counter(sms=372, push=10),
        reached=Counter(sms=190, push=9),
        per_family_and_day=24.61,
        most_for_one_address=13,
    )
    said: dict[str, Any] = {
        "zone": "America/Los_Angeles",
        "begins": OPENED - 10 * MINUTE,
        "ends": OPENED + timedelta(days=2),
        "rate": 1800.0,
        "rules": RULES,
        "judgement": found,
        "unreached": [Unreached("fam-002", "no_address", ("sms +1***0109: no such number (21211)",))],
        "human_updates": 7,
        "machine_updates": 2,
        "holdings": 19,
    }
    return Report(**(said | changes))


def with_faults(count: int) -> Report:
    report = a_report()
    report.judgement.faults += [Fault("silence", f"fam-{n:03}", "heard nothing for 9 h") for n in range(count)]
    return report


def test_what_people_read() -> None:
    text = "\n".join(a_report().lines())
    for said in (
        "Fri 29 Nov 2019 23:40",
        "200, of which 195 heard and 1 could not",
        "median 1 h 00 min, p95 1 h 45 min, last 1 h 49 min (promised within 2 h 00 min)",
        "on this machine 2.0 s, 3.5 s and 3.6 s",
        "3 h 05 min without the family's own quiet time (window 4 h 00 min): fam-007, Fri 23:50 to Sat 03:10",
        "400 people; 12 more are asleep or off duty",
        "190 families, 5,828 messages to 372 addresses",
        "24.6 messages a day",
        "7 by people, 2 by a machine, 19 holding updates by alertd",
        '1,429 messages said "may be down" or "may have problems": no human had come within 1 h 00 min of the alert',
        "3 families answered by link: half within 1 h 30 min, the last after 3 h 20 min",
        "73 asked in vain, 1 with nothing loud that works; in 68 the next caregiver was told",
        "14 answers came from others than parents",
        "lead 2, owner 5",
        "fam-002  no address: sms +1***0109: no such number (21211)",
        "are given 3 s (1 h 30 min) beyond every limit",
        "PASSED: every family but the 1 without a live address heard in time",
    ):
        assert said in text


def test_a_fault_fails_the_report_and_is_told() -> None:
    report = with_faults(15)
    text = "\n".join(report.lines())
    assert not report.passed
    assert "PASSED" not in text
    assert "FAILED: 15 faults" in text
    assert "silence: fam-000 heard nothing for 9 h" in text
    assert "... and 3 more" in text


def test_what_programs_read() -> None:
    told = json.loads(json.dumps(a_report().as_json()))
    assert told["passed"] is True
    assert told["families"] == {"all": 200, "heard": 195, "unreached": 1}
    assert told["first_notice"] == {"median": 3600, "p95": 6300, "longest": 6540, "promised": 7200}
    assert told["longest_silence"]["seconds"] == 185 * 60
    assert told["reach"]["sms"] == {"families": 190, "addresses": 372, "messages": 5828}
    assert told["asked"] == [
        {
            "epoch": 2,
            "answered": 3,
            "median": 5400,
            "longest": 12000,
            "unanswered": 73,
            "unreachable": 1,
            "others_told": 68,
            "not_enough": 14,
        }
    ]
    assert told["suspected_messages"] == 1429
    assert told["pages"] == {"owner": 5, "lead": 2}
    assert told["updates"] == {"human": 7, "machine": 2, "holdings": 19}
    assert told["unreached"][0]["family"] == "fam-002"
    failed = with_faults(1).as_json()
    assert failed["passed"] is False
    assert failed["faults"] == [{"rule": "silence", "family": "fam-000", "what": "heard nothing for 9 h"}]


def test_a_story_in_which_nobody_heard_anything() -> None:
    report = a_report(judgement=Judgement(families=200))
    text = "\n".join(report.lines())
    assert "nobody heard anything" in text
    assert report.as_json()["longest_silence"] is None


def test_what_came_in_between_is_told_in_a_line_each() -> None:
    report = a_report()
    found = report.judgement
    found.raised += [18 * MINUTE, 50 * MINUTE]
    found.woken = 230
    found.grown += [27 * MINUTE, 34 * MINUTE]
    found.more, found.less, found.released = 145, 144, 26
    found.told_anew += [20 * MINUTE, 40 * MINUTE]
    found.asked[3] = Asked(unanswered=195)
    text = "\n".join(report.lines())
    for said in (
        "raised           median 50 min, last 50 min; 230 people who slept were woken by it, and nobody before",
        "newly touched    2 families as the scope grew: median 34 min, last 34 min; 145 that had heard read",
        'not any more     26 people of families it let go read "not affected"; 144 families read',
        "told anew        median 40 min, last 40 min after it came back",
        "asked            3 families answered by link",
        "asked anew       nobody answered",
    ):
        assert said in text
    found.faults.append(Fault("night", "fam-007", "woken at Sat 06:00 UTC"))
    assert "and nobody before" not in "\n".join(report.lines())
    told = report.as_json()
    assert told["told_anew"]["median"] == 2400
    assert told["raised"] == {"median": 3000, "p95": 3000, "longest": 3000, "families": 2, "woken": 230}
    assert told["grown"]["more"] == 145
    assert told["shrunk"] == {"not_affected": 26, "less": 144}
    assert [asked["epoch"] for asked in told["asked"]] == [2, 3]


def test_what_a_story_did_not_have_is_not_told() -> None:
    text = "\n".join(a_report().lines())
    for word in ("raised", "newly touched", "not any more", "told anew"):
        assert word not in text


def test_what_was_tried_is_told_by_channel_and_only_once() -> None:
    deliveries: list[dict[str, Any]] = [
        {"channel": "sms", "to": "+1***0164", "code": "21211"},
        {"channel": "sms", "to": "+1***0109", "code": "21211"},
        {"channel": "sms", "to": "+1***0109", "code": "21211"},
        {"channel": "email", "to": "a***@example.org", "code": "550 5.1.1"},
        {"channel": "push", "to": "tok***XYZ", "code": "UNREGISTERED"},
        {"channel": "push", "to": "tok***ABC", "code": None},
    ]
    assert tried(deliveries) == (
        "email a***@example.org: no such mailbox (550 5.1.1)",
        "push tok***XYZ: app removed (UNREGISTERED)",
        "push tok***ABC: refused",
        "sms +1***0164, +1***0109: no such number (21211)",
    )
    assert "none was ever given" in str(Unreached("fam-136", "no_address"))
