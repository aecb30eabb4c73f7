"""The demo's judge on suspicion, the question whether anybody knows, the people on call, and a relapse."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alertd.demo.course import Moment, stretches
from alertd.demo.household import Hours
from alertd.demo.judge import Judge
from alertd.demo.judge_asking import ASKS, asks
from alertd.demo.judge_paging import judge_pages
from alertd.demo.judge_words import SUSPECTED
from alertd.demo.verdict import Answer, Asking, Duty, Judgement, Level, Named, Rules
from alertd.sandbox.log import Accepted

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ALERT = datetime(2019, 11, 30, 7, 50, tzinfo=UTC)  # Friday 23:50 Pacific time
TOLD_FROM = ALERT + HOUR
CONFIRMED = datetime(2019, 11, 30, 16, 3, tzinfo=UTC)
RESOLVED = datetime(2019, 12, 1, 1, 30, tzinfo=UTC)
REOPENED = datetime(2019, 12, 1, 17, 0, tzinfo=UTC)
RESTORED = datetime(2019, 12, 2, 4, 0, tzinfo=UTC)
ENDS = RESTORED + 3 * HOUR
DOWN = ("critical", ("follow",))
MOMENTS = (
    Moment(ALERT, "alert", *DOWN),
    Moment(CONFIRMED, "open", *DOWN),
    Moment(CONFIRMED + 4 * HOUR, "update", *DOWN),
    Moment(RESOLVED, "resolve", *DOWN),
    Moment(REOPENED, "reopen", *DOWN),
    Moment(REOPENED + 4 * HOUR, "update", *DOWN),
    Moment(REOPENED + 8 * HOUR, "update", *DOWN),
    Moment(RESTORED, "resolve", *DOWN),
)
CRITICAL = Level(
    first_notice=HOUR,
    window=4 * HOUR,
    quiet=6 * HOUR,
    wakes=True,
    confirm=HOUR,
    asking=Asking(2 * HOUR, 4 * HOUR, 6 * HOUR, ("parent", "guardian")),
    news=8 * HOUR,
)
RULES = Rules(
    levels={"critical": CRITICAL},
    listening=("parent", "guardian"),
    hours=Hours(quiet={"default": "none"}, duty={"nurse": "mon-fri 08:00-15:00"}),
    slack=30 * MINUTE,
    skew=5 * MINUTE,
    duties=(Duty("owner", timedelta()), Duty("lead", HOUR), Duty("boss", 2 * HOUR)),
)


def caregiver(name: str, role: str, order: int, **addresses: str) -> dict[str, Any]:
    given = [{"channel": channel, "to": to} for channel, to in addresses.items()]
    return {"id": name, "role": role, "order": order, "addresses": given}


def family(name: str, *people: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "time_zone": "America/Los_Angeles", "services": ["follow"], "caregivers": list(people)}


FAMILIES = (
    # Somebody answers at once, in both acts.
    family(
        "quick", caregiver("ann", "parent", 1, sms="+1", push="ann"), caregiver("gus", "grandparent", 2, sms="+2")
    ),
    # Nobody ever answers.
    family("silent", caregiver("bo", "parent", 1, sms="+3"), caregiver("gil", "grandparent", 2, sms="+4")),
    # By night the nurse is off duty: nobody can be brought in.
    family("alone", caregiver("cat", "guardian", 1, sms="+5"), caregiver("nurse", "nurse", 2, sms="+6")),
    # Only a mailbox lives.
    family("mail", caregiver("dot", "parent", 1, sms="+7", email="dot@x")),
    # Nothing of the parent lives, so the grandfather stands in at once.
    family("orphan", caregiver("eve", "parent", 1, sms="+8"), caregiver("gap", "grandparent", 2, sms="+10")),
    family("lost", caregiver("fay", "parent", 1, sms="+9")),
)
DEAD = {"sms": frozenset({"+7", "+8", "+9"})}
HEARS = {
    "quick": [("sms", "+1"), ("push", "ann")],
    "silent": [("sms", "+3")],
    "alone": [("sms", "+5")],
    "mail": [("email", "dot@x")],
    "orphan": [("sms", "+10")],
}
OTHERS = {"silent": ("sms", "+4")}
ANSWERS = tuple(Answer("quick", "ann", "parent", e, at + 50 * MINUTE) for e, at in ((1, TOLD_FROM), (2, REOPENED)))
NAMED = {
    epoch: Named(unheard={"lost"}, unanswered={"silent", "alone", "orphan"}, unreachable={"mail"})
    for epoch in (1, 2)
}


def message(address: tuple[str, str], at: datetime, text: str, *, title: str | None = None) -> Accepted:
    channel: Any = address[0]
    return Accepted(
        seq=0, at=0.0, time=at, story_time=at, channel=channel, to=address[1], sender=None, title=title,
        text=f"{text} ({at:%d %H:%M})" if channel != "page" else text, html=None,
        priority="high" if channel == "push" else None, reference=f"{address}{at}{text}.1", provider_id="",
        fault=None, request={},
    )  # fmt: skip


def told_well() -> list[Accepted]:
    """What a faultless daemon would have handed over."""
    log = pages()
    for name, addresses in HEARS.items():
        for told_from, over in ((TOLD_FROM, RESOLVED), (REOPENED, RESTORED)):
            first = told_from + 10 * MINUTE
            joined = list(addresses)
            log += [message(each, first, f"{_state(first)}. {_asks(each)}") for each in addresses]
            if name != "quick":
                again = [each for each in addresses if each[0] != "push"]
                log += [
                    message(e, first + 2 * HOUR, f"{_state(first)}. No answer yet. Tell us you know: L")
                    for e in again
                ]
            if name in OTHERS:
                other = OTHERS[name]
                log.append(message(other, first + 4 * HOUR, f"{_state(first + 4 * HOUR)}. Tell us you know: L"))
                joined.append(other)
            at = first + 3 * HOUR
            while at < over:
                who = joined if at > first + 4 * HOUR else addresses
                log += [message(each, at, _state(at)) for each in who]
                at += 3 * HOUR
            log += [message(each, over + 10 * MINUTE, "Follow works again") for each in joined]
    return log


def _state(at: datetime) -> str:
    return "Follow may be down" if at < CONFIRMED else "Follow is still down"


def _asks(address: tuple[str, str]) -> str:
    return "Open to tell us you know." if address[0] == "push" else "Tell us you know: L"


def page(who: str, at: datetime, title: str = "PAGE: incident 1 needs an update") -> Accepted:
    return message(("page", who), at, "Publish now.", title=title)


def pages() -> list[Accepted]:
    return [
        page("owner", ALERT + 5 * MINUTE, "PAGE: incident 1 was opened by a machine"),
        *(page(who, ALERT + (4 + n) * HOUR) for n, who in enumerate(("owner", "lead", "boss"))),
        page("boss", ALERT + 8 * HOUR),
        page("owner", CONFIRMED + 3 * HOUR + 20 * MINUTE, "Nudge: incident 1 needs an update"),
        page("owner", CONFIRMED + 8 * HOUR),  # shortly before the end: four hours after the update
    ]


GOOD = told_well()


def judged(log: Iterable[Accepted], answers: Iterable[Answer] = ANSWERS, **changes: Any) -> Judgement:
    told: dict[str, Any] = {"named": NAMED, "rules": RULES} | changes
    judge = Judge(FAMILIES, DEAD, MOMENTS, ENDS, told["rules"], tuple(answers))
    return judge.judge(sorted(log, key=lambda m: m.story_time), told["named"])


def faults(log: Iterable[Accepted], *more: Any, **changes: Any) -> set[tuple[str, str]]:
    return {(fault.rule, fault.family) for fault in judged(log, *more, **changes).faults}


def without(wrong: Callable[[Accepted], bool]) -> list[Accepted]:
    assert any(wrong(m) for m in GOOD), "the test takes nothing away"
    return [m for m in GOOD if not wrong(m)]


def test_a_story_told_well_passes() -> None:
    found = judged(GOOD)
    assert found.faults == []
    assert found.heard == 5
    assert found.first_notices == [10 * MINUTE] * 5
    assert found.told_anew == [10 * MINUTE] * 5
    first, second = found.asked[1], found.asked[2]
    assert first == second
    assert (len(first.answered), first.unanswered, first.unreachable, first.others) == (1, 3, 1, 1)
    assert first.answered == [40 * MINUTE]
    assert found.pages == {"owner": 4, "lead": 1, "boss": 2}
    assert found.suspected > 10


# --- suspicion --------------------------------------------------------------------------------------


def test_a_family_told_before_a_human_could_confirm_it() -> None:
    early = message(("sms", "+3"), TOLD_FROM - 6 * MINUTE, "Follow may be down. Tell us you know: L")
    assert faults([*GOOD, early]) == {("suspicion", "silent")}
    clocks = replace(early, story_time=TOLD_FROM - 4 * MINUTE)  # within what two clocks may differ
    assert faults([*GOOD, clocks]) == set()


def test_a_fact_that_nobody_has_confirmed() -> None:
    wrong = message(("sms", "+3"), CONFIRMED - HOUR, "Follow is down")
    assert faults([*GOOD, wrong]) == {("suspicion", "silent")}


def test_a_suspicion_long_after_it_was_confirmed() -> None:
    wrong = message(("sms", "+3"), CONFIRMED + HOUR, "Follow may be down")
    assert faults([*GOOD, wrong]) == {("suspicion", "silent")}
    on_its_way = replace(wrong, story_time=CONFIRMED + 20 * MINUTE)
    assert faults([*GOOD, on_its_way]) == set()


def test_a_suspicion_that_waits_for_a_human_all_night() -> None:
    silent = without(lambda m: m.channel != "page" and m.story_time < CONFIRMED)
    assert {("first notice", name) for name in HEARS} <= faults(silent)


# --- the question -----------------------------------------------------------------------------------


def test_a_first_message_that_asks_nobody() -> None:
    def first(m: Accepted) -> bool:
        return m.to == "+3" and m.story_time == TOLD_FROM + 10 * MINUTE

    log = [replace(m, text="Follow may be down") if first(m) else m for m in GOOD]
    assert faults(log) == {("question", "silent")}


def test_a_family_that_is_not_asked_again() -> None:
    log = without(lambda m: m.to == "+5" and "No answer yet" in m.text and m.story_time < RESOLVED)
    assert faults(log) == {("question", "alone")}


def test_a_next_caregiver_who_is_not_told() -> None:
    log = without(lambda m: m.to == "+4" and m.story_time < REOPENED)
    assert faults(log) == {("question", "silent")}


def test_a_next_caregiver_told_too_early_or_after_an_answer() -> None:
    early = message(("sms", "+4"), TOLD_FROM + 3 * HOUR, "Follow may be down. Tell us you know: L")
    assert faults([*GOOD, early]) == {("stranger", "silent")}
    late = message(("sms", "+2"), TOLD_FROM + 5 * HOUR, "Follow may be down.")
    clear = message(("sms", "+2"), RESOLVED + 10 * MINUTE, "Follow works again")
    assert faults([*GOOD, late, clear]) == {("stranger", "quick")}


def test_a_next_caregiver_whose_message_was_on_its_way_when_it_ended() -> None:
    before = without(lambda m: m.to == "+4" and m.story_time < REOPENED)
    clear = message(("sms", "+4"), RESOLVED + 40 * MINUTE, "Follow works again")
    for minutes, wrong in ((20, set()), (31, {("stranger", "silent"), ("all-clear", "silent")})):
        told = message(("sms", "+4"), RESOLVED + minutes * MINUTE, "Follow is still down")
        assert faults([*before, told, clear]) == {("question", "silent")} | wrong
    unfinished = message(("sms", "+4"), RESOLVED + 20 * MINUTE, "Follow is still down")
    assert faults([*before, unfinished]) == {("question", "silent"), ("all-clear", "silent")}


def test_who_has_answered_is_asked_no_more() -> None:
    again = message(("sms", "+1"), TOLD_FROM + 2 * HOUR, "Follow may be down. No answer yet. Tell us you know: L")
    assert faults([*GOOD, again]) == {("question", "quick")}
    crossed = replace(again, story_time=TOLD_FROM + 70 * MINUTE)  # it was on its way when she answered
    assert faults([*GOOD, crossed]) == set()


def test_nobody_is_asked_for_ever() -> None:
    late = message(("sms", "+3"), TOLD_FROM + 7 * HOUR, "Follow may be down. No answer yet. Tell us you know: L")
    assert faults([*GOOD, late]) == {("question", "silent")}


def test_an_answer_by_a_grandparent_ends_nothing() -> None:
    answer = Answer("silent", "gil", "grandparent", 1, TOLD_FROM + 5 * HOUR)
    found = judged(GOOD, [*ANSWERS, answer])
    assert found.faults == []
    assert found.asked[1].not_enough == 1
    assert found.asked[1].unanswered == 3


def test_alertds_own_lists_must_be_true() -> None:
    for name, said in (
        ("silent", replace(NAMED[1], unanswered={"alone", "orphan"})),
        ("quick", replace(NAMED[1], unanswered={"silent", "alone", "orphan", "quick"})),
        ("mail", replace(NAMED[1], unreachable=set())),
    ):
        assert faults(GOOD, named=NAMED | {1: said}) == {("question", name)}
    said = replace(NAMED[1], unheard=set())
    assert faults(GOOD, named=NAMED | {1: said}) == {("unreachable", "lost")}
    assert faults(GOOD, ANSWERS[1:]) >= {("question", "quick")}  # nobody pressed it, and alertd says so


def test_the_question_may_wake_and_other_repeats_may_not() -> None:
    asleep = replace(RULES, hours=Hours(quiet={"default": "22:00-06:30"}, duty=RULES.hours.duty))
    night = TOLD_FROM + 3 * HOUR + 10 * MINUTE  # 3 a.m.: not a question
    woken = {(f.rule, f.family) for f in judged(GOOD, rules=asleep).faults}
    assert {rule for rule, _ in woken} == {"night"}
    quietly = [m for m in GOOD if m.channel == "page" or ASKS.search(m.text) or not _at_night(m.story_time)]
    assert "night" not in {rule for rule, _ in faults(quietly, rules=asleep)}
    again = message(("sms", "+3"), night, "Follow may be down")
    assert ("night", "silent") in faults([*quietly, again], rules=asleep)


def _at_night(at: datetime) -> bool:
    local = at - 8 * HOUR
    return (local.hour, local.minute) < (6, 30) or local.hour >= 22


# --- the people on call -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "at"),
    [("owner", ALERT + 5 * MINUTE), ("owner", ALERT + 4 * HOUR), ("lead", ALERT + 5 * HOUR)],
)
def test_somebody_on_call_who_is_not_paged(who: str, at: datetime) -> None:
    log = without(lambda m: m.channel == "page" and m.to == who and m.story_time == at)
    assert faults(log) == {("paging", who)}


def test_a_nudge_is_no_page() -> None:
    log = [replace(m, title="Nudge: incident 1") if m.to == "lead" else m for m in GOOD]
    assert faults(log) == {("paging", "lead")}


def test_a_page_that_a_channel_fails_may_come_at_any_time_and_stands_for_no_other() -> None:
    fails = "PAGE: channel sms fails in incident 1"
    assert faults([*GOOD, page("owner", CONFIRMED + HOUR, fails)]) == set()
    log = [replace(m, title=fails) if m.to == "lead" else m for m in GOOD]
    assert faults(log) == {("paging", "lead")}


@pytest.mark.parametrize(
    ("who", "at"),
    [
        ("boss", CONFIRMED + HOUR),  # a human has just spoken
        ("owner", RESOLVED + HOUR),  # it is over
        ("stranger", ALERT + 5 * HOUR),
    ],
)
def test_somebody_paged_for_nothing(who: str, at: datetime) -> None:
    assert faults([*GOOD, page(who, at)]) == {("paging", who)}


def test_a_word_that_promises_less_is_followed_by_pages_sooner() -> None:
    promising = Moment(CONFIRMED, "open", *DOWN, promised=CONFIRMED + 12 * HOUR)
    second = Moment(CONFIRMED + HOUR, "update", *DOWN)
    story = (promising, second, Moment(CONFIRMED + 6 * HOUR, "resolve", *DOWN))
    found = stretches(story, RULES.confirm)
    due = [page("owner", second.at + 4 * HOUR), page("lead", second.at + 5 * HOUR)]
    assert list(judge_pages(due, found, RULES)) == []
    assert [fault.family for fault in judge_pages([page("owner", second.at + 2 * HOUR), *due], found, RULES)] == [
        "owner"
    ]


def test_a_machine_that_raises_it_brings_nearer_what_is_due() -> None:
    major = replace(CRITICAL, window=10 * HOUR)
    rules = replace(RULES, levels={"critical": CRITICAL, "major": major})
    story = (
        Moment(ALERT, "alert", "major", ("follow",)),
        Moment(ALERT + 2 * HOUR, "alert", *DOWN),
        Moment(ALERT + 9 * HOUR, "open", *DOWN),
        Moment(ALERT + 10 * HOUR, "resolve", *DOWN),
    )
    found = stretches(story, rules.confirm)
    opened = page("owner", ALERT + 5 * MINUTE)
    chain = [page(who, ALERT + (6 + n) * HOUR) for n, who in enumerate(("owner", "lead", "boss"))]
    assert list(judge_pages([opened, *chain], found, rules)) == []
    assert [fault.family for fault in judge_pages([opened], found, rules)] == ["owner", "lead", "boss"]


# --- the relapse ------------------------------------------------------------------------------------


def test_a_relapse_that_a_family_is_not_told_of() -> None:
    log = without(lambda m: m.to == "+5" and m.story_time > REOPENED)
    assert ("first notice", "alone") in faults(log)


def test_a_relapse_after_which_nobody_is_asked_anew() -> None:
    log = [replace(m, text="Follow is down") if m.story_time > REOPENED and asks(m) else m for m in GOOD]
    assert {("question", name) for name in HEARS} <= faults(log)


def test_the_answer_of_the_first_act_is_none_in_the_second() -> None:
    assert ("question", "quick") in faults(GOOD, ANSWERS[:1])


def test_an_all_clear_in_the_second_act_before_its_end() -> None:
    early = message(("sms", "+3"), REOPENED + HOUR, "Follow works again")
    assert faults([*GOOD, early]) == {("all-clear", "silent")}
    between = message(("sms", "+3"), RESOLVED + 5 * HOUR, "Follow is still down")
    assert faults([*GOOD, between]) == {("all-clear", "silent")}


def test_the_end_of_the_second_act_is_owed_too() -> None:
    log = without(lambda m: m.to == "+3" and m.story_time > RESTORED)
    assert faults(log) == {("all-clear", "silent")}


# --- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "suspected"),
    [
        ("Follow may be down (since 11:40 PM).", True),
        ("Follow and Share may be down.", True),
        ("Puede que Seguimiento y Compartir no funcionen.", True),
        ("Puede que Seguimiento no funcione (desde las 23:40).", True),
        ("Follow is still down.", False),
        ("Follow may work again.", False),
        ("Seguimiento no funciona. Puede que tarde.", False),
    ],
)
def test_what_reads_as_a_suspicion(words: str, suspected: bool) -> None:
    assert bool(SUSPECTED.search(words)) is suspected


def test_every_way_in_which_messages_ask_is_known() -> None:
    from alertd.ingest.yaml_text import read_yaml
    from alertd.settings.reading import shipped_config

    for language in ("en", "es"):
        path = shipped_config() / "templates" / language / "phrases.yaml"
        said: Any = read_yaml(path.read_bytes(), language).value
        answer = said["answer"]
        for words in (answer["answer"], answer["remind"], *answer["sms"].values(), *answer["push"].values()):
            assert ASKS.search(words), words


def test_an_sms_that_may_be_answered_by_reply_asks_too() -> None:
    for text in (
        "Tell us you know. Reply 1 or open: https://",
        "No answer yet. Reply 1 or open: https://",
        "Si ya lo sabe, conteste 1 o abra: https://",
        "Sin respuesta. Conteste 1 o abra: https://",
    ):
        assert ASKS.search(text), text
