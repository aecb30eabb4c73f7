"""Decision 5: our own fault stands in the way for one backoff only; what a reader lacks is then owed again."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Telling
from alertd.domain.incident import Incident, Kind, Severity, State
from alertd.domain.watch import Rest
from tests import make
from tests.make import after, caregiver, history, own, said, telling, verdict

SMS = own("mia", "sms")
FAMILY = make.family(caregiver("mia", "sms"))
HELD = history((Kind.NOTICE, 0), (Kind.HOLDING, 29))
AGAIN = [("mia", "SMS", "holding", "silence")]


def parked(number: int = 2, at: float = 29, next_by: float | None = 30) -> Telling:
    return telling(SMS, number, at, state=DeliveryState.PARKED, framing=Framing.HOLDING, next_by=next_by)


def at_severity(severity: Severity) -> Incident:
    return history((Kind.NOTICE, 0, {"severity": severity}), (Kind.HOLDING, 29))


@pytest.mark.parametrize(
    ("severity", "seconds"), [(Severity.CRITICAL, 60), (Severity.MAJOR, 300), (Severity.MINOR, 300)]
)
def test_the_same_update_is_owed_again_after_the_longest_backoff(severity, seconds):
    mia = caregiver("mia", "sms", preferences=make.preferences(major=("sms",), minor=("sms",)))
    given = {
        "incident": at_severity(severity),
        "family": make.family(mia),
        "tellings": [telling(SMS, next_by=30), parked()],
    }
    retry = after(29) + timedelta(seconds=seconds)

    early = verdict(retry - timedelta(seconds=1), **given)
    assert (early.owed, early.look_at) == ((), retry)

    v = verdict(retry, **given)
    assert (said(v.owed), v.update, v.holding) == (AGAIN, 2, False)


def test_it_is_tried_again_for_as_long_as_it_takes_and_no_number_is_used_up():
    tries = [parked(at=29 + n) for n in range(40)]

    v = verdict(after(69), incident=HELD, family=FAMILY, tellings=[telling(SMS, next_by=30), *tries])

    assert (said(v.owed), v.update, v.holding) == (AGAIN, 2, False)


def test_another_address_comes_first_however_long_our_fault_lasts():
    """Decision 3: the next address is owed the same update at once."""
    mia = caregiver("mia", "sms", "email", preferences=make.preferences(critical=("sms",)))
    tries = [telling(SMS, 1, 0, state=DeliveryState.PARKED)]

    for at in (0, 5):  # five crashes take longer than a backoff
        v = verdict(after(at), family=make.family(mia), policy=make.policy(floor=()), tellings=tries)
        assert said(v.owed) == [("mia", "email", "notice", "fallback")]


def test_who_was_told_otherwise_is_not_told_again():
    mia = caregiver("mia", "sms", "email", preferences=make.preferences(critical=("sms",)))
    tellings = [telling(SMS, 1, 0, state=DeliveryState.PARKED), telling(own("mia", "email"), 1, 0)]

    assert verdict(after(5), family=make.family(mia), policy=make.policy(floor=()), tellings=tellings).owed == ()


def test_what_a_provider_gave_up_still_waits_a_window():
    push = own("mia", "push")
    lost = telling(push, 2, 29, state=DeliveryState.UNDELIVERED, framing=Framing.HOLDING)
    given = {
        "incident": HELD,
        "family": make.family(caregiver("mia", "push", "sms")),
        "tellings": [telling(push, next_by=30), telling(SMS, next_by=30), lost, parked(at=58.5)],
    }
    assert verdict(after(58.9), **given).owed == ()
    v = verdict(after(59), **given)
    assert (v.update, v.holding) == (3, True)  # the broken account does not put the push off


def test_the_floor_is_tried_again_too():
    """R12: push never counts for what must be heard."""
    mia = make.family(caregiver("mia", "push", "sms"))
    tellings = [telling(own("mia", "push")), telling(SMS, 1, 0, state=DeliveryState.PARKED)]

    early = verdict(after(0.5), family=mia, tellings=tellings)
    assert (early.owed, early.look_at) == ((), after(1))
    assert said(verdict(after(1), family=mia, tellings=tellings).owed) == [("mia", "SMS", "notice", "floor")]


def test_an_all_clear_is_not_lost_to_one_moment_of_our_own_fault():
    ended = history((Kind.NOTICE, 0), (Kind.RESOLUTION, 10, {"state": State.RESOLVED}))
    stopped = telling(SMS, 2, 10, state=DeliveryState.PARKED, framing=Framing.RESOLUTION, next_by=None)
    given = {"incident": ended, "family": FAMILY, "tellings": [telling(SMS), stopped]}

    early = verdict(after(10.5), **given)
    assert (early.owed, early.rest, early.look_at) == ((), None, after(11))
    assert said(verdict(after(11), **given).owed) == [("mia", "SMS", "resolution", "all_clear")]


def test_what_still_fails_after_the_end_is_tried_ever_more_seldom_and_after_two_days_no_more():
    """A text that a carrier filters is filtered each time: its tries must not be in the way of other incidents."""
    ended = replace(
        history((Kind.NOTICE, 0), (Kind.RESOLUTION, 10, {"state": State.RESOLVED})), ended_at=after(10)
    )
    family = make.family(caregiver("mia", "sms", preferences=make.preferences(quiet_hours="none")))
    tellings = [telling(SMS)]
    tried: list[float] = []
    looks = 0
    at: datetime | None = after(10)
    while at is not None:
        looks += 1
        minute = (at - make.NOON) / timedelta(minutes=1)
        v = verdict(at, incident=ended, family=family, tellings=tellings)
        if v.owed:
            tried.append(minute - 10)
            tellings.append(
                telling(SMS, 2, minute, state=DeliveryState.PARKED, framing=Framing.RESOLUTION, next_by=None)
            )
            v = verdict(at, incident=ended, family=family, tellings=tellings)
        at = v.look_at
    assert tried == [0, 1, *[2**n for n in range(1, 12)]]
    assert looks <= 2 * len(tried)
    assert v.rest == Rest.CLOSED
