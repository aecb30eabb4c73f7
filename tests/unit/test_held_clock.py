"""What becomes of alertd's time when the database's clock steps: from the database alone, whoever asks."""

from datetime import datetime, timedelta

import pytest

from alertd.domain.held_clock import MOST, NEARLY, SLOWER, STEP, Held, held, told
from tests.make import NOON

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
BEAT = NOON - 5 * SECOND
BACK = Held(HOUR, NOON - HOUR)
NOTHING = timedelta(0)


@pytest.mark.parametrize("beat", [None, BEAT, NOON, NOON + STEP, NOON - 5 * HOUR])
def test_a_clock_that_goes_on_is_followed(beat: datetime | None):
    """Also where no sweeper was heard of yet, or none for hours."""
    assert held(None, NOON, beat) is None
    assert told(None, NOON) == NOON


def test_a_step_back_is_held_from_the_last_beat_on_and_comes_back_slowly():
    stepped = held(None, NOON - HOUR, BEAT)
    assert stepped == Held(HOUR - 5 * SECOND, NOON - HOUR)
    assert told(stepped, NOON - HOUR) == BEAT
    assert told(BACK, NOON) == NOON + HOUR - HOUR / SLOWER
    assert told(BACK, NOON + SLOWER * HOUR) == NOON + SLOWER * HOUR


@pytest.mark.parametrize("later", [NOTHING, 60 * SECOND, 3 * HOUR, SLOWER * HOUR])
def test_what_is_held_is_no_step_for_whoever_looks_next(later: timedelta):
    """However long they have not looked: the beat is as old for them as for anybody."""
    wall = NOON - HOUR + later
    assert held(BACK, wall, told(BACK, wall) - 5 * SECOND) is None


def test_a_clock_that_is_put_right_again_is_held_no_more():
    assert held(BACK, NOON, BEAT) == Held(NOTHING, NOON)


def test_a_clock_that_is_nearly_put_right_is_held_by_what_it_lacks():
    """Set by hand, fifteen seconds short."""
    assert held(BACK, NOON - 15 * SECOND, BEAT) == Held(10 * SECOND, NOON - 15 * SECOND)
    assert held(BACK, BEAT - NEARLY - SECOND, BEAT) is None


def test_nobody_ran_for_long():
    """Time is no earlier than the last beat, and no part counted on."""
    assert held(BACK, NOON - HOUR + 40 * SECOND, NOON) is None  # the clock is still wrong
    assert held(BACK, NOON + 3 * HOUR, NOON) == Held(NOTHING, NOON + 3 * HOUR)


def test_two_steps_add_up_until_more_than_may_be_held():
    second = held(BACK, NOON - 2 * HOUR, NOON)
    assert second == Held(2 * HOUR, NOON - 2 * HOUR)
    assert held(second, NOON - 3 * HOUR, NOON) is None
    assert held(None, NOON - MOST, NOON) == Held(MOST, NOON - MOST)
    assert held(None, NOON - MOST - SECOND, NOON) is None


@pytest.mark.parametrize("ahead", [3 * SECOND, STEP * 2, HOUR, 400 * HOUR])
def test_a_step_ahead_is_followed(ahead: timedelta):
    assert held(None, NOON + ahead, BEAT) is None
    assert held(BACK, NOON - HOUR + ahead / 10_000, BEAT) is None


def test_a_clock_that_steps_back_while_held_comes_back_no_sooner():
    assert BACK.at(NOON - 3 * HOUR) == HOUR
