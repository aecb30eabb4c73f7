"""R8: what falls due if nothing happens: when, whom, nudge or page, and by which ladder."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from alertd.domain.delivery import DeliveryState
from alertd.domain.incident import Kind, State, Update
from alertd.domain.paging import MESSAGES, TEXTS, Orders, Paged, ResponderLadder, Responding
from alertd.domain.policy import Escalation, Policy, ResponderStep
from alertd.domain.responders import plan_pages
from tests import make
from tests.make import after, minutes

POST = (
    ResponderStep(minutes(-10), "owner", page=False),
    ResponderStep(minutes(0), "owner", page=True),
    ResponderStep(minutes(10), "lead", page=True),
    ResponderStep(minutes(20), "manager", page=True, repeat=minutes(10)),
)
NEWS = (ResponderStep(minutes(0), "lead", page=True), ResponderStep(minutes(30), "manager", page=True))
REFUSED = DeliveryState.REFUSED


def policy(post: tuple[ResponderStep, ...] = POST, news: tuple[ResponderStep, ...] = ()) -> Policy:
    return make.policy(escalation=Escalation(post=post, news=news))


def opened(*more: Update, by_machine: bool = False, **changes: Any) -> Responding:
    """Opened at noon, so that an update is owed at half past; what is owed is planned a minute before."""
    who: dict[str, Any] = {"source": "prober", "state": State.SUSPECTED} if by_machine else {}
    made = Responding(make.incident(make.update(1, Kind.NOTICE, **who), *more), policy(), margin=minutes(1))
    return replace(made, **changes)


def going_on(duty: Responding, until: Iterable[float], **fates: DeliveryState) -> Responding:
    """... and what was owed at these minutes was sent; `fates`: what became of it, by role."""
    for minute in until:
        owed = plan_pages(duty, after(minute)).owed
        sent = [Paged(o.key, fates.get(o.who, DeliveryState.ACCEPTED), attempts=1) for o in owed]
        duty = replace(duty, paged=(*duty.paged, *sent))
    return duty


def coming(orders: Orders) -> list[tuple[float, str, str]]:
    """Pages in capitals."""
    return [
        (
            (each.at - make.NOON).total_seconds() / 60,
            each.who.upper() if each.page else each.who,
            each.ladder.value,
        )
        for each in orders.coming
    ]


def test_from_the_first_update_on_every_step_is_to_come_in_the_order_of_time():
    assert coming(plan_pages(opened(policy=policy(news=NEWS)), after(0))) == [
        (19, "owner", "post"),
        (29, "OWNER", "post"),
        (39, "LEAD", "post"),
        (49, "MANAGER", "post"),
        (120, "LEAD", "news"),
        (150, "MANAGER", "news"),
    ]


@pytest.mark.parametrize(
    ("because", "at", "expected"),
    [
        ("the nudge is out", 19, [(29, "OWNER", "post"), (39, "LEAD", "post"), (49, "MANAGER", "post")]),
        ("so is the page", 29, [(39, "LEAD", "post"), (49, "MANAGER", "post")]),
        ("the last one comes again", 49, [(59, "MANAGER", "post")]),
        ("... and again", 59, [(69, "MANAGER", "post")]),
    ],
)
def test_what_was_sent_comes_no_more_but_for_what_repeats(because, at, expected):
    duty = going_on(opened(), [minute for minute in (19, 29, 39, 49, 59) if minute <= at])
    assert coming(plan_pages(duty, after(at))) == expected, because


def test_a_nudge_that_would_come_before_anything_could_be_late_never_comes():
    duty = opened(make.update(2, Kind.PROGRESS, after(3), promise=after(8)))
    assert coming(plan_pages(duty, after(3)))[0] == (7, "OWNER", "post")


def test_an_acknowledgement_puts_off_each_step_to_come_once():
    duty = replace(going_on(opened(), (19, 29)), acknowledged=[after(30)])
    assert coming(plan_pages(duty, after(30))) == [(49, "LEAD", "post"), (59, "MANAGER", "post")]
    duty = going_on(duty, (49, 59))
    assert coming(plan_pages(duty, after(59))) == [(69, "MANAGER", "post")]


def test_who_was_paged_early_in_place_of_another_does_not_come_again_at_their_own_time():
    duty = going_on(opened(), (19, 29, 29), owner=REFUSED)
    assert [who for _, who, _ in coming(plan_pages(duty, after(29)))] == ["MANAGER"]


def test_who_repeats_comes_with_the_first_repeat_that_was_not_used_up_in_place_of_another():
    both = (ResponderStep(minutes(0), "owner", page=True), ResponderStep(minutes(10), "manager", page=True))
    duty = going_on(opened(policy=policy(both)), (29, 29), owner=REFUSED)
    assert [(p.key.step, p.key.repeat) for p in duty.paged] == [(0, 0), (1, 0)]
    assert coming(plan_pages(duty, after(29))) == [(49, "MANAGER", "post")]


def test_after_an_acknowledgement_the_one_in_place_of_a_failed_page_is_yet_to_come():
    duty = replace(going_on(opened(), (19, 29)), acknowledged=[after(31)])
    duty = replace(duty, paged=[replace(p, state=REFUSED) if p.key.step == 1 else p for p in duty.paged])
    assert plan_pages(duty, after(32)).owed == ()
    assert coming(plan_pages(duty, after(32)))[0] == (41, "LEAD", "post")
    assert [o.who for o in plan_pages(duty, after(41)).owed] == ["lead"]


def test_a_machines_opening_pages_until_one_page_was_handed_over():
    duty = opened(by_machine=True)
    tried = going_on(duty, (0, 0, 0), owner=REFUSED, lead=REFUSED, manager=REFUSED)
    assert coming(plan_pages(tried, after(0)))[0] == (10, "OWNER", "opened")
    reached = going_on(duty, (0, 0), owner=REFUSED)
    assert {ladder for _, _, ladder in coming(plan_pages(reached, after(0)))} == {"post"}


@pytest.mark.parametrize(("subject", "who"), [("channel sms", "OWNER"), (TEXTS, "owner")])
def test_trouble_comes_again_only_while_nobody_could_be_told(subject, who):
    """What keeps families from being told pages; what they are told in other words all the same nudges."""
    duty = opened(trouble={subject: after(2)})
    [owed] = plan_pages(duty, after(2)).owed
    assert (owed.who, owed.page) == ("owner", who.isupper())
    failed = going_on(duty, (2, 2, 2), owner=REFUSED, lead=REFUSED, manager=REFUSED)
    assert len(failed.paged) == 3
    assert coming(plan_pages(failed, after(2)))[0] == (12, who, "trouble")
    reached = going_on(duty, (2, 2), owner=REFUSED)
    assert {ladder for _, _, ladder in coming(plan_pages(reached, after(2)))} == {"post"}


def resolved(promise: float | None) -> Responding:
    end = make.update(
        2, Kind.RESOLUTION, after(60), state=State.RESOLVED, promise=after(promise) if promise else None
    )
    return opened(end)


@pytest.mark.parametrize(("subject", "told"), [("channel sms", True), (MESSAGES, True), (TEXTS, False)])
def test_after_the_end_they_hear_of_what_may_keep_the_all_clear_from_families(subject, told):
    duty = replace(resolved(None), trouble={subject: after(61)})
    assert bool(plan_pages(duty, after(61)).owed) is told


def test_who_owes_what_happened_is_nudged_half_way_and_paged_when_it_is_missed():
    """Half way where less than two days were promised, else a day before."""
    assert coming(plan_pages(resolved(180), after(60))) == [
        (120, "owner", "postmortem"),
        (180, "OWNER", "postmortem"),
    ]
    week = 60 + 7 * 24 * 60
    assert coming(plan_pages(resolved(week), after(60)))[0] == (week - 24 * 60, "owner", "postmortem")
    assert plan_pages(resolved(None), after(60)).coming == ()


def test_what_happened_is_nudged_and_paged_for_once():
    duty = going_on(resolved(180), (120,))
    assert coming(plan_pages(duty, after(120))) == [(180, "OWNER", "postmortem")]
    duty = going_on(duty, (180,))
    assert plan_pages(duty, after(180)) == Orders()
    assert [(p.key.ladder, p.key.base) for p in duty.paged] == [(ResponderLadder.POSTMORTEM, after(180))] * 2


def test_where_the_owner_cannot_be_paged_for_what_happened_the_lead_is():
    duty = going_on(resolved(180), (120, 180), owner=REFUSED)
    assert [(o.who, o.page) for o in plan_pages(duty, after(180)).owed] == [("lead", True)]
