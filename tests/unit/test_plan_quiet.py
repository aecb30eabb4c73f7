"""R10: quiet hours defer, never drop; off duty is silence; waking up gives one loud message."""

from dataclasses import replace

import pytest

from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.family import Caregiver
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.plan import plan
from alertd.domain.watch import Rest
from tests import make
from tests.make import after, caregiver, history, minutes, own, said, telling, verdict

PUSH, SMS, EMAIL = (own("mia", channel) for channel in ("push", "sms", "email"))
CRITICAL, MAJOR = Severity.CRITICAL, Severity.MAJOR
EVENING, BEDTIME, NIGHT, MORNING = (
    9 * 60,
    10 * 60,
    11 * 60,
    18.5 * 60,
)  # minutes after noon: 21:00, 22:00, 23:00, 06:30
WAITS = make.policy(silence=make.silence(quiet=dict.fromkeys(Severity)))
WAKES_NOTHING = make.policy(wakes={})


def opened(at: float, *steps, severity: Severity = CRITICAL):
    """An incident with a notice `at` minutes after noon."""
    return history((Kind.NOTICE, at, {"severity": severity}), *steps)


def touched(at: float, **changes):
    """A watch from then on."""
    return make.watch(touched_at=after(at), next_by=after(at + 10), **changes)


class TestAtNight:
    @pytest.mark.parametrize(
        ("step", "policy", "owed", "because"),
        [
            (
                (Kind.PROGRESS, NIGHT),
                make.policy(),
                [("mia", "push", "update", "news")],
                "news goes soft at once where there is a soft address and the quiet window is a duration",
            ),
            ((Kind.PROGRESS, NIGHT), WAITS, [], "else it waits"),
            (
                (Kind.SCOPE, NIGHT, {"scope": make.scope("follow", "share")}),
                WAITS,
                [("mia", "PUSH", "update", "news"), ("mia", "SMS", "update", "news")],
                "only what the policy `wakes` for is loud",
            ),
            ((Kind.SCOPE, NIGHT), replace(WAITS, wakes={}), [], "nothing wakes: it waits"),
        ],
    )
    def test_news_is_loud_soft_or_waits(self, step, policy, owed, because):
        told = [telling(a, 1, EVENING, next_by=MORNING) for a in (PUSH, SMS)]

        v = verdict(
            after(NIGHT), incident=opened(EVENING, step), policy=policy, tellings=told, watch=touched(EVENING)
        )

        assert said(v.owed) == owed, because
        assert v.waiting == (() if owed else ("mia",))
        assert v.rest is (None if owed else Rest.QUIET)

    def test_soft_goes_to_an_address_that_is_not_listed_only_where_no_listed_one_is_soft(self):
        listed = caregiver(preferences=make.preferences(critical=("push", "sms")))
        other = caregiver(preferences=make.preferences(critical=("sms",)))
        incident = opened(EVENING, (Kind.PROGRESS, NIGHT))
        told = [telling(SMS, 1, EVENING, next_by=MORNING)]

        def soft(mia: Caregiver) -> list[tuple[str, str, str, str]]:
            return said(verdict(after(NIGHT), incident=incident, tellings=told, family=make.family(mia)).owed)

        assert soft(listed) == [("mia", "push", "update", "news")]
        assert soft(other) == [("mia", "email", "update", "news"), ("mia", "push", "update", "news")]

    def test_a_person_without_a_soft_address_waits(self):
        mia = caregiver("mia", "sms")
        incident = opened(EVENING, (Kind.PROGRESS, NIGHT))

        v = verdict(after(NIGHT), incident=incident, family=make.family(mia), tellings=[telling(SMS, 1, EVENING)])

        assert (v.owed, v.rest, v.waiting, v.look_at) == ((), Rest.QUIET, ("mia",), after(MORNING))

    def test_a_person_whose_soft_addresses_failed_waits_for_the_morning(self):
        """Found by the properties: nobody looked at wake-up, and the news came an hour later."""
        mia = caregiver("mia", "push", "sms", preferences=make.preferences(critical=("push",)))
        tellings = [
            telling(PUSH, 1, EVENING, next_by=NIGHT + 60),
            telling(PUSH, 2, NIGHT, state=DeliveryState.UNDELIVERED, loud=False, in_quiet=True),
        ]
        incident = opened(EVENING, (Kind.PROGRESS, NIGHT))

        v = verdict(after(NIGHT + 2), incident=incident, family=make.family(mia), tellings=tellings)

        assert (v.owed, v.waiting) == ((), ("mia",))
        assert v.look_at == after(NIGHT + 30), "a window later the next holding may try the soft address again"

    @pytest.mark.parametrize(
        ("steps", "told", "wakes", "because"),
        [
            ([], [], True, "nothing told yet at critical = notice"),
            ([(Kind.PROGRESS, NIGHT)], [], True, "judged by what they lack, not by the update that carries it"),
            ([(Kind.SEVERITY, NIGHT, {"epoch": 2}), (Kind.PROGRESS, NIGHT + 1)], [1], True, "the raise is still lacked"),
            ([(Kind.PROGRESS, NIGHT)], [1], False, "progress wakes nobody"),
            ([(Kind.REOPENING, NIGHT, {"epoch": 2})], [1], True, "a reopening"),
            ([(Kind.HOLDING, NIGHT)], [1], False, "a holding wakes nobody"),
        ],
    )  # fmt: skip
    def test_what_wakes(self, steps, told, wakes, because):
        first = MAJOR if any(kind is Kind.SEVERITY for kind, *_ in steps) else CRITICAL
        rows = [
            (kind, at, {"severity": CRITICAL, **(changes[0] if changes else {})}) for kind, at, *changes in steps
        ]
        incident = history((Kind.NOTICE, EVENING, {"severity": first}), *rows)
        tellings = [telling(a, n, EVENING, next_by=NIGHT + 90) for n in told for a in (PUSH, SMS)]

        v = verdict(after(NIGHT + 2), incident=incident, tellings=tellings, watch=touched(EVENING))

        assert any(d.loud for d in v.owed) is wakes, because
        assert all(d.in_quiet for d in v.owed)

    @pytest.mark.parametrize(
        ("changes", "wakes"),
        [
            ({"severity": CRITICAL}, True),
            ({"scope": make.scope("follow", "share"), "severity": CRITICAL}, True),
            ({}, False),
        ],
    )
    def test_a_correction_that_raises_wakes_like_a_raise(self, changes, wakes):
        """What somebody lacks is judged by the facts, not by the kind of the update that carries them."""
        severity = MAJOR if wakes else CRITICAL
        incident = opened(EVENING, (Kind.CORRECTION, NIGHT, {"references": 1, **changes}), severity=severity)
        v = verdict(after(NIGHT), incident=incident, watch=touched(EVENING), tellings=[telling(PUSH, 1, EVENING)])
        assert any(d.loud for d in v.owed) is wakes

    def test_a_correction_that_widens_wakes_like_a_wider_scope(self):
        wider = opened(EVENING, (Kind.CORRECTION, NIGHT, {"scope": make.scope("follow", "share")}))
        v = verdict(after(NIGHT), incident=wider, watch=touched(EVENING), tellings=[telling(PUSH, 1, EVENING)])
        assert any(d.loud for d in v.owed)

    def test_a_fall_wakes_nobody_even_where_changes_of_severity_do(self):
        """R15, and what the message said: we wake you only if it gets worse or is fixed."""
        policy = make.policy(wakes={MAJOR: make.WAKING, CRITICAL: make.WAKING})
        incident = opened(EVENING, (Kind.SEVERITY, NIGHT, {"severity": MAJOR}))

        v = verdict(after(NIGHT), incident=incident, policy=policy, tellings=[telling(PUSH, 1, EVENING)])

        assert not any(d.loud for d in v.owed)

    def test_a_fall_is_told_by_the_quiet_rules_of_the_severity_it_leaves(self):
        """R15: else the family, promised a soft word at 23:30, would hear nothing until the morning."""
        told = [telling(a, 1, NIGHT - 30, next_by=NIGHT + 30, in_quiet=True) for a in (PUSH, SMS)]
        fallen = opened(NIGHT - 30, (Kind.SEVERITY, NIGHT, {"severity": MAJOR}))

        v = verdict(after(NIGHT), incident=fallen, tellings=told)

        assert said(v.owed) == [("mia", "push", "update", "news")]
        assert v.next_by == after(NIGHT + 30)
        assert {d.next_by for d in v.owed} == {after(MORNING)}, "after that the rules of major hold: it waits"

    def test_once_they_know_of_the_fall_its_own_rules_hold(self):
        told = [telling(PUSH, 1, NIGHT - 30), telling(PUSH, 2, NIGHT, next_by=MORNING, loud=False, in_quiet=True)]
        fallen = opened(NIGHT - 30, (Kind.SEVERITY, NIGHT, {"severity": MAJOR}), (Kind.PROGRESS, NIGHT + 40, {}))

        v = verdict(after(NIGHT + 40), incident=fallen, tellings=told)

        assert (v.owed, v.rest, v.look_at) == ((), Rest.QUIET, after(MORNING))

    def test_what_wakes_carries_a_floor_channel(self):
        """R12: push never counts as one."""
        mia = caregiver(preferences=make.preferences(critical=("push",)))

        v = verdict(after(NIGHT), incident=opened(NIGHT), family=make.family(mia), watch=touched(NIGHT))

        assert said(v.owed) == [("mia", "PUSH", "notice", "first_notice"), ("mia", "SMS", "notice", "floor")]


class TestWindows:
    def test_the_quiet_window_holds_while_everyone_who_can_be_told_is_asleep(self):
        told = [telling(a, 1, NIGHT - 60, next_by=NIGHT) for a in (PUSH, SMS)]
        mia, ben = caregiver(), caregiver("ben", "push", order=2, time_zone="Europe/London")
        asleep = verdict(after(NIGHT), incident=opened(NIGHT - 60), tellings=told)
        awake = verdict(
            after(NIGHT),  # 07:00 in London
            incident=opened(NIGHT - 60),
            tellings=[*told, telling(own("ben", "push"), 1, NIGHT - 60, next_by=NIGHT)],
            family=make.family(mia, ben),
        )

        assert {d.next_by for d in asleep.owed} == {after(NIGHT + 60)}
        assert {d.next_by for d in awake.owed} == {after(NIGHT + 30)}

    def test_if_nobody_may_be_told_then_it_is_the_first_moment_somebody_may(self):
        """R2: at 21:40 the message says "06:30"."""
        v = verdict(after(BEDTIME - 20), incident=opened(BEDTIME - 20), policy=WAITS, watch=touched(BEDTIME - 20))

        assert {(d.next_by, d.reader.hears_by, d.reader.quiet) for d in v.owed} == {
            (after(MORNING), after(MORNING), False)
        }

    def test_a_reader_who_will_be_asleep_then_is_told_when_they_wake_up(self):
        """R10: we wake you only if it gets worse or is fixed; otherwise you hear from us at 06:30."""
        v = verdict(after(BEDTIME - 20), incident=opened(BEDTIME - 20), watch=touched(BEDTIME - 20))

        assert {(d.next_by, d.reader.hears_by, d.reader.quiet) for d in v.owed} == {
            (after(BEDTIME + 10), after(MORNING), True)
        }

    def test_the_margin_never_reaches_back_into_quiet_hours(self):
        told = [telling(a, 1, BEDTIME - 20, next_by=MORNING) for a in (PUSH, SMS)]
        before, then = (
            verdict(
                after(at), incident=opened(BEDTIME - 20), policy=WAITS, tellings=told, watch=touched(BEDTIME - 20)
            )
            for at in (MORNING - 0.5, MORNING)
        )

        assert (before.owed, before.look_at, before.rest) == ((), after(MORNING), Rest.QUIET)
        assert (then.holding, said(then.owed)) == (
            True,
            [("mia", "PUSH", "holding", "silence"), ("mia", "SMS", "holding", "silence")],
        )

    def test_a_first_notice_that_waits_is_due_when_somebody_may_be_told(self):
        major = opened(NIGHT, severity=MAJOR)

        v = verdict(after(NIGHT), incident=major, watch=touched(NIGHT))

        assert (v.owed, v.rest, v.next_by, v.look_at) == ((), Rest.QUIET, after(MORNING), after(MORNING))

    def test_after_a_night_of_waiting_news_comes_as_news_not_as_a_holding(self):
        """Found by reading: the wait was taken for a failure, and an empty holding would have taken its place."""
        told = [telling(PUSH, 1, BEDTIME - 20, next_by=MORNING)]
        incident = opened(BEDTIME - 20, (Kind.PROGRESS, NIGHT))
        watch = touched(BEDTIME - 20, waiting=("mia",))

        v = verdict(after(MORNING), incident=incident, policy=WAITS, tellings=told, watch=watch)

        assert (v.holding, v.update) == (False, 2)


class TestWakingUp:
    SLEPT = (
        telling(PUSH, 1, EVENING, next_by=EVENING + 30),
        telling(SMS, 1, EVENING, next_by=EVENING + 30),
        telling(PUSH, 2, NIGHT, next_by=NIGHT + 60, loud=False, in_quiet=True),
        telling(PUSH, 3, MORNING - 40, next_by=MORNING + 20, loud=False, in_quiet=True),
    )
    INCIDENT = opened(EVENING, (Kind.PROGRESS, NIGHT), (Kind.PROGRESS, MORNING - 40))

    def test_whoever_was_told_softly_gets_one_loud_message_with_the_number_of_updates_missed(self):
        before, then = (
            verdict(after(at), incident=self.INCIDENT, tellings=self.SLEPT, watch=touched(EVENING))
            for at in (MORNING - 1, MORNING)
        )

        assert (before.owed, before.look_at) == ((), after(MORNING))
        assert said(then.owed) == [("mia", "PUSH", "wake_up", "wake_up"), ("mia", "SMS", "wake_up", "wake_up")]
        assert {(d.update, d.step, d.reader.missed, d.next_by) for d in then.owed} == {
            (3, -1, 2, after(MORNING + 20))
        }

    def test_once(self):
        copy = telling(PUSH, 3, MORNING, next_by=MORNING + 20, step=-1, framing=Framing.WAKE_UP)

        v = verdict(
            after(MORNING + 1), incident=self.INCIDENT, tellings=[*self.SLEPT, copy], watch=touched(EVENING)
        )

        assert v.owed == ()

    def test_it_is_the_message_that_is_due_anyway_where_one_is(self):
        """Not a holding without the number of updates missed, and a copy besides."""
        slept = [
            *self.SLEPT[:3],
            replace(self.SLEPT[3], planned_at=after(MORNING - 59), next_by=after(MORNING + 1)),
        ]

        v = verdict(after(MORNING), incident=self.INCIDENT, tellings=slept, watch=touched(EVENING))

        assert v.holding
        assert said(v.owed) == [("mia", "PUSH", "wake_up", "silence"), ("mia", "SMS", "wake_up", "silence")]
        assert {(d.update, d.step, d.reader.missed) for d in v.owed} == {(4, 0, 2)}

    def test_after_it_holdings_are_holdings_again_also_for_those_who_have_only_mail(self):
        """Found by the properties: a day of messages that all said "while you slept"."""
        mia = caregiver("mia", "email", preferences=make.preferences(critical=("email",)))
        incident = opened(EVENING, (Kind.PROGRESS, NIGHT), (Kind.HOLDING, MORNING + 10))
        tellings = [
            telling(EMAIL, 1, EVENING),
            telling(EMAIL, 2, NIGHT, in_quiet=True),
            telling(EMAIL, 3, MORNING + 10, next_by=MORNING + 40, framing=Framing.WAKE_UP),
        ]

        v = verdict(after(MORNING + 39), incident=incident, family=make.family(mia), tellings=tellings)

        assert said(v.owed) == [("mia", "email", "holding", "silence")]

    def test_whoever_reads_only_mail_gets_no_copy_of_it(self):
        mia = caregiver("mia", "email", "sms", preferences=make.preferences(critical=("email",)))
        tellings = [
            telling(EMAIL, 1, EVENING),
            telling(EMAIL, 2, MORNING - 40, next_by=MORNING + 20, in_quiet=True),
        ]
        incident = opened(EVENING, (Kind.PROGRESS, MORNING - 40))

        v = verdict(after(MORNING), incident=incident, family=make.family(mia), tellings=tellings)

        assert v.owed == ()

    def test_updates_missed_are_counted_from_the_last_message_that_did_not_come_silently(self):
        """Also for those who are told by mail, and waited."""
        mia = caregiver("mia", "email")
        incident = opened(
            EVENING, (Kind.PROGRESS, EVENING + 20), (Kind.PROGRESS, NIGHT), (Kind.HOLDING, NIGHT + 60)
        )
        tellings = [telling(EMAIL, 1, EVENING), telling(EMAIL, 2, EVENING + 20, next_by=MORNING)]
        watch = touched(EVENING, waiting=("mia",))

        v = verdict(
            after(MORNING),
            incident=incident,
            policy=WAITS,
            family=make.family(mia),
            tellings=tellings,
            watch=watch,
        )

        assert [(d.framing, d.reader.missed) for d in v.owed] == [(Framing.WAKE_UP, 1)]

    def test_who_waited_gets_it_also_when_the_family_is_not_due(self):
        """Ben, who was awake, heard everything; Mia waited for her morning."""
        ben = caregiver("ben", "push", order=2, preferences=make.preferences(quiet_hours="none"))
        incident = opened(EVENING, (Kind.PROGRESS, NIGHT))
        tellings = [
            *(telling(a, 1, EVENING) for a in (PUSH, SMS, own("ben", "push"))),
            telling(own("ben", "push"), 2, MORNING - 10, next_by=MORNING + 20),
        ]

        v = verdict(
            after(MORNING), incident=incident, policy=WAITS, family=make.family(caregiver(), ben), tellings=tellings,
            watch=touched(EVENING, waiting=("mia",)),
        )  # fmt: skip

        assert said(v.owed) == [("mia", "PUSH", "wake_up", "wake_up"), ("mia", "SMS", "wake_up", "wake_up")]
        assert {d.next_by for d in v.owed} == {after(MORNING + 20)}

    def test_what_woke_them_needs_no_wake_up(self):
        at = MORNING - 40
        loud = [telling(a, 2, at, next_by=MORNING + 20, in_quiet=True) for a in (PUSH, SMS)]
        raised = opened(EVENING, (Kind.SEVERITY, at, {"severity": CRITICAL, "epoch": 2}), severity=MAJOR)

        assert verdict(after(MORNING), incident=raised, tellings=[*self.SLEPT[:2], *loud]).owed == ()

    def test_a_message_that_wakes_somebody_who_waited_does_not_speak_of_the_morning(self):
        watch = touched(EVENING, waiting=("mia",))
        raised = opened(
            EVENING,
            (Kind.PROGRESS, NIGHT - 10),
            (Kind.SEVERITY, NIGHT, {"severity": CRITICAL, "epoch": 2}),
            severity=MAJOR,
        )

        v = verdict(after(NIGHT), incident=raised, tellings=[telling(PUSH, 1, EVENING)], watch=watch)

        assert {d.framing for d in v.owed} == {Framing.UPDATE}

    def test_when_duty_follows_the_night_they_are_looked_at_then(self):
        """Found by the properties: the night ends at 06:30, her duty begins at 08:00."""
        nan = caregiver("nan", "push", role="parent", on_duty="mon-sun 08:00-23:30")
        address = own("nan", "push")
        incident = opened(EVENING, (Kind.PROGRESS, NIGHT + 20))
        tellings = [
            telling(address, 1, EVENING, next_by=NIGHT + 50),
            telling(address, 2, NIGHT + 20, next_by=MORNING + 90, loud=False, in_quiet=True),
        ]

        v = verdict(after(NIGHT + 21), incident=incident, family=make.family(nan), tellings=tellings)

        assert (v.owed, v.next_by, v.look_at) == ((), after(MORNING + 90), after(MORNING + 90))


class TestOnDuty:
    NAN = caregiver("nan", "sms", "push", role="nurse", order=1)  # mon-fri 08:00-15:00, quiet 22:00-06:30
    DUTY = 20 * 60.0  # Thursday 08:00

    @pytest.mark.parametrize(
        ("kind", "because"),
        [(Kind.NOTICE, "also when critical and nothing was told yet"), (Kind.PROGRESS, "neither loud nor soft")],
    )
    def test_off_duty_is_silence(self, kind, because):
        tellings = [] if kind is Kind.NOTICE else [telling(own("nan", "sms"), 1, 60, next_by=self.DUTY)]
        incident = history(*[(Kind.NOTICE, 60), (kind, 240)][-1 if kind is Kind.NOTICE else 0 :])

        v = verdict(after(240), incident=incident, family=make.family(self.NAN), tellings=tellings)

        assert (v.owed, v.rest, v.waiting, v.look_at) == ((), Rest.QUIET, ("nan",), after(self.DUTY)), because

    def test_the_start_of_duty_is_a_wake_up(self):
        tellings = [telling(own("nan", "sms"), 1, 60, next_by=self.DUTY + 30)]
        incident = history((Kind.NOTICE, 60), (Kind.PROGRESS, 240), (Kind.PROGRESS, 300))
        watch = make.watch(waiting=("nan",))

        v = verdict(
            after(self.DUTY), incident=incident, family=make.family(self.NAN), tellings=tellings, watch=watch
        )

        assert said(v.owed) == [("nan", "SMS", "wake_up", "wake_up")]
        assert [d.reader.missed for d in v.owed] == [2]

    def test_a_message_that_wakes_is_not_said_after_duty_has_ended(self):
        """Found by reading: what wakes had no end; off duty means neither loud nor soft, also when critical."""
        (owed,) = verdict(after(170), incident=history((Kind.NOTICE, 170)), family=make.family(self.NAN)).owed

        assert owed.loud_until == after(180)

    def test_duty_that_lies_wholly_in_quiet_hours_never_comes(self):
        nan = replace(self.NAN, on_duty="mon-fri 23:00-05:00")
        waits = replace(WAITS, wakes={})

        v = verdict(after(60), incident=history((Kind.NOTICE, 60)), family=make.family(nan), policy=waits)

        assert (v.owed, v.rest) == ((), Rest.QUIET)
        assert v.look_at == after(NIGHT)

    def test_what_is_long_due_waits_for_whoever_wakes_first(self):
        """Found at random: her last number had stopped, a new one came at night, and the other's duty was awaited."""
        mia, ben = caregiver("mia", "sms"), caregiver("ben", "sms", on_duty="mon-fri 08:00-15:00")
        told = [telling(own("mia", "sms"), 1, EVENING, next_by=EVENING + 30)]
        watch = touched(EVENING, waiting=("ben",))
        family = make.family(mia, ben)

        v = verdict(after(NIGHT), incident=opened(EVENING), family=family, tellings=told, watch=watch)

        assert (v.owed, v.look_at) == ((), after(MORNING))

    def test_whom_nobody_may_ever_tell_is_not_looked_at_twice_a_minute(self):
        """Found at random: once the time was over that they had been told, each look was followed by the next."""
        nan = caregiver("nan", "sms", on_duty="mon-fri 23:00-05:00")
        told = [telling(own("nan", "sms"), 1, NIGHT - 120, next_by=NIGHT - 90)]

        v = verdict(after(NIGHT), incident=opened(NIGHT - 120), family=make.family(nan), tellings=told)

        assert (v.owed, v.rest, v.look_at) == ((), Rest.QUIET, after(NIGHT + 30))

    def test_such_a_duty_is_no_hindrance_for_what_goes_soft(self):
        nan = replace(self.NAN, on_duty="mon-fri 23:00-05:00")

        v = verdict(
            after(NIGHT), incident=history((Kind.NOTICE, 60)), family=make.family(nan), policy=WAKES_NOTHING
        )

        assert said(v.owed) == [("nan", "push", "notice", "first_notice")]


class TestUntilWhen:
    """`loud_until`: when a message that waited for its turn may no longer be said as planned (R6)."""

    @pytest.mark.parametrize(
        ("channels", "policy", "at", "severity", "until", "because"),
        [
            (("push",), WAKES_NOTHING, EVENING, CRITICAL, BEDTIME, "loud, and it would not wake: until the night"),
            (("push",), make.policy(), EVENING, CRITICAL, None, "what wakes may be said at any time"),
            (("email",), WAKES_NOTHING, EVENING, CRITICAL, None, "mail may go at night where the policy lets it"),
            (("email",), WAKES_NOTHING, EVENING, MAJOR, BEDTIME, "mail waits where the policy waits"),
            (("push",), WAKES_NOTHING, NIGHT, CRITICAL, None, "silent already"),
        ],
    )
    def test_until_when(self, channels, policy, at, severity, until, because):
        mia = caregiver("mia", *channels, preferences=make.preferences(critical=channels, major=channels))

        v = verdict(after(at), incident=opened(at, severity=severity), policy=policy, family=make.family(mia))

        assert {d.loud_until for d in v.owed} == {after(until) if until else None}, because


def test_quiet_hours_are_those_of_the_caregivers_own_zone():
    ben = caregiver("ben", "push", time_zone="Europe/London")  # 22:00 there is 14:00 in Los Angeles
    news = history((Kind.NOTICE, 0), (Kind.PROGRESS, 130, {}))

    v = verdict(after(130), incident=news, family=make.family(ben), tellings=[telling(own("ben", "push"))])

    assert said(v.owed) == [("ben", "push", "update", "news")]
    assert {d.next_by for d in v.owed} == {after(190)}, "and so is the quiet window"


def test_no_quiet_hours_is_a_choice():
    mia = caregiver(preferences=make.preferences(quiet_hours="none"))
    v = verdict(
        after(NIGHT), incident=opened(NIGHT, severity=MAJOR), family=make.family(mia), watch=touched(NIGHT)
    )

    assert said(v.owed) == [("mia", "PUSH", "notice", "first_notice")]
    assert {d.next_by for d in v.owed} == {after(NIGHT + 60)}


def test_the_fold_night_is_an_hour_longer_than_the_clock_says():
    """31 Oct 2026, 22:00 to 06:30 in Los Angeles lasts nine and a half hours; windows are elapsed time."""
    evening = after(-4 * 24 * 60 + BEDTIME - 60 + 0) - minutes(60)  # PDT is one hour nearer to UTC
    incident = make.incident(make.update(1, Kind.NOTICE, evening))
    asked = make.duty(incident=incident, policy=WAITS, watch=make.watch(touched_at=evening, next_by=evening))

    v = plan(asked, evening + minutes(59))

    assert {d.next_by for d in v.owed} == {evening + minutes(60 + 9.5 * 60)}


def test_state_is_judged_at_planning_not_by_the_update():
    """R2: in monitoring the window is twice as long, at night the quiet one."""
    told = [telling(PUSH, 1, NIGHT - 60, next_by=NIGHT)]
    incident = opened(NIGHT - 60, (Kind.PROGRESS, NIGHT, {"state": State.MONITORING}))

    assert {d.next_by for d in verdict(after(NIGHT), incident=incident, tellings=told).owed} == {
        after(NIGHT + 120)
    }
