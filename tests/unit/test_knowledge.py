"""What a person knows is what any of their addresses was told, and what a call has made good."""

from itertools import permutations
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Telling
from alertd.domain.incident import Kind
from alertd.domain.knowledge import Known, know
from alertd.domain.watch import BY_PHONE, Answer
from tests.make import after, caregiver, family, history, minutes, own, said, scope, telling, verdict, watch

PUSH, SMS, EMAIL = (own("mia", channel) for channel in ("push", "sms", "email"))
MIA = caregiver("mia", "push", "sms", "email")
PENDING, UNDELIVERED = DeliveryState.PENDING, DeliveryState.UNDELIVERED


def known(*tellings: Telling, calls: tuple[Answer, ...] = ()) -> Known:
    return know(tellings, 1, after(0), calls=calls).of_caregiver(MIA)


def by_phone(told: int, at: float = 20, next_by: float = 50) -> Answer:
    return Answer(BY_PHONE, 1, after(at), told=told, next_by=after(next_by), who=(MIA.id,))


@pytest.mark.parametrize(
    ("because", "tellings", "next_by"),
    [
        ("of two words about one update the earlier binds", [(PUSH, 1, 25), (SMS, 1, 30)], 25),
        ("... whichever address gave it", [(PUSH, 1, 30), (SMS, 1, 25)], 25),
        ("a newer update's word replaces the older", [(PUSH, 1, 25), (SMS, 2, 60)], 60),
        ("... whichever address has it", [(PUSH, 2, 60), (SMS, 1, 25)], 60),
        ("three say three", [(PUSH, 2, 60), (SMS, 1, 25), (EMAIL, 2, 55)], 55),
    ],
)
def test_by_when_a_person_was_told_they_hear_again(because, tellings, next_by):
    found = known(*(telling(address, number, next_by=by) for address, number, by in tellings))
    assert found.next_by == after(next_by), because


@pytest.mark.parametrize("order", list(permutations((PUSH, SMS, EMAIL))))
def test_in_which_words_they_heard_it_last(order):
    """Of one update the words planned last, else those of the newer update."""
    rows = [telling(SMS, 2, 9, framing=Framing.HOLDING), telling(PUSH, 2, 5), telling(EMAIL, 1, 10)]
    found = know(rows, 1, after(0)).of_caregiver(caregiver("mia", addresses=order))
    assert (found.told, found.framing, found.framed_at) == (2, Framing.HOLDING, after(9))


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("because", "one", "other", "expected"),
    [
        ("the newest that was taken", {"number": 2}, {"number": 1}, {"told": 2, "covered": 2, "told_awake": 2}),
        ("what is on its way covers", {}, {"number": 2, "state": PENDING}, {"told": 1, "covered": 2, "covered_awake": 2}),
        (
            "what came silently at night was not heard awake",
            {},
            {"number": 2, "loud": False, "in_quiet": True},
            {"told": 2, "told_awake": 1, "covered_awake": 1, "soft_in_quiet": 2, "woken": False, "roused": 0},
        ),
        (
            "what woke them anywhere woke them",
            {"number": 2},
            {"in_quiet": True},
            {"woken": True, "roused": 1, "told_awake": 2, "soft_in_quiet": 0},
        ),
        ("an earlier epoch woke them: not in this one", {}, {"in_quiet": True, "epoch": 0}, {"woken": False, "roused": 1}),
        ("what may have arrived anywhere may have", {}, {"maybe": True, "number": 2}, {"maybe": 2}),
        ("an end on its way anywhere", {}, {"number": 2, "state": PENDING, "framing": Framing.RESOLUTION}, {"ending": 2}),
        ("the newest that failed", {"number": 2, "state": UNDELIVERED}, {"state": UNDELIVERED}, {"failed": 2, "told": 0}),
        (
            "of one update the failure planned last",
            {"state": UNDELIVERED, "at": 5, "framing": Framing.WAKE_UP},
            {"state": UNDELIVERED, "at": 4},
            {"failed": 1, "failed_as": Framing.WAKE_UP, "failed_at": after(5)},
        ),
        ("what failed in one place and arrived in the other", {"state": UNDELIVERED}, {}, {"failed": 1, "told": 1}),
    ],
)  # fmt: skip
def test_two_addresses_of_one_person(because, one, other, expected, swapped):
    first, second = (SMS, PUSH) if swapped else (PUSH, SMS)
    found = known(*(telling(to, **{"number": 1, **changes}) for to, changes in ((first, one), (second, other))))
    assert {name: getattr(found, name) for name in expected} == expected, because


def test_what_failed_until_a_call_was_made_good_by_it():
    lost = telling(SMS, 2, state=UNDELIVERED)
    assert known(lost).failed == 2
    told = known(lost, calls=(by_phone(2),))
    assert (told.failed, told.failed_as, told.failed_at, told.told) == (0, None, None, 2)
    assert known(lost, calls=(by_phone(1),)).failed == 2
    assert known(lost, calls=(by_phone(1), by_phone(2))).failed == 0


def test_a_call_counts_as_a_message_that_arrived_and_woke_nobody():
    found = known(calls=(by_phone(2),))
    heard: dict[str, Any] = {"told": 2, "told_awake": 2, "covered": 2, "covered_awake": 2, "next_by": after(50)}
    assert {name: getattr(found, name) for name in heard} == heard
    assert (found.framing, found.framed_at, found.woken) == (Framing.UPDATE, after(20), False)


def test_a_call_binds_the_family_by_the_earlier_word():
    def heard(*tellings: Telling, call: Answer) -> tuple[int, Any, Any]:
        found = know(tellings, 1, after(0), calls=[call])
        assert found.loud
        return found.told, found.next_by, found.said_at

    message = telling(SMS, 2, 10, next_by=40)
    assert heard(message, call=by_phone(1)) == (2, after(40), after(10))
    assert heard(message, call=by_phone(2)) == (2, after(40), after(10))
    assert heard(message, call=by_phone(2, at=5, next_by=35)) == (2, after(35), after(5))
    assert heard(message, call=by_phone(3)) == (3, after(50), after(20))


def test_a_call_of_an_earlier_epoch_was_nothing_loud_in_this_one():
    assert not know([], 2, after(0), calls=[by_phone(1)]).loud


def test_a_call_before_the_clock_began_binds_nobody_and_is_known():
    found = know([], 1, after(0), since=after(30), calls=[by_phone(2)])
    assert (found.told, found.next_by) == (0, None)
    assert found.of_caregiver(MIA).told == 2
    assert know([], 1, after(0), since=after(20), calls=[by_phone(2)]).told == 2


def test_what_our_own_fault_stopped_is_the_newest_update_of_which_that_is_true():
    def again(*rows: tuple[int, float], asked: int = 2, lost: bool = False) -> bool:
        parked = [telling(SMS, number, at, state=DeliveryState.PARKED) for number, at in rows]
        gone = [telling(SMS, asked, 1, state=UNDELIVERED)] if lost else []
        return know([*parked, *gone], 1, after(10)).again(SMS.id, asked)

    assert again((2, 10))
    assert not again((2, 11))  # its rest is not over
    assert again((2, 5), (1, 12))
    assert again((1, 12), (2, 5))
    assert not again((2, 5), (2, 12))  # tried once more since
    assert not again((2, 12), (2, 5))
    assert not again((2, 5), (3, 5))
    assert not again((2, 5), lost=True)  # a provider gave it up: that is no fault of ours


def test_until_when_the_first_address_rests():
    parked = [
        telling(to, number, at, state=DeliveryState.PARKED)
        for to, number, at in ((PUSH, 2, 14), (SMS, 2, 12), (EMAIL, 1, 11))
    ]
    found = know(parked, 1, after(10))
    assert found.again_in(2) == minutes(2)
    assert found.again_in(1) == minutes(1)
    assert found.again_in(3) is None
    assert know(parked, 1, after(14)).again_in(2) is None  # nothing rests any more


def test_the_steps_of_a_ladder_that_an_address_was_sent_and_those_that_failed():
    lost = telling(SMS, step=3, state=UNDELIVERED)
    found = know([telling(SMS), telling(SMS, step=1), telling(SMS, step=2), lost], 1, after(0))
    assert (found.at(SMS.id).steps, found.at(SMS.id).steps_failed) == (0b110, 0b1000)
    assert found.joined == {SMS.id}
    assert know([telling(SMS, step=1, epoch=0)], 1, after(0)).at(SMS.id).steps == 0  # of another epoch
    assert know([lost], 1, after(0)).joined == set()


def test_touched_again_after_not_affected_what_our_fault_stopped_is_tried_again_too():
    incident = history(
        (Kind.NOTICE, 0), (Kind.SCOPE, 10, {"scope": scope("login")}), (Kind.SCOPE, 20, {"scope": scope("follow")})
    )
    freed = telling(SMS, 2, 10, framing=Framing.NOT_AFFECTED, step=-2, next_by=None)
    stopped = telling(SMS, 3, 20, framing=Framing.NOTICE, state=DeliveryState.PARKED)
    given = {
        "incident": incident,
        "family": family(caregiver("mia", "sms")),
        "watch": watch(touched_at=after(20), next_by=after(30)),
        "tellings": [telling(SMS), freed, stopped],
    }
    assert verdict(after(20.9), **given).owed == ()
    assert said(verdict(after(21), **given).owed) == [("mia", "SMS", "notice", "first_notice")]
