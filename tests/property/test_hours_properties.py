"""Quiet hours and duty against a reading of the clock minute by minute, in every season and several zones."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from alertd.domain import hours
from tests import oracle

ZONES = st.sampled_from(
    (
        "America/Los_Angeles",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Europe/Berlin",
        "America/St_Johns",
        "Pacific/Apia",
    )
)
CHANGES = (  # days around which clocks change somewhere above
    datetime(2026, 3, 8), datetime(2026, 11, 1), datetime(2026, 4, 5), datetime(2026, 10, 4),
    datetime(2026, 4, 24), datetime(2026, 10, 30), datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2011, 12, 30),
)  # fmt: skip
INSTANTS = st.builds(
    lambda day, minutes: day.replace(tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-2000, 2000),
)
CLOCK = st.sampled_from(tuple(f"{h:02}:{m:02}" for h in (0, 1, 2, 3, 6, 22, 23) for m in (0, 15, 30, 59)))
DAYS = st.sampled_from(("mon-sun", "sat,sun", "mon-fri", "fri-mon", "thu"))
BOUNDED = settings(max_examples=300, deadline=None, derandomize=True, database=None)


@BOUNDED
@given(ZONES, INSTANTS, CLOCK, CLOCK)
def test_quiet_hours_end_and_begin_where_the_clock_says(zone, at, start, end):
    if start == end:
        return
    text = f"{start}-{end}"
    until, begins = hours.quiet_until(text, zone, at), hours.quiet_from(text, zone, at)
    assert (until is not None) == oracle.asleep(text, zone, at)
    if until is not None:
        ends = [e for s, e in oracle.nights(text, zone, oracle.day_of(zone, at)) if s <= at < e]
        assert until in ends
    starts = [s for s, e in oracle.nights(text, zone, oracle.day_of(zone, at)) if at < s < e]
    assert begins == min(starts)


@BOUNDED
@given(ZONES, INSTANTS, DAYS, CLOCK, CLOCK)
def test_duty_begins_and_ends_where_the_clock_says(zone, at, days, start, end):
    if start == end:
        return
    text = f"{days} {start}-{end}"
    off, on = hours.off_duty_until(text, zone, at), hours.on_duty_until(text, zone, at)
    shifts = oracle.shifts(text, zone, oracle.day_of(zone, at))
    assert (off is None) == oracle.inside(shifts, at)
    assert (on is None) == (off is not None)
    if off is not None:
        assert off == min(s for s, e in shifts if at < s < e)
    else:
        assert on in [e for s, e in shifts if s <= at < e]
