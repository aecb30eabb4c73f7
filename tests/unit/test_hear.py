"""What one caregiver is to hear beside the rest of the family: by their own word, over their own floor (R2, R12)."""

from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Telling
from alertd.domain.incident import Incident, Kind, Severity
from alertd.domain.watch import Verdict
from tests import make
from tests.make import after, caregiver, history, own, said, telling, verdict

PUSH, SMS, VOICE, BEN = own("mia", "push"), own("mia", "sms"), own("mia", "voice"), own("ben", "sms")
UNDELIVERED = DeliveryState.UNDELIVERED
NIGHT, MORNING = 11 * 60, 18.5 * 60  # minutes after noon: 23:00, 06:30
AWAKE: dict[str, Any] = {"quiet_hours": "none"}
MIA = caregiver("mia", "push", preferences=make.preferences(**AWAKE))
TWO = make.family(MIA, caregiver("ben", "sms", order=2, preferences=make.preferences(**AWAKE)))
HELD = history((Kind.NOTICE, 0), (Kind.HOLDING, 20))
BEN_KNOWS = (telling(BEN), telling(BEN, 2, 20, framing=Framing.HOLDING, next_by=50))


def both(at: float, *tellings: Telling, **changes: Any) -> Verdict:
    """Mia heard the notice, which said 12:30; Ben has a holding since, which said 12:50."""
    given = {"incident": HELD, "family": TWO, "tellings": [telling(PUSH), *BEN_KNOWS, *tellings], **changes}
    return verdict(after(at), **given)


def test_what_one_was_promised_binds_us_although_the_other_has_heard_since():
    early = both(28.9)
    assert (early.owed, early.look_at) == ((), after(29))
    late = both(29)
    assert said(late.owed) == [("mia", "PUSH", "holding", "silence")]
    assert (late.update, late.holding) == (2, False)


@pytest.mark.parametrize("state", [DeliveryState.PENDING, DeliveryState.LEASED, DeliveryState.ACCEPTED])
def test_not_once_the_same_is_on_its_way_to_them_or_there(state):
    newer = telling(PUSH, 2, 25, framing=Framing.HOLDING, next_by=50, state=state)
    assert both(29, newer).owed == ()


def test_whoever_was_promised_nothing_waits_for_the_family():
    assert both(29, tellings=[telling(PUSH, next_by=None), *BEN_KNOWS]).owed == ()


def test_a_promise_that_falls_into_their_night_is_kept_in_the_morning():
    asleep = replace(MIA, preferences=make.preferences(quiet_hours="12:20-13:00"), addresses=(SMS,))
    given = {"family": make.family(asleep, TWO.caregivers[1]), "tellings": [telling(SMS), *BEN_KNOWS]}
    assert both(29, **given).owed == ()
    assert both(48, **given).look_at == after(49)  # Ben's
    assert ("mia", "SMS", "holding", "silence") in said(both(60, **given).owed)


PHONES = make.family(caregiver("mia", "push", "sms", "voice", preferences=make.preferences(**AWAKE)))
LOST = telling(SMS, state=UNDELIVERED)
NOTICED = make.incident()
FLOOR = [("mia", "VOICE", "notice", "floor")]


def floor(incident: Incident = NOTICED, *tellings: Telling, at: float = 1, **changes: Any) -> Verdict:
    given = {"incident": incident, "family": PHONES, "tellings": tellings or (telling(PUSH), LOST), **changes}
    return verdict(after(at), **given)


def update(kind: Kind, before: Severity = Severity.CRITICAL) -> Incident:
    return history((Kind.NOTICE, 0, {"severity": before}), (kind, 5, {"severity": Severity.CRITICAL}))


SECOND_LOST = (telling(PUSH), telling(SMS), telling(PUSH, 2, 5), telling(SMS, 2, 5, state=UNDELIVERED))


@pytest.mark.parametrize(
    ("because", "incident", "tellings", "changes", "expected"),
    [
        ("another floor address takes its place", NOTICED, (), {}, FLOOR),
        ("where nothing failed there is nothing to replace", NOTICED, (telling(PUSH), telling(SMS)), {}, []),
        ("what failed was no floor address", NOTICED, (telling(SMS), telling(PUSH, state=UNDELIVERED)), {}, []),
        ("it is not critical", history((Kind.NOTICE, 0, {"severity": Severity.MAJOR})), (), {}, []),
        ("the policy wakes nobody for a notice", NOTICED, (), {"policy": make.policy(wakes={})}, []),
        ("news that wakes nobody", update(Kind.PROGRESS), SECOND_LOST, {}, []),
        ("a raise does", update(Kind.SEVERITY, Severity.MAJOR), SECOND_LOST, {}, [("mia", "VOICE", "update", "floor")]),
        ("what is no news, told to them as their first notice", HELD, (telling(PUSH, 2, 20, framing=Framing.NOTICE),
         telling(SMS, 2, 20, framing=Framing.NOTICE, state=UNDELIVERED)), {"at": 21}, FLOOR),
        ("the policy has no other floor", NOTICED, (), {"policy": make.policy(floor=("sms",))}, []),
    ],
)  # fmt: skip
def test_where_the_floor_address_failed_after_the_message_had_arrived_elsewhere(
    because, incident, tellings, changes, expected
):
    given = {"at": 6 if len(incident.updates) > 1 else 1, **changes}
    assert said(floor(incident, *tellings, **given).owed) == expected, because


def at_night(*, woke: bool, family: Any = None) -> Verdict:
    """Told at 23:00; the SMS is taken back a minute later."""
    rows = [
        telling(PUSH, 1, NIGHT, next_by=NIGHT + 60, in_quiet=True, loud=woke),
        telling(SMS, 1, NIGHT, state=UNDELIVERED, in_quiet=woke, loud=True),
    ]
    watch = make.watch(touched_at=after(NIGHT), next_by=after(NIGHT + 10))
    sleeper = family or make.family(caregiver("mia", "push", "sms", "voice"))
    incident = history((Kind.NOTICE, NIGHT))
    return verdict(after(NIGHT + 1), incident=incident, family=sleeper, tellings=rows, watch=watch)


def test_at_night_the_floor_wakes_only_whom_the_message_was_meant_to_wake():
    [woken] = at_night(woke=True).owed
    assert (woken.channel, woken.loud, woken.in_quiet, woken.loud_until) == ("voice", True, True, None)
    assert woken.reader.hears_by == after(MORNING)
    spared = at_night(woke=False)
    assert spared.owed == ()
    assert spared.look_at is not None


def test_off_duty_no_floor_is_reached():
    off = caregiver("mia", "push", "sms", "voice", on_duty="mon-sun 08:00-15:00")
    assert at_night(woke=True, family=make.family(off)).owed == ()


def test_by_day_the_floor_is_loud_and_in_the_words_of_what_failed():
    [owed] = floor().owed
    assert (owed.loud, owed.in_quiet, owed.framing) == (True, False, Framing.NOTICE)
    assert owed.next_by == after(30)


WAITED = make.watch(waiting=("mia",), next_by=after(60))
NEWS = history((Kind.NOTICE, 0), (Kind.PROGRESS, 5))


@pytest.mark.parametrize(
    ("because", "incident", "tellings", "watch", "expected"),
    [
        ("never told: a first notice", NEWS, [], make.watch(), ("notice", "first_notice")),
        ("told before: news", NEWS, [telling(PUSH)], make.watch(), ("update", "news")),
        ("told before, and it waited for them: a wake-up", NEWS, [telling(PUSH)], WAITED, ("wake_up", "wake_up")),
        ("never told, and it waited: a first notice", NEWS, [], WAITED, ("notice", "first_notice")),
        ("they lack a holding that waited", HELD, [telling(PUSH, next_by=60)], WAITED, ("wake_up", "wake_up")),
    ],
)
def test_why_they_are_told(because, incident, tellings, watch, expected):
    mia = make.family(MIA)
    owed = verdict(after(21), incident=incident, family=mia, tellings=tellings, watch=watch).owed
    assert [(each.framing.value, each.reason.value) for each in owed] == [expected], because


def test_whoever_lacks_only_a_holding_that_is_not_due_is_owed_nothing():
    watch = make.watch(next_by=after(60))
    assert (
        verdict(
            after(21), incident=HELD, family=make.family(MIA), tellings=[telling(PUSH, next_by=60)], watch=watch
        ).owed
        == ()
    )


@pytest.mark.parametrize(
    ("because", "at", "tried", "expected"),
    [
        ("a margin before the first notice is due is soon enough", 8.9, True, []),
        ("... and then it goes another way", 9, True, [("mia", "email", "notice", "not_taken")]),
        ("what only waits for its turn has all of the time", 9.5, False, []),
        ("... and no more", 10, False, [("mia", "email", "notice", "not_taken")]),
    ],
)
def test_when_what_is_on_its_way_goes_another_way_too(because, at, tried, expected):
    waits = telling(PUSH, state=DeliveryState.PENDING, tried_at=after(0) if tried else None)
    family = make.family(replace(MIA, addresses=(PUSH, own("mia", "email"))))
    found = verdict(after(at), family=family, tellings=[waits], policy=make.policy(floor=()))
    assert said(found.owed) == expected, because
    if not expected:
        assert found.look_at == after(9 if at < 9 else 10), "and it is looked at just then"


def test_who_has_heard_it_elsewhere_and_who_has_one_address_go_no_other_way():
    waits = telling(PUSH, state=DeliveryState.PENDING)
    heard = [waits, telling(own("mia", "sms"))]
    family = make.family(replace(MIA, addresses=(PUSH, own("mia", "sms"), own("mia", "email"))))
    assert verdict(after(9), family=family, tellings=heard).owed == ()
    assert verdict(after(11), family=make.family(MIA), tellings=[waits]).owed == ()


def test_what_failed_before_anything_arrived_falls_back_at_once_and_news_frees_every_address():
    lost = telling(PUSH, state=UNDELIVERED)
    family = make.family(replace(MIA, addresses=(PUSH, own("mia", "email"))))
    given = {"family": family, "policy": make.policy(floor=())}
    assert said(verdict(after(1), tellings=[lost], **given).owed) == [("mia", "email", "notice", "fallback")]
    all_lost = [lost, telling(own("mia", "email"), state=UNDELIVERED)]
    assert verdict(after(1), tellings=all_lost, **given).owed == ()
    owed = verdict(after(6), tellings=all_lost, incident=NEWS, **given).owed
    assert {(each.channel, each.update) for each in owed} == {("push", 2)}
