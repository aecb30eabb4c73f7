"""R11: whoever was told hears that it is over, each on their own, once, and as long as it takes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alertd.domain.all_clear import TRIED_FOR, rested
from alertd.domain.delivery import DeliveryState, Framing, Telling
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.watch import LadderState, Rest
from tests import make
from tests.make import after, caregiver, history, minutes, own, said, telling, verdict

PUSH, SMS, EMAIL = own("mia", "push"), own("mia", "sms"), own("mia", "email")
BEN_SMS = own("ben", "sms")
MIA, BEN = caregiver(), caregiver("ben", "sms", order=2)
OVER_AT = 20
OVER = history((Kind.NOTICE, 0), (Kind.RESOLUTION, OVER_AT, {"state": State.RESOLVED}))
TOLD = (telling(PUSH), telling(SMS))
FALSE_ALARM = history((Kind.NOTICE, 0), (Kind.CANCELLATION, OVER_AT, {"state": State.CANCELLED}))
BACK_AND_OVER = history(
    (Kind.NOTICE, 0),
    (Kind.RESOLUTION, 5, {"state": State.RESOLVED}),
    (Kind.REOPENING, 10, {"state": State.INVESTIGATING, "epoch": 2}),
    (Kind.RESOLUTION, OVER_AT, {"state": State.RESOLVED}),
)


def end(to: Any, number: int = 2, at: float = OVER_AT, **changes: Any) -> Telling:
    given = {"framing": Framing.RESOLUTION, "next_by": None, **changes}
    return telling(to, number, at, **given)


def test_a_false_alarm_is_called_one():
    found = verdict(after(OVER_AT), incident=FALSE_ALARM, tellings=TOLD)
    assert {each.framing for each in found.owed} == {Framing.CANCELLATION}


def test_whoever_has_it_or_was_told_nothing_keeps_it_from_nobody():
    ann, zoe = caregiver("ann", "sms", order=3), caregiver("zoe", "sms", order=4)
    family = make.family(ann, BEN, replace(MIA, order=3), zoe)  # told nothing, has it, lacks it, told nothing
    tellings = [*TOLD, telling(BEN_SMS), end(BEN_SMS)]
    found = verdict(after(OVER_AT), incident=OVER, family=family, tellings=tellings)
    assert said(found.owed) == [
        ("mia", "PUSH", "resolution", "all_clear"),
        ("mia", "SMS", "resolution", "all_clear"),
    ]
    assert found.update == 2


def test_whom_it_touches_no_more_hears_so_also_where_only_its_return_may_have_reached_them():
    """They were told that it is over; then that it is back, by a worker that died with the provider's answer."""
    back = history(
        (Kind.NOTICE, 0),
        (Kind.RESOLUTION, 5, {"state": State.RESOLVED}),
        (Kind.REOPENING, 10, {"state": State.INVESTIGATING, "epoch": 2}),
    )
    in_doubt = telling(SMS, 3, 10, epoch=2, state=DeliveryState.SUPERSEDED, maybe=True)
    tellings = [telling(SMS), end(SMS, 2, 5), in_doubt]
    moved = make.family(caregiver("mia", "sms"), services=("login",))
    found = verdict(after(OVER_AT), incident=back, family=moved, tellings=tellings)
    assert said(found.owed) == [("mia", "SMS", "not_affected", "not_affected")]
    told = telling(SMS, 3, OVER_AT, framing=Framing.NOT_AFFECTED, step=-2, next_by=None, epoch=2)
    assert verdict(after(OVER_AT), incident=back, family=moved, tellings=[*tellings, told]).owed == ()
    never = [telling(SMS), end(SMS, 2, 5)]  # that it is over is the last that they can have read
    assert verdict(after(OVER_AT), incident=back, family=moved, tellings=never).owed == ()


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.LEASED, DeliveryState.UNKNOWN])
def test_what_is_under_way_to_a_person_is_not_owed_them_again(state):
    found = verdict(after(OVER_AT), incident=OVER, tellings=[*TOLD, end(PUSH, state=state)])
    assert (found.owed, found.update, found.rest) == ((), 2, None)
    assert found.look_at == after(OVER_AT) + make.duty().lease


def test_it_closes_once_everyone_told_has_it_and_a_late_word_changes_nothing():
    done = [*TOLD, end(PUSH), end(SMS)]
    found = verdict(after(OVER_AT), incident=OVER, tellings=done)
    assert (found.owed, found.rest, found.look_at, found.cancel) == ((), Rest.CLOSED, None, True)
    assert verdict(after(OVER_AT), incident=OVER, tellings=[*TOLD, end(PUSH)]).owed == ()  # one way is enough


def test_the_end_before_it_came_back_does_not_count():
    """Who heard of the first end and of the return hears of the second; who heard of no return knows already."""
    first = [*TOLD, end(PUSH, 2, 5), end(SMS, 2, 5)]
    back = [telling(to, 3, 10, epoch=2, framing=Framing.UPDATE) for to in (PUSH, SMS)]
    found = verdict(after(OVER_AT), incident=BACK_AND_OVER, tellings=[*first, *back])
    assert {(each.channel, each.update) for each in found.owed} == {("push", 4), ("sms", 4)}
    assert verdict(after(OVER_AT), incident=BACK_AND_OVER, tellings=first).rest is Rest.CLOSED


def test_an_end_on_its_way_since_the_first_time_is_none_of_the_second():
    tellings = [*TOLD, telling(PUSH, 3, 10, epoch=2), end(PUSH, 2, 5, state=DeliveryState.UNKNOWN)]
    found = verdict(after(OVER_AT), incident=BACK_AND_OVER, tellings=tellings)
    assert {each.update for each in found.owed} == {4}
    assert found.update == 4


def test_by_day_it_is_said_until_they_fall_asleep():
    by_day = verdict(after(OVER_AT), incident=OVER, tellings=TOLD).owed
    assert {(each.in_quiet, each.loud_until) for each in by_day} == {(False, after(10 * 60))}


def test_whoever_wants_nothing_more_since_hears_the_end_where_they_were_told():
    mild = history(
        (Kind.NOTICE, 0, {"severity": Severity.MAJOR}),
        (Kind.RESOLUTION, OVER_AT, {"severity": Severity.MAJOR, "state": State.RESOLVED}),
    )
    muted = make.family(caregiver(preferences=make.preferences(major=())))
    found = verdict(after(OVER_AT), incident=mild, family=muted, tellings=[telling(SMS)])
    assert said(found.owed) == [("mia", "SMS", "resolution", "all_clear")]


def test_an_end_that_failed_goes_over_the_next_address_to_whom_nothing_else_had_reached():
    """They waited, and were owed this very end: that it failed does not make them strangers."""
    failed = [end(to, state=DeliveryState.UNDELIVERED, framing=Framing.WAS_DOWN) for to in (PUSH, SMS)]
    found = verdict(after(OVER_AT + 1), incident=OVER, tellings=failed)
    assert said(found.owed) == [("mia", "email", "was_down", "fallback")]
    notice_failed = [telling(PUSH, state=DeliveryState.UNDELIVERED)]
    assert verdict(after(OVER_AT), incident=OVER, tellings=notice_failed).rest is Rest.CLOSED


def test_nobody_without_an_address_is_owed_it():
    found = verdict(after(OVER_AT), incident=OVER, tellings=TOLD, addresses=make.opted_out(PUSH, SMS, EMAIL))
    assert (found.owed, found.rest) == ((), Rest.CLOSED)


def parked_end(at: timedelta) -> Any:
    """The end to a phone that our own fault stopped so long after it was over; asked a second later."""
    now = after(OVER_AT) + at
    row = replace(end(SMS, state=DeliveryState.PARKED), planned_at=now - timedelta(seconds=1))
    return now, verdict(
        now, incident=OVER, family=make.family(caregiver("mia", "sms")), tellings=[telling(SMS), row]
    )


def parked(**after_the_end: float) -> Telling:
    """The end to a phone that our own fault stopped, so long after it was over."""
    return replace(end(SMS, state=DeliveryState.PARKED), planned_at=after(OVER_AT) + timedelta(**after_the_end))


def test_what_our_own_fault_stops_is_tried_again_for_two_days():
    """At first after the longest backoff; then each rest is as long as all the time since the end."""
    now, soon = parked_end(timedelta(seconds=30))
    assert soon.look_at == now + timedelta(seconds=59)
    now, later = parked_end(minutes(60))
    assert later.look_at == now + 2 * (minutes(30) - timedelta(seconds=1))
    _, last = parked_end(TRIED_FOR / 2 - timedelta(seconds=1))
    assert last.rest is None
    for at in (
        TRIED_FOR / 2 + timedelta(seconds=2),
        TRIED_FOR,
    ):  # its next try would come too late, and is not waited for
        _, given_up = parked_end(at)
        assert (given_up.look_at, given_up.rest) == (None, Rest.CLOSED)


def test_who_can_be_told_at_one_hour_of_the_day_alone_gets_a_second_try():
    """Also where the first came nearly a day after the end, and where the clocks go back between the two."""
    at_eleven = make.family(caregiver("mia", "sms", on_duty="mon-sun 11:20-12:20"))
    tellings = [telling(SMS), parked(hours=23)]
    at = after(OVER_AT) + timedelta(hours=23, minutes=1)
    for _ in range(3):
        found = verdict(at, incident=OVER, family=at_eleven, tellings=tellings)
        if found.owed:
            break
        assert found.look_at is not None, at
        at = found.look_at
    assert said(found.owed) == [("mia", "SMS", "resolution", "all_clear")]
    assert at == after(OVER_AT) + timedelta(hours=47)

    a_day_of_25_hours = after(OVER_AT) + timedelta(hours=24 + 25)
    at_any_time = make.family(caregiver("mia", "sms"))
    found = verdict(
        a_day_of_25_hours, incident=OVER, family=at_any_time, tellings=[telling(SMS), parked(hours=24)]
    )
    assert said(found.owed) == [("mia", "SMS", "resolution", "all_clear")]


def test_the_rest_is_measured_from_the_end_and_not_from_what_was_written_since():
    ended = replace(OVER, updates=(*OVER.updates, make.update(3, Kind.POSTMORTEM, after(80))))
    assert rested(ended, after(OVER_AT + 100)) == minutes(50)
    assert rested(replace(OVER, ended_at=None), after(OVER_AT + 100)) == minutes(50)
    assert rested(OVER, after(OVER_AT) + TRIED_FOR) > TRIED_FOR


def test_the_ladder_of_the_last_epoch_is_remembered_when_all_is_over_and_not_where_it_was_no_concern():
    watch = make.watch(ladder=LadderState.UNANSWERED, step=3)
    over = verdict(after(OVER_AT), incident=OVER, watch=watch, tellings=TOLD)
    assert (over.ladder, over.step) == (LadderState.UNANSWERED, 3)
    elsewhere = history((Kind.NOTICE, 0), (Kind.SCOPE, 10, {"scope": make.scope("follow", regions=("eu",))}))
    freed = verdict(after(10), incident=elsewhere, watch=watch, tellings=TOLD)
    assert (freed.ladder, freed.step, freed.rest) == (None, 0, Rest.NOT_TOUCHED)
    assert {(o.framing, o.reader.services) for o in freed.owed} == {(Framing.NOT_AFFECTED, ("follow",))}


def test_what_goes_another_way_too_stops_nothing_that_is_on_its_way_to_others():
    """Found at random: others were told more meanwhile, and under that number one parent's word stopped the other's."""
    eu = make.scope(regions=("eu",))
    left = history((Kind.NOTICE, 0), (Kind.SCOPE, 20, {"scope": eu}), (Kind.PROGRESS, 25, {"scope": eu}))
    mia, ben = caregiver("mia", "push", "email"), caregiver("ben", "push", order=2)
    ben_push = own("ben", "push")
    waits: dict[str, Any] = {
        "framing": Framing.NOT_AFFECTED,
        "next_by": None,
        "state": DeliveryState.PENDING,
        "step": -2,
    }
    tellings = [telling(PUSH), telling(ben_push), telling(PUSH, 2, 20, **waits), telling(ben_push, 2, 20, **waits)]

    found = verdict(after(29.5), incident=left, family=make.family(mia, ben), tellings=tellings)

    assert said(found.owed) == [("mia", "email", "not_affected", "not_taken")]
    assert found.update == 2, "what is older than that is stopped, and nothing else"
