"""The demo's judge: it passes a story told well, and finds every way to tell it badly."""

import ast
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import alertd
from alertd.demo import judge_words as judging
from alertd.demo import spans
from alertd.demo.course import Moment
from alertd.demo.families import sample
from alertd.demo.household import Address, Hours, Household, Person
from alertd.demo.judge import Judge
from alertd.demo.people import NURSE
from alertd.demo.verdict import Judgement, Level, Named, Rules
from alertd.sandbox.log import Accepted

SAMPLE = sample(60)
OPENED = datetime(2019, 11, 30, 7, 50, tzinfo=UTC)
RESOLVED = datetime(2019, 12, 3, 2, 20, tzinfo=UTC)
ENDS = datetime(2019, 12, 3, 6, 0, tzinfo=UTC)
PROMISED = OPENED + timedelta(hours=12, minutes=30)
DOWN = ("critical", ("follow", "share"))
MOMENTS = (
    Moment(OPENED, "open", *DOWN),
    Moment(OPENED + timedelta(hours=9), "update", *DOWN, promised=PROMISED),
    Moment(RESOLVED, "resolve", *DOWN),
)
CRITICAL = Level(timedelta(hours=1), timedelta(hours=4), timedelta(hours=6), wakes=True)
RULES = Rules(
    levels={"critical": CRITICAL},
    listening=("parent", "guardian", "nurse", "grandparent"),
    hours=Hours(quiet={"default": "22:00-06:30"}, duty={}),
    slack=timedelta(minutes=30),
)
LATE = timedelta(minutes=10)


def a_judge(ends: datetime = ENDS, moments: tuple[Moment, ...] = MOMENTS) -> Judge:
    return Judge(SAMPLE.documents, SAMPLE.dead, moments, ends, RULES)


def told_well(every: timedelta = timedelta(hours=3)) -> list[Accepted]:
    """What a faultless daemon would have handed over, by the hours of the judge's own households."""
    log: list[Accepted] = []
    for family in a_judge()._families:
        for person in family.people:
            if person.role != "nurse":  # the notice wakes everybody but who is off duty
                log += [message(address, OPENED + LATE, "are down") for address in person.addresses]
            at, waited = OPENED + every, False
            while at < RESOLVED:
                awake = spans.at(person.awake, at)
                soft = spans.at(person.may_hear, at)
                for address in person.addresses:
                    if awake or (soft and address[0] != "sms"):
                        log.append(message(address, at, "are still down", loud=awake))
                waited = not soft
                at = (spans.first_in(person.may_hear, at) or ENDS) + LATE if waited else at + every
            over = spans.first_in(person.may_hear, RESOLVED)
            if over is not None and over < ENDS and any((m.channel, m.to) in person.addresses for m in log):
                loud = spans.at(person.awake, over)
                log += [
                    message(address, over + LATE, "work again", loud=loud)
                    for address in person.addresses
                    if loud or address[0] != "sms"
                ]
    # The nurse is told once, not once per family.
    log = list({(m.channel, m.to, m.story_time): m for m in log}.values())
    return sorted(log, key=lambda m: m.story_time)


def message(address: Address, at: datetime, words: str, *, loud: bool = True) -> Accepted:
    channel: Any = address[0]
    return Accepted(
        seq=0, at=0.0, time=at, story_time=at, channel=channel, to=address[1], sender=None,
        title=None if channel == "sms" else f"Follow: {words}", text=f"Follow and Share {words} at {at:%d %H:%M}.",
        html=None, priority=None if channel == "sms" else "high" if loud else "normal",
        reference=f"{abs(hash((address, at, words)))}.1", provider_id="", fault=None, request={},
    )  # fmt: skip


GOOD = told_well()


def judged(log: list[Accepted], named: frozenset[str] = SAMPLE.unreachable, **changes: Any) -> Judgement:
    return a_judge(**changes).judge(sorted(log, key=lambda m: m.story_time), {1: Named(unheard=named)})


def rules_broken(log: list[Accepted], **changes: Any) -> set[str]:
    return {fault.rule for fault in judged(log, **changes).faults}


def of_family(number: int) -> tuple[Household, list[Accepted]]:
    family = next(f for f in a_judge()._families if f.id == f"fam-{number:03}")
    return family, [m for m in GOOD if (m.channel, m.to) in family.addresses]


def somebody(wanted: Callable[[Household, Person], bool]) -> tuple[Household, Person]:
    """A family and person for whom `wanted(family, person)` holds."""
    return next((f, p) for f in a_judge()._families for p in f.people if wanted(f, p))


def test_a_story_told_well_passes() -> None:
    found = judged(GOOD)
    assert found.faults == []
    assert found.heard == found.families - len(SAMPLE.unreachable)
    assert found.first_notices[-1] == LATE
    assert found.longest is not None
    assert found.longest.counted <= found.longest.allowed
    assert found.all_clear > 60
    assert found.all_clear_waits > 0  # the nurse is off duty, and some sleep
    assert found.promises > 20
    assert sum(found.messages.values()) == len(GOOD)
    assert found.per_family_and_day > 5


def test_a_family_that_hears_nothing() -> None:
    _, theirs = of_family(3)
    assert rules_broken([m for m in GOOD if m not in theirs]) == {"first notice"}


def test_a_first_notice_that_comes_too_late() -> None:
    _, theirs = of_family(3)
    late = [m for m in theirs if m.story_time < OPENED + timedelta(hours=2)]
    told = [m for m in GOOD if m not in late]
    told += [message((m.channel, m.to), OPENED + timedelta(hours=1, minutes=31), "are down") for m in late]
    assert "first notice" in rules_broken(told)
    within = [m for m in GOOD if m not in late]
    within += [message((m.channel, m.to), OPENED + timedelta(hours=1, minutes=29), "are down") for m in late]
    assert rules_broken(within) == set()


def test_a_silence_by_day_longer_than_the_window() -> None:
    noon = datetime(2019, 11, 30, 20, 0, tzinfo=UTC)
    family, theirs = of_family(3)
    awake = (noon - timedelta(hours=3), noon + timedelta(hours=5))
    assert spans.length(spans.within(family.may_hear, *awake)) == timedelta(hours=8)
    told = [m for m in GOOD if not (m in theirs and awake[0] <= m.story_time < awake[1])]
    assert rules_broken(told) == {"silence", "promise"}


def test_quiet_time_does_not_count_as_silence() -> None:
    def only_loud(family: Household, person: Person) -> bool:
        return len(family.people) == 1 and {c for c, _ in person.addresses} == {"sms"}

    family, person = somebody(only_loud)
    mine = [m.story_time for m in GOOD if (m.channel, m.to) in person.addresses and m.story_time < RESOLVED]
    longest = max(b - a for a, b in pairwise(mine))
    assert CRITICAL.quiet is not None
    assert longest > CRITICAL.quiet  # they slept, and nobody is to blame
    assert not [fault for fault in judged(GOOD).faults if fault.family == family.id]


def test_a_promise_that_nobody_keeps() -> None:
    # Every hearing between an hour before the promise and an hour after it is left out: within the window still.
    told = [m for m in told_well(timedelta(hours=1)) if not PROMISED - timedelta(hours=2) < m.story_time]
    resumed = PROMISED + timedelta(minutes=45)
    told += [m for m in told_well(timedelta(hours=1)) if m.story_time > resumed]
    assert rules_broken(told) == {"promise"}


@pytest.mark.parametrize("channel", ["sms", "push"])
def test_somebody_woken_for_no_news(channel: str) -> None:
    night = datetime(2019, 12, 1, 11, 0, tzinfo=UTC)  # 3 a.m. Pacific time, 6 a.m. Eastern
    _, person = somebody(
        lambda f, p: channel in {c for c, _ in p.addresses} and not spans.at(p.awake, night) and p.role == "parent"
    )
    address = next(a for a in person.addresses if a[0] == channel)
    assert rules_broken([*GOOD, message(address, night, "are still down at night")]) == {"night"}
    if channel == "push":
        assert rules_broken([*GOOD, message(address, night, "are still down at night", loud=False)]) == set()


def test_somebody_told_of_the_outage_and_not_of_its_end() -> None:
    _, theirs = of_family(3)
    assert rules_broken([m for m in GOOD if not (m in theirs and m.story_time > RESOLVED)]) == {"all-clear"}


def test_an_all_clear_before_the_end_and_other_words_after_it() -> None:
    _, theirs = of_family(3)
    address = (theirs[0].channel, theirs[0].to)
    early = message(address, RESOLVED - timedelta(hours=1), "work again")
    assert rules_broken([*GOOD, early]) == {"all-clear"}
    maybe = message(address, RESOLVED - timedelta(hours=1), "may work again")
    assert rules_broken([*GOOD, maybe]) == set()
    after = message(address, RESOLVED + timedelta(hours=1), "are still down")
    assert rules_broken([*GOOD, after]) == {"all-clear"}


@pytest.mark.parametrize(
    ("words", "clear"),
    [
        ("Follow and Share work again.", True),
        ("Follow works again.", True),
        ("Follow may work again.", False),
        ("Seguimiento y Compartir ya funcionan.", True),
        ("Seguimiento ya funciona.", True),
        ("Seguimiento ya no funciona.", False),
        ("Seguimiento quizá ya funcione.", False),
        ("Follow and Share are still down.", False),
    ],
)
def test_what_reads_as_an_all_clear(words: str, clear: bool) -> None:
    assert bool(judging.ALL_CLEAR.search(words)) is clear


def test_the_same_words_twice_and_one_delivery_twice() -> None:
    day = next(m for m in GOOD if m.channel == "email" and m.story_time > OPENED + timedelta(hours=12))
    again = replace(day, reference="other.1")
    assert rules_broken([*GOOD, again]) == {"duplicate"}
    soon = replace(day, reference="other.1", story_time=day.story_time + timedelta(minutes=119))
    assert rules_broken([*GOOD, soon]) == {"duplicate"}
    later = replace(day, reference="other.1", story_time=day.story_time + timedelta(minutes=121))
    assert rules_broken([*GOOD, later]) == set()
    other_words = replace(day, text="quite different", reference=f"{day.reference}".replace(".1", ".2"))
    assert rules_broken([*GOOD, other_words]) == {"duplicate"}


def test_a_stranger_is_told() -> None:
    assert rules_broken([*GOOD, message(("sms", "+19195550123"), PROMISED, "are down")]) == {"stranger"}


def test_the_unreachable_must_be_named_all_and_no_others() -> None:
    one = next(iter(SAMPLE.unreachable))
    assert [f.family for f in judged(GOOD, named=SAMPLE.unreachable - {one}).faults] == [one]
    assert [f.family for f in judged(GOOD, named=SAMPLE.unreachable | {"fam-003"}).faults] == ["fam-003"]


def test_a_fix_that_is_watched_doubles_the_window() -> None:
    moments = (MOMENTS[0], replace(MOMENTS[1], watching=True, promised=None), MOMENTS[2])
    then = MOMENTS[1].at + LATE
    told = [m for m in GOOD if m.story_time < then]
    for family in a_judge()._families:
        for person in family.people:
            if spans.at(person.awake, then):
                told += [message(a, then, "may work again") for a in person.addresses if a != ("sms", NURSE)]
    told += [m for m in told_well(timedelta(hours=7)) if m.story_time > then]
    assert judged(told, moments=moments).faults == []
    assert rules_broken(told) == {"silence", "promise"}


def test_the_judge_shares_no_code_with_what_it_judges() -> None:
    folder = Path(alertd.__file__).parent / "demo"
    judges = sorted(path.stem for path in folder.glob("judge*.py"))
    assert len(judges) >= 7
    judges += ["course", "verdict", "household", "spans"]
    allowed = {"alertd.sandbox.log", "alertd.demo"} | {f"alertd.demo.{name}" for name in judges}
    for name in judges:
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for found in names:
                assert not found.startswith(("alertd", "channels", "workers")) or found in allowed, found
