"""When a provider counts as one that takes messages and reports nothing, and when it does no more."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import pytest

from alertd.records import Lag
from alertd.usecases.watch_receipts import lag_of, silent
from tests import make

BEGAN = make.NOON - timedelta(minutes=3)
BEFORE = {
    None: None,
    "well": Lag("sms", 20, 0, 0.0, None, BEGAN),
    "silent": Lag("sms", 20, 20, 99.0, BEGAN, BEGAN),
}


@pytest.mark.parametrize(
    ("before", "taken", "missing", "since"),
    [
        (None, 9, 9, None),  # too few to say anything
        (None, 10, 8, None),
        (None, 10, 9, make.NOON),
        ("well", 100, 90, make.NOON),
        ("silent", 100, 90, BEGAN),  # as before
        ("silent", 100, 89, BEGAN),  # at the limit nothing begins and ends all night
        ("silent", 100, 50, BEGAN),
        ("silent", 100, 49, None),
        ("silent", 2, 2, BEGAN),
        ("silent", 2, 0, None),
        ("silent", 0, 0, BEGAN),  # nothing was sent, so nothing is known anew
    ],
)
def test_when_it_begins_and_ends(before: str | None, taken: int, missing: int, since: object) -> None:
    counted: list[Mapping[str, tuple[int, int, datetime | None]]] = [
        {"sms": (taken, missing, make.NOON - timedelta(minutes=5) if missing else None)}
    ]
    found = lag_of("sms", counted, BEFORE[before], make.NOON, make.NOON, 1.0)
    assert (found.taken, found.missing, found.since) == (taken, missing, since)


def test_who_sends_nothing_is_not_said_to_be_silent() -> None:
    """Else the next incident would page people about "0 messages"."""
    quiet = lag_of("sms", [], BEFORE["silent"], make.NOON, make.NOON, 1.0)
    assert quiet.since == BEGAN
    assert not silent(quiet, make.NOON)
