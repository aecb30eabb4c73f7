"""The planner, rule by rule: a sentence per row."""

from datetime import timedelta
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Reason
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.plan import plan
from alertd.domain.watch import Rest
from tests import make
from tests.make import after, caregiver, history, minutes, own, said, telling

NOTICE = (Kind.NOTICE, 0.0)
PUSH, SMS, EMAIL = own("mia", "push"), own("mia", "sms"), own("mia", "email")
TOLD = (telling(PUSH), telling(SMS))  # the first notice, at noon, which said 12:30


def owed(at: float, **changes: Any) -> list[tuple[str, str, str, str]]:
    """What Mia's family is owed so many minutes after noon."""
    return said(make.verdict(after(at), **changes).owed)


FIRST = [("mia", "PUSH", "notice", "first_notice"), ("mia", "SMS", "notice", "first_notice")]


@pytest.mark.parametrize(
    ("sentence", "at", "changes", "expected"),
    [
        ("R1: a touched family is told at once, over all channels of the list", 0, {}, FIRST),
        ("R12: whoever listed nothing for critical gets the role's channels", 0, {}, FIRST),
        ("level-triggered: what was told is not told again", 1, {"tellings": TOLD}, []),
        (
            "level-triggered: what is in flight is not planned again",
            1,
            {"tellings": [telling(PUSH, state=DeliveryState.LEASED), telling(SMS, state=DeliveryState.UNKNOWN)]},
            [],
        ),
        ("R2: before next_by - margin nothing is owed", 28.9, {"tellings": TOLD}, []),
        (
            "R2, R3: at next_by - margin the family is owed a holding",
            29,
            {"tellings": TOLD},
            [("mia", "PUSH", "holding", "silence"), ("mia", "SMS", "holding", "silence")],
        ),
        (
            "R4: news is owed at once, as an update",
            10,
            {"tellings": TOLD, "incident": history(NOTICE, (Kind.PROGRESS, 10.0))},
            [("mia", "PUSH", "update", "news"), ("mia", "SMS", "update", "news")],
        ),
        (
            "R5: an update marked notify: false is owed to nobody",
            10,
            {"tellings": TOLD, "incident": history(NOTICE, (Kind.PROGRESS, 10.0, {"notify": False}))},
            [],
        ),
        (
            "R12: where the listed push was refused, SMS of the same list already has it",
            1,
            {
                "tellings": [telling(PUSH, state=DeliveryState.REFUSED), telling(SMS)],
                "addresses": make.suspended(PUSH),
            },
            [],
        ),
        (
            "R12: where all of the list failed, the next usable address in the order written",
            1,
            {
                "tellings": [
                    telling(PUSH, state=DeliveryState.REFUSED),
                    telling(SMS, state=DeliveryState.REFUSED),
                ],
                "addresses": make.suspended(PUSH, SMS),
            },
            [("mia", "email", "notice", "fallback")],
        ),
        (
            "R12: push never counts as a floor: a critical notice adds SMS",
            0,
            {"family": make.family(caregiver(preferences=make.preferences(critical=("push",))))},
            [("mia", "PUSH", "notice", "first_notice"), ("mia", "SMS", "notice", "floor")],
        ),
        (
            "R12: an empty list is no answer while caregivers are blind",
            0,
            {"family": make.family(caregiver(preferences=make.preferences(critical=())))},
            FIRST,
        ),
        (
            "R12: whoever opted out of an address is told over the others",
            0,
            {"addresses": make.opted_out(SMS)},
            [("mia", "PUSH", "notice", "first_notice")],
        ),
        (
            "R7: a grandparent is not in `always`, and hears nothing yet",
            0,
            {"family": make.family(caregiver(), caregiver("abe", "sms", role="grandparent", order=2))},
            FIRST,
        ),
        (
            "R7: with nobody of these roles the first in order hears",
            0,
            {"family": make.family(caregiver("abe", "sms", role="grandparent", order=2))},
            [("abe", "SMS", "notice", "first_notice")],
        ),
        (
            "R11: the end goes to exactly those who were told",
            20,
            {"tellings": TOLD, "incident": history(NOTICE, (Kind.RESOLUTION, 20.0, {"state": State.RESOLVED}))},
            [("mia", "PUSH", "resolution", "all_clear"), ("mia", "SMS", "resolution", "all_clear")],
        ),
        (
            "R11: who was told nothing is told no end",
            20,
            {"incident": history(NOTICE, (Kind.RESOLUTION, 20.0, {"state": State.RESOLVED}))},
            [],
        ),
        (
            "R11: a false alarm is called off in its own words",
            20,
            {
                "tellings": TOLD[1:],
                "incident": history(NOTICE, (Kind.CANCELLATION, 20.0, {"state": State.CANCELLED})),
            },
            [("mia", "PUSH", "cancellation", "all_clear"), ("mia", "SMS", "cancellation", "all_clear")],
        ),
        (
            "R15: who is no longer touched hears so once",
            20,
            {"tellings": TOLD, "incident": history(NOTICE, (Kind.SCOPE, 20.0, {"scope": make.scope("login")}))},
            [("mia", "PUSH", "not_affected", "not_affected"), ("mia", "SMS", "not_affected", "not_affected")],
        ),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_what_is_owed(sentence: str, at: float, changes: dict[str, Any], expected: list[Any]) -> None:
    assert owed(at, **changes) == sorted(expected), sentence


@pytest.mark.parametrize(
    ("sentence", "changes", "next_by"),
    [
        ("critical by day: half an hour", {}, 30),
        (
            "in monitoring twice as long",
            {"incident": make.incident(make.update(1, Kind.NOTICE, state=State.MONITORING))},
            60,
        ),
        (
            "a promise that comes first binds",
            {"incident": make.incident(make.update(1, Kind.NOTICE, promise=after(15)))},
            15,
        ),
        (
            "a promise beyond the window does not",
            {"incident": make.incident(make.update(1, Kind.NOTICE, promise=after(50)))},
            30,
        ),
        ("major: an hour", {"incident": make.incident(make.update(1, Kind.NOTICE, severity=Severity.MAJOR))}, 60),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_r2_what_a_message_says_of_the_next(sentence: str, changes: dict[str, Any], next_by: float) -> None:
    verdict = make.verdict(make.NOON, **changes)
    assert {d.next_by for d in verdict.owed} == {after(next_by)}, sentence
    assert {d.stale_after for d in verdict.owed} == {after(next_by / 2)}, "half of its time"


def test_r2_until_the_first_acceptance_the_first_notice_binds() -> None:
    """`next_by` of the family is when it began to touch them plus `first_notice`, whatever is in flight."""
    assert make.verdict(make.NOON).next_by == after(10)
    assert make.verdict(make.NOON, tellings=TOLD).next_by == after(30)


def test_r2_a_raise_brings_the_deadline_nearer_and_a_fall_does_not_push_it() -> None:
    """Until they are told again, new facts only bring `next_by` nearer."""
    told = [telling(PUSH, next_by=60), telling(SMS, next_by=60)]
    raised = history(
        (Kind.NOTICE, 0.0, {"severity": Severity.MAJOR}), (Kind.SEVERITY, 10.0, {"severity": Severity.CRITICAL})
    )
    assert make.verdict(after(10), tellings=told, incident=raised).next_by == after(40)
    fallen = history(NOTICE, (Kind.SEVERITY, 10.0, {"severity": Severity.MAJOR}))
    assert make.verdict(after(10), tellings=TOLD, incident=fallen).next_by == after(30)


def test_r3_a_holding_is_pulled_by_whose_time_has_come_and_taken_by_who_comes_later() -> None:
    """The first writes number 2; a family due later takes that one."""
    first = make.verdict(after(29), tellings=TOLD)
    assert (first.holding, first.update) == (True, 2)
    held = history(NOTICE, (Kind.HOLDING, 25.0))
    later = make.verdict(after(29), tellings=TOLD, incident=held)
    assert (later.holding, later.update) == (False, 2)
    assert make.verdict(after(26), tellings=TOLD, incident=held).owed == (), "pulled, not pushed"


def test_r3_a_holding_closes_a_promise_that_it_stands_for() -> None:
    """A closed promise binds no later `next_by`."""
    promised = history((Kind.NOTICE, 0.0, {"promise": after(20)}))
    told = [telling(PUSH, next_by=20), telling(SMS, next_by=20)]
    verdict = make.verdict(after(19), tellings=told, incident=promised)
    assert verdict.holding
    assert {d.next_by for d in verdict.owed} == {after(49)}


@pytest.mark.parametrize(
    ("sentence", "at", "changes", "look_at"),
    [
        ("told the newest: next_by - margin", 1, {"tellings": TOLD}, 29),
        ("written, none accepted yet: a margin before next_by as it stands", 0, {}, 9),
        (
            "in flight: the same",
            1,
            {"tellings": [telling(PUSH, state=DeliveryState.PENDING), telling(SMS, state=DeliveryState.PENDING)]},
            9,
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_look_at_table(sentence: str, at: float, changes: dict[str, Any], look_at: float) -> None:
    assert make.verdict(after(at), **changes).look_at == after(look_at), sentence


def test_nobody_to_tell_is_named_and_looked_at_no_more() -> None:
    """`no_address`, `muted`, `opted_out`: none, until something changes."""
    all_dead = make.verdict(make.NOON, addresses=make.suspended(PUSH, SMS, EMAIL))
    assert (all_dead.rest, all_dead.look_at, all_dead.owed) == (Rest.NO_ADDRESS, None, ())
    gone = make.verdict(make.NOON, addresses=make.opted_out(PUSH, SMS, EMAIL))
    assert (gone.rest, gone.look_at) == (Rest.OPTED_OUT, None)
    minor = make.incident(make.update(1, Kind.NOTICE, severity=Severity.MINOR))
    muted = make.family(caregiver(preferences=make.preferences(minor=())))
    assert make.verdict(make.NOON, family=muted, incident=minor).rest is Rest.MUTED


NIGHT = minutes(60 * 13)  # 01:00 in Los Angeles


def at_night(**changes: Any) -> Any:
    """A plan at 01:00, for an outage that began then."""
    now = make.NOON + NIGHT
    opened = make.incident(
        make.update(1, Kind.NOTICE, at=now, severity=changes.pop("severity", Severity.CRITICAL))
    )
    given = {"incident": opened, "watch": make.watch(touched_at=now, next_by=now + minutes(10)), **changes}
    return plan(make.duty(**given), now)


def test_r10_what_the_policy_wakes_for_is_loud_at_night() -> None:
    """A critical notice wakes; the message says when they hear again."""
    verdict = at_night()
    assert {(d.channel, d.loud, d.in_quiet) for d in verdict.owed} == {("push", True, True), ("sms", True, True)}
    assert {d.reader.quiet for d in verdict.owed} == {True}
    assert {d.reader.hears_by for d in verdict.owed} == {make.NOON + NIGHT + minutes(330)}, "at wake-up, 06:30"


def test_r10_what_does_not_wake_waits_where_the_policy_waits() -> None:
    """Major at night: nothing now; look again at 06:30; the excuse is `quiet`."""
    verdict = at_night(severity=Severity.MAJOR)
    assert (verdict.owed, verdict.rest, verdict.waiting) == ((), Rest.QUIET, ("mia",))
    assert verdict.look_at == make.NOON + NIGHT + minutes(330)


def test_r10_who_waited_gets_one_loud_message_at_wake_up() -> None:
    """... with the newest state."""
    verdict = at_night(severity=Severity.MAJOR)
    morning = make.NOON + NIGHT + minutes(330)
    opened = make.incident(make.update(1, Kind.NOTICE, at=make.NOON + NIGHT, severity=Severity.MAJOR))
    watch = make.watch(touched_at=make.NOON + NIGHT, waiting=verdict.waiting, look_at=morning)
    woken = plan(make.duty(incident=opened, watch=watch), morning)
    assert said(woken.owed) == [("mia", "PUSH", "notice", "first_notice")]


def test_every_delivery_carries_its_reason_and_framing() -> None:
    """Every decision has a reason."""
    verdict = make.verdict(make.NOON)
    assert {d.reason for d in verdict.owed} == {Reason.FIRST_NOTICE}
    assert {d.framing for d in verdict.owed} == {Framing.NOTICE}
    assert all(d.next_by and d.next_by - make.NOON == timedelta(minutes=30) for d in verdict.owed)
