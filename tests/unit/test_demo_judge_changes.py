"""The demo's judge on a raise, a scope that grows and shrinks, and an end that was none."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alertd.demo import spans
from alertd.demo.course import Moment
from alertd.demo.household import Hours
from alertd.demo.judge import Judge
from alertd.demo.verdict import Asking, Judgement, Level, Named, Rules
from alertd.sandbox.log import Accepted

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ALERT = datetime(2019, 11, 30, 4, 40, tzinfo=UTC)  # Friday evening; in New York 23:40
TOLD_FROM = ALERT + HOUR
RAISED = datetime(2019, 11, 30, 7, 50, tzinfo=UTC)
CONFIRMED = datetime(2019, 11, 30, 16, 3, tzinfo=UTC)
GROWN = datetime(2019, 11, 30, 20, 29, tzinfo=UTC)
SHRUNK = datetime(2019, 12, 1, 19, 10, tzinfo=UTC)
RESOLVED = datetime(2019, 12, 2, 2, 10, tzinfo=UTC)
REOPENED = datetime(2019, 12, 2, 15, 10, tzinfo=UTC)
RESTORED = datetime(2019, 12, 2, 23, 10, tzinfo=UTC)
ENDS = RESTORED + 3 * HOUR
SOON = 10 * MINUTE
FOLLOW, BOTH = ("follow",), ("follow", "share")
MOMENTS = (
    Moment(ALERT, "alert", "major", FOLLOW),
    Moment(RAISED, "alert", "critical", FOLLOW),
    Moment(CONFIRMED, "open", "critical", FOLLOW),
    Moment(GROWN, "update", "critical", BOTH),
    Moment(SHRUNK, "update", "critical", FOLLOW),
    Moment(RESOLVED, "resolve", "critical", FOLLOW),
    Moment(REOPENED, "reopen", "critical", FOLLOW),
    Moment(RESTORED, "resolve", "critical", FOLLOW),
)
CRITICAL = Level(
    HOUR, 4 * HOUR, 6 * HOUR, wakes=True, confirm=HOUR, asking=Asking(2 * HOUR, 4 * HOUR, 6 * HOUR, ("parent",))
)
MAJOR = Level(HOUR, 6 * HOUR, None, wakes=False, confirm=HOUR)
RULES = Rules(
    levels={"critical": CRITICAL, "major": MAJOR},
    listening=("parent",),
    hours=Hours(quiet={"default": "none"}, duty={}),
    slack=30 * MINUTE,
    skew=5 * MINUTE,
    names={"follow": ("Follow",), "share": ("Share",)},
)


def family(name: str, services: tuple[str, ...], night: str, **addresses: str) -> dict[str, Any]:
    given = [{"channel": channel, "to": to} for channel, to in addresses.items()]
    parent = {"id": "mia", "role": "parent", "order": 1, "addresses": given, "preferences": {"quiet_hours": night}}
    return {"id": name, "time_zone": "America/New_York", "services": list(services), "caregivers": [parent]}


NIGHT = "22:00-06:30"
FAMILIES = {
    "both": family("both", BOTH, "none", sms="+1", push="token"),
    "asleep": family("asleep", FOLLOW, NIGHT, sms="+2", email="bo@x"),  # at the alert, and at the raise
    "share": family("share", ("share",), "none", sms="+3"),
    "login": family("login", ("login",), "none", sms="+4"),  # whom nothing of it touches
}
NAMED = dict.fromkeys((1, 2), Named(unanswered={"both", "asleep"}))


def message(to: str, at: datetime, words: str, more: str = "") -> Accepted:
    channel: Any = "email" if "@" in to else "sms" if "+" in to else "push"
    return Accepted(
        seq=0, at=0.0, time=at, story_time=at, channel=channel, to=to, sender=None, title=None,
        text=f"{words} ({at:%d %H:%M}). {more}", html=None, priority="high" if channel == "push" else None,
        reference=f"{to}{at}{words}.1", provider_id="", fault=None, request={},
    )  # fmt: skip


def true_words(name: str, at: datetime) -> str:
    """What is the matter for a family at a moment."""
    fails = BOTH if GROWN <= at < SHRUNK else FOLLOW
    names = " and ".join(s.capitalize() for s in FAMILIES[name]["services"] if s in fails)
    if at < CONFIRMED:
        return f"{names} may have problems" if at < RAISED else f"{names} may be down"
    return f"{names} still down"


def told_well() -> list[Accepted]:
    """What a faultless daemon would have handed over."""
    log = [message("+3", SHRUNK + SOON, "No longer affected: Share works for you")]
    for name, tos in (("both", ("+1", "token")), ("asleep", ("+2", "bo@x")), ("share", ("+3",))):
        awake = _awake(name)
        for begins, over in (
            ((GROWN, SHRUNK),) if name == "share" else ((TOLD_FROM, RESOLVED), (REOPENED, RESTORED))
        ):
            asked = begins if name == "share" or begins == REOPENED else RAISED
            news = {begins, *({RAISED} if begins == TOLD_FROM else ())}
            news |= {at for at in (GROWN, SHRUNK) if name == "both" and begins < at < over}
            times = {at + SOON for at in news} | {asked + SOON + 2 * HOUR}
            times |= {begins + SOON + n * 3 * HOUR for n in range(1, 20)}
            for at in sorted(at for at in times if at < over):
                question = {
                    asked + SOON: "Tell us you know: L",
                    asked + SOON + 2 * HOUR: "No answer yet. Tell us you know: L",
                }.get(at, "")
                for to in tos:
                    silent = "@" in to and at >= RAISED
                    again = to != "token" or "No answer yet" not in question
                    if again and (question or silent or spans.at(awake, at)):
                        log.append(message(to, at, true_words(name, at), question))
            if name != "share":
                log += [message(to, over + SOON, "Follow works again") for to in tos]
    return sorted(log, key=lambda m: m.story_time)


def _awake(name: str) -> spans.Spans:
    start, end = ALERT - 24 * HOUR, ENDS + 24 * HOUR
    night = FAMILIES[name]["caregivers"][0]["preferences"]["quiet_hours"]
    return spans.outside(spans.hours(night, "America/New_York", start, end), start, end)


GOOD = told_well()


def judged(log: Iterable[Accepted], rules: Rules = RULES) -> Judgement:
    judge = Judge(list(FAMILIES.values()), {}, MOMENTS, ENDS, rules)
    return judge.judge(sorted(log, key=lambda m: m.story_time), NAMED)


def faults(log: Iterable[Accepted], rules: Rules = RULES) -> set[tuple[str, str]]:
    return {(fault.rule, fault.family) for fault in judged(log, rules).faults}


def without(wrong: Callable[[Accepted], bool]) -> list[Accepted]:
    assert any(wrong(m) for m in GOOD), "the test takes nothing away"
    return [m for m in GOOD if not wrong(m)]


def between(start: datetime, end: datetime, *tos: str) -> Callable[[Accepted], bool]:
    return lambda m: m.to in tos and start <= m.story_time < end


def reworded(which: Callable[[Accepted], bool], old: str, new: str) -> list[Accepted]:
    assert any(which(m) and old in m.text for m in GOOD), "the test changes nothing"
    return [replace(m, text=m.text.replace(old, new)) if which(m) else m for m in GOOD]


def test_a_story_told_well_passes() -> None:
    found = judged(GOOD)
    assert found.faults == []
    assert found.heard == 3
    assert found.first_notices == [SOON, SOON]  # who slept did not wait: it was not to wake them
    assert (found.raised, found.woken) == ([SOON, SOON], 1)
    assert (found.grown, found.more, found.less, found.released) == ([SOON], 1, 1, 1)
    assert found.told_anew == [SOON, SOON]
    assert {epoch: asked.unanswered for epoch, asked in found.asked.items()} == {2: 3, 3: 2}


# --- the raise --------------------------------------------------------------------------------------


def test_somebody_woken_by_what_is_not_critical() -> None:
    early = message("+2", TOLD_FROM + SOON, "Follow may have problems")
    assert faults([*GOOD, early]) == {("night", "asleep")}


def test_a_raise_that_a_family_does_not_hear_of_in_time() -> None:
    late = without(between(RAISED, RAISED + 100 * MINUTE, "+1", "token"))
    assert ("change", "both") in faults(late)


def test_somebody_who_sleeps_on_when_it_gets_critical() -> None:
    assert faults(without(between(RAISED, RAISED + HOUR, "+2"))) == {("change", "asleep")}
    softly = [replace(m, to="bo@x", channel="email", reference="x.1") if m.to == "+2" else m for m in GOOD]
    assert ("change", "asleep") in faults(softly)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (TOLD_FROM + HOUR, "Follow may be down"),  # worse than anybody knew
        (RAISED + 31 * MINUTE, "Follow may have problems"),  # better than it was
        (REOPENED + 2 * HOUR, "Follow still has problems"),
    ],
)
def test_a_message_that_says_another_severity(at: datetime, words: str) -> None:
    assert faults([*GOOD, message("+1", at, words)]) == {("severity", "both")}


def test_old_words_on_their_way_are_forgiven_and_do_not_tell_of_the_raise() -> None:
    crossed = message("+1", RAISED + 8 * MINUTE, "Follow may have problems")
    assert faults([*GOOD, crossed]) == set()
    rest = without(between(RAISED, RAISED + 100 * MINUTE, "+1", "token"))
    assert ("change", "both") in faults([*rest, crossed])


def test_who_was_asked_before_it_was_critical() -> None:
    asked = reworded(between(TOLD_FROM, RAISED, "+1"), "). ", "). Tell us you know: L")
    assert faults(asked) == {("question", "both")}


def test_a_raise_that_asks_nobody_anew() -> None:
    silent = reworded(between(RAISED, RAISED + HOUR, "+1", "token"), "Tell us you know: L", "")
    assert faults(silent) == {("question", "both")}


def test_the_window_is_that_of_the_severity_at_the_time() -> None:
    tight = replace(RULES, levels={"critical": CRITICAL, "major": replace(MAJOR, window=HOUR)})
    assert faults(GOOD, tight) == {("silence", "both")}  # from the first word to the raise
    tight = replace(RULES, levels={"critical": replace(CRITICAL, window=2 * HOUR), "major": MAJOR})
    assert {name for rule, name in faults(GOOD, tight) if rule == "silence"} == {"both", "share", "asleep"}


# --- a scope that grows and shrinks -----------------------------------------------------------------


def test_a_newly_touched_family_that_hears_too_late() -> None:
    assert faults(without(between(GROWN, GROWN + 100 * MINUTE, "+3"))) >= {("first notice", "share")}
    assert faults(without(between(GROWN, SHRUNK, "+3"))) >= {("first notice", "share")}


def test_a_family_told_of_what_does_not_touch_it() -> None:
    early = message("+3", GROWN - HOUR, "Share is down")
    assert ("scope", "share") in faults([*GOOD, early])
    never = message("+4", GROWN + HOUR, "Log-in is down")
    assert ("scope", "login") in faults([*GOOD, never])


def test_a_family_that_is_not_told_that_more_fails() -> None:
    old = reworded(between(GROWN, SHRUNK, "+1", "token"), "Follow and Share", "Follow")
    assert faults(old) == {("change", "both"), ("scope", "both")}


def test_who_was_told_of_a_service_that_they_do_not_use() -> None:
    more = reworded(between(GROWN, SHRUNK, "+2", "bo@x"), "Follow", "Follow and Share")
    assert faults(more) == {("scope", "asleep")}


def test_a_family_that_still_reads_what_works_again_for_it() -> None:
    old = reworded(between(SHRUNK, RESOLVED, "+1", "token"), "Follow", "Follow and Share")
    assert faults(old) == {("change", "both"), ("scope", "both")}


def test_who_is_let_go_hears_so_and_nothing_after_it() -> None:
    last = between(SHRUNK, ENDS, "+3")
    assert faults(without(last)) == {("all-clear", "share")}
    for at, words in (
        (SHRUNK + HOUR, "Share still down"),
        (RESOLVED + SOON, "Share works again"),
        (REOPENED + SOON, "Follow is down again"),
    ):
        assert faults([*GOOD, message("+3", at, words)]) == {("scope", "share")}
    early = message("+3", SHRUNK - HOUR, "No longer affected: Share works for you")
    assert faults([*GOOD, early]) == {("all-clear", "share")}


def test_not_affected_is_no_word_for_those_whom_it_affects() -> None:
    wrong = message("+1", SHRUNK + HOUR, "No longer affected: Share works for you")
    assert faults([*GOOD, wrong]) == {("all-clear", "both")}
    ended = message("+1", RESOLVED + HOUR, "No longer affected: Follow works for you")
    assert faults([*GOOD, ended]) == {("all-clear", "both")}


# --- an end that was none ---------------------------------------------------------------------------


def test_nothing_is_said_between_the_end_and_the_reopening() -> None:
    wrong = message("+1", RESOLVED + 5 * HOUR, "Follow still down")
    assert faults([*GOOD, wrong]) == {("all-clear", "both")}


def test_a_reopening_that_a_family_does_not_hear_of_in_time() -> None:
    assert ("first notice", "both") in faults(without(between(REOPENED, REOPENED + 2 * HOUR, "+1", "token")))


def test_an_all_clear_that_comes_too_late() -> None:
    late = [
        replace(m, story_time=m.story_time + 2 * HOUR) if between(RESOLVED, REOPENED, "+1")(m) else m for m in GOOD
    ]
    assert faults(late) == set()  # her push came in time
    late = [
        replace(m, story_time=m.story_time + 2 * HOUR) if between(RESOLVED, REOPENED, "+1", "token")(m) else m
        for m in GOOD
    ]
    assert faults(late) == {("all-clear", "both")}
