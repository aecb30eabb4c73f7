from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.domain.errors import Invalid
from alertd.ingest.durations import parse_duration, spell_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1d", 86400), ("0m", 0), (" 1D2h3m4s ", 93784)],
)
def test_a_duration_is_read(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (90, "90 has no unit; write 90s, 90m or 90h"),
        ("90", "90 has no unit; write 90s, 90m or 90h"),
        ("1:30:00", '"1:30:00" is a time of day, not a duration; write 1h30m'),
        ("10:30", '"10:30" may be minutes or hours; write 10h30m or 10m30s'),
        ("", '"" is no duration; write for example 90s, 10m, 2h, 1h30m or 1d'),
        ("30m1h", '"30m1h" is no duration; write for example 90s, 10m, 2h, 1h30m or 1d'),
        ("1.5h", '"1.5h" is no duration; write for example 90s, 10m, 2h, 1h30m or 1d'),
        ("99999999999999d", '"99999999999999d" is no duration; write for example 90s, 10m, 2h, 1h30m or 1d'),
        (True, "must be a duration, not true; write for example 90s, 10m, 2h, 1h30m or 1d"),
        (None, "must be a duration, not nothing; write for example 90s, 10m, 2h, 1h30m or 1d"),
    ],
)
def test_anything_else_is_refused_with_the_way_out(value: object, message: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_duration(value)

    assert refused.value.message == message


@given(st.timedeltas(timedelta(0), timedelta(days=9999)).map(lambda t: timedelta(seconds=int(t.total_seconds()))))
def test_what_is_spelled_is_read_back(length: timedelta) -> None:
    assert parse_duration(spell_duration(length)) == length
