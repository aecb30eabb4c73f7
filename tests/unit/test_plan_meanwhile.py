"""R12: what failed is replaced, whatever numbers other families' holdings have used up meanwhile."""

import pytest

from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.incident import Kind
from tests import make
from tests.make import after, caregiver, history, own, preferences, said, suspended, telling, verdict

PUSH, SMS, EMAIL, OTHER_SMS = own("mia", "push"), own("mia", "sms"), own("mia", "email"), own("mia", "sms", 1)
REFUSED, UNDELIVERED = DeliveryState.REFUSED, DeliveryState.UNDELIVERED
ALONE = history((Kind.NOTICE, 0))
MEANWHILE = history((Kind.NOTICE, 0), (Kind.HOLDING, 0.5))


@pytest.mark.parametrize("incident", [ALONE, MEANWHILE])
def test_another_floor_address_takes_the_place_of_the_refused_one(incident):
    mia = caregiver("mia", addresses=(PUSH, SMS, OTHER_SMS), preferences=preferences(critical=("push",)))

    v = verdict(
        after(1),
        incident=incident,
        family=make.family(mia),
        tellings=[telling(PUSH), telling(SMS, state=REFUSED)],
        addresses=suspended(SMS),
    )

    assert said(v.owed) == [("mia", "SMS", "notice", "floor")]  # in the words of the message it stands for


@pytest.mark.parametrize("incident", [ALONE, MEANWHILE])
def test_a_first_notice_that_was_lost_goes_over_the_next_address(incident):
    """Not over the same one again, only because a newer number exists."""
    mia = caregiver("mia", "push", "email", preferences=preferences(critical=("push",)))

    v = verdict(after(1), incident=incident, family=make.family(mia), tellings=[telling(PUSH, state=UNDELIVERED)])

    assert said(v.owed) == [("mia", "email", "notice", "fallback")]


def test_a_lost_holding_goes_over_the_next_address_too():
    mia = caregiver("mia", "push", "email", preferences=preferences(critical=("push",)))
    incident = history((Kind.NOTICE, 0), (Kind.HOLDING, 29), (Kind.HOLDING, 30))
    lost = telling(PUSH, 2, 29, next_by=59, state=UNDELIVERED, framing=Framing.HOLDING)
    ben = telling(own("ben", "push"), 2, 29, next_by=59, framing=Framing.HOLDING)

    v = verdict(
        after(31),
        incident=incident,
        family=make.family(mia, caregiver("ben", "push", order=2)),
        tellings=[telling(PUSH), telling(own("ben", "push")), lost, ben],
    )

    assert said(v.owed) == [("mia", "email", "holding", "fallback")]


def test_where_no_other_address_is_left_a_new_number_frees_them_all():
    """Decision 5."""
    v = verdict(
        after(1),
        incident=MEANWHILE,
        family=make.family(caregiver("mia", "push")),
        tellings=[telling(PUSH, state=UNDELIVERED)],
    )

    assert said(v.owed) == [("mia", "PUSH", "notice", "first_notice")]
