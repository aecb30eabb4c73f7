"""Quiet hours and duty as the auditor reads them, on its own: it must neither accuse nor excuse wrongly (R10)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from alertd.domain.audit import Case, Evidence
from alertd.domain.audit_people import tellable
from alertd.domain.hours import off_duty_until, quiet_until
from tests import make
from tests.make import caregiver, preferences

LA, HOWE, APIA = "America/Los_Angeles", "Australia/Lord_Howe", "Pacific/Apia"


def local(text: str, zone: str = LA, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def may_be_told(at: datetime, *, quiet: str = "none", duty: str | None = None, zone: str = LA) -> bool:
    """Whether somebody with these hours, who has nothing but a phone, may be told by what wakes nobody."""
    person = caregiver("mia", "sms", time_zone=zone, on_duty=duty, preferences=preferences(quiet_hours=quiet))
    family = make.family(person)
    case = Case(make.incident(), make.policy(caregivers={}), make.ALL_CHANNELS, (), at, at)
    return tellable(person, family, case, Evidence(family, {person.addresses[0].id: ("sms", True, False)}))


@pytest.mark.parametrize(
    ("quiet", "at", "told", "because"),
    [
        ("22:00-06:30", "2026-11-04 21:59", True, "the night has not begun"),
        ("22:00-06:30", "2026-11-04 22:00", False, "its first moment"),
        ("22:00-06:30", "2026-11-05 00:00", False, "after midnight it is still last night"),
        ("22:00-06:30", "2026-11-05 06:29", False, "its last minute"),
        ("22:00-06:30", "2026-11-05 06:30", True, "it is over"),
        ("22:15-06:30", "2026-11-04 22:14", True, "minutes count at its beginning"),
        ("13:00-14:00", "2026-11-04 13:30", False, "a nap by day"),
        ("13:00-14:00", "2026-11-05 00:30", True, "... is no night"),
        ("20:00-24:00", "2026-11-04 23:59", False, "until midnight"),
        ("20:00-24:00", "2026-11-05 00:00", True, "... and no longer"),
        ("8:00-9:05", "2026-11-04 09:04", False, "one digit will do"),
        ("22:00 - 06:30", "2026-11-04 23:00", False, "so will blanks"),
        ("none", "2026-11-04 23:00", True, "none means none"),
        ("25:00-26:00", "2026-11-04 23:00", True, "what does not exist holds never"),
    ],
)
def test_quiet_hours(quiet, at, told, because):
    assert may_be_told(local(at), quiet=quiet) is told, because


@pytest.mark.parametrize(
    ("duty", "at", "told", "because"),
    [
        ("mon-fri 08:00-15:00", "2026-11-06 08:00", True, "Friday"),
        ("mon-fri 08:00-15:00", "2026-11-07 08:00", False, "Saturday"),
        ("fri-mon 08:00-15:00", "2026-11-08 12:00", True, "Sunday lies between Friday and Monday"),
        ("fri-mon 08:00-15:00", "2026-11-09 12:00", True, "... and so does Monday, its last day"),
        ("fri-mon 08:00-15:00", "2026-11-10 12:00", False, "... and Tuesday does not"),
        ("fri-mon 08:00-15:00", "2026-11-05 12:00", False, "... nor does Thursday"),
        ("wed 08:00-15:00", "2026-11-04 12:00", True, "one day, on it"),
        ("wed 08:00-15:00", "2026-11-05 12:00", False, "... and after it"),
        ("sat,sun 09:00-12:00", "2026-11-08 10:00", True, "the second of two days"),
        ("sat, sun 09:00-12:00", "2026-11-07 10:00", True, "the first, and a blank between them"),
        ("Sat,Sun 09:00-12:00", "2026-11-07 10:00", True, "in capitals"),
        ("sat,sun 22:00-06:00", "2026-11-09 05:00", True, "Sunday's night lasts until Monday"),
        ("sat,sun 22:00-06:00", "2026-11-07 05:00", False, "... but Friday's is no duty"),
        ("mon-sun 00:00-24:00", "2026-11-04 23:59", True, "day and night"),
        ("funday 08:00-15:00", "2026-11-04 12:00", False, "a day that does not exist is never"),
    ],
)
def test_duty_on_weekdays(duty, at, told, because):
    assert may_be_told(local(at), duty=duty) is told, because


def test_a_zone_that_does_not_exist_has_no_hours():
    assert may_be_told(local("2026-11-04 23:00"), quiet="22:00-06:30", zone="Mars/Olympus")


@pytest.mark.parametrize(
    ("quiet", "zone", "at", "told", "because"),
    [
        ("22:00-01:30", LA, local("2026-11-01 01:29"), False, "an end that exists twice is its first occurrence"),
        ("22:00-01:30", LA, local("2026-11-01 01:15", fold=1), True, "the second 01:15 comes after it"),
        ("01:30-05:00", LA, local("2026-11-01 01:10", fold=1), False, "a start that exists twice as well"),
        ("22:00-02:30", LA, local("2026-03-08 01:59"), False, "before the gap the night goes on"),
        ("22:00-02:30", LA, local("2026-03-08 03:00"), True, "an end in the gap is the first instant after it"),
        ("02:15-04:00", LA, local("2026-03-08 03:00"), False, "and so is a start"),
        ("02:15-04:00", LA, local("2026-03-08 01:59"), True, "... and nothing before the gap"),
        ("02:10-02:50", LA, local("2026-03-08 03:00"), True, "what lies in the gap does not exist"),
        ("22:00-02:10", HOWE, local("2026-10-04 02:30", HOWE), True, "a gap of half an hour"),
        ("22:00-06:30", APIA, local("2011-12-29 23:00", APIA), False, "the night before a day that was skipped"),
        ("22:00-06:30", APIA, local("2011-12-31 06:29", APIA), False, "... and the one that began in it"),
        ("22:00-06:30", APIA, local("2011-12-31 06:30", APIA), True, "... end with the next morning"),
    ],
)
def test_nights_on_which_the_clocks_change(quiet, zone, at, told, because):
    assert may_be_told(at, quiet=quiet, zone=zone) is told, because


@pytest.mark.parametrize("begin", ["2026-03-06 12:00", "2026-10-30 12:00"])
@pytest.mark.parametrize("hours", ["22:00-06:30", "22:00-02:30", "02:15-04:00", "01:15-01:45", "23:45-01:10"])
def test_the_auditor_sleeps_and_wakes_with_the_planner(begin, hours):
    """Two readings of one rule, quarter by quarter around the days on which the clocks change."""
    for quarter in range(4 * 24 * 4):
        at = local(begin) + timedelta(minutes=15 * quarter)
        assert may_be_told(at, quiet=hours) is (quiet_until(hours, LA, at) is None), at
        duty = f"sat-sun {hours}"
        assert may_be_told(at, duty=duty) is (off_duty_until(duty, LA, at) is None), at
