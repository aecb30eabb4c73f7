"""Whoever asks, whenever and for whatever: the rate is kept, and both lanes have their part."""

from hypothesis import given
from hypothesis import strategies as st

from alertd.domain.bucket import LONGEST_WAIT, STEP, Bucket, most, share

RATES = st.floats(0.05, 5000.0)
LANES = st.sampled_from(("urgent", "bulk"))
ASKS = st.lists(st.tuples(st.floats(0.0, 3.0), LANES, st.integers(1, 2000)), min_size=1, max_size=60)
ROUNDING = 1e-6


@given(RATES, ASKS)
def test_no_stretch_of_time_has_more_than_the_rate_and_what_was_saved(
    rate: float, asks: list[tuple[float, str, int]]
) -> None:
    bucket, now = Bucket(rate), 0.0
    granted: list[tuple[float, int]] = []
    for pause, lane, units in asks:
        now += pause
        units_granted = bucket.take(lane, units, now).units
        assert 0 <= units_granted <= units
        granted.append((now, units_granted))
    for first, (began, _) in enumerate(granted):
        total = 0
        for at, units in granted[first:]:
            total += units
            assert total <= rate * (at - began) + sum(most(rate)) + ROUNDING


@given(RATES, LANES, st.integers(1, 500), st.floats(0.0, 0.5), st.integers(1, 2000))
def test_who_always_asks_has_their_part_whatever_the_other_lane_does(
    rate: float, lane: str, units: int, other_every: float, other_units: int
) -> None:
    """A lane with a long queue, beside one that takes all that it can."""
    other = "bulk" if lane == "urgent" else "urgent"
    bucket, now, total, looks = Bucket(rate), 0.0, 0, 0
    while looks < 300:
        bucket.take(other, other_units, now)
        grant = bucket.take(lane, units, now)
        total, looks = total + grant.units, looks + 1
        now += max(grant.wait if not grant.units else STEP, other_every)
    # What a waiting process leaves in the vessel until it looks again may flow over where it asks for few at a time.
    asked = units * looks
    assert total >= min(rate * share(lane) * now, asked) * 0.5 - 1


@given(RATES, LANES)
def test_nobody_waits_longer_than_for_one_unit(rate: float, lane: str) -> None:
    bucket, now = Bucket(rate), 0.0
    for each in ("urgent", "bulk"):
        bucket.take(each, 1_000_000, now)
    while not (grant := bucket.take(lane, 1, now)).units:
        now += grant.wait
    assert now <= 1 / (rate * share(lane)) + LONGEST_WAIT
