"""Times as a reader's own clock shows them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

import pytest

from alertd.domain.delivery import Framing
from alertd.domain.incident import State
from alertd.texts.times import Calendar, Elapsed, Wall, elapsed, minute_number
from tests.unit.texts_story import composer, pacific, saying

EN = Calendar(
    ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    day_first=False,
    half_days=("AM", "PM"),
)
ES = Calendar(
    ("lun", "mar", "mié", "jue", "vie", "sáb", "dom"),
    ("ene", "feb", "mar", "abr", "may", "jun", "jul", "ago", "sep", "oct", "nov", "dic"),
    day_first=True,
    half_days=(),
)
NOW = pacific(30, 14, 5)  # a Saturday


@pytest.mark.parametrize(
    ("moment", "english", "spanish"),
    [
        (pacific(30, 14, 35), "2:35 PM", "14:35"),
        (pacific(30, 0, 0), "12:00 AM", "00:00"),
        (pacific(30, 12, 9), "12:09 PM", "12:09"),
        (pacific(29, 23, 40), "Fri 11:40 PM", "vie 23:40"),
        (pacific(1, 8, 0, month=12), "Sun 8:00 AM", "dom 08:00"),
        (pacific(24, 8, 0), "Sun 8:00 AM", "dom 08:00"),
        (pacific(23, 8, 0), "Nov 23 8:00 AM", "23 nov 08:00"),  # a week ago: the weekday would mean today
        (pacific(7, 8, 0, month=12), "Dec 7 8:00 AM", "7 dic 08:00"),
        (pacific(30, 14, 35) + timedelta(seconds=59), "2:35 PM", "14:35"),
    ],
)
def test_names_the_day_when_it_is_not_today(moment: datetime, english: str, spanish: str) -> None:
    assert str(Wall(EN, "America/Los_Angeles", NOW).when(moment)) == english
    assert str(Wall(ES, "America/Los_Angeles", NOW).when(moment)) == spanish


def test_today_is_the_reader_s_own() -> None:
    late = datetime(2019, 11, 30, 23, 30, tzinfo=UTC)
    assert str(Wall(EN, "America/Los_Angeles", late).when(late)) == "3:30 PM"
    assert str(Wall(EN, "Asia/Tokyo", late).when(late)) == "8:30 AM"
    assert str(Wall(EN, "Asia/Tokyo", late).when(late - timedelta(hours=12))) == "Sat 8:30 PM"


def test_an_hour_that_comes_twice_says_which() -> None:
    night = datetime(2019, 11, 3, 8, 30, tzinfo=UTC)
    wall = Wall(EN, "America/Los_Angeles", night)
    assert str(wall.when(night)) == "1:30 AM PDT"
    assert str(wall.when(night + timedelta(hours=1))) == "1:30 AM PST"
    assert str(wall.when(night + timedelta(hours=2))) == "2:30 AM"


@pytest.mark.parametrize(
    ("start", "end", "english", "spanish"),
    [
        (pacific(30, 1, 10), pacific(30, 4, 20), "1:10-4:20 AM", "01:10-04:20"),
        (pacific(30, 11, 10), pacific(30, 13, 0), "11:10 AM-1:00 PM", "11:10-13:00"),
        (pacific(29, 23, 40), pacific(30, 4, 20), "Fri 11:40 PM - 4:20 AM", "vie 23:40 - 04:20"),
        (pacific(29, 1, 10), pacific(29, 4, 20), "Fri 1:10-4:20 AM", "vie 01:10-04:20"),
        (pacific(28, 23, 40), pacific(30, 4, 20), "Thu 11:40 PM - Sat 4:20 AM", "jue 23:40 - sáb 04:20"),
        (pacific(28, 23, 0), pacific(29, 4, 20), "Thu 11:00 PM - Fri 4:20 AM", "jue 23:00 - vie 04:20"),
    ],
)
def test_a_span_says_no_more_than_it_must(start: datetime, end: datetime, english: str, spanish: str) -> None:
    assert Wall(EN, "America/Los_Angeles", NOW).span(start, end) == english
    assert Wall(ES, "America/Los_Angeles", NOW).span(start, end) == spanish


def test_an_unknown_zone_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        Wall(EN, "Mars/Olympus_Mons", NOW)


def test_elapsed_time_is_in_whole_minutes_and_never_negative() -> None:
    assert elapsed(NOW, NOW + timedelta(days=2, hours=12, minutes=5, seconds=59)) == Elapsed(2, 12, 5)
    assert elapsed(NOW, NOW - timedelta(hours=1)) == Elapsed(0, 0, 0)


def test_minutes_are_numbered_alike_when_they_read_alike() -> None:
    assert minute_number(NOW) == minute_number(NOW + timedelta(seconds=59.9)) == minute_number(pacific(30, 14, 5))
    assert minute_number(NOW) + 1 == minute_number(NOW + timedelta(minutes=1))
    assert minute_number(None) == -1


def test_one_o_clock_is_singular_in_spanish() -> None:
    """Desde la 01:40, a la 01:59; desde las 02:10, a las 13:00."""
    compose = composer()
    night = pacific(29, 23, 40)  # 01:40 in Chicago
    told = saying(locale="es", since=night, now=night + timedelta(minutes=1), hears_in=timedelta(minutes=19))
    assert "desde la 01:40" in compose(told).text
    assert "a la 02:00" not in compose(told).text
    assert "a las 02:00" in compose(told).text
    assert (
        "a la 01:59" in compose(saying(locale="es", since=night, now=night, hears_in=timedelta(minutes=19))).text
    )


@pytest.mark.parametrize(
    ("locale", "short"), [("en", "less than a minute (11:40 PM)"), ("es", "menos de un minuto")]
)
def test_less_than_a_minute(locale: str, short: str) -> None:
    """No "0 min", neither while it lasts nor when it is over."""
    compose = composer()
    start = pacific(29, 23, 40)
    for framing in (Framing.UPDATE, Framing.HOLDING):
        for channel in ("sms", "push", "email"):
            content = compose(saying(framing, channel=channel, locale=locale, since=start, now=start))
            assert "0 min" not in content.text.replace("30 min", "")
            assert "()" not in content.title
    over = saying(
        Framing.RESOLUTION,
        locale=locale,
        state=State.RESOLVED,
        since=start,
        now=start,
        ended_at=start,
        hears_in=None,
    )
    assert short in compose(over).text
    assert "0 min" not in compose(over).text
