"""R10: quiet hours and duty are stretches of instants, each wall time resolved once."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from alertd.domain import hours
from alertd.domain.errors import Invalid
from alertd.domain.hours import (
    off_duty_until,
    on_duty_until,
    parse_on_duty,
    parse_quiet_hours,
    quiet_from,
    quiet_until,
)

LA, HOWE, CAIRO, APIA = "America/Los_Angeles", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia"


@pytest.fixture(autouse=True)
def unremembered():
    """Every answer is found anew: mutants are forked from a process that remembers those of the right code."""
    for each in (
        quiet_until,
        quiet_from,
        off_duty_until,
        on_duty_until,
        hours._quiet,
        hours._duty,
        hours._stretch,
    ):
        each.cache_clear()


def local(text: str, zone: str = LA, *, fold: int = 0) -> datetime:
    """A wall time of a zone as the UTC instant it names; `fold` 1: its second occurrence."""
    wall = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return wall.astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "until", "because"),
    [
        ("2026-11-04 21:59", None, "a minute before the start they are awake"),
        ("2026-11-04 22:00", "2026-11-05 06:30", "the start belongs to the night"),
        ("2026-11-05 00:00", "2026-11-05 06:30", "after midnight it is still the night that began yesterday"),
        ("2026-11-05 06:29", "2026-11-05 06:30", "the last minute is quiet"),
        ("2026-11-05 06:30", None, "the end is the first moment awake"),
    ],
)
def test_a_night_over_midnight(at, until, because):
    assert quiet_until("22:00-06:30", LA, local(at)) == (local(until) if until else None), because


@pytest.mark.parametrize(
    ("text", "zone", "at", "until", "because"),
    [
        ("22:00-06:30", LA, local("2026-10-31 23:00"), local("2026-11-01 06:30"), "the fold night is an hour longer"),
        ("22:00-06:30", LA, local("2026-03-07 23:00"), local("2026-03-08 06:30"), "the gap night is an hour shorter"),
        ("22:00-01:30", LA, local("2026-11-01 01:29"), local("2026-11-01 01:30"), "an end that exists twice is the first"),
        ("22:00-01:30", LA, local("2026-11-01 01:15", fold=1), None, "the second 01:15 comes after the end"),
        ("01:30-05:00", LA, local("2026-11-01 01:10", fold=1), local("2026-11-01 05:00"), "a start is its first occurrence"),
        ("22:00-02:30", LA, local("2026-03-08 01:59"), local("2026-03-08 03:00"), "an end in the gap is the first instant after"),
        ("02:15-04:00", LA, local("2026-03-08 03:00"), local("2026-03-08 04:00"), "a start in the gap is the first instant after"),
        ("02:10-02:50", LA, local("2026-03-08 03:00"), None, "a stretch inside the gap does not exist"),
        ("22:00-02:10", HOWE, local("2026-10-04 01:59", HOWE), local("2026-10-04 02:30", HOWE), "a gap of half an hour"),
        ("22:00-01:45", HOWE, local("2026-04-05 01:40", HOWE), local("2026-04-05 01:45", HOWE), "a fold of half an hour"),
        ("22:00-00:20", CAIRO, local("2026-04-23 23:59", CAIRO), local("2026-04-24 01:00", CAIRO), "a gap at midnight"),
        ("22:00-06:30", APIA, local("2011-12-29 23:00", APIA), local("2011-12-31 00:00", APIA), "a day that was skipped"),
        ("none", LA, local("2026-11-04 23:00"), None, "none means none"),
    ],
)  # fmt: skip
def test_nights_on_which_the_clocks_change(text, zone, at, until, because):
    assert quiet_until(text, zone, at) == until, because


@pytest.mark.parametrize(
    ("text", "at", "begins", "because"),
    [
        ("22:00-06:30", "2026-11-04 12:00", "2026-11-04 22:00", "tonight"),
        ("22:00-06:30", "2026-11-04 22:00", "2026-11-05 22:00", "at the start itself: the next one"),
        ("22:00-06:30", "2026-11-05 02:00", "2026-11-05 22:00", "within the night: the evening after it"),
        ("02:10-02:50", "2026-03-07 12:00", "2026-03-09 02:10", "a stretch that the gap swallows is passed over"),
        ("none", "2026-11-04 12:00", None, "there are none"),
    ],
)
def test_when_the_next_night_begins(text, at, begins, because):
    assert quiet_from(text, LA, local(at)) == (local(begins) if begins else None), because


@pytest.mark.parametrize(
    ("text", "at", "off_until", "on_until", "because"),
    [
        ("mon-fri 08:00-15:00", "2026-11-04 09:00", None, "2026-11-04 15:00", "Wednesday morning: on duty"),
        ("mon-fri 08:00-15:00", "2026-11-04 15:00", "2026-11-05 08:00", None, "the end is off duty"),
        ("mon-fri 08:00-15:00", "2026-11-06 16:00", "2026-11-09 08:00", None, "Friday afternoon: Monday"),
        ("wed 08:00-15:00", "2026-11-04 15:00", "2026-11-11 08:00", None, "one day a week: the next week"),
        (
            "fri-mon 22:00-02:00",
            "2026-11-03 01:00",
            None,
            "2026-11-03 02:00",
            "a week-end over Sunday, past midnight",
        ),
        ("sat,sun 00:00-24:00", "2026-11-07 12:00", None, "2026-11-08 00:00", "a whole day ends at midnight"),
        ("sun 02:10-02:50", "2026-03-07 12:00", "2026-03-15 02:10", None, "a duty that the gap swallows is none"),
    ],
)
def test_duty(text, at, off_until, on_until, because):
    assert off_duty_until(text, LA, local(at)) == (local(off_until) if off_until else None), because
    assert on_duty_until(text, LA, local(at)) == (local(on_until) if on_until else None), because


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("22:00", "is no stretch of hours"),
        ("22-06", "is no stretch of hours"),
        ("22:00-06:60", "a time that does not exist"),
        ("24:00-06:00", "a time that does not exist"),
        ("22:00-24:30", "a time that does not exist"),
        ("22:00-22:00", "quiet for 24 hours"),
        ("00:00-24:00", "quiet for 24 hours"),
    ],
)
def test_quiet_hours_that_are_none(text, says):
    with pytest.raises(Invalid, match=says):
        parse_quiet_hours(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("08:00-15:00", "is no duty time"),
        ("mon-someday 08:00-15:00", "is no duty time"),
        ("mon-fri", "is no stretch of hours"),
        ("mon 8-15", "is no stretch of hours"),
        ("mon 08:00-25:00", "a time that does not exist"),
    ],
)
def test_duty_that_is_none(text, says):
    with pytest.raises(Invalid, match=says):
        parse_on_duty(text)


def test_spaces_and_capitals_do_not_matter():
    assert parse_quiet_hours(" 22:00 - 06:30 ") == parse_quiet_hours("22:00-06:30")
    assert parse_on_duty("Mon-Fri 08:00-15:00") == parse_on_duty("mon,tue,wed,thu,fri 08:00-15:00")
    assert parse_quiet_hours("None") is None


@pytest.mark.parametrize(
    ("read", "text", "says"),
    [
        (parse_quiet_hours, "10-6", '"10-6" is no stretch of hours; write for example "22:00-06:30"'),
        (parse_quiet_hours, "9:00-9:00", '"9:00-9:00" would be quiet for 24 hours; write a shorter stretch, or "none"'),
        (parse_quiet_hours, "1:00-24:01", '"1:00-24:01" has a time that does not exist; hours run from 00:00 to 24:00'),
        (parse_on_duty, "Weekdays 08:00-15:00", '"Weekdays 08:00-15:00" is no duty time; write for example "mon-fri 08:00-15:00"'),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_the_way_out(read, text, says):
    with pytest.raises(Invalid) as refused:
        read(text)
    assert str(refused.value) == says


@pytest.mark.parametrize("text", ["00:00-23:59", "23:59-00:00", "01:00-24:00", "0:00-9:05"])
def test_the_first_and_the_last_minute_of_a_day_exist(text):
    found = parse_quiet_hours(text)
    assert found is not None
    begins, ends = text.split("-")
    assert (found.start.strftime("%H:%M"), found.end.strftime("%H:%M")) == (
        begins.rjust(5, "0"), ends.rjust(5, "0").replace("24:", "00:")
    )  # fmt: skip


def test_a_gap_ends_at_the_very_second():
    """The first instant after it, however its wall time lies in it."""
    for minute in ("00", "01", "17", "30", "59"):
        end = quiet_until(f"22:00-02:{minute}", LA, local("2026-03-08 01:00"))
        assert end == datetime(2026, 3, 8, 10, 0, tzinfo=UTC), minute
