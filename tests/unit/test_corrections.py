"""Whom the planner owes a correction, and who reads the word."""

from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Telling
from alertd.domain.incident import Kind, Severity
from tests import make
from tests.make import after, caregiver, history, own, said, telling, verdict

SMS = own("mia", "sms")
FAMILY = make.family(caregiver("mia", "sms", preferences=make.preferences(critical=("sms",))))
STORY = (
    (Kind.NOTICE, 0, {"human_number": 1}),
    (Kind.PROGRESS, 5, {"human_number": 2, "message": {"en": "From five."}}),
    (Kind.HOLDING, 8),
    (Kind.PROGRESS, 9, {"human_number": 3, "message": {"en": "More servers."}}),
    (Kind.CORRECTION, 10, {"human_number": 4, "references": 2, "message": {"en": "From six."}}),
)
PENDING, LEASED, UNKNOWN, REFUSED, SUPERSEDED = (
    DeliveryState.PENDING,
    DeliveryState.LEASED,
    DeliveryState.UNKNOWN,
    DeliveryState.UNDELIVERED,
    DeliveryState.SUPERSEDED,
)


def plans(*tellings: Telling, steps: Any = STORY, at: float = 10) -> list[tuple[str, int]]:
    """(framing, the number it corrects) of each message owed at the correction."""
    v = verdict(after(at), family=FAMILY, incident=history(*steps), tellings=tellings)
    return [(d.framing.value, d.reader.corrects) for d in v.owed]


@pytest.mark.parametrize(
    ("tellings", "owed"),
    [
        # told the wrong update, alone or with what came after it
        ([telling(SMS, 1), telling(SMS, 2, 5)], [("update", 2)]),
        ([telling(SMS, 2, 6, framing=Framing.NOTICE)], [("update", 2)]),
        (
            [telling(SMS, 3, 8, framing=Framing.NOTICE)],
            [("update", 2)],
        ),  # a holding carried it as the newest state
        ([telling(SMS, 1), telling(SMS, 2, 5), telling(SMS, 4, 9)], [("update", 2)]),
        # never told it
        ([], [("notice", 0)]),
        ([telling(SMS, 1)], [("update", 0)]),
        ([telling(SMS, 4, 9, framing=Framing.NOTICE)], []),
        ([telling(SMS, 1), telling(SMS, 2, 5, state=REFUSED), telling(SMS, 4, 9)], []),
        # perhaps told it
        ([telling(SMS, 1), telling(SMS, 2, 5, state=LEASED)], [("update", 2)]),
        ([telling(SMS, 1), telling(SMS, 2, 5, state=UNKNOWN)], [("update", 2)]),
        ([telling(SMS, 1), telling(SMS, 2, 5, state=SUPERSEDED, maybe=True)], [("update", 2)]),
        # it waits: it must not leave, and nobody has read it
        ([telling(SMS, 1), telling(SMS, 2, 5, state=PENDING)], [("update", 0)]),
        # put right already
        ([telling(SMS, 2, 5), telling(SMS, 5, 10)], []),
    ],
)
def test_whom_a_correction_goes_to_and_in_which_words(tellings, owed):
    assert plans(*tellings) == owed


@pytest.mark.parametrize(
    "changes",
    [
        {"severity": Severity.MAJOR},
        {"scope": make.scope("follow", "share")},
        {"works": ("sensor_works",)},
        {"do": ("check_by_hand",)},
    ],
)
def test_a_correction_of_facts_concerns_everybody(changes):
    steps = (*STORY[:-1], (Kind.CORRECTION, 10, {**STORY[-1][2], **changes}))
    assert plans(telling(SMS, 4, 9, framing=Framing.NOTICE), steps=steps) == [("update", 0)]


def test_a_correction_of_a_correction_names_what_this_reader_has():
    steps = (*STORY, (Kind.CORRECTION, 11, {"human_number": 5, "references": 5, "message": {"en": "From seven."}}))
    assert plans(telling(SMS, 2, 5), steps=steps, at=11) == [("update", 2)]
    assert plans(telling(SMS, 2, 5), telling(SMS, 5, 10), steps=steps, at=11) == [("update", 4)]
    assert plans(telling(SMS, 4, 9, framing=Framing.NOTICE), steps=steps, at=11) == []


def test_what_only_others_need_waits_for_the_next_turn_and_takes_the_place_of_a_holding():
    tellings = [telling(SMS, 4, 9, framing=Framing.NOTICE, next_by=39)]
    v = verdict(after(39), family=FAMILY, incident=history(*STORY), tellings=tellings)
    assert said(v.owed) == [("mia", "SMS", "update", "silence")]
    assert (v.update, v.holding, v.owed[0].reader.corrects) == (5, False, 0)


def test_it_wakes_only_whom_it_puts_right():
    """R10: for whoever never heard what it corrects it is progress, also where it changes facts."""
    policy = make.policy(wakes={Severity.CRITICAL: frozenset({Kind.CORRECTION})})
    night = 11 * 60  # 23:00 in Los Angeles
    steps = (
        (Kind.NOTICE, 0),
        (Kind.PROGRESS, night, {"message": {"en": "From five."}}),
        (Kind.PROGRESS, night + 1, {"message": {"en": "More servers."}}),
        (Kind.CORRECTION, night + 2, {"references": 2, "do": ("check_by_hand",)}),
    )
    family = make.family(caregiver("mia", "push", preferences=make.preferences(critical=("push",))))
    push = own("mia", "push")
    for number, loud in ((2, True), (3, False)):
        told = telling(push, number, night + number - 2, framing=Framing.NOTICE, next_by=night + 60)
        v = verdict(after(night + 2), family=family, policy=policy, incident=history(*steps), tellings=[told])
        assert [d.loud for d in v.owed] == [loud]
