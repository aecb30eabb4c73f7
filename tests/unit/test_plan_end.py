"""R11: the end is as loud as the outage was for each of those who were told, and names what had failed for them."""

from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.incident import Incident, Kind, Severity, State
from alertd.domain.knowledge import know
from tests import make
from tests.make import after, caregiver, history, own, said, telling, verdict

PUSH, SMS, EMAIL = own("mia", "push"), own("mia", "sms"), own("mia", "email")
EVENING, NIGHT, MORNING = 9 * 60, 11 * 60, 18.5 * 60  # minutes after noon: 21:00, 23:00, 06:30
PUSH_ONLY = make.family(caregiver(preferences=make.preferences(critical=("push",))))
AWAKE = telling(PUSH, 1, EVENING, next_by=NIGHT)
WOKEN = telling(PUSH, 1, NIGHT - 20, next_by=NIGHT, in_quiet=True)


def over(at: float, *between: Any, began: float = EVENING, **facts: Any) -> Incident:
    """An incident that was resolved `at` minutes after noon."""
    return history((Kind.NOTICE, began, facts), *between, (Kind.RESOLUTION, at, {"state": State.RESOLVED}))


@pytest.mark.parametrize(
    ("sentence", "told", "policy", "expected"),
    [
        (
            "whom nothing woke is told softly at night",
            AWAKE,
            make.policy(),
            [("mia", "push", "resolution", "all_clear")],
        ),
        (
            "whom it woke is woken, over a floor channel too",
            WOKEN,
            make.policy(),
            [("mia", "PUSH", "resolution", "all_clear"), ("mia", "SMS", "resolution", "floor")],
        ),
        (
            "but not where the policy wakes for nothing",
            WOKEN,
            make.policy(wakes={}),
            [("mia", "push", "resolution", "all_clear")],
        ),
    ],
)
def test_at_night(sentence: str, told: Any, policy: Any, expected: Any) -> None:
    found = verdict(after(NIGHT + 10), incident=over(NIGHT), family=PUSH_ONLY, policy=policy, tellings=[told])

    assert said(found.owed) == expected, sentence


def test_by_day_the_end_needs_no_floor_channel() -> None:
    found = verdict(after(20), incident=over(20, began=0), family=PUSH_ONLY, tellings=[telling(PUSH)])

    assert said(found.owed) == [("mia", "PUSH", "resolution", "all_clear")]


def test_the_end_goes_where_the_outage_at_its_worst_was_told() -> None:
    fell = (Kind.SEVERITY, 10, {"facts": make.facts(severity=Severity.MINOR)})
    ended = (Kind.RESOLUTION, 20, {"facts": make.facts(severity=Severity.MINOR, state=State.RESOLVED)})
    told = [telling(PUSH), telling(SMS), telling(EMAIL, 2, 10)]

    found = verdict(after(20), incident=history((Kind.NOTICE, 0), fell, ended), tellings=told)

    assert {each.channel for each in found.owed} == {"push", "sms"}


def test_it_names_what_had_failed_where_the_family_lives() -> None:
    scope = replace(make.scope("follow", regions=("us",)))
    both = replace(scope, reaches=(*scope.reaches, *make.scope("share", regions=("eu",)).reaches))

    found = verdict(after(20), incident=over(20, began=0, scope=both), tellings=[telling(PUSH)])

    assert {each.reader.services for each in found.owed} == {("follow",)}


def test_what_is_on_its_way_is_looked_after_although_somebody_waits_for_the_morning() -> None:
    ben = caregiver("ben", "sms", order=2, preferences=make.preferences(quiet_hours="20:00-07:00"))
    mia = caregiver(preferences=make.preferences(quiet_hours="none"))
    now = after(EVENING + 30)
    told = [telling(PUSH, 1, EVENING), telling(own("ben", "sms"), 1, EVENING)]

    found = verdict(now, incident=over(EVENING + 30), family=make.family(mia, ben), tellings=told)

    assert {each.caregiver for each in found.owed} == {"mia"}
    assert found.waiting == ("ben",)
    assert found.look_at == now + make.duty().lease


@pytest.mark.parametrize(
    ("sentence", "severities", "at", "anew"),
    [
        ("a raise to critical asks anew", ("major",), 10, True),
        ("nothing asks anew in what is critical already", ("critical",), 10, False),
        ("nor does a raise within half an hour of a fall", ("critical", "major"), 39, False),
        ("but one after it does", ("critical", "major"), 40, True),
        ("what fell long ago counts no more", ("critical", "major", "critical", "major"), 89, False),
    ],
)
def test_r15_what_asks_anew(sentence: str, severities: tuple[str, ...], at: float, anew: bool) -> None:
    steps = [
        (
            Kind.SEVERITY if number else Kind.NOTICE,
            10.0 * number + (40 if number > 1 else 0),
            {"severity": Severity(each)},
        )
        for number, each in enumerate(severities)
    ]
    incident = history(*steps)

    assert incident.asks_anew(Severity.CRITICAL, after(at)) is anew, sentence
    assert not incident.asks_anew(Severity.MAJOR, after(at))
    assert not replace(incident, held=True).asks_anew(Severity.CRITICAL, after(at))


def test_r15_what_nobody_was_told_is_no_fall() -> None:
    """A machine said that it is critical, a person confirmed less, and it got as bad as that after all."""
    held = {"severity": Severity.CRITICAL, "notify": False, "source": "prober"}
    incident = history((Kind.NOTICE, 0, held), (Kind.NOTICE, 2, {"severity": Severity.MAJOR}))

    assert incident.asks_anew(Severity.CRITICAL, after(12))


def test_r15_what_comes_back_milder_and_gets_worse_asks_anew() -> None:
    incident = history(
        (Kind.NOTICE, 0, {"severity": Severity.CRITICAL}),
        (Kind.RESOLUTION, 60, {"severity": Severity.CRITICAL, "state": State.RESOLVED}),
        (Kind.REOPENING, 180, {"severity": Severity.MAJOR, "epoch": 2}),
    )

    assert incident.asks_anew(Severity.CRITICAL, after(190))


def test_it_does_not_matter_in_which_order_deliveries_are_read() -> None:
    rows = [
        telling(PUSH, 1, 0),
        telling(SMS, 1, 0, next_by=25),
        telling(PUSH, 2, 5, next_by=35, state=DeliveryState.DELIVERED),
        telling(PUSH, 2, 6, next_by=33, framing=Framing.HOLDING, step=2),
        telling(SMS, 2, 6, state=DeliveryState.UNDELIVERED),
        telling(SMS, 2, 7, state=DeliveryState.PENDING),
        telling(EMAIL, 2, 8, state=DeliveryState.PARKED),
        telling(EMAIL, 1, 2, framing=Framing.NOT_AFFECTED),
        telling(EMAIL, 1, 3, framing=Framing.NOT_AFFECTED, step=-2),
        telling(EMAIL, 1, 4, maybe=True, in_quiet=True),
        telling(EMAIL, 1, 1, state=DeliveryState.SUPERSEDED, maybe=True),
    ]
    known = know(rows, 1, after(60))

    assert know(reversed(rows), 1, after(60)) == known
    assert know(rows[4:] + rows[:4], 1, after(60)) == known
    assert known.released == {EMAIL.id: 2}
    assert known.at(PUSH.id).framing is Framing.HOLDING
    assert known.at(PUSH.id).next_by == after(33)
    assert known.at(EMAIL.id).maybe == 1
    assert not known.at(PUSH.id).maybe


def test_who_may_have_got_that_it_is_back_is_told_that_it_is_over() -> None:
    """They know of the first end; of the second outage no provider ever said that it had taken a word."""
    incident = history(
        (Kind.NOTICE, 0),
        (Kind.RESOLUTION, 30, {"state": State.RESOLVED}),
        (Kind.REOPENING, 60, {"state": State.INVESTIGATING}),
        (Kind.CANCELLATION, 80, {"state": State.CANCELLED}),
    )
    ended = [telling(SMS, 1, 0), telling(SMS, 2, 30, next_by=None, framing=Framing.RESOLUTION)]
    back = telling(SMS, 3, 60, next_by=90, state=DeliveryState.CANCELLED, maybe=True)
    given = {"incident": incident, "family": make.family(caregiver("mia", "sms"))}
    assert said(verdict(after(81), tellings=[*ended, back], **given).owed) == [
        ("mia", "SMS", "cancellation", "all_clear")
    ]
    assert verdict(after(81), tellings=[*ended, replace(back, maybe=False)], **given).owed == ()
    before = replace(ended[0], state=DeliveryState.SUPERSEDED, accepted_at=None, maybe=True)
    assert verdict(after(81), tellings=[before, ended[1]], **given).owed == (), "it came before that end"
