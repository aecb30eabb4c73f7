"""R1, R4, R5, R15: who is told what by day, and why."""

from datetime import datetime, timedelta

import pytest

from alertd.domain.delivery import DeliveryState, Framing, Reason
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.plan import plan
from alertd.domain.watch import Rest
from tests import make
from tests.make import after, caregiver, history, own, said, telling, verdict

PUSH, SMS, EMAIL = (own("mia", channel) for channel in ("push", "sms", "email"))
FIRST = [
    ("mia", "PUSH", "notice", "first_notice"),
    ("mia", "SMS", "notice", "first_notice"),
]


def test_the_first_notice_goes_to_all_listed_channels_at_once():
    """R1, R12: critical lists push and sms."""
    v = verdict(after(0))

    assert said(v.owed) == FIRST
    assert (v.update, v.holding, v.rest, v.next_by) == (1, False, None, after(10))


def test_planning_twice_at_one_instant_owes_nothing_twice():
    tellings = [telling(a, 1, 0, state=DeliveryState.PENDING) for a in (PUSH, SMS)]

    assert verdict(after(0), tellings=tellings).owed == ()


@pytest.mark.parametrize("late", [0, 3, 25])
def test_someone_told_late_gets_the_newest_state_as_one_first_notice(late):
    """R1: not a stack of old updates."""
    incident = history((Kind.NOTICE, -90), (Kind.PROGRESS, -60), (Kind.PROGRESS, -30))

    v = verdict(after(late), incident=incident)

    assert said(v.owed) == FIRST
    assert {d.update for d in v.owed} == {3}


def test_until_the_first_acceptance_they_are_owed_it_within_first_notice_of_being_touched():
    """R1: not of the opening, two hours ago."""
    incident = history((Kind.NOTICE, -120), (Kind.PROGRESS, -30))
    flying = [telling(a, 2, 0, next_by=30, state=DeliveryState.PENDING) for a in (PUSH, SMS)]

    assert verdict(after(5), incident=incident, tellings=flying).next_by == after(10)


@pytest.mark.parametrize(
    ("kind", "changes", "framing"),
    [
        (Kind.PROGRESS, {"state": State.IDENTIFIED}, "update"),
        (Kind.CORRECTION, {"references": 1}, "update"),
        (Kind.SCOPE, {"scope": make.scope("follow", "share")}, "update"),
        (Kind.SEVERITY, {"severity": Severity.CRITICAL, "epoch": 2}, "update"),
        (Kind.REOPENING, {"epoch": 2}, "update"),
    ],
)
def test_every_human_update_is_told_at_once(kind, changes, framing):
    incident = history((Kind.NOTICE, 0), (kind, 12, changes))
    told = [telling(a) for a in (PUSH, SMS)]

    v = verdict(after(12), incident=incident, tellings=told)

    assert said(v.owed) == [("mia", "PUSH", framing, "news"), ("mia", "SMS", framing, "news")]


@pytest.mark.parametrize(
    ("kind", "changes", "because"),
    [
        (Kind.PROGRESS, {"notify": False}, "R5: marked `notify: false`"),
        (Kind.HOLDING, {}, "R3: another family's holding is pulled, not pushed"),
    ],
)
def test_what_moves_nothing(kind, changes, because):
    told = [telling(a) for a in (PUSH, SMS)]

    v = verdict(after(12), incident=history((Kind.NOTICE, 0), (kind, 12, changes)), tellings=told)

    assert v.owed == (), because
    assert v.next_by == after(30)
    assert v.look_at == after(29)


def test_what_nobody_is_to_hear_is_never_the_carrier_of_a_message():
    """R5: a holding is written over an internal note, and a late joiner gets the update before it."""
    note = history((Kind.NOTICE, 0), (Kind.PROGRESS, 12, {"notify": False}))
    told = [telling(a) for a in (PUSH, SMS)]
    ben = caregiver("ben", order=2)

    due = verdict(after(29), incident=note, tellings=told)
    joined = verdict(after(15), incident=note, tellings=told, family=make.family(caregiver(), ben))

    assert (due.holding, due.update) == (True, 3)
    assert {(d.caregiver, d.update) for d in joined.owed} == {("ben", 1)}


def test_only_the_always_roles_hear_every_update():
    """R7: parents and guardians; others when the ladder tells them."""
    nan = caregiver("nan", "sms", role="nurse", order=0, on_duty=None)

    v = verdict(after(0), family=make.family(caregiver(), nan), policy=make.policy(caregivers={}))

    assert {d.caregiver for d in v.owed} == {"mia"}


def test_where_nobody_has_such_a_role_the_first_in_order_hears_every_update():
    """R7."""
    aunt, uncle = (caregiver(name, role="aunt", order=order) for name, order in (("ann", 2), ("bob", 1)))

    assert {d.caregiver for d in verdict(after(0), family=make.family(aunt, uncle)).owed} == {"bob"}


def test_where_no_parent_can_be_reached_the_next_caregiver_stands_in():
    """R7: only a family without any usable address is owed nothing."""
    nan = caregiver("nan", "sms", role="nurse", order=2)
    family = make.family(caregiver(), nan)

    v = verdict(after(0), family=family, addresses=make.suspended(PUSH, SMS, EMAIL))

    assert said(v.owed) == [("nan", "SMS", "notice", "first_notice")]


@pytest.mark.parametrize(
    ("changes", "rest", "because"),
    [
        ({"addresses": make.suspended(PUSH, SMS, EMAIL)}, Rest.NO_ADDRESS, "every address was refused"),
        ({"addresses": make.opted_out(PUSH, SMS, EMAIL)}, Rest.OPTED_OUT, "every address said STOP"),
        ({"addresses": make.opted_out(PUSH, SMS) | make.suspended(EMAIL)}, Rest.NO_ADDRESS, "one did not say STOP"),
        ({"channels": frozenset({"voice"})}, Rest.NO_ADDRESS, "no channel of theirs has an adapter"),
        ({"family": make.family(caregiver("mia", addresses=()))}, Rest.NO_ADDRESS, "they have none"),
        (
            {"family": make.family(caregiver(addresses=(own("mia", "sms"), make.address("sms", verified=False)))),
             "addresses": make.suspended(SMS)},
            Rest.NO_ADDRESS,
            "an address that says `verified: false` may not be used",
        ),
    ],
)  # fmt: skip
def test_why_nobody_is_told(changes, rest, because):
    v = verdict(after(0), **changes)

    assert (v.owed, v.rest, v.look_at) == ((), rest, None), because


def test_muted_families_rest_and_are_told_when_it_gets_worse():
    """R12: an empty list means "do not tell me", not possible for critical."""
    family = make.family(caregiver(preferences=make.preferences(major=(), critical=())))
    major = history((Kind.NOTICE, 0, {"severity": Severity.MAJOR}))
    raised = history(
        (Kind.NOTICE, 0, {"severity": Severity.MAJOR}),
        (Kind.SEVERITY, 5, {"severity": Severity.CRITICAL, "epoch": 2}),
    )

    assert verdict(after(0), incident=major, family=family).rest is Rest.MUTED
    assert said(verdict(after(5), incident=raised, family=family).owed) == FIRST


def test_a_parent_who_muted_it_does_not_pass_it_on_to_the_nurse():
    """R12: muted is an answer, not a missing address."""
    nan = caregiver("nan", "sms", role="nurse", order=2)
    family = make.family(caregiver(preferences=make.preferences(major=())), nan)
    major = history((Kind.NOTICE, 0, {"severity": Severity.MAJOR}))

    v = verdict(after(0), incident=major, family=family)

    assert (v.owed, v.rest) == ((), Rest.MUTED)


def test_a_caregiver_who_joins_hears_the_newest_and_moves_no_clock():
    """R1, R4: a repeat says what the family already knows."""
    ben = caregiver("ben", "sms", order=2)
    told = [telling(a) for a in (PUSH, SMS)]

    v = verdict(after(10), family=make.family(caregiver(), ben), tellings=told)

    assert said(v.owed) == [("ben", "SMS", "notice", "first_notice")]
    assert v.owed[0].next_by == after(30)


def test_whoever_joins_just_before_the_silence_rule_speaks_gets_one_message_not_two():
    ben = caregiver("ben", "sms", order=2)
    told = [telling(a) for a in (PUSH, SMS)]

    v = verdict(after(28.5), family=make.family(caregiver(), ben), tellings=told)

    assert v.holding
    assert {(d.caregiver, d.update, d.next_by) for d in v.owed} == {
        ("mia", 2, after(58.5)),
        ("ben", 2, after(58.5)),
    }


def test_not_if_a_promise_is_due_then_which_only_a_holding_at_its_time_can_close():
    """R2: the first holding at or after `promise - margin` closes it; one before would say the same time again."""
    ben = caregiver("ben", "sms", order=2)
    incident = history((Kind.NOTICE, 0, {"promise": after(30)}))

    v = verdict(after(28.5), incident=incident, family=make.family(caregiver(), ben), tellings=[telling(PUSH)])

    assert not v.holding
    assert {d.caregiver for d in v.owed} == {"ben"}


def test_the_addresses_of_others_in_the_family_do_not_count_as_theirs():
    """A caregiver was told when an address of their own was, not when the other parent was."""
    ben = caregiver("ben", "sms", order=2)
    tellings = [telling(PUSH), telling(SMS), telling(own("ben", "sms"), state=DeliveryState.REFUSED)]
    stopped = make.suspended(own("ben", "sms"))

    v = verdict(after(5), family=make.family(caregiver(), ben), tellings=tellings, addresses=stopped)

    assert v.owed == ()
    assert v.look_at == after(29)


def test_a_telling_on_a_shared_address_counts_for_every_family_that_has_it():
    """Section 2, delivery: the school nurse was told for another family; hers is told by that."""
    nan = caregiver("nan", "sms", role="parent")
    shared = telling(own("nan", "sms"), 1, -5, next_by=25)

    v = verdict(after(0), family=make.family(nan), tellings=[shared])

    assert v.owed == ()
    assert v.next_by == after(25)


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_the_tellings_says_nothing(order):
    tellings = [
        telling(PUSH, 1, 0),
        telling(PUSH, 2, 12, next_by=42, state=DeliveryState.UNDELIVERED),
        telling(SMS, 2, 12, next_by=42),
        telling(EMAIL, 2, 13, next_by=42, state=DeliveryState.PENDING),
    ][::order]

    v = verdict(after(20), incident=history((Kind.NOTICE, 0), (Kind.PROGRESS, 12)), tellings=tellings)

    assert v.owed == ()
    assert v.next_by == after(42)


def test_a_family_newly_touched_by_a_growing_scope_gets_a_notice():
    """R15."""
    incident = history(
        (Kind.NOTICE, -60, {"scope": make.scope("follow", regions=("eu",))}),
        (Kind.SCOPE, 0, {"scope": make.scope("follow", regions=("eu", "us"))}),
    )

    v = verdict(after(0), incident=incident)

    assert said(v.owed) == FIRST
    assert v.owed[0].reader.services == ("follow",)


def test_only_the_failing_services_that_they_use_are_named():
    """Section 2, scope: in the scope's order."""
    incident = make.incident(make.update(1, Kind.NOTICE, scope=make.scope("share", "login", "follow")))

    v = verdict(after(0), incident=incident)

    assert v.owed[0].reader.services == ("share", "follow")


def test_every_message_says_for_whom_and_where():
    ben = caregiver("ben", "sms", locale="es", time_zone="America/Denver")

    (owed,) = verdict(after(0), family=make.family(ben)).owed

    assert (owed.reader.to, owed.reader.locale, owed.reader.zone) == ("+14155550109", "es", "America/Denver")
    assert owed.reader.hears_by == after(30)
    assert owed.reason is Reason.FIRST_NOTICE


def test_after_a_reopening_they_are_told_at_once_within_first_notice():
    """R1: at a reopening, `next_by` is when it began to touch them again plus `first_notice`."""
    incident = history(
        (Kind.NOTICE, 0),
        (Kind.RESOLUTION, 40, {"state": State.RESOLVED}),
        (Kind.REOPENING, 90, {"state": State.INVESTIGATING, "epoch": 2}),
    )
    over = telling(PUSH, 2, 40, next_by=None, framing=Framing.RESOLUTION)
    watch = make.watch(rest=Rest.CLOSED, owed=2)

    v = verdict(after(91), incident=incident, watch=watch, tellings=[telling(PUSH), over])

    assert said(v.owed) == [("mia", "PUSH", "update", "news"), ("mia", "SMS", "update", "news")]
    assert v.next_by == after(100)
    assert {d.epoch for d in v.owed} == {2}


def test_who_was_told_nothing_before_a_reopening_gets_a_notice_then():
    """R1."""
    incident = history(
        (Kind.NOTICE, 0),
        (Kind.RESOLUTION, 2, {"state": State.RESOLVED}),
        (Kind.REOPENING, 90, {"state": State.INVESTIGATING, "epoch": 2}),
    )

    v = verdict(after(90), incident=incident, watch=make.watch(rest=Rest.CLOSED))

    assert said(v.owed) == FIRST
    assert v.next_by == after(100)


class TestTouchedAgain:
    """R15, R1: a family that was told "not affected after all" starts anew."""

    RELEASED = (telling(PUSH, 1, 0), telling(PUSH, 1, 10, next_by=None, framing=Framing.NOT_AFFECTED, step=-2))

    def test_an_import_that_brings_them_back_is_a_first_notice_of_the_same_update(self):
        """A wrong file had moved them away: nothing about the incident changed, and they must be told again."""
        watch = make.watch(rest=Rest.NOT_TOUCHED, look_at=after(20))

        v = verdict(after(20), watch=watch, tellings=self.RELEASED)

        assert said(v.owed) == FIRST
        assert {(d.update, d.step, d.next_by) for d in v.owed} == {(1, -32, after(50))}
        assert (v.next_by, v.touched_at) == (after(30), after(20))

    def test_their_clock_starts_when_the_import_made_the_watch_due_not_when_somebody_looked(self):
        watch = make.watch(rest=Rest.NOT_TOUCHED, look_at=after(20))

        assert verdict(after(26), watch=watch, tellings=self.RELEASED).next_by == after(30)

    @pytest.mark.parametrize("look_at", [None, after(27)])
    def test_their_clock_starts_with_the_update_that_widened_the_scope(self, look_at: datetime | None):
        """Also while the watch waits for the end of a "not affected" that is in flight."""
        scopes = [{"scope": make.scope(service)} for service in ("follow", "login", "follow")]
        incident = history((Kind.NOTICE, 0, scopes[0]), (Kind.SCOPE, 10, scopes[1]), (Kind.SCOPE, 20, scopes[2]))
        watch = make.watch(rest=Rest.NOT_TOUCHED, look_at=look_at)

        v = verdict(after(26), incident=incident, watch=watch, tellings=self.RELEASED)

        assert (v.next_by, v.touched_at) == (after(30), after(20))
        assert said(v.owed) == FIRST

    def test_while_it_is_in_flight_that_they_are_not_affected_it_is_waited_for(self):
        """They know of the outage still; when it arrives they do not, and are to hear of it anew."""
        leased = telling(
            SMS, 1, 10, next_by=None, framing=Framing.NOT_AFFECTED, step=-2, state=DeliveryState.LEASED
        )
        watch = make.watch(rest=Rest.NOT_TOUCHED, look_at=after(11))

        v = verdict(after(11), watch=watch, tellings=[telling(PUSH, 1, 0), leased])

        assert (v.owed, v.look_at) == ((), after(11.5))  # a lease later

    def test_what_they_were_told_since_is_what_they_know(self):
        again = [telling(a, 1, 20, next_by=50, step=-32) for a in (PUSH, SMS)]
        watch = make.watch(touched_at=after(20))

        v = verdict(after(21), watch=watch, tellings=[*self.RELEASED, *again])

        assert v.owed == ()
        assert (v.next_by, v.look_at) == (after(50), after(49))

    def test_a_promise_from_before_binds_no_more(self):
        """R2: the clock stops when the incident no longer touches them; the old 12:30 is past at 13:00."""
        watch = make.watch(rest=Rest.NOT_TOUCHED, look_at=after(60))

        v = verdict(after(60), watch=watch, tellings=[telling(PUSH)])

        assert v.next_by == after(70)

    def test_who_never_heard_of_the_pause_still_has_the_older_promise(self):
        watch = make.watch(rest=Rest.NOT_TOUCHED, look_at=after(15))

        assert verdict(after(15), watch=watch, tellings=[telling(PUSH)]).next_by == after(30)


def test_look_at_is_always_later_than_now():
    """Even when everything is overdue and under way."""
    flying = [telling(a, 1, 0, state=DeliveryState.UNKNOWN) for a in (PUSH, SMS, EMAIL)]
    now = after(500)

    v = plan(make.duty(tellings=flying), now)

    assert not v.owed
    assert v.look_at == now + timedelta(seconds=30)


def test_what_goes_another_way_now_is_looked_at_by_its_own_time():
    """What hung for hours says nothing of it."""
    flying = [telling(a, 1, 0, state=DeliveryState.UNKNOWN) for a in (PUSH, SMS)]

    v = plan(make.duty(tellings=flying), after(500))

    assert {(owed.channel, owed.next_by) for owed in v.owed} == {("email", after(530))}
    assert v.look_at == after(529)
