"""R8: whom the planner nudges and pages, each row a sentence. Times are minutes after noon."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState
from alertd.domain.incident import Incident, Kind, Severity, State, Update
from alertd.domain.paging import Orders, Paged, PageKey, ResponderLadder, Responding
from alertd.domain.policy import Escalation, Policy, ResponderStep
from alertd.domain.post_by import last_news, news_by, post_by
from alertd.domain.responders import plan_pages, still_due
from tests import make
from tests.make import after, minutes

POST = (
    ResponderStep(minutes(-10), "owner", page=False),
    ResponderStep(minutes(0), "owner", page=True),
    ResponderStep(minutes(10), "lead", page=True),
    ResponderStep(minutes(20), "duty-manager", page=True, repeat=minutes(10)),
)
NEWS = (
    ResponderStep(minutes(0), "lead", page=True),
    ResponderStep(minutes(30), "duty-manager", page=True, repeat=minutes(30)),
)


def policy(**changes: Any) -> Policy:
    return replace(make.policy(escalation=Escalation(post=POST, news=NEWS)), **changes)


def machine(number: int = 1, at: float = 0, kind: Kind = Kind.NOTICE, **changes: Any) -> Update:
    return make.update(number, kind, after(at), source="alertmanager", **{"state": State.SUSPECTED, **changes})


def human(number: int = 1, at: float = 0, kind: Kind = Kind.NOTICE, **changes: Any) -> Update:
    return make.update(number, kind, after(at), **changes)


def duty(*updates: Update, **changes: Any) -> Responding:
    made = Responding(make.incident(*updates), policy(), margin=minutes(1))
    return replace(made, **changes)


class Story:
    """An incident that goes on: what is owed is sent, and ends as `fates` says for each role."""

    def __init__(self, *updates: Update, **changes: Any) -> None:
        self.duty = duty(*updates, **changes)
        self.fates: dict[str, DeliveryState] = {}
        self.told: list[tuple[float, str]] = []

    def run(self, until: float, since: float = 0) -> list[tuple[float, str]]:
        """Look whenever the planner wants to; returns (minute, who), nudges in small letters and pages in capitals."""
        now: datetime | None = after(since)
        self.told = []
        while now is not None and now <= after(until):
            orders = self.at(now)
            again = self.at(now)
            while again.owed:
                again = self.at(now)  # after a failure the next one is due at once
            if orders.look_at is not None:
                assert orders.look_at > now
            now = again.look_at
        return self.told

    def at(self, now: datetime) -> Orders:
        orders = plan_pages(self.duty, now)
        sent = [Paged(o.key, self.fates.get(o.who, DeliveryState.ACCEPTED), attempts=1) for o in orders.owed]
        self.told += [
            ((now - make.NOON).total_seconds() / 60, o.who.upper() if o.page else o.who) for o in orders.owed
        ]
        kept = [replace(p, state=DeliveryState.CANCELLED) if p.key in orders.stale else p for p in self.duty.paged]
        self.duty = replace(self.duty, paged=(*kept, *sent))
        return orders

    def says(self, *more: Update) -> None:
        updates = (*self.duty.incident.updates, *more)
        self.duty = replace(self.duty, incident=make.incident(*updates))

    def fails(self, who: str, *, page: bool = True, repeat: int = 0, subject: str = "") -> None:
        """What was sent comes to nothing after all."""
        steps = [s.who for s in self.duty.policy.escalation.post if s.page == page] if not subject else []

        def hit(paged: Paged) -> bool:
            key = paged.key
            if subject:
                return (key.subject, key.step) == (subject, 0)
            step = self.duty.policy.escalation.post[key.step]
            return (step.who, step.page, key.repeat) == (who, page, repeat)

        assert subject or who in steps
        paged = [replace(p, state=DeliveryState.UNDELIVERED) if hit(p) else p for p in self.duty.paged]
        assert paged != list(self.duty.paged)
        self.duty = replace(self.duty, paged=tuple(paged))

    def acknowledges(self, at: float) -> None:
        self.duty = replace(self.duty, acknowledged=(*self.duty.acknowledged, after(at)))


# --- the time to publish by -----------------------------------------------------------------------

DEADLINES: list[tuple[str, Incident, float]] = [
    ("before anybody speaks it is the opening and the window by day", make.incident(machine()), 30),
    ("a person's update begins the window anew", make.incident(machine(), human(2, 10, Kind.PROGRESS)), 40),
    ("a promise binds, later than the window too", make.incident(human(promise=after(50))), 50),
    ("a holding that closes the promise relieves nobody",
     make.incident(human(promise=after(50)), human(2, 49, Kind.HOLDING, closes_promise=True)), 50),
    ("the next update without a promise takes the promise's place",
     make.incident(human(promise=after(50)), human(2, 10, Kind.PROGRESS)), 40),
    ("what a machine adds relieves nobody", make.incident(human(), machine(2, 10, Kind.PROGRESS)), 30),
    ("a note for the record is no word", make.incident(human(), human(2, 10, notify=False)), 30),
    ("an exercise moves nothing", make.incident(human(), human(2, 10, Kind.EXERCISE)), 30),
    ("in monitoring the window is twice as long",
     make.incident(human(), human(2, 10, Kind.PROGRESS, state=State.MONITORING)), 70),
    ("a machine's raise brings it nearer",
     make.incident(human(severity=Severity.MAJOR), machine(2, 5, Kind.SEVERITY, severity=Severity.CRITICAL)), 35),
    ("... and never pushes it later",
     make.incident(human(severity=Severity.MAJOR, promise=after(20)),
                   machine(2, 5, Kind.SEVERITY, severity=Severity.CRITICAL)), 20),
    ("a machine that reopens it begins anew",
     make.incident(human(), human(2, 10, Kind.RESOLUTION, state=State.RESOLVED),
                   machine(3, 60, Kind.REOPENING, state=State.INVESTIGATING)), 90),
]  # fmt: skip


@pytest.mark.parametrize(("why", "incident", "minute"), DEADLINES, ids=[row[0] for row in DEADLINES])
def test_by_when_somebody_owes_an_update(why: str, incident: Incident, minute: float) -> None:
    assert post_by(incident, policy()) == after(minute)


def test_a_shorter_window_pages_one_after_the_other() -> None:
    """Decision 26: after 90 minutes of silence the window becomes half an hour; whoever changed that is awake."""
    changed = policy(since=after(90))
    assert post_by(make.incident(human()), changed) == after(90 + 7.5)
    assert post_by(make.incident(human(promise=after(100))), changed) == after(100)
    assert post_by(make.incident(human(at=80)), changed) == after(110)
    story = Story(human(), policy=changed)
    assert story.run(until=110, since=90) == [(90, "owner"), (96.5, "OWNER"), (106.5, "LEAD")]


def test_only_what_differs_is_news() -> None:
    """R4: a new promise alone, or the same sentence put otherwise, is none."""
    first = human(message={"en": "We work on it."})
    same = human(2, 60, Kind.PROGRESS, message={"en": "we  work on it"}, promise=after(90))
    assert last_news(make.incident(first, same)) == after(0)
    assert news_by(make.incident(first, same), policy()) == after(120)
    other = human(2, 60, Kind.PROGRESS, message={"en": "A third party is involved."})
    assert last_news(make.incident(first, other)) == after(60)
    moved = human(2, 60, Kind.PROGRESS, state=State.IDENTIFIED)
    assert last_news(make.incident(human(), moved)) == after(60)


def test_minor_has_no_limit_to_the_news() -> None:
    assert news_by(make.incident(human(severity=Severity.MINOR)), policy()) is None


# --- the ladder -----------------------------------------------------------------------------------


def test_around_the_deadline_owner_lead_and_duty_manager_are_told_and_then_again_and_again() -> None:
    story = Story(human())
    assert story.run(90) == [
        (19, "owner"),
        (29, "OWNER"),
        (39, "LEAD"),
        *[(minute, "DUTY-MANAGER") for minute in (49, 59, 69, 79, 89)],
    ]


def test_it_never_ends_by_itself() -> None:
    story = Story(human(), policy=policy(escalation=Escalation(post=POST)))
    assert len(story.run(60 * 24)) == 3 + (60 * 24 - 49) // 10 + 1


def test_a_ladder_that_says_nothing_of_repeating_repeats_its_last_page() -> None:
    once = Escalation(post=(ResponderStep(minutes(0), "owner", page=True),))
    assert Story(human(), policy=policy(escalation=once)).run(50) == [(29, "OWNER"), (39, "OWNER"), (49, "OWNER")]


def test_a_machine_opens_and_the_owner_is_paged_at_once() -> None:
    assert Story(machine()).run(20) == [(0, "OWNER"), (19, "owner")]


def test_a_person_opens_and_nobody_is_paged() -> None:
    assert Story(human()).run(18) == []


def test_who_publishes_begins_the_ladder_anew() -> None:
    story = Story(human())
    assert story.run(30) == [(19, "owner"), (29, "OWNER")]
    story.says(human(2, 30, Kind.PROGRESS))
    assert story.run(60, since=30) == [(49, "owner"), (59, "OWNER")]


def test_when_it_ends_nobody_is_told_anything_more() -> None:
    story = Story(human())
    story.run(40)
    story.says(human(2, 40, Kind.RESOLUTION, state=State.RESOLVED))
    assert story.run(600, since=40) == []
    assert plan_pages(story.duty, after(41)).look_at is None


def test_a_channel_that_fails_at_the_very_end_is_told_after_it() -> None:
    story = Story(human())
    story.run(40)
    story.says(human(2, 40, Kind.RESOLUTION, state=State.RESOLVED))
    story.duty = replace(story.duty, trouble={"channel sms": after(41), "texts": after(41)})
    assert story.run(600, since=41) == [(41, "OWNER")]
    story.fails("owner", subject="channel sms")
    assert story.run(43, since=42) == [(42, "LEAD")]


def test_a_nudge_before_anything_could_be_late_is_left_out() -> None:
    """The promise is five minutes away: ten minutes before it was before it was made."""
    assert Story(human(promise=after(5))).run(10) == [(4, "OWNER")]


def test_after_a_standstill_each_person_is_told_once() -> None:
    orders = plan_pages(duty(human(), policy=policy(escalation=Escalation(post=POST))), after(95))
    assert [(o.who, o.page, o.key.repeat) for o in orders.owed] == [
        ("owner", True, 0),
        ("lead", True, 0),
        ("duty-manager", True, 4),
    ]


def test_an_acknowledgement_holds_each_later_step_once() -> None:
    story = Story(human())
    story.run(29)
    story.acknowledges(30)
    assert story.run(60, since=30) == [(49, "LEAD"), (59, "DUTY-MANAGER")]
    story.acknowledges(61)
    assert story.run(90, since=61) == [(69, "DUTY-MANAGER"), (79, "DUTY-MANAGER"), (89, "DUTY-MANAGER")]


def test_an_acknowledgement_between_two_repeats_holds_those_to_come() -> None:
    story = Story(human(), policy=policy(escalation=Escalation(post=POST)))
    story.run(59)
    story.acknowledges(60)
    assert story.run(100, since=60) == [(79, "DUTY-MANAGER"), (89, "DUTY-MANAGER"), (99, "DUTY-MANAGER")]


def test_an_acknowledgement_of_the_last_deadline_holds_nothing_of_the_next() -> None:
    story = Story(human())
    story.run(29)
    story.acknowledges(30)
    story.says(human(2, 32, Kind.PROGRESS))
    assert story.run(62, since=32) == [(51, "owner"), (61, "OWNER")]


def test_an_acknowledgement_moves_no_deadline() -> None:
    story = Story(human())
    story.acknowledges(1)
    assert post_by(story.duty.incident, policy()) == after(30)


def test_without_news_lead_and_duty_manager_are_paged_though_updates_are_published() -> None:
    """Five updates that say the same: the silence clock is content, the news clock is not."""
    same = [human(n, 25 * n, Kind.PROGRESS, message={"en": "We work on it."}) for n in range(2, 8)]
    story = Story(human(message={"en": "We work on it."}), *same)
    news = [each for each in story.run(182, since=120) if each[1] != "owner"]
    assert news == [(120, "LEAD"), (150, "DUTY-MANAGER"), (180, "DUTY-MANAGER")]


# --- what cannot be handed over -------------------------------------------------------------------


def test_who_cannot_be_paged_is_followed_at_once() -> None:
    story = Story(machine())
    story.fates["owner"] = DeliveryState.PARKED
    assert story.run(20) == [(0, "OWNER"), (0, "LEAD"), (19, "owner"), (19, "lead")]


def test_who_stands_in_is_not_told_the_same_again_at_their_own_time() -> None:
    story = Story(human())
    story.fates["owner"] = DeliveryState.REFUSED
    assert story.run(50) == [(19, "owner"), (19, "lead"), (29, "OWNER"), (29, "LEAD"), (49, "DUTY-MANAGER")]


def test_in_place_of_a_nudge_somebody_else_is_nudged_and_paged_at_their_own_time_too() -> None:
    story = Story(human())
    story.fates["owner"] = DeliveryState.UNDELIVERED
    assert story.run(20) == [(19, "owner"), (19, "lead")]
    story.fates = {}  # their phone is on again
    assert story.run(50, since=20) == [(29, "OWNER"), (39, "LEAD"), (49, "DUTY-MANAGER")]


def test_a_nudge_that_fails_once_pages_are_due_is_followed_by_nobody() -> None:
    story = Story(human())
    story.run(30)
    story.fails("owner", page=False)
    assert story.run(38, since=30) == []


def test_a_late_word_on_an_old_repeat_wakes_nobody_once_a_newer_one_was_told() -> None:
    story = Story(human(), policy=policy(escalation=Escalation(post=POST)))
    story.run(80)
    story.fails("duty-manager", repeat=1)
    assert story.run(88, since=80) == []


def test_who_has_just_acknowledged_is_not_followed_by_others_for_a_page_before_it() -> None:
    story = Story(human(), policy=policy(escalation=Escalation(post=POST)))
    story.run(30)
    story.acknowledges(31)
    story.fails("owner")
    assert story.run(40, since=32) == []
    assert plan_pages(story.duty, after(40)).look_at == after(41)
    assert story.run(50, since=41)[:1] == [(41, "LEAD")]


def test_when_nobody_can_be_paged_all_are_tried_again_and_again() -> None:
    story = Story(machine(), policy=policy(escalation=Escalation(post=POST)))
    story.fates = dict.fromkeys(("owner", "lead", "duty-manager"), DeliveryState.PARKED)
    assert story.run(10) == [(m, who) for m in (0, 10) for who in ("OWNER", "LEAD", "DUTY-MANAGER")]
    story.fates = {}
    assert story.run(25, since=11) == [(19, "owner"), (20, "OWNER")]


def test_when_the_last_one_cannot_be_paged_any_more_those_before_are() -> None:
    story = Story(human(), policy=policy(escalation=Escalation(post=POST)))
    story.run(49)
    story.fates["duty-manager"] = DeliveryState.REFUSED
    assert story.run(70, since=50) == [
        (59, "DUTY-MANAGER"), (59, "OWNER"),
        (69, "DUTY-MANAGER"), (69, "OWNER"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("state", "attempts", "failed"),
    [
        (DeliveryState.PENDING, 0, False),
        (DeliveryState.LEASED, 1, False),
        (DeliveryState.PENDING, 1, False),  # one try that failed may be a hiccup
        (DeliveryState.LEASED, 2, False),
        (DeliveryState.PENDING, 2, True),
        (DeliveryState.UNKNOWN, 2, True),
        (DeliveryState.LEASED, 3, True),
        (DeliveryState.REFUSED, 1, True),
        (DeliveryState.PARKED, 1, True),
        (DeliveryState.UNDELIVERED, 1, True),
        (DeliveryState.ACCEPTED, 7, False),
        (DeliveryState.DELIVERED, 7, False),
        (DeliveryState.CANCELLED, 7, False),
    ],
)
def test_when_a_page_counts_as_failed(state: DeliveryState, attempts: int, failed: bool) -> None:
    key = PageKey(ResponderLadder.OPENED, make.NOON, 0)
    assert Paged(key, state, attempts).failed is failed
    orders = plan_pages(duty(machine(), paged=(Paged(key, state, attempts),)), make.NOON)
    again = ["owner"] if state is DeliveryState.CANCELLED else []  # it reached nobody
    assert [o.who for o in orders.owed] == (["lead"] if failed else again)


# --- what is ours to mend -------------------------------------------------------------------------


def test_a_broken_channel_is_told_once_for_each() -> None:
    story = Story(human(), trouble={"channel sms": after(1), "channel push": after(2)})
    assert story.run(18, since=3) == [(3, "OWNER"), (3, "OWNER")]
    assert {p.key.subject for p in story.duty.paged} == {"channel sms", "channel push"}


# --- what is overtaken ----------------------------------------------------------------------------


def test_what_waits_is_taken_back_when_somebody_publishes() -> None:
    key = PageKey(ResponderLadder.POST, after(30), 1)
    waiting = Paged(key, DeliveryState.PENDING, 1)
    spoken = duty(human(), human(2, 29, Kind.PROGRESS), paged=(waiting,))
    assert plan_pages(spoken, after(29)).stale == (key,)
    assert not still_due(spoken, key)
    assert still_due(duty(human(), paged=(waiting,)), key)


def test_what_was_taken_back_is_owed_again_where_a_recall_brings_its_deadline_back() -> None:
    story = Story(human())
    key = PageKey(ResponderLadder.POST, after(30), 1)
    story.duty = replace(story.duty, paged=(Paged(key, DeliveryState.CANCELLED, 1),))
    assert (31, "OWNER") in story.run(31, since=31)
    assert story.run(31, since=31) == []


def test_a_repeat_takes_the_place_of_the_one_that_still_waits() -> None:
    """A provider that comes back after an hour brings one page, not six."""
    old = PageKey(ResponderLadder.POST, after(30), 3, 0)
    orders = plan_pages(duty(human(), paged=(Paged(old, DeliveryState.PENDING, 9),)), after(59))
    assert old in orders.stale
    assert ("duty-manager", 1) in [(o.who, o.key.repeat) for o in orders.owed]


def test_a_policy_without_ladders_pages_nobody() -> None:
    orders = plan_pages(duty(machine(), policy=make.policy()), after(300))
    assert orders == Orders()
