"""R7 and R9: who else is told while nobody answers, sentence by sentence."""

from datetime import datetime
from typing import Any

import pytest

from alertd.domain.delivery import Ask, DeliveryState, Framing, Reason
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.watch import LadderState
from tests import make
from tests.make import after, answer, caregiver, climbing, history, own, said, telling

PUSH, SMS, EMAIL = own("mia", "push"), own("mia", "sms"), own("mia", "email")
TOLD = (telling(PUSH), telling(SMS))  # the first notice, at noon, which said 12:30
NAN = caregiver("nan", "sms", role="grandparent", order=3)
NURSE = caregiver("nurse", "sms", role="nurse", order=4)
HOME = make.family(caregiver(), NAN)
AGAIN = [("mia", "SMS", "holding", "ladder"), ("mia", "email", "holding", "ladder")]
NEXT = ("nan", "SMS", "notice", "ladder")


def step(number: int, address: Any, at: float, **changes: Any) -> Any:
    """A message of a ladder step."""
    return telling(address, 1, at, step=number, **({"framing": Framing.HOLDING} | changes))


SECOND = (step(2, SMS, 10), step(2, EMAIL, 10))


def verdict(at: float, **changes: Any) -> Any:
    """What Mia's family is owed so many minutes after noon, with a grandmother next in order."""
    return make.verdict(after(at), **({"policy": climbing(), "family": HOME} | changes))


@pytest.mark.parametrize(
    ("sentence", "at", "changes", "expected"),
    [
        (
            "the first message is no step: it is what everybody hears",
            0,
            {},
            [("mia", "PUSH", "notice", "first_notice"), ("mia", "SMS", "notice", "first_notice")],
        ),
        ("before its time a step owes nothing", 9.9, {"tellings": TOLD}, []),
        (
            "after ten minutes without an answer they are told again, over these channels",
            10,
            {"tellings": TOLD},
            AGAIN,
        ),
        ("a step that was told is not told again", 11, {"tellings": TOLD + SECOND}, []),
        (
            "a step in flight is not planned again",
            11,
            {"tellings": (*TOLD, *(step(2, a, 10, state=DeliveryState.PENDING) for a in (SMS, EMAIL)))},
            [],
        ),
        ("then the next caregiver in order is told, as a first notice", 20, {"tellings": TOLD + SECOND}, [NEXT]),
        ("a late look sends one message, not one for each step missed", 20, {"tellings": TOLD}, [*AGAIN, NEXT]),
        ("an answer ends it", 10, {"tellings": TOLD, "answers": [answer("mia")]}, []),
        ("an answer of another role ends nothing", 10, {"tellings": TOLD, "answers": [answer("nan")]}, AGAIN),
        (
            "an answer to an earlier epoch ends nothing",
            10,
            {"tellings": TOLD, "answers": [answer(epoch=0)]},
            AGAIN,
        ),
        (
            "news at the same moment stands for the step",
            10,
            {"tellings": TOLD, "incident": history((Kind.NOTICE, 0.0), (Kind.PROGRESS, 10.0))},
            [
                ("mia", "PUSH", "update", "news"),
                ("mia", "SMS", "update", "news"),
                ("mia", "email", "update", "ladder"),
            ],
        ),
        (
            "news that came just before the step does not",
            10,
            {
                "tellings": (*TOLD, telling(PUSH, 2, 8), telling(SMS, 2, 8)),
                "incident": history((Kind.NOTICE, 0.0), (Kind.PROGRESS, 8.0)),
            },
            AGAIN,
        ),
        (
            "a fall ends it",
            10,
            {
                "tellings": (*TOLD, telling(PUSH, 2, 5)),
                "incident": history((Kind.NOTICE, 0.0), (Kind.SEVERITY, 5.0, {"severity": Severity.MAJOR})),
            },
            [],
        ),
        ("without a ladder nobody is told again", 10, {"tellings": TOLD, "policy": make.policy()}, []),
        (
            "its time counts from the first try, not from when it was planned",
            10,
            {"tellings": [telling(a, tried_at=after(4)) for a in (PUSH, SMS)]},
            [],
        ),
        (
            "where every address of a step has failed, the next step is due at once",
            1,
            {
                "policy": climbing((0, "always"), (20, "next")),
                "family": make.family(caregiver("mia", "sms"), NAN),
                "tellings": [telling(SMS, state=DeliveryState.REFUSED)],
                "addresses": make.suspended(SMS),
            },
            [("nan", "SMS", "notice", "first_notice")],
        ),
        (
            "... also where the caregiver who hears everything could still be told otherwise later",
            11,
            {
                "policy": climbing((0, "always"), (10, "always", "sms"), (20, "next")),
                "tellings": (*TOLD, step(2, SMS, 10, state=DeliveryState.UNDELIVERED)),
            },
            [NEXT],
        ),
        (
            "if only some have failed, nothing moves",
            11,
            {"tellings": (*TOLD, step(2, SMS, 10, state=DeliveryState.UNDELIVERED), step(2, EMAIL, 10))},
            [],
        ),
        (
            "next passes over who is off duty",
            20,
            {
                "tellings": TOLD + SECOND,
                "family": make.family(
                    caregiver(),
                    caregiver("nurse", "sms", role="nurse", order=2, on_duty="sat-sun 08:00-09:00"),
                    NAN,
                ),
            },
            [NEXT],
        ),
        (
            "next passes over who has no usable address",
            20,
            {
                "tellings": TOLD + SECOND,
                "family": make.family(caregiver(), caregiver("old", "voice", order=2), NAN),
                "channels": frozenset({"push", "sms", "email"}),
            },
            [NEXT],
        ),
        (
            "whom the ladder has told hears every update from then on",
            25,
            {
                "tellings": (*TOLD, *SECOND, step(3, own("nan", "sms"), 20, framing=Framing.NOTICE)),
                "family": HOME,
                "incident": history((Kind.NOTICE, 0.0), (Kind.PROGRESS, 25.0)),
            },
            [
                ("mia", "PUSH", "update", "news"),
                ("mia", "SMS", "update", "news"),
                ("nan", "SMS", "update", "news"),
            ],
        ),
        (
            "a role may be told by name",
            5,
            {
                "policy": climbing((0, "always"), (5, "nurse")),
                "family": make.family(caregiver(), NAN, NURSE),
                "tellings": TOLD,
            },
            [("nurse", "SMS", "notice", "ladder")],
        ),
        (
            "a raise to critical asks again",
            40,
            {
                "tellings": TOLD,
                "answers": [answer()],
                "incident": history((Kind.NOTICE, 0.0), (Kind.SEVERITY, 30.0, {"epoch": 2})),
            },
            [("mia", "PUSH", "update", "news"), ("mia", "SMS", "update", "news")],
        ),
    ],
)
def test_the_ladder(sentence: str, at: float, changes: dict[str, Any], expected: list[Any]) -> None:
    assert said(verdict(at, **changes).owed) == sorted(expected), sentence


@pytest.mark.parametrize(
    ("at", "tellings", "answers", "state", "reached", "look_at"),
    [
        (0, (), (), LadderState.CLIMBING, 1, 9),  # R1's ten minutes end first
        (1, TOLD, (), LadderState.CLIMBING, 1, 10),
        (10, TOLD, (), LadderState.CLIMBING, 2, 20),
        (11, TOLD + SECOND, (), LadderState.CLIMBING, 2, 20),
        (11, TOLD, (answer(),), LadderState.ANSWERED, 0, 29),
        (21, (*TOLD, *SECOND, step(3, own("nan", "sms"), 20)), (), LadderState.CLIMBING, 3, 29),
        (30, (*TOLD, *SECOND, step(3, own("nan", "sms"), 20)), (), LadderState.UNANSWERED, 3, None),
    ],
)
def test_how_far_it_is(
    at: float, tellings: Any, answers: Any, state: LadderState, reached: int, look_at: float | None
) -> None:
    v = verdict(at, tellings=tellings, answers=answers)
    assert (v.ladder, v.step) == (state, reached)
    if look_at is not None:
        assert v.look_at == after(look_at)


def test_nothing_loud_accepted_is_unreachable_not_unanswered() -> None:
    soft = [telling(EMAIL, loud=False)]
    failed = [telling(a, state=DeliveryState.UNDELIVERED) for a in (PUSH, SMS)]
    v = verdict(31, tellings=[*soft, *failed], policy=climbing((0, "always"), (10, "always", "sms email")))
    assert v.ladder is LadderState.UNREACHABLE


def test_a_repeat_names_the_time_that_was_promised_and_asks_again() -> None:
    """R4: it moves no clock."""
    owed = verdict(10, tellings=TOLD).owed
    assert {d.next_by for d in owed} == {after(30)}
    assert {d.reader.asks for d in owed} == {Ask.REMIND}
    assert {d.step for d in owed} == {2}


def test_messages_ask_while_an_answer_is_waited_for() -> None:
    def asks(at: float, **changes: Any) -> set[Ask]:
        return {d.reader.asks for d in verdict(at, **changes).owed}

    progress = history((Kind.NOTICE, 0.0), (Kind.PROGRESS, 5.0))
    assert asks(0) == {Ask.ANSWER}
    assert asks(5, tellings=TOLD, incident=progress) == {Ask.ANSWER}
    assert asks(5, tellings=TOLD, incident=progress, answers=[answer(at=1)]) == {Ask.NONE}
    assert asks(0, policy=make.policy()) == {Ask.NONE}
    late = history((Kind.NOTICE, 0.0), (Kind.PROGRESS, 31.0))
    assert asks(31, tellings=(*TOLD, *SECOND), incident=late) == {Ask.NONE}


NIGHT = datetime(2026, 11, 5, 9, 0, tzinfo=make.NOON.tzinfo)  # 01:00 in Los Angeles


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (Severity.CRITICAL, [("mia", "SMS", "holding", "ladder")]),
        (Severity.MAJOR, []),
    ],
)
def test_a_step_is_as_loud_as_the_message_it_repeats(severity: Severity, expected: list[Any]) -> None:
    """What wakes, wakes again; what does not, waits for the morning."""
    began = (NIGHT - make.NOON).total_seconds() / 60
    incident = history((Kind.NOTICE, began, {"severity": severity, "since": NIGHT}))
    policy = climbing((0, "always"), (10, "always", "sms"), severity=severity)
    told = [telling(SMS, 1, began, next_by=began + 60, in_quiet=True)]
    v = make.verdict(
        NIGHT + make.minutes(10),
        incident=incident,
        policy=policy,
        family=make.family(caregiver("mia", "sms", preferences=make.preferences(default=("sms",)))),
        watch=make.watch(touched_at=NIGHT, next_by=NIGHT + make.minutes(10)),
        tellings=told,
    )
    assert said(v.owed) == expected


def test_who_joined_by_a_ladder_is_told_when_it_is_over() -> None:
    tellings = (*TOLD, *SECOND, step(3, own("nan", "sms"), 20, framing=Framing.NOTICE))
    over = history((Kind.NOTICE, 0.0), (Kind.RESOLUTION, 25.0, {"state": State.RESOLVED}))
    v = verdict(25, tellings=tellings, incident=over, watch=make.watch(ladder=LadderState.CLIMBING, step=3))
    assert {d.caregiver for d in v.owed} == {"mia", "nan"}
    assert {d.reason for d in v.owed} == {Reason.ALL_CLEAR}
    assert (v.ladder, v.step) == (LadderState.CLIMBING, 3)


def test_a_step_needs_a_floor_channel_where_the_message_needs_one() -> None:
    nan = caregiver(
        "nan", "push", "sms", role="grandparent", order=3, preferences=make.preferences(critical=("push",))
    )

    found = verdict(20, family=make.family(caregiver(), nan), tellings=TOLD + SECOND)

    assert said(found.owed) == [("nan", "PUSH", "notice", "ladder"), NEXT]


def test_a_floor_address_that_our_own_fault_stopped_is_tried_again_with_the_step_and_not_after_it():
    """Found at random: her phone was told by the ladder, her SMS, which only we had kept from her, at the next look."""
    nan = caregiver(
        "nan", "push", "sms", role="grandparent", order=3, preferences=make.preferences(critical=("push",))
    )
    push, sms = own("nan", "push"), own("nan", "sms")
    stopped = step(2, sms, 10, framing=Framing.NOTICE, state=DeliveryState.PARKED)
    given = {"family": make.family(caregiver(), nan), "policy": climbing((0, "always"), (10, "next"))}

    found = verdict(20, tellings=(*TOLD, stopped), **given)
    on_its_way = [
        step(2, address, 20, framing=Framing.NOTICE, state=DeliveryState.PENDING) for address in (push, sms)
    ]

    assert said(found.owed) == [("nan", "PUSH", "notice", "ladder"), NEXT]
    assert said(verdict(20, tellings=(*TOLD, *on_its_way), **given).owed) == []
    resting = step(2, sms, 19.9, framing=Framing.NOTICE, state=DeliveryState.PARKED)
    assert said(verdict(20, tellings=(*TOLD, resting), **given).owed) == [("nan", "PUSH", "notice", "ladder")]


def test_where_nobody_has_a_role_that_is_enough_those_who_hear_everything_answer() -> None:
    nan = own("nan", "sms")

    found = verdict(12, family=make.family(NAN, NURSE), tellings=[telling(nan)], answers=[answer("nan", 5)])
    other = verdict(12, family=make.family(NAN, NURSE), tellings=[telling(nan)], answers=[answer("nurse", 5)])

    assert found.ladder is LadderState.ANSWERED
    assert other.ladder is LadderState.CLIMBING


def test_an_address_that_is_tried_again_now_is_no_dead_end_for_the_step():
    """Found at random: a correction went to a mailbox that our own fault had kept from her; its step was slept through."""
    mia = caregiver("mia", "email", preferences=make.preferences(critical=("email",)))
    tellings = [
        telling(EMAIL, 1, 0),
        telling(EMAIL, 2, 5, state=DeliveryState.PARKED, framing=Framing.UPDATE),
    ]
    incident = history((Kind.NOTICE, 0.0), (Kind.PROGRESS, 5.0), (Kind.PROGRESS, 6.0))
    policy = climbing((0, "always"), (12, "always", "email"), floor=())

    v = make.verdict(after(6), policy=policy, family=make.family(mia), incident=incident, tellings=tellings)

    assert said(v.owed) == [("mia", "email", "update", "news")]
    assert v.look_at == after(12)
