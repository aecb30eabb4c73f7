"""What a message says to its reader beside the facts: when they hear again, what wakes them, what is new to them."""

from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.delivery import Ask, Change, DeliveryState, Framing, Owed, Reader
from alertd.domain.family import Caregiver
from alertd.domain.incident import Incident, Kind, Severity
from alertd.domain.policy import Policy
from tests import make
from tests.make import after, caregiver, history, own, telling, verdict

EVENING, NIGHT, MORNING = 9.75 * 60, 11 * 60, 18.5 * 60  # minutes after noon: 21:45, 23:00, 06:30
PUSH, SMS, EMAIL = own("mia", "push"), own("mia", "sms"), own("mia", "email")
CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR


def mia(*channels: str, listed: tuple[str, ...] = ("push", "sms"), **changes: Any) -> Caregiver:
    return caregiver(
        "mia", *channels, preferences=make.preferences(critical=listed, major=listed, minor=listed), **changes
    )


def owed(
    at: float, incident: Incident, *tellings: Any, person: Caregiver | None = None, **changes: Any
) -> list[Owed]:
    watch = make.watch(touched_at=incident.opened_at, next_by=incident.opened_at + make.minutes(10))
    given = {"family": make.family(person or mia()), "watch": watch, **changes}
    return list(verdict(after(at), incident=incident, tellings=tellings, **given).owed)


def read(at: float, incident: Incident, *tellings: Any, **changes: Any) -> Reader:
    """What the first message says."""
    return owed(at, incident, *tellings, **changes)[0].reader


def down(at: float, severity: Severity = CRITICAL) -> Incident:
    return history((Kind.NOTICE, at, {"severity": severity}))


def waking(**kinds: set[Kind]) -> Policy:
    return make.policy(wakes={Severity(name): frozenset(each) for name, each in kinds.items()})


ENDS, RAISES, GROWS, NOTICE = Kind.RESOLUTION, Kind.SEVERITY, Kind.SCOPE, Kind.NOTICE


@pytest.mark.parametrize(
    ("because", "at", "policy", "person", "quiet", "end_wakes"),
    [
        ("by day nothing is said of waking", 0, make.policy(), mia(), False, False),
        ("the next word would come in the night", EVENING, make.policy(), mia(), True, False),
        ("this one wakes them, and so will the end", NIGHT, make.policy(), mia(), True, True),
        ("the end wakes nobody here", NIGHT, waking(critical={NOTICE, GROWS}), mia(), True, False),
        ("what gets worse wakes nobody", NIGHT, waking(critical={NOTICE, ENDS}), mia(), False, False),
        ("more than what gets worse wakes them", NIGHT, waking(critical={NOTICE, GROWS, Kind.PROGRESS}), mia(), False, False),
        ("a correction too", NIGHT, waking(critical={NOTICE, GROWS, ENDS}, minor={Kind.CORRECTION}), mia(), False, False),
        ("off duty they would not hear that it gets worse", NIGHT, make.policy(), mia(on_duty="mon-sun 00:00-24:00"), False, False),
        ("nothing of theirs can wake", NIGHT, make.policy(), mia("email", listed=("email",)), False, False),
        ("a floor channel can", NIGHT, make.policy(), mia("email", "sms", listed=("email",)), True, True),
        ("the fallback can", NIGHT, make.policy(floor=()), mia("sms", "email", listed=("push",)), True, True),
        ("the fallback cannot", NIGHT, make.policy(floor=()), mia("email", "sms", listed=("push",)), False, False),
    ],
)  # fmt: skip
def test_what_wakes_is_said_to_those_whose_next_word_falls_into_the_night(
    because, at, policy, person, quiet, end_wakes
):
    found = read(at, down(at), person=person, policy=policy)
    assert (found.quiet, found.end_wakes) == (quiet, end_wakes), because


def test_of_what_is_not_critical_they_are_woken_when_it_becomes_so():
    policy = make.policy(silence=make.silence(quiet=dict.fromkeys(Severity, make.minutes(60))))
    assert read(NIGHT, down(NIGHT, MAJOR), policy=policy).quiet
    without = replace(policy, wakes={CRITICAL: frozenset({NOTICE, GROWS, ENDS})})
    assert not read(NIGHT, down(NIGHT, MAJOR), policy=without).quiet
    by_major = replace(policy, wakes={MAJOR: frozenset({RAISES})})
    assert not read(NIGHT, down(NIGHT, MAJOR), policy=by_major).quiet
    muted_when_worse = replace(mia(), preferences=make.preferences(critical=("email",), major=("push",)))
    quiet = read(NIGHT, down(NIGHT, MAJOR), policy=replace(policy, floor=()), person=muted_when_worse).quiet
    assert not quiet  # what is critical would go to their mailbox


def test_whoever_was_woken_before_is_told_that_the_end_wakes_even_silently():
    news = history((Kind.NOTICE, NIGHT), (Kind.PROGRESS, NIGHT + 10))
    woken = telling(PUSH, 1, NIGHT, in_quiet=True, next_by=NIGHT + 60)
    awake = telling(PUSH, 1, NIGHT, next_by=NIGHT + 60)
    assert read(NIGHT + 10, news, woken).end_wakes
    assert not read(NIGHT + 10, news, awake).end_wakes
    assert read(NIGHT + 10, news, awake).quiet


def test_when_they_hear_again_is_their_own_waking_where_the_next_word_falls_into_the_night():
    [push, sms] = owed(NIGHT, down(NIGHT))
    assert {each.reader.hears_by for each in (push, sms)} == {after(MORNING)}
    assert push.next_by == after(NIGHT + 60)
    assert read(0, down(0)).hears_by == after(30)


@pytest.mark.parametrize(
    ("because", "told", "now", "change"),
    [
        ("graver", {"severity": MAJOR}, {"severity": CRITICAL}, Change.WORSE),
        ("milder", {"severity": CRITICAL}, {"severity": MINOR}, Change.BETTER),
        ("graver counts for more than what fails", {"severity": MAJOR}, {"severity": CRITICAL, "scope": make.scope("share")}, Change.WORSE),
        ("other services of theirs fail", {}, {"scope": make.scope("follow", "share")}, Change.SCOPE),
        ("the same in another order", {"scope": make.scope("share", "follow")}, {"scope": make.scope("follow", "share")}, Change.NONE),
        ("services of others", {}, {"scope": make.scope("follow", "login")}, Change.NONE),
        ("nothing", {}, {}, Change.NONE),
    ],
)  # fmt: skip
def test_what_has_changed_since_they_were_told(because, told, now, change):
    incident = history((Kind.NOTICE, 0, told), (Kind.PROGRESS, 10, {"facts": make.facts(**{**told, **now})}))
    assert read(10, incident, telling(PUSH), telling(SMS)).change is change, because


def test_what_has_changed_is_reckoned_from_what_they_heard_and_not_from_the_update_before():
    up_and_down = history(
        (Kind.NOTICE, 0, {"severity": MAJOR}),
        (RAISES, 5, {"severity": CRITICAL}),
        (RAISES, 10, {"severity": MAJOR}),
    )
    assert read(10, up_and_down, telling(PUSH), telling(SMS)).change is Change.NONE
    assert read(10, up_and_down, telling(PUSH, 2, 5), telling(SMS, 2, 5)).change is Change.BETTER


def test_a_first_notice_has_nothing_to_compare():
    incident = history((Kind.NOTICE, 0, {"severity": MAJOR}), (RAISES, 5, {"severity": CRITICAL}))
    found = owed(5, incident)[0]
    assert (found.framing, found.reader.change, found.reader.released) == (Framing.NOTICE, Change.NONE, ())


def test_services_that_work_again_are_named_in_news_and_not_in_what_repeats_it():
    both = make.scope("follow", "share", "login")
    fewer = history((Kind.NOTICE, 0, {"scope": both}), (GROWS, 10, {"scope": make.scope("follow")}))
    assert read(10, fewer, telling(PUSH), telling(SMS)).released == ("share",)
    told = [telling(PUSH, 2, 10, next_by=40), telling(SMS, 2, 10, next_by=40)]
    assert read(40, fewer, *told).released == ()


def test_only_what_climbs_asks_and_reminds_only_those_who_were_told():
    assert read(0, down(0)).asks is Ask.NONE
    climbing = make.climbing((0, "always"), (10, "always"))
    assert read(0, down(0), policy=climbing).asks is Ask.ANSWER
    told = [telling(PUSH), telling(SMS)]
    assert {o.reader.asks for o in owed(10, down(0), *told, policy=climbing)} == {Ask.REMIND}
    lost = [telling(to, state=DeliveryState.UNDELIVERED) for to in (PUSH, SMS)]
    assert {o.reader.asks for o in owed(1, down(0), *lost, policy=climbing)} == {Ask.ANSWER}


@pytest.mark.parametrize(
    ("because", "between", "missed"),
    [
        ("what people said meanwhile", [(Kind.PROGRESS, {}), (Kind.PROGRESS, {})], 2),
        ("holdings are no news", [(Kind.PROGRESS, {}), (Kind.HOLDING, {})], 1),
        ("what nobody was to hear was not missed", [(Kind.PROGRESS, {}), (Kind.PROGRESS, {"notify": False})], 1),
        ("nor what was taken back", [(Kind.PROGRESS, {}), (Kind.PROGRESS, {}), (Kind.RECALL, {"references": 3, "notify": False})], 1),
    ],
)  # fmt: skip
def test_at_wake_up_they_hear_how_many_updates_they_missed(because, between, missed):
    steps = [(kind, NIGHT + n, changes) for n, (kind, changes) in enumerate(between)]
    incident = history((Kind.NOTICE, EVENING, {"severity": MAJOR}), *steps)
    waiting = make.watch(touched_at=after(EVENING), next_by=after(MORNING), waiting=("mia",))
    told = [telling(to, 1, EVENING, next_by=MORNING) for to in (PUSH, SMS)]
    found = owed(MORNING, incident, *told, watch=waiting)[0]
    assert (found.framing, found.reader.missed) == (Framing.WAKE_UP, missed), because
