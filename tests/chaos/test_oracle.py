"""The oracle sees what is wrong: each test breaks one thing in books that are otherwise well."""

import ast
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from alertd.sandbox.log import Accepted
from tests.chaos import oracle
from tests.chaos.evidence import Allowed, Booked, Evidence, Word
from tests.chaos.leaks import found_in
from tests.chaos.oracle import judge
from tests.integration.town import NOTICE, OVER, SAID, SECOND

FAMILIES = ("fam-0000", "fam-0001", "fam-0002")
WORDS = (Word(1, 1, NOTICE, 0.0, 20.0), Word(1, 2, SECOND, 20.0, 40.0), Word(1, 3, OVER, 40.0))
ALLOWED = Allowed(window=30.0, recovery=10.0, machine=2.0, crashes=0)
EPOCH = datetime(2026, 11, 4, 20, tzinfo=UTC)


def delivery(family: str, update: int, copy: int = 0) -> str:
    return str(UUID(int=(FAMILIES.index(family) * 100 + update) * 10 + copy))


def token(family: str) -> str:
    return f"token-{family}"


def accepted(family: str, update: int, at: float, *, attempt: int = 1, copy: int = 0, **more: Any) -> Accepted:
    channel: Literal["push"] = "push"
    message = Accepted(
        seq=1, at=at, time=EPOCH, story_time=EPOCH, channel=channel, to=token(family), sender=None, title="Share",
        text=SAID[WORDS[update - 1].phase]["en"], html=None, priority="high",
        reference=f"{delivery(family, update, copy)}.{attempt}", provider_id="x", fault=None, request={},
    )  # fmt: skip
    return replace(message, **more)


def booked(family: str, update: int, **more: Any) -> Booked:
    next_by = {1: 28.0, 2: 48.0, 3: None}[update]
    return replace(Booked((1, update, ("push", token(family)), 1, 0), family, "accepted", next_by), **more)


def well(**more: Any) -> Evidence:
    """Three families that were told three things, each after a second."""
    books = Evidence(
        homes={family: {("push", token(family))} for family in FAMILIES},
        touched={1: FAMILIES},
        words=WORDS,
        accepted=messages(),
        booked={
            delivery(family, word.update): booked(family, word.update) for family in FAMILIES for word in WORDS
        },
        moves=[(delivery(FAMILIES[0], 1), "pending", "leased"), (delivery(FAMILIES[0], 1), "leased", "accepted")],
        faults=[],
    )
    return replace(books, **more)


def messages() -> list[Accepted]:
    return [accepted(family, word.update, word.at + 1) for word in WORDS for family in FAMILIES]


def without(family: str, update: int) -> list[Accepted]:
    reference = f"{delivery(family, update)}.1"
    return [message for message in messages() if message.reference != reference]


def with_booked(name: str, what: Booked) -> dict[str, Booked]:
    return {**well().booked, name: what}


def broken(evidence: Evidence, allowed: Allowed = ALLOWED) -> list[str]:
    return [sentence.partition(":")[0] for sentence in judge(evidence, allowed).broken]


def test_books_that_are_well_hold() -> None:
    ruling = judge(well(), ALLOWED)
    assert ruling.broken == ()
    assert (ruling.lost, ruling.repeats, ruling.unknown, ruling.delay, ruling.silence) == (0, 0, 0, 1.0, 20.0)


def test_a_family_that_was_not_told_is_lost_even_if_our_books_say_that_it_was() -> None:
    evidence = well(accepted=without(FAMILIES[1], 2))
    assert judge(evidence, ALLOWED).lost == 1
    assert broken(evidence) == [
        "lost",
        "left in silence",
        "promised a time, and not told by then",
        "not as the providers have it",
    ]


def test_told_only_after_humans_spoke_again_is_not_told() -> None:
    late = [*without(FAMILIES[1], 2), accepted(FAMILIES[1], 2, 40.5)]
    assert "lost" in broken(well(accepted=late))


def test_a_reason_that_is_named_is_no_loss() -> None:
    name = delivery(FAMILIES[1], 3)
    evidence = well(
        accepted=without(FAMILIES[1], 3), booked=with_booked(name, booked(FAMILIES[1], 3, state="refused"))
    )
    assert judge(evidence, ALLOWED).lost == 0
    assert broken(evidence) == []


def test_a_repeat_needs_a_crash_and_an_outcome_that_nobody_knew() -> None:
    twice = [*messages(), accepted(FAMILIES[0], 3, 42.0, attempt=2)]
    lapsed = with_booked(delivery(FAMILIES[0], 3), booked(FAMILIES[0], 3, unknown=1))
    one_crash = replace(ALLOWED, crashes=1)
    assert judge(well(accepted=twice), ALLOWED).repeats == 1
    assert broken(well(accepted=twice), one_crash) == ["told twice without a reason"]
    assert broken(well(accepted=twice, booked=lapsed)) == ["told twice without a reason"]
    assert broken(well(accepted=twice, booked=lapsed), one_crash) == []
    thrice = [*twice, accepted(FAMILIES[0], 3, 43.0, attempt=3)]
    assert broken(well(accepted=thrice, booked=lapsed), one_crash) == ["told twice without a reason"]


def test_a_call_that_took_too_long_explains_a_repeat_without_a_crash() -> None:
    twice = [*messages(), accepted(FAMILIES[0], 3, 42.0, attempt=2)]
    slow = with_booked(delivery(FAMILIES[0], 3), booked(FAMILIES[0], 3, unknown=1, slow=1))
    assert broken(well(accepted=twice, booked=slow)) == []


def test_two_deliveries_of_one_thing_are_a_repeat_too() -> None:
    copy = delivery(FAMILIES[0], 3, 1)
    twice = [*messages(), accepted(FAMILIES[0], 3, 42.0, copy=1)]
    evidence = well(accepted=twice, booked=with_booked(copy, booked(FAMILIES[0], 3)))
    assert broken(evidence, replace(ALLOWED, crashes=1)) == ["told twice without a reason"]


def test_who_has_two_families_is_told_once_for_both() -> None:
    shared = {**well().homes, FAMILIES[1]: {("push", token(FAMILIES[0]))}}
    without_own = [message for message in messages() if message.to != token(FAMILIES[1])]
    known = {name: each for name, each in well().booked.items() if each.family != FAMILIES[1]}
    evidence = well(homes=shared, accepted=without_own, booked=known)
    assert broken(evidence) == []
    elsewhere = replace(evidence, homes={**shared, FAMILIES[1]: {("push", token(FAMILIES[1]))}})
    assert judge(elsewhere, ALLOWED).lost == 1


def told_late(by: float) -> list[Accepted]:
    return [*without(FAMILIES[2], 2), accepted(FAMILIES[2], 2, 20.0 + by)]


def test_a_delay_may_be_a_fault_and_recovery_and_no_more() -> None:
    assert broken(well(accepted=told_late(11.9)), replace(ALLOWED, window=60)) == [
        "promised a time, and not told by then"
    ]
    assert "told too late" in broken(well(accepted=told_late(12.1)))
    assert broken(well(accepted=told_late(17.0), faults=[(21.0, 27.0)])) == []
    assert "told too late" in broken(well(accepted=told_late(19.0), faults=[(21.0, 27.0)]))


def test_faults_that_overlap_excuse_once() -> None:
    assert oracle._faulty([(30.0, 31.0), (21.0, 22.0), (22.5, 23.0)], 20.0, 60.0, 10.0) == 20.0
    assert oracle._faulty([(21.0, 50.0), (22.0, 23.0)], 20.0, 60.0, 1.0) == 30.0
    assert oracle._faulty([(0.0, 1.0), (70.0, 80.0)], 20.0, 60.0, 1.0) == 0.0


def test_what_was_told_of_another_outage_tells_nothing_of_this_one() -> None:
    other = replace(booked(FAMILIES[0], 2), key=(2, 2, ("push", token(FAMILIES[0])), 1, 0))
    assert "lost" in broken(well(booked=with_booked(delivery(FAMILIES[0], 2), other)))


def test_silence_is_measured_beside_faults_and_the_time_after_them() -> None:
    short = replace(ALLOWED, window=18.5, machine=1.0, recovery=1.0)
    assert "left in silence" in broken(well(), short)
    assert "left in silence" not in broken(well(faults=[(22.0, 24.0)]), replace(short, window=20.0))
    assert judge(well(accepted=without(FAMILIES[1], 2)), ALLOWED).silence == 40.0


def test_what_was_promised_is_kept() -> None:
    hasty = with_booked(delivery(FAMILIES[0], 1), booked(FAMILIES[0], 1, next_by=18.0))
    assert broken(well(booked=hasty)) == ["promised a time, and not told by then"]
    assert broken(well(booked=hasty, faults=[(5.0, 6.0)])) == []


def test_whoever_has_answered_is_not_told_again_by_the_ladder() -> None:
    climbed = booked(FAMILIES[0], 2)
    climbed = replace(climbed, key=(*climbed.key[:4], 1))
    name = delivery(FAMILIES[0], 2)
    for answered, sentences in ((15.9, ["told by the ladder after their answer"]), (16.1, []), (30.0, [])):
        books = well(booked=with_booked(name, climbed), answered={FAMILIES[0]: answered})
        assert broken(books) == sentences, answered
    assert broken(well(answered={FAMILIES[0]: 1.5})) == []  # what is no step of it goes on


def test_no_state_moves_back() -> None:
    assert broken(well(moves=[("x", "delivered", "pending")])) == ["moved back"]
    assert broken(well(moves=[("x", "accepted", "unknown")])) == ["moved back"]
    assert broken(well(moves=[("x", "superseded", "leased")])) == ["moved back"]


def test_a_providers_later_word_may_come_before_we_wrote_its_first() -> None:
    early = [("x", "leased", "delivered"), ("y", "leased", "undelivered"), ("z", "pending", "read")]
    assert broken(well(moves=early)) == []
    assert broken(well(moves=[("x", "pending", "undelivered")])) == ["moved back"]


def test_our_books_say_what_the_providers_books_say() -> None:
    name = delivery(FAMILIES[0], 3)
    wrong = "not as the providers have it"
    assert broken(well(booked=with_booked(name, booked(FAMILIES[0], 3, state="pending")))) == [wrong]
    unknown_to_us = accepted(FAMILIES[0], 3, 42.0, reference=str(UUID(int=9999)))
    assert broken(well(accepted=[*messages(), unknown_to_us])) == [wrong]
    invented = with_booked(delivery(FAMILIES[0], 3, 1), booked(FAMILIES[0], 3))
    assert broken(well(booked=invented)) == [wrong]
    of_another = [*without(FAMILIES[0], 3), accepted(FAMILIES[0], 3, 41.0, text=SAID[NOTICE]["en"])]
    assert broken(well(accepted=of_another)) == [wrong]


def test_a_message_that_reached_somebody_else_is_wrong_and_its_family_lost() -> None:
    astray = [*without(FAMILIES[0], 3), accepted(FAMILIES[0], 3, 41.0, to=token(FAMILIES[1]))]
    found = broken(well(accepted=astray))
    assert "lost" in found
    assert "not as the providers have it" in found


def test_work_that_is_left_and_words_of_the_row_are_told() -> None:
    assert broken(well(left=["3 deliveries"], leaks=["1 addresses in api.log"], said=["it took 30 s to stop"])) == [
        "left to do", "personal data", "it took 30 s to stop",
    ]  # fmt: skip


def test_numbers_and_tokens_of_families_are_found_and_our_own_number_is_not() -> None:
    assert found_in("api.log", b"to=+14155550101 and token-fam-0007, from +14155550100, fam-0007") == [
        "2 addresses in api.log"
    ]
    assert found_in("api.log", b"to=+1***0101 from=+14155550100 family=fam-0007") == []


def test_the_oracle_knows_nothing_of_how_alertd_thinks() -> None:
    """What it imports, and what that imports: no rule of the code may be judged by itself."""
    seen: set[str] = set()
    waiting = ["tests.chaos.oracle"]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        waiting += [each for each in imported(name) if each.startswith("tests.")]
    found = {each for name in seen for each in imported(name) if each.startswith("alertd")}
    assert found == {"alertd.sandbox.log"}


def imported(module: str) -> Sequence[str]:
    file = Path(oracle.__file__).parents[2] / Path(*module.split(".")).with_suffix(".py")
    tree = ast.parse(file.read_text("utf-8"))
    return [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
