"""R12: which addresses carry a message: the list, the fallback, the floor; what failed is passed over."""

from datetime import timedelta
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Reason, Telling
from alertd.domain.family import Address
from alertd.domain.incident import Severity
from alertd.domain.knowledge import Knowledge, know
from alertd.domain.people import meet
from alertd.domain.quiet import Person
from alertd.domain.targets import copy_targets, floor_target, loud_targets, soft_targets, told_targets, ways
from tests import make
from tests.make import after, caregiver, own, telling

PUSH, SMS, EMAIL, VOICE = (own("mia", channel) for channel in ("push", "sms", "email", "voice"))
SMS2 = own("mia", "sms", 1)
FLOOR = ("sms", "voice")
FORGIVEN = after(10)  # what our own fault stopped until then may be tried again


def person(*addresses: Address, listed: tuple[str, ...] = ("push", "sms"), severity: str = "critical", **of: Any):
    mia = caregiver("mia", addresses=addresses, preferences=make.preferences(**{severity: listed}))
    of_severity = make.incident(make.update(1, severity=Severity(severity)))
    return meet(mia, make.duty(incident=of_severity, family=make.family(mia), **of), ("follow",))


def known(*tellings: Telling) -> Knowledge:
    return know(tellings, 1, FORGIVEN)


def failed(*addresses: Address, number: int = 1) -> list[Telling]:
    return [telling(each, number, state=DeliveryState.UNDELIVERED) for each in addresses]


def parked(*addresses: Address, at: float = 10) -> list[Telling]:
    return [telling(each, 1, at, state=DeliveryState.PARKED) for each in addresses]


def loudly(who: Person, *tellings: Telling, floor: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    found = loud_targets(who, known(*tellings), 1, Reason.NEWS, floor)
    return [(address.channel, reason.value) for address, reason in found]


ALL = (PUSH, SMS, EMAIL)


@pytest.mark.parametrize(
    ("because", "tellings", "expected"),
    [
        ("all that are listed, at once", [], [("push", "news"), ("sms", "news")]),
        ("of the listed one is left", failed(PUSH), [("sms", "news")]),
        ("none of the listed is left", failed(PUSH, SMS), [("email", "fallback")]),
        ("none at all is left", failed(*ALL), []),
        ("what failed was another update", failed(PUSH, SMS, number=2), [("push", "news"), ("sms", "news")]),
        ("our own fault is past: it is tried again", parked(*ALL), [("push", "news"), ("sms", "news")]),
        ("... only there", parked(SMS) + failed(PUSH, EMAIL), [("sms", "news")]),
        ("... and only once it is past", parked(*ALL, at=11), []),
        ("... and only where nothing else is left", parked(PUSH, SMS), [("email", "fallback")]),
    ],
)
def test_loud(because, tellings, expected):
    assert loudly(person(*ALL), *tellings) == expected, because


@pytest.mark.parametrize(
    ("because", "who", "tellings", "expected"),
    [
        ("beside the list", person(PUSH, SMS, listed=("push",)), [], [("push", "news"), ("sms", "floor")]),
        ("a listed one will do", person(PUSH, SMS, VOICE), [], [("push", "news"), ("sms", "news")]),
        ("in the order written", person(PUSH, VOICE, SMS, listed=("push",)), [], [("push", "news"), ("voice", "floor")]),
        ("the next where one failed", person(PUSH, SMS, VOICE, listed=("push",)), failed(SMS), [("push", "news"), ("voice", "floor")]),
        ("the fallback will do", person(PUSH, SMS, listed=("push",)), failed(PUSH), [("sms", "fallback")]),
        ("one that our fault stopped, once it is past", person(PUSH, SMS, listed=("push",)), parked(SMS), [("push", "news"), ("sms", "floor")]),
        ("not while it lasts", person(PUSH, SMS, listed=("push",)), parked(SMS, at=11), [("push", "news")]),
        ("nobody has one", person(PUSH, EMAIL, listed=("push",)), [], [("push", "news")]),
        ("who asked for nothing gets no fallback", person(PUSH, SMS, listed=(), severity="major"), [], [("sms", "floor")]),
    ],
)  # fmt: skip
def test_a_floor_channel_where_one_is_demanded(because, who, tellings, expected):
    assert loudly(who, *tellings, floor=FLOOR) == expected, because


@pytest.mark.parametrize(
    ("because", "listed", "tellings", "expected"),
    [
        ("the listed one", ("push", "sms"), [], [PUSH]),
        ("the other where no silent one is listed", ("sms",), [], [PUSH, EMAIL]),
        ("the other where the listed one failed", ("push", "sms"), failed(PUSH), [EMAIL]),
        ("none is left", ("push", "sms"), failed(PUSH, EMAIL), []),
        ("our own fault is past", ("push", "sms"), parked(PUSH, EMAIL), [PUSH]),
        ("what is left goes before what is tried again", ("push", "sms"), parked(PUSH), [EMAIL]),
    ],
)
def test_silently(because, listed, tellings, expected):
    found = soft_targets(person(*ALL, listed=listed), known(*tellings), 1, Reason.SILENCE)
    assert found == [(each, Reason.SILENCE) for each in expected], because


def test_the_loud_copy_goes_to_what_can_wake():
    who = person(*ALL, listed=("push", "sms", "email"))
    assert copy_targets(who, known(), 1) == [PUSH, SMS]
    assert copy_targets(who, known(*failed(PUSH)), 1) == [SMS]
    assert copy_targets(who, known(*failed(PUSH)), 2) == [PUSH, SMS]
    assert copy_targets(person(EMAIL), known(), 1) == []


def test_at_night_only_the_silent_ways_are_open():
    who = person(*ALL)
    assert ways(who, make.NOON) == list(ALL)
    assert ways(who, make.NOON + timedelta(hours=11)) == [PUSH]
    assert ways(person(SMS), make.NOON + timedelta(hours=11)) == []


@pytest.mark.parametrize(
    ("because", "tellings", "expected"),
    [
        ("where they were told", [telling(SMS), telling(EMAIL)], [("sms", "all_clear"), ("email", "all_clear")]),
        ("where it may have arrived", [telling(EMAIL, state=DeliveryState.UNKNOWN)], [("email", "all_clear")]),
        ("told by the phone alone", [], [("push", "fallback")]),
        ("there it failed: the next", [telling(SMS), *failed(SMS, number=2)], [("push", "fallback")]),
        ("our fault is past", [telling(SMS), *failed(PUSH, EMAIL, number=2), telling(SMS, 2, 9, state=DeliveryState.PARKED)],
         [("sms", "all_clear")]),
        ("nothing is left", failed(*ALL, number=2), []),
    ],
)  # fmt: skip
def test_who_wants_nothing_more_hears_the_end_where_they_were_told(because, tellings, expected):
    """R11: the list that applies now is empty, and they were told before it was."""
    found = told_targets(person(*ALL, listed=(), severity="major"), known(*tellings), 2, Reason.ALL_CLEAR)
    assert [(address.channel, reason.value) for address, reason in found] == expected, because


@pytest.mark.parametrize(
    ("because", "addresses", "tellings", "expected"),
    [
        ("nothing failed", (SMS, VOICE), [], None),
        ("a floor address did", (PUSH, SMS, VOICE), failed(SMS), VOICE),
        ("another update did", (SMS, VOICE), failed(SMS, number=2), None),
        ("what failed was no floor address", (PUSH, SMS), failed(PUSH), None),
        ("no other is left", (PUSH, SMS), failed(SMS), None),
        ("another one has this very update", (SMS, SMS2, VOICE), [*failed(SMS), telling(VOICE)], None),
        ("... or one newer than it", (SMS, VOICE), [*failed(SMS), telling(VOICE, 2)], None),
        ("... or is about to", (SMS, VOICE), [*failed(SMS), telling(VOICE, state=DeliveryState.LEASED)], None),
        ("our own fault is past: once more there", (PUSH, SMS), parked(SMS), SMS),
        ("... but another that is left comes first", (SMS, SMS2), parked(SMS), SMS2),
        ("... and not while it lasts", (PUSH, SMS), parked(SMS, at=11), None),
    ],
)
def test_what_takes_the_place_of_a_floor_address_that_failed_afterwards(because, addresses, tellings, expected):
    assert floor_target(person(*addresses), known(*tellings), 1, FLOOR) == expected, because


def test_a_number_with_the_update_before_it_takes_the_place_of_one_that_failed():
    tellings = [telling(SMS), telling(VOICE), *failed(SMS, number=2)]
    assert floor_target(person(SMS, VOICE), known(*tellings), 2, FLOOR) == VOICE


def test_the_address_that_failed_counts_although_it_is_suspended_now():
    who = person(SMS, VOICE, addresses=make.suspended(SMS))
    assert floor_target(who, known(telling(SMS, state=DeliveryState.REFUSED)), 1, FLOOR) == VOICE
