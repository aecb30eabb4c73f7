"""When one caregiver hears again, for whoever asks between two messages: never earlier than they will (R2, R3, R10)."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from alertd.domain.delivery import Framing
from alertd.domain.family import CaregiverId
from alertd.domain.hears_again import hears_again
from alertd.domain.incident import Kind
from alertd.domain.policy import Holdings
from alertd.domain.watch import Rest
from tests import make
from tests.make import after, caregiver, own, preferences

PHONE = preferences(critical=("sms",), quiet_hours="none")
NIGHT = preferences(critical=("sms",), quiet_hours="12:15-13:00")
RULES = make.policy(silence=make.silence(holdings=Holdings(loud=2, sms_per_day=2)))
NAN = caregiver("nan", "sms", role="grandparent", order=2)


def holdings(*minutes: float, name: str = "mia") -> tuple[Any, ...]:
    """So many minutes after noon a holding went to their number, after the first message at noon."""
    first = make.telling(own(name, "sms"))
    rest = [
        make.telling(own(name, "sms"), number, at, framing=Framing.HOLDING)
        for number, at in enumerate(minutes, start=2)
    ]
    return (first, *rest)


@pytest.mark.parametrize(
    ("who", "expected", "because"),
    [
        (caregiver("mia", "sms", preferences=PHONE), after(30), "awake, they hear when the family does"),
        (caregiver("mia", "sms", preferences=NIGHT), after(60), "asleep then, they hear when they wake"),
        (caregiver("mia", "sms", preferences=PHONE, on_duty="wed 13:30-15:00"), after(90), "or come on duty"),
        (
            caregiver("mia", "sms", preferences=preferences(critical=("sms",), major=())),
            after(30),
            "of this they are told",
        ),
        (caregiver("mia", preferences=PHONE, addresses=()), None, "who has no address is promised nothing"),
        (replace(NAN, id=CaregiverId("mia")), None, "nor who hears only when a ladder comes to them"),
    ],
)
def test_by_their_hours(who: Any, expected: datetime | None, because: str) -> None:
    other = caregiver("dad", "sms", preferences=PHONE)
    duty = make.duty(
        family=make.family(who, other),
        policy=RULES,
        watch=make.watch(next_by=after(30)),
        tellings=holdings(name="dad"),
    )
    assert hears_again(duty, who.id, after(5)) == expected, because


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ((29,), after(90)),
        ((29, 58), after(29 + 24 * 60)),
        ((-1400, 29, 58), after(29 + 24 * 60)),
    ],
    ids=["one of two", "both used up", "an older one counts no more"],
)
def test_what_a_day_s_cap_holds_back_is_not_promised(sent: tuple[float, ...], expected: datetime) -> None:
    mia, dad = caregiver("mia", "sms", preferences=PHONE), caregiver("dad", "push", order=2, preferences=PHONE)
    incident = make.history((Kind.NOTICE, 0), (Kind.HOLDING, 29), (Kind.HOLDING, 58), (Kind.HOLDING, 59))
    duty = make.duty(
        incident=incident,
        family=make.family(mia, dad),
        policy=RULES,
        watch=make.watch(next_by=after(90)),
        tellings=holdings(*sent),
    )
    assert hears_again(duty, mia.id, after(70)) == expected
    assert hears_again(duty, dad.id, after(70)) == after(90), "the app is not counted"


@pytest.mark.parametrize("rest", [Rest.MUTED, Rest.OPTED_OUT, Rest.NO_ADDRESS])
def test_nobody_is_promised_what_nobody_owes_them(rest: Rest) -> None:
    duty = make.duty(watch=make.watch(rest=rest))
    assert hears_again(duty, CaregiverId("mia"), after(5)) is None


def test_whom_it_does_not_touch_is_promised_nothing() -> None:
    duty = make.duty(family=make.family(services=("login",)))
    assert hears_again(duty, CaregiverId("mia"), after(5)) is None


def test_who_was_told_by_a_ladder_hears_as_all_others_do() -> None:
    """They hear everything from then on (R7)."""
    family = make.family(caregiver("mia", "sms", preferences=PHONE), NAN)
    tellings = (*holdings(), make.telling(own("nan", "sms"), 1, 20, step=3))
    duty = make.duty(family=family, watch=make.watch(next_by=after(30)), tellings=tellings)
    assert hears_again(duty, NAN.id, after(25)) == after(30)
