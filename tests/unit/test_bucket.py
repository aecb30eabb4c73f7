"""What a sender may hand over now: to whom, how much, and when it is worth asking again."""

import pytest

from alertd.domain.bucket import LONGEST_WAIT, STEP, URGENT_AT_LEAST, URGENT_SHARE, Bucket

ALL = 1_000_000


def emptied(rate: float, at: float = 0.0) -> Bucket:
    """A bucket of which everything was taken."""
    bucket = Bucket(rate)
    for lane in ("urgent", "bulk"):
        assert bucket.take(lane, ALL, at).units > 0
    return bucket


@pytest.mark.parametrize(
    ("rate", "lane", "granted"),
    [
        (100.0, "bulk", 100),  # a second of the rate
        (100.0, "urgent", 100),
        (1.0, "bulk", 1),
        (1.0, "urgent", 10),  # two parents, two long texts, however slow the sender is
        (0.1, "bulk", 1),  # a message can always be sent
        (5000.0, "bulk", 5000),
    ],
)
def test_after_a_rest_so_much_may_come_at_once(rate: float, lane: str, granted: int) -> None:
    bucket = Bucket(rate)
    assert bucket.take(lane, ALL, 0.0).units == granted
    assert bucket.take(lane, ALL, 0.0).units == 0


@pytest.mark.parametrize(
    ("lane", "seconds", "granted"),
    [
        ("bulk", 0.5, 40),  # four fifths of 100 a second, while the urgent lane fills up again
        ("urgent", 0.5, 10),  # the fifth
        ("bulk", 0.05, 0),  # less than comes in a tenth of a second is not worth asking for
        ("urgent", 0.05, 0),
    ],
)
def test_each_lane_has_its_part_after_both_took_all(lane: str, seconds: float, granted: int) -> None:
    assert emptied(100.0).take(lane, ALL, seconds).units == granted


def test_bulk_has_all_of_the_rate_while_nothing_is_urgent() -> None:
    bucket = Bucket(100.0)
    bucket.take("bulk", ALL, 0.0)
    assert sum(bucket.take("bulk", ALL, second / 2).units for second in range(1, 21)) == 1000


def test_what_is_urgent_has_all_of_the_rate_while_bulk_rests() -> None:
    bucket = Bucket(100.0)
    bucket.take("urgent", ALL, 0.0)
    assert sum(bucket.take("urgent", ALL, second / 2).units for second in range(1, 21)) == 1000


def test_what_is_urgent_is_there_at_once_though_bulk_takes_all_there_is() -> None:
    bucket = Bucket(1.0)
    for second in range(100):
        bucket.take("bulk", ALL, float(second))
    assert bucket.take("urgent", 4, 100.0).units == 4


def test_a_few_are_granted_as_soon_as_they_are_there() -> None:
    """Whoever wants one waits for one, not for a tenth of a second's worth."""
    bucket = emptied(1000.0)
    assert bucket.take("bulk", 1, 0.002).units == 1


def test_who_asks_again_when_told_is_granted_something() -> None:
    for rate in (0.5, 1.0, 3.0, 10.0, 1000.0):
        for lane in ("urgent", "bulk"):
            bucket, now, looks = emptied(rate), 0.0, 0
            while not (grant := bucket.take(lane, ALL, now)).units:
                assert 0 < grant.wait <= LONGEST_WAIT
                now, looks = now + grant.wait, looks + 1
            share = URGENT_SHARE if lane == "urgent" else 1 - URGENT_SHARE
            assert looks <= max(1 / (rate * share), STEP) / LONGEST_WAIT + 2


def test_a_clock_that_steps_back_takes_nothing_away() -> None:
    bucket = emptied(10.0, at=100.0)
    assert bucket.take("bulk", ALL, 50.0).units == 0
    assert bucket.take("bulk", ALL, 51.0).units == 8


def test_the_urgent_part_is_no_more_than_a_page_needs_at_a_slow_sender() -> None:
    assert Bucket(1.0).take("urgent", ALL, 0.0).units == URGENT_AT_LEAST
