"""R13: the promise ledger, from updates and counts alone."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from alertd.domain.downtime import Downtime
from alertd.domain.incident import Kind, State, Update
from alertd.domain.promises import Cause, Fate, Promise, Telling, judge, promises
from tests import make

MARGIN = timedelta(minutes=1)
ALL = Telling(told=10, heard=10)
AFTER_ALL = make.after(600)


def fates(
    *updates: Update, telling: Telling = ALL, downtimes: Sequence[Downtime] = (), now: datetime = AFTER_ALL
) -> list[tuple[Fate, Cause | None]]:
    """The fate and cause of every promise of an incident with these updates."""
    kept = [judge(each, telling, downtimes, MARGIN, now) for each in promises(make.incident(*updates))]
    return [(each.fate, each.cause) for each in kept]


def notice(**changes: Any) -> Update:
    return make.update(1, Kind.NOTICE, make.NOON, promise=make.after(60), **changes)


def word(number: int, minutes: float, **changes: Any) -> Update:
    return make.update(number, Kind.PROGRESS, make.after(minutes), **changes)


def holding(number: int, minutes: float, **changes: Any) -> Update:
    return make.update(number, Kind.HOLDING, make.after(minutes), human_number=None, **changes)


def test_whoever_writes_in_time_keeps_it():
    assert fates(notice(), word(2, 60)) == [(Fate.HUMAN, None)]


def test_a_machine_that_speaks_in_time_keeps_it_in_its_own_name():
    assert fates(notice(), word(2, 30, source="alertmanager", human_number=None)) == [(Fate.MACHINE, None)]


def test_the_holding_that_stands_for_it_keeps_it():
    """One that was written before, at a family's own time, does not."""
    assert fates(notice(), holding(2, 30), holding(3, 59, closes_promise=True), word(4, 70)) == [
        (Fate.HOLDING, None)
    ]


def test_a_new_promise_before_its_time_is_a_word_in_time():
    updates = notice(), word(2, 50, promise=make.after(120)), word(3, 130)
    assert fates(*updates, telling=Telling(unplanned=10)) == [
        (Fate.MISSED, Cause.SILENCE),  # written in time, and nobody heard of it
        (Fate.MISSED, Cause.SILENCE),
    ]
    assert fates(*updates)[0] == (Fate.HUMAN, None)


def test_a_note_for_the_record_makes_and_keeps_no_promise():
    assert fates(notice(), word(2, 30, notify=False, promise=make.after(40))) == [(Fate.DEFERRED, None)]


def test_the_end_keeps_it():
    assert fates(notice(), make.update(2, Kind.RESOLUTION, make.after(20))) == [(Fate.HUMAN, None)]


def test_until_its_time_it_is_open():
    assert fates(notice(), now=make.after(59), telling=Telling(unplanned=10)) == [(Fate.OPEN, None)]


@pytest.mark.parametrize(
    ("telling", "cause"),
    [
        (Telling(tried=6, waiting=3, unplanned=1), Cause.PROVIDER),
        (Telling(tried=1, waiting=6, unplanned=3), Cause.RATES),
        (Telling(tried=1, waiting=3, unplanned=6, deferred=90), Cause.SILENCE),
    ],
)
def test_what_is_missed_names_what_held_most_families_up(telling, cause):
    assert fates(notice(), telling=telling) == [(Fate.MISSED, cause)]


def test_our_own_downtime_is_named_before_all_else():
    """From whenever a sweep should have found them due, a margin before its time."""
    down = Downtime(make.after(58), make.after(59))
    assert fates(notice(), telling=Telling(tried=9, unplanned=1), downtimes=[down]) == [
        (Fate.MISSED, Cause.DOWNTIME)
    ]
    before = Downtime(make.after(50), make.after(58.9))
    assert fates(notice(), telling=Telling(tried=10), downtimes=[before]) == [(Fate.MISSED, Cause.PROVIDER)]


def test_families_of_whom_nothing_is_known_slept_unless_we_were_down():
    unaware = Telling(unaware=10)
    assert fates(notice(), telling=unaware) == [(Fate.DEFERRED, None)]
    down = Downtime(make.NOON, make.after(90))
    assert fates(notice(), telling=unaware, downtimes=[down]) == [(Fate.MISSED, Cause.DOWNTIME)]


def test_it_is_kept_for_most_and_the_share_says_for_how_many():
    [promise] = promises(make.incident(notice(), word(2, 30)))
    kept = judge(promise, Telling(told=97, tried=3, deferred=40, untellable=2), (), MARGIN, make.after(61))
    assert (kept.fate, kept.cause, kept.untold, kept.share) == (Fate.HUMAN, Cause.PROVIDER, 3, 0.97)
    assert kept.telling.touched == 142


def test_nobody_to_tell_has_no_share():
    assert judge(Promise(notice(), make.after(60)), Telling(deferred=5), (), MARGIN, make.after(61)).share is None


def the_end(**changes: Any) -> Update:
    return make.update(
        2, Kind.RESOLUTION, make.after(20), promise=make.after(300), state=State.RESOLVED, **changes
    )


def explains(at: float) -> Update:
    return make.update(3, Kind.POSTMORTEM, make.after(at), state=State.RESOLVED)


@pytest.mark.parametrize(
    ("after_the_end", "telling", "fate"),
    [
        ([explains(299)], ALL, (Fate.HUMAN, None)),
        ([explains(301)], Telling(unplanned=10), (Fate.MISSED, Cause.SILENCE)),
        ([], Telling(unplanned=10), (Fate.MISSED, Cause.SILENCE)),
        ([], Telling(), (Fate.MISSED, Cause.SILENCE)),  # nobody was told the end: it was promised all the same
        ([explains(290)], Telling(tried=10), (Fate.MISSED, Cause.PROVIDER)),
        ([explains(290)], Telling(unaware=4, told=6), (Fate.HUMAN, None)),  # they slept
        ([make.update(3, Kind.REOPENING, make.after(200))], Telling(unplanned=10), (Fate.WITHDRAWN, None)),
        ([make.update(3, Kind.REOPENING, make.after(320))], Telling(unplanned=10), (Fate.MISSED, Cause.SILENCE)),
    ],
)
def test_what_becomes_of_the_promise_to_say_what_happened(after_the_end, telling, fate):
    """No holding stands for it; nobody has published, whether or not we were down; and a relapse withdraws it."""
    down = Downtime(make.after(299), make.after(299.5)) if not after_the_end else None
    assert fates(the_end(), *after_the_end, telling=telling, downtimes=[down] if down else [])[0] == fate
    assert fates(the_end(), now=make.after(299), telling=Telling(unplanned=10))[0] == (Fate.OPEN, None)
