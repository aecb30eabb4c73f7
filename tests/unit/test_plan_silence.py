"""R2, R3: windows, promises, margins, and the honest holding when a family's time has come."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alertd.domain import silence
from alertd.domain.delivery import DeliveryState, Framing
from alertd.domain.incident import Kind, Severity, State
from alertd.domain.knowledge import know
from alertd.domain.watch import Rest
from tests import make
from tests.make import after, caregiver, history, minutes, own, said, telling, verdict

PUSH, SMS, EMAIL = (own("mia", channel) for channel in ("push", "sms", "email"))
CRITICAL, MAJOR, MINOR = Severity.CRITICAL, Severity.MAJOR, Severity.MINOR
TOLD = (telling(PUSH), telling(SMS))
HOLDING = [("mia", "PUSH", "holding", "silence"), ("mia", "SMS", "holding", "silence")]


@pytest.mark.parametrize(
    ("severity", "state", "window", "because"),
    [
        (CRITICAL, State.INVESTIGATING, 30, "by severity"),
        (MAJOR, State.IDENTIFIED, 60, "by severity"),
        (MINOR, State.INVESTIGATING, 240, "by severity"),
        (CRITICAL, State.MONITORING, 60, "in monitoring twice"),
    ],
)
def test_a_message_says_that_they_hear_again_within_the_window(severity, state, window, because):
    incident = make.incident(make.update(1, Kind.NOTICE, severity=severity, state=state))

    v = verdict(after(3), incident=incident)

    assert {d.next_by for d in v.owed} == {after(3 + window)}, because
    assert {d.reader.hears_by for d in v.owed} == {after(3 + window)}


@pytest.mark.parametrize(
    ("promise", "says", "because"),
    [
        (None, 30, "no promise: the window"),
        (20, 20, "a promise within the window"),
        (45, 30, "a promise beyond it does not stretch the window"),
        (0, 30, "a promise that is over binds nothing"),
    ],
)
def test_a_promise_brings_the_next_word_nearer(promise, says, because):
    incident = history((Kind.NOTICE, 0, {"promise": after(promise) if promise is not None else None}))

    v = verdict(after(0), incident=incident)

    assert {d.next_by for d in v.owed} == {after(says)}, because


def test_more_than_half_late_it_is_to_be_planned_anew():
    """R2: a message of which less than half of its own (`next_by` - t) is left."""
    assert {d.stale_after for d in verdict(after(0)).owed} == {after(15)}


@pytest.mark.parametrize(
    ("at", "due"),
    [(28.9, False), (29, True), (30, True), (45, True)],
)
def test_a_holding_is_owed_a_margin_before_the_familys_own_deadline(at, due):
    """R3: pulled, not pushed."""
    v = verdict(after(at), tellings=TOLD)

    assert v.holding is due
    assert said(v.owed) == (HOLDING if due else [])
    if due:
        assert (v.update, {d.next_by for d in v.owed}) == (2, {after(at + 30)})


def test_a_family_that_lacks_the_newest_holding_takes_it():
    """R3: unique by incident and number; families that come due later take it."""
    v = verdict(after(29), incident=history((Kind.NOTICE, 0), (Kind.HOLDING, 20)), tellings=TOLD)

    assert (v.holding, v.update) == (False, 2)
    assert said(v.owed) == HOLDING


def test_a_family_that_lacks_news_gets_the_news_not_a_holding():
    """R2: the newest update it lacks, else a holding; even after a night in which nothing could be tried."""
    incident = history((Kind.NOTICE, 0), (Kind.PROGRESS, 10))

    v = verdict(after(29), incident=incident, tellings=TOLD)

    assert (v.holding, v.update) == (False, 2)


def test_planning_the_holding_twice_at_one_instant_writes_one():
    written = history((Kind.NOTICE, 0), (Kind.HOLDING, 29))
    flying = [telling(a, 2, 29, next_by=59, state=DeliveryState.PENDING) for a in (PUSH, SMS)]

    v = verdict(after(29), incident=written, tellings=[*TOLD, *flying])

    assert (v.owed, v.holding) == ((), False)


def test_a_repeat_moves_no_clock():
    """R4: sms failed, e-mail takes its place; the family was told by push, and hears again at 12:30."""
    family = make.family(caregiver(), caregiver("ben", "sms", "email", order=2))
    failed = telling(own("ben", "sms"), 1, 0, state=DeliveryState.UNDELIVERED)

    v = verdict(after(9), family=family, tellings=[*TOLD, failed])

    assert said(v.owed) == [("ben", "email", "notice", "fallback")]
    assert {d.next_by for d in v.owed} == {after(30)}


class TestDeadline:
    """Until they are told again, new facts only bring `next_by` nearer, never push it later."""

    @pytest.mark.parametrize(
        ("steps", "next_by", "because"),
        [
            ([(Kind.PROGRESS, 10)], 60, "news alone changes nothing until it is told"),
            ([(Kind.SEVERITY, 10, {"severity": CRITICAL, "epoch": 2})], 40, "a raise: its own window from then on"),
            ([(Kind.SEVERITY, 45, {"severity": CRITICAL, "epoch": 2})], 60, "a raise late in the window pushes nothing"),
            ([(Kind.SEVERITY, 10, {"severity": MINOR})], 60, "a fall: the stored one stands"),
            ([(Kind.PROGRESS, 10, {"state": State.MONITORING})], 60, "monitoring: the stored one stands"),
            ([(Kind.PROGRESS, 10, {"promise": after(25)})], 25, "an earlier promise"),
            ([(Kind.PROGRESS, 10, {"promise": after(90)})], 60, "a later promise"),
            (
                [(Kind.PROGRESS, 10, {"promise": after(25)}), (Kind.PROGRESS, 15)],
                60,
                "only the newest update's promise counts",
            ),
            (
                [(Kind.SEVERITY, 10, {"severity": CRITICAL}), (Kind.SEVERITY, 12, {"severity": MAJOR})],
                40,
                "a raise that was taken back was still a raise",
            ),
        ],
    )  # fmt: skip
    def test_new_facts(self, steps, next_by, because):
        incident = history((Kind.NOTICE, 0, {"severity": MAJOR}), *steps)
        told = [telling(PUSH, 1, 0, next_by=60)]
        flying = [telling(PUSH, len(steps) + 1, 11, next_by=70, state=DeliveryState.PENDING)]

        v = verdict(after(20), incident=incident, tellings=[*told, *flying])

        assert v.next_by == after(next_by), because

    def test_a_raise_before_the_first_acceptance_brings_the_first_notice_nearer(self):
        raised = history((Kind.NOTICE, 0, {"severity": MINOR}), (Kind.SEVERITY, 5, {"severity": CRITICAL}))

        assert verdict(after(5), incident=raised).next_by == after(15)

    def test_a_promise_binds_from_the_acceptance_on(self):
        """Before that, the family's earlier one stands."""
        incident = history((Kind.NOTICE, 0), (Kind.PROGRESS, 12))
        flying = telling(PUSH, 2, 12, next_by=42, state=DeliveryState.LEASED)
        taken = replace(flying, state=DeliveryState.ACCEPTED)

        assert verdict(after(13), incident=incident, tellings=[*TOLD, flying]).next_by == after(30)
        assert verdict(after(13), incident=incident, tellings=[*TOLD, taken]).next_by == after(42)

    def test_an_acceptance_that_is_taken_back_takes_its_promise_back(self):
        """R5: a receipt recomputes `heard` and `next_by`."""
        incident = history((Kind.NOTICE, 0), (Kind.PROGRESS, 12))
        lost = telling(PUSH, 2, 12, next_by=42, state=DeliveryState.UNDELIVERED)

        v = verdict(after(14), incident=incident, tellings=[*TOLD, lost])

        assert v.next_by == after(30)
        assert said(v.owed) == [("mia", "SMS", "update", "news")]

    def test_of_two_messages_of_one_update_the_earlier_promise_binds(self):
        assert verdict(after(5), tellings=[telling(PUSH, next_by=30), telling(SMS, next_by=27)]).next_by == after(
            27
        )

    def test_who_joins_while_nobody_may_be_told_does_not_wait_for_the_others_to_wake_up(self):
        """R2: at 21:50 a parent was told "06:30", for all were to sleep; at 23:00 a grandmother joins who does not."""
        major = history((Kind.NOTICE, 0, {"severity": MAJOR}))
        night = 18 * 60 + 30.0  # 06:30 in Los Angeles
        told = telling(PUSH, 1, 590, next_by=night)
        gran = caregiver("gran", "push", order=2, preferences=make.preferences(quiet_hours="none"))
        watch = make.watch(touched_at=after(590))

        alone = verdict(after(660), incident=major, tellings=[told], watch=watch)
        joined = verdict(
            after(660), incident=major, tellings=[told], watch=watch, family=make.family(caregiver(), gran)
        )

        assert (alone.next_by, alone.rest) == (after(night), Rest.QUIET)
        assert said(joined.owed) == [("gran", "PUSH", "notice", "first_notice")]
        assert (joined.holding, {d.next_by for d in joined.owed}) == (True, {after(720)})


class TestPromise:
    """R2: the first holding written at or after `promise - margin` closes it; a closed one binds nothing."""

    PROMISED = history((Kind.NOTICE, 0, {"promise": after(20)}))
    HEARD = (telling(PUSH, 1, 0, next_by=20), telling(SMS, 1, 0, next_by=20))

    @pytest.mark.parametrize(
        ("at", "closes", "because"),
        [
            (18.9, False, "more than a margin before"),
            (19, True, "a margin before"),
            (20, True, "at its time"),
            (20.9, True, "just missed, but no later than a margin"),
            (25, False, "long over: it was missed, and there is nothing left to close"),
        ],
    )
    def test_when_a_holding_closes_it(self, at, closes, because):
        assert silence.closes_promise(self.PROMISED, after(at), minutes(1)) is closes, because

    def test_the_holding_that_closes_it_names_a_whole_window(self):
        v = verdict(after(19), incident=self.PROMISED, tellings=self.HEARD)

        assert (v.holding, {d.next_by for d in v.owed}) == (True, {after(49)})

    def test_a_closed_promise_binds_nobody_else(self):
        closed = replace(history((Kind.NOTICE, 0), (Kind.HOLDING, 19)).updates[1], closes_promise=True)
        incident = make.incident(*self.PROMISED.updates, closed)

        v = verdict(after(19.5), incident=incident, tellings=self.HEARD)

        assert (v.holding, v.update, {d.next_by for d in v.owed}) == (False, 2, {after(49.5)})

    def test_another_familys_holding_that_came_too_early_does_not_stand_for_it(self):
        """Or they would be told "next word in one minute", and again thirty seconds later."""
        early = history((Kind.NOTICE, 0, {"promise": after(20)}), (Kind.HOLDING, 10))

        v = verdict(after(19), incident=early, tellings=self.HEARD)

        assert (v.holding, v.update, {d.next_by for d in v.owed}) == (True, 3, {after(49)})

    def test_the_next_human_update_closes_it(self):
        incident = history((Kind.NOTICE, 0, {"promise": after(20)}), (Kind.PROGRESS, 10))

        v = verdict(after(10), incident=incident, tellings=self.HEARD)

        assert {d.next_by for d in v.owed} == {after(40)}


class TestMargin:
    @pytest.mark.parametrize(
        ("measured", "floor", "margin", "because"),
        [
            (None, 35, 60, "60 s before there are any hand-overs"),
            (20, 35, 35, "at least lease + sweep + 5 s"),
            (90, 35, 90, "the measured p95"),
            (3600, 35, 450, "at most a quarter of the window"),
            (None, 600, 450, "the cap wins over the floor"),
        ],
    )
    def test_how_long_before_a_deadline_we_begin(self, measured, floor, margin, because):
        seen = timedelta(seconds=measured) if measured else None

        assert silence.margin(seen, make.policy(), CRITICAL, timedelta(seconds=floor)) == timedelta(seconds=margin)


class TestLookAt:
    """The table "After plan, look_at"; the earliest that applies, always later than now."""

    @pytest.mark.parametrize(
        ("now", "tellings", "look_at", "because"),
        [
            (5, TOLD, 29, "told the newest: `next_by` - margin"),
            (
                5,
                [telling(PUSH, state=DeliveryState.PENDING)],
                9,
                "none accepted yet: a margin before the first notice was promised",
            ),
            (9.5, [telling(PUSH, state=DeliveryState.PENDING)], 10, "... and at the deadline itself"),
            (11, [telling(PUSH, state=DeliveryState.PENDING)], 29, "... and after it, in time for what the message says"),
            (
                12,
                [*TOLD, telling(PUSH, 2, 12, next_by=42, state=DeliveryState.PENDING)],
                29,
                "the old deadline stands until the acceptance",
            ),
            (
                31,
                [*TOLD, telling(PUSH, 2, 12, next_by=42, state=DeliveryState.PENDING)],
                41,
                "an acceptance moves nothing, so the message's own time is kept too",
            ),
            (
                41.5,
                [*TOLD, telling(PUSH, 2, 12, next_by=42, state=DeliveryState.PENDING)],
                42,
                "not even within a lease of it",
            ),
        ],
    )  # fmt: skip
    def test_when_to_look_again(self, now, tellings, look_at, because):
        newest = max(t.update for t in tellings)
        incident = history(*[(Kind.NOTICE, 0), (Kind.PROGRESS, 12)][:newest])

        v = verdict(after(now), incident=incident, tellings=tellings, family=make.family(caregiver("mia", "push")))

        assert v.look_at == after(look_at), because
        assert v.owed == ()

    def test_a_message_on_its_way_is_not_forgotten_when_something_else_is_planned(self):
        """Found by the properties: another plan after ten minutes looked only at the time *it* would have named."""
        ben = caregiver("ben", "sms", order=2)
        flying = telling(PUSH, 1, 0, next_by=30, state=DeliveryState.UNKNOWN)

        v = verdict(after(12), family=make.family(caregiver("mia", "push"), ben), tellings=[flying])

        assert said(v.owed) == [("ben", "SMS", "notice", "first_notice")]
        assert v.look_at == after(29)

    def test_when_every_way_has_failed_a_new_update_is_tried_a_window_later(self):
        failed = [telling(a, 1, 0, state=DeliveryState.UNDELIVERED) for a in (PUSH, SMS, EMAIL)]

        before, then = (verdict(after(at), tellings=failed) for at in (2, 30))

        assert (before.owed, before.look_at) == ((), after(9))
        assert (then.holding, said(then.owed)) == (
            True,
            [("mia", "PUSH", "notice", "first_notice"), ("mia", "SMS", "notice", "first_notice")],
        )

    def test_when_every_way_has_failed_the_promise_is_still_kept_in_time(self):
        """Found at random: the holding that closes it is one more number, and may go where the one before failed."""
        incident = history((Kind.NOTICE, 0), (Kind.PROGRESS, 20, {"promise": after(65)}), (Kind.HOLDING, 49))
        lost = telling(PUSH, 3, 49, next_by=65, state=DeliveryState.UNDELIVERED)
        given = {
            "incident": incident,
            "family": make.family(caregiver("mia", "push")),
            "tellings": [telling(PUSH, 1, 0), telling(PUSH, 2, 20, next_by=50), lost],
        }

        before, then = verdict(after(51), **given), verdict(after(64), **given)

        assert (before.owed, before.look_at) == ((), after(64))
        assert (then.holding, said(then.owed)) == (True, [("mia", "PUSH", "holding", "silence")])

    def test_only_the_ways_that_are_open_now_count(self):
        """At night the sms is no way; when e-mail failed, the next holding tries it again after a window."""
        night = 11 * 60
        family = make.family(caregiver("mia", "sms", "email"))
        tellings = [
            telling(own("mia", "sms"), 1, night - 90, next_by=night - 30),
            telling(own("mia", "email"), 2, night - 31, next_by=night + 29, in_quiet=True, loud=False,
                    state=DeliveryState.UNDELIVERED),
        ]  # fmt: skip
        incident = history((Kind.NOTICE, night - 90), (Kind.HOLDING, night - 31))

        v = verdict(
            after(night),
            incident=incident,
            family=family,
            tellings=tellings,
            watch=make.watch(touched_at=after(night - 90)),
        )

        assert (v.holding, said(v.owed)) == (True, [("mia", "email", "holding", "silence")])


def test_what_one_person_was_promised_is_kept_when_only_another_heard_since():
    """Mia was told "12:30"; at 12:20 Ben came on duty and took a newer holding, so the family's clock says 12:50."""
    ben = caregiver("ben", "sms", order=2)
    incident = history((Kind.NOTICE, 0), (Kind.HOLDING, 15))
    tellings = [*TOLD, telling(own("ben", "sms"), 2, 20, next_by=50, framing=Framing.NOTICE)]
    family = make.family(caregiver(), ben)

    before, then = (verdict(after(at), incident=incident, family=family, tellings=tellings) for at in (21, 29))

    assert (before.owed, before.next_by, before.look_at) == ((), after(50), after(29))
    assert said(then.owed) == HOLDING
    assert (then.holding, {(d.update, d.next_by) for d in then.owed}) == (False, {(2, after(50))})


def test_a_holding_written_elsewhere_is_not_told_over_one_that_is_on_its_way():
    """It would only say the same again."""
    incident = history((Kind.NOTICE, 0), (Kind.HOLDING, 29), (Kind.HOLDING, 30))
    flying = [telling(a, 2, 29, next_by=59, state=DeliveryState.PENDING) for a in (PUSH, SMS)]

    nowhere_else = make.family(caregiver("mia", "push", "sms"))
    assert verdict(after(31), incident=incident, family=nowhere_else, tellings=[*TOLD, *flying]).owed == ()


@pytest.mark.parametrize(
    ("state", "at", "put_off"),
    [
        (State.INVESTIGATING, 59, False),  # the longest window is that of the night: an hour
        (State.INVESTIGATING, 60, True),
        (State.INVESTIGATING, 199, True),
        (State.INVESTIGATING, 200, False),  # what was said is due
        (State.MONITORING, 119, False),  # twice as long
        (State.MONITORING, 120, True),
    ],
)
def test_a_deadline_is_put_off_from_the_end_of_the_longest_window_until_it_comes(
    state: State, at: float, put_off: bool
) -> None:
    duty = make.duty(incident=make.history((Kind.NOTICE, 0, {"state": state})))
    knowledge = know([make.telling(make.own("mia", "push"), 1, 0, next_by=200)], 1, make.NOON)

    assert silence.put_off(duty, make.after(at), knowledge) is put_off


def test_a_raise_while_a_fix_is_watched_binds_for_the_longer_window() -> None:
    watched = {"state": State.MONITORING, "severity": Severity.MAJOR}
    raised = {"facts": make.facts(state=State.MONITORING, severity=Severity.CRITICAL)}
    incident = make.history((Kind.NOTICE, 0, watched), (Kind.SEVERITY, 20, raised))
    duty = make.duty(incident=incident)
    knowledge = know([make.telling(make.own("mia", "push"), 1, 0, next_by=120)], 1, make.NOON)

    assert silence.deadline(duty, make.after(21), knowledge, make.NOON) == make.after(80)
