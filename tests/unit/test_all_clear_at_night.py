"""R11 at night: silently to whom nothing woke, else in the morning; what woke them is as loud at its end."""

from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Telling
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.watch import Rest
from tests import make
from tests.make import after, caregiver, history, own, said, telling, verdict

PUSH, SMS, EMAIL = own("mia", "push"), own("mia", "sms"), own("mia", "email")
BEN_SMS = own("ben", "sms")
EVENING, NIGHT, MORNING = 9 * 60, 11 * 60, 18.5 * 60  # minutes after noon: 21:00, 23:00, 06:30
MIA, BEN = caregiver(), caregiver("ben", "sms", order=2)


def end(to: Any, at: float = NIGHT, **changes: Any) -> Telling:
    given = {"framing": Framing.RESOLUTION, "next_by": None, **changes}
    return telling(to, 2, at, **given)


def night_end(*tellings: Telling, mia: Any = MIA, at: float = NIGHT + 1, **changes: Any) -> Any:
    """What a family is owed of an outage from 21:00 to 23:00."""
    over = history((Kind.NOTICE, EVENING), (Kind.RESOLUTION, NIGHT, {"state": State.RESOLVED}))
    given = {
        "incident": over,
        "family": make.family(mia),
        "watch": make.watch(touched_at=after(EVENING)),
        **changes,
    }
    return verdict(after(at), tellings=tellings, **given)


@pytest.mark.parametrize(
    ("because", "tellings", "expected"),
    [
        ("silently where it can be", [telling(PUSH, 1, EVENING)], [("mia", "push", "resolution", "all_clear")]),
        (
            "where that failed over the other silent way",
            [telling(PUSH, 1, EVENING), end(PUSH, NIGHT, state=DeliveryState.UNDELIVERED)],
            [("mia", "email", "resolution", "all_clear")],
        ),
    ],
)
def test_at_night_it_goes_silently_to_whom_nothing_woke(because, tellings, expected):
    found = night_end(*tellings)
    assert (said(found.owed), found.waiting) == (expected, ()), because
    assert {each.in_quiet for each in found.owed} == {True}


def test_where_all_silent_ways_failed_it_waits_for_the_morning_too():
    failed = [end(to, NIGHT, state=DeliveryState.UNDELIVERED) for to in (PUSH, EMAIL)]
    found = night_end(telling(PUSH, 1, EVENING), *failed)
    assert (found.owed, found.waiting, found.look_at) == ((), ("mia",), after(MORNING))


def test_who_wakes_before_anything_on_its_way_is_overdue_is_looked_at_then():
    ben = replace(BEN, preferences=make.preferences(quiet_hours="20:00-23:02"))
    mia = caregiver(preferences=make.preferences(quiet_hours="none"))
    late: dict[str, Any] = {"family": make.family(mia, ben), "at": NIGHT + 1.75}
    found = night_end(telling(PUSH, 1, EVENING), telling(BEN_SMS, 1, EVENING), **late)
    assert {each.caregiver for each in found.owed} == {"mia"}
    assert found.look_at == after(NIGHT + 2)  # in a quarter of a minute; the lease is half of one


def test_what_wakes_them_is_said_whatever_the_hour():
    woken = night_end(telling(PUSH, 1, NIGHT - 5, in_quiet=True)).owed
    assert {(each.in_quiet, each.loud_until) for each in woken} == {(True, None)}


def test_without_a_silent_way_it_waits_for_the_morning():
    phone = caregiver("mia", "sms")
    found = night_end(telling(SMS, 1, EVENING), mia=phone)
    assert (found.owed, found.waiting, found.look_at, found.rest) == ((), ("mia",), after(MORNING), None)
    morning = night_end(telling(SMS, 1, EVENING), mia=phone, at=MORNING)
    assert said(morning.owed) == [("mia", "SMS", "resolution", "all_clear")]


def test_off_duty_it_waits_for_duty_even_where_it_could_be_silent():
    nurse = caregiver("mia", on_duty="mon-fri 08:00-15:00")
    found = night_end(telling(PUSH, 1, EVENING), mia=nurse)
    assert (found.owed, found.waiting, found.look_at) == ((), ("mia",), after(20 * 60))


def test_whoever_only_waited_gets_one_word_at_wake_up():
    """Silent channels do not serve: nothing is said to them at night of what they slept through."""
    watch = make.watch(touched_at=after(EVENING), waiting=("mia",))
    asleep = night_end(watch=watch)
    assert (asleep.owed, asleep.waiting, asleep.look_at) == ((), ("mia",), after(MORNING))
    awake = night_end(watch=watch, at=MORNING)
    assert {(o.framing, o.loud) for o in awake.owed} == {(Framing.WAS_DOWN, True)}
    assert {o.reader.since for o in awake.owed} == {None}  # since the outage began


def test_whoever_waits_for_that_word_waits_until_a_provider_has_it():
    """None takes it before their duty ends: it is said on the next day, and not forgotten."""
    nurse = caregiver("mia", "sms", on_duty="mon-fri 08:00-15:00")
    began, ended = NIGHT + 10 * 60, NIGHT + 17 * 60  # on duty, and off again
    at_work = night_end(watch=make.watch(touched_at=after(EVENING), waiting=("mia",)), mia=nurse, at=began)
    assert {o.framing for o in at_work.owed} == {Framing.WAS_DOWN}
    word = end(SMS, began, framing=Framing.WAS_DOWN, state=DeliveryState.PENDING)
    watch = make.watch(touched_at=after(EVENING), waiting=at_work.waiting)
    flying = night_end(word, watch=watch, mia=nurse, at=began + 5)
    assert (flying.owed, flying.waiting) == ((), ("mia",))
    watch = replace(watch, waiting=flying.waiting)
    stale = night_end(replace(word, state=DeliveryState.SUPERSEDED), watch=watch, mia=nurse, at=ended)
    assert (stale.owed, stale.waiting, stale.rest) == ((), ("mia",), None)
    arrived = night_end(replace(word, state=DeliveryState.ACCEPTED), watch=watch, mia=nurse, at=ended)
    assert (arrived.waiting, arrived.rest) == ((), Rest.CLOSED)


def test_by_day_a_floor_is_asked_of_nobody_and_at_night_only_where_it_was_critical():
    woken = telling(PUSH, 1, NIGHT - 5, in_quiet=True)
    major = history(
        (Kind.NOTICE, EVENING, {"severity": Severity.MAJOR}),
        (Kind.RESOLUTION, NIGHT, {"severity": Severity.MAJOR, "state": State.RESOLVED}),
    )
    mia = caregiver(preferences=make.preferences(critical=("push",), major=("push",)))
    policy = make.policy(wakes=dict.fromkeys(Severity, make.WAKING))
    assert {o.channel for o in night_end(woken, mia=mia).owed} == {"push", "sms"}
    assert {o.channel for o in night_end(woken, mia=mia, incident=major, policy=policy).owed} == {"push"}
