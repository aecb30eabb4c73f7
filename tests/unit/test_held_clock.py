"""What becomes of alertd's clock when the database's steps."""

from datetime import datetime, timedelta

import pytest

from alertd.domain.held_clock import MOST, SLOWER, STEP, Held, counted_at_start, held
from tests.make import NOON

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def test_a_clock_that_goes_on_is_followed():
    for off in (timedelta(0), STEP, -STEP):
        assert held(None, NOON + off, NOON) is None


def test_a_step_back_is_held_and_comes_back_slowly():
    stepped = held(None, NOON - HOUR, NOON)
    assert stepped == Held(HOUR, NOON - HOUR)
    assert stepped.at(NOON - HOUR) == HOUR
    assert stepped.at(NOON) == HOUR - HOUR / SLOWER
    assert stepped.at(NOON + SLOWER * HOUR) == timedelta(0)


def test_what_is_held_is_no_step_for_whoever_looks_next():
    stepped = held(None, NOON - HOUR, NOON)
    later = 60 * SECOND
    assert held(stepped, NOON - HOUR + later, NOON + later) is None


def test_a_clock_that_is_put_right_again_is_held_no_more():
    stepped = held(None, NOON - HOUR, NOON)
    assert held(stepped, NOON, NOON) == Held(timedelta(0), NOON)
    half = held(stepped, NOON - HOUR / 2, NOON)
    assert half is not None
    # What was held then is measured by the clock of then, which has jumped: so much has come back at once.
    assert HOUR / 2 - half.ahead <= HOUR / 2 / SLOWER


def test_two_steps_add_up_and_more_than_may_be_held_is_followed():
    first = held(None, NOON - HOUR, NOON)
    second = held(first, NOON - 2 * HOUR, NOON)
    assert second == Held(2 * HOUR, NOON - 2 * HOUR)
    assert held(second, NOON - 2 * HOUR - MOST, NOON) is None
    assert held(None, NOON - MOST - SECOND, NOON) is None


@pytest.mark.parametrize("ahead", [3 * SECOND, HOUR, 400 * HOUR])
def test_a_step_ahead_is_followed(ahead: timedelta):
    assert held(None, NOON + ahead, NOON) is None


def test_a_clock_that_steps_back_while_held_comes_back_no_sooner():
    stepped = held(None, NOON - HOUR, NOON)
    assert stepped is not None
    assert stepped.at(NOON - 3 * HOUR) == HOUR


BACK = Held(HOUR, NOON - HOUR)


@pytest.mark.parametrize(
    ("before", "wall", "beat", "counted"),
    [
        (None, NOON, None, NOON),
        (None, NOON, NOON - HOUR, NOON),  # nobody ran for an hour
        (None, NOON - HOUR, NOON - 5 * SECOND, NOON - 5 * SECOND),  # it went back while nobody looked
        (BACK, NOON - HOUR, None, NOON),
        (BACK, NOON - HOUR, NOON - 5 * SECOND, NOON),  # others run, and hold it
        (
            BACK,
            NOON - HOUR + 40 * SECOND,
            NOON,
            NOON + 39.6 * SECOND,
        ),  # nobody ran for 40 s, and it is still wrong
        (BACK, NOON, NOON - 5 * SECOND, NOON),  # it was put right, and nobody has looked yet
        (BACK, NOON + 3 * HOUR, NOON, NOON + 3 * HOUR),  # nobody ran for hours
    ],
)
def test_what_time_it_is_for_whoever_starts(
    before: Held | None, wall: datetime, beat: datetime | None, counted: datetime
):
    assert counted_at_start(before, wall, beat) == counted
