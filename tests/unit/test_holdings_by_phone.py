"""R3: which holdings count for the cap of whoever has nothing but a phone."""

from dataclasses import replace

import pytest

from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.holdings import DAY, hold
from alertd.domain.incident import Kind
from alertd.domain.people import listeners
from alertd.domain.plan import known
from alertd.domain.policy import Holdings
from tests import make

PHONE = make.preferences(critical=("sms",), quiet_hours="none")


@pytest.mark.parametrize(
    ("state", "counts"),
    [
        (DeliveryState.ACCEPTED, True),
        (DeliveryState.LEASED, True),
        (DeliveryState.UNKNOWN, True),
        (DeliveryState.PENDING, False),
    ],
)
def test_what_waits_to_set_out_does_not_count_as_the_next_one_takes_its_place(
    state: DeliveryState, counts: bool
) -> None:
    """Else a night on which the provider took nothing would cost the family a holding that never came."""
    rules, to = make.policy(), make.own("mia", "sms")
    duty = make.duty(
        incident=make.history((Kind.NOTICE, 0), (Kind.HOLDING, 29), (Kind.HOLDING, 58)),
        family=make.family(make.caregiver("mia", "sms", preferences=PHONE)),
        policy=replace(rules, silence=replace(rules.silence, holdings=Holdings(loud=2, sms_per_day=3))),
        tellings=[
            make.telling(to),
            make.telling(to, 2, 29, framing=Framing.HOLDING),
            make.telling(to, 3, 58, framing=Framing.HOLDING, state=state),
        ],
    )
    now = make.after(70)
    [person] = listeners(duty, ("follow",))
    hold(person, known(duty, now), duty.family, duty.policy, now)
    assert person.held_after == (make.after(29) + DAY if counts else None)
