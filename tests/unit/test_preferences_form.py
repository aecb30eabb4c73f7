"""What a browser posts of the page on which a caregiver chooses, read as words; and what no browser posts."""

from urllib.parse import urlencode

import pytest

from alertd.domain.errors import Invalid
from alertd.domain.incident import Severity
from alertd.ingest.preferences_form import MOST_BYTES, parse_form
from alertd.usecases.change_preferences import Pressed

WHOLE = [
    ("stands", "0123456789abcdef"),
    ("critical", "push"),
    ("critical", "sms"),
    ("major", "push"),
    ("quiet", "on"),
    ("quiet_from", "22:00"),
    ("quiet_to", "06:30"),
    ("holdings", "few"),
    ("locale", "es"),
    ("stop", "an-id"),
]


def posted(*more: tuple[str, str], but: str = "") -> bytes:
    return urlencode([each for each in WHOLE if each[0] != but] + list(more)).encode()


def test_a_whole_form() -> None:
    pressed, given = parse_form(posted(("do", "save")))
    assert pressed is Pressed.SAVE
    assert given is not None
    assert given.channels == {Severity.CRITICAL: ("push", "sms"), Severity.MAJOR: ("push",), Severity.MINOR: ()}
    assert (given.quiet, given.quiet_from, given.quiet_to) == ("on", "22:00", "06:30")
    assert (given.locale, given.holdings, given.stopped) == ("es", "few", ("an-id",))
    assert given.stands == "0123456789abcdef"


@pytest.mark.parametrize("pressed", list(Pressed))
def test_every_button(pressed: Pressed) -> None:
    assert parse_form(posted(("do", pressed.value)))[0] is pressed


@pytest.mark.parametrize("body", [b"", b"do=open", b"do=save", b"do=stop_yes&critical=push"])
def test_whoever_was_shown_no_form_yet_is_shown_it_whatever_they_press(body: bytes) -> None:
    """Nothing can be stopped, and nothing saved, that was not on a page before."""
    assert parse_form(body) == (Pressed.OPEN, None)


def test_the_enter_key_presses_no_button() -> None:
    assert parse_form(posted())[0] is Pressed.OPEN


@pytest.mark.parametrize(("quiet", "means"), [("on", "on"), ("off", "off"), ("", "off"), ("maybe", "off")])
def test_a_box_that_is_not_ticked_is_not_posted(quiet: str, means: str) -> None:
    _, given = parse_form(posted(("do", "save"), ("quiet", quiet), but="quiet"))
    assert given is not None
    assert given.quiet == means


def test_what_is_missing_is_empty_and_of_what_is_said_twice_the_last_counts() -> None:
    _, given = parse_form(b"do=save&stands=x&locale=en&locale=es")
    assert given is not None
    assert (given.quiet_from, given.quiet_to, given.holdings, given.locale) == ("", "", "", "es")
    assert not any(given.channels.values())


@pytest.mark.parametrize(
    ("body", "why", "field"),
    [
        (posted(("do", "explode")), "names no button", "do"),
        (b"x" * (MOST_BYTES + 1), "longer than 16 KB", None),
        ("stands=é".encode(), "no form", None),
        (b"stands=%ff", "no form", None),
        (b"a=1&" * 300, "no form", None),
    ],
    ids=["an unknown button", "too long", "letters beyond ASCII", "no UTF-8", "too many fields"],
)
def test_what_no_browser_posts_is_refused_with_its_reason(body: bytes, why: str, field: str | None) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        parse_form(body)
    assert caught.value.field == field
