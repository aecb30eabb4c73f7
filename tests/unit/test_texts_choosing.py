"""The page on which a caregiver chooses, as its reader sees it: the golden files are the specification.

After a wanted change: `ALERTD_GOLDENS=write pytest tests/unit/test_texts_choosing.py`, and read the difference.
"""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from alertd.domain.delivery import Reason
from alertd.domain.incident import Severity
from alertd.domain.offer import NO_QUIET_HOURS, Use
from alertd.ports.choosing import Chooser, ChoosingPage, Showing
from alertd.texts import Composer, load
from alertd.texts.check_choosing import chooser, pages
from tests.unit.test_texts_goldens import compare
from tests.unit.texts_story import NAMES, TEMPLATES, composer
from tests.unit.visible import visible

GOLDEN = Path(__file__).parent / "golden" / "choosing"
LOCALES = ("en", "es")
HERE, STOPPED, REFUSED, UNVERIFIED = Use.STOPPED_HERE, Use.STOPPED, Use.REFUSED, Use.UNVERIFIED


@pytest.fixture(scope="module")
def compose() -> Composer:
    return composer()


def states(locale: str) -> Mapping[str, ChoosingPage]:
    """Every state of the page that a reader may meet."""
    full = replace(chooser(locale), hears="always")
    silent = chooser(locale, uses=(HERE,) * 5)
    return {
        "closed": ChoosingPage(Showing.CLOSED, locale),
        "form": ChoosingPage(Showing.FORM, locale, full),
        "form_with_mistakes": ChoosingPage(
            Showing.FORM,
            locale,
            replace(full, filled=replace(full.filled, channels={}, quiet_from="25:00", quiet_to="22:00")),
            {"critical": "critical_empty", "minor": "unknown", "quiet_hours": "quiet_unreadable"},
        ),
        "form_quiet_all_day": ChoosingPage(Showing.FORM, locale, full, {"quiet_hours": "quiet_all_day"}),
        "form_quiet_all_duty": ChoosingPage(Showing.FORM, locale, full, {"quiet_hours": "quiet_all_duty"}),
        "form_overtaken": ChoosingPage(Showing.FORM, locale, full, overtaken=True),
        "form_without_a_phone": ChoosingPage(Showing.FORM, locale, replace(full, floor=())),
        "form_all_stopped": ChoosingPage(Showing.FORM, locale, silent),
        "form_some_refused": ChoosingPage(
            Showing.FORM, locale, chooser(locale, uses=(Use.USED, STOPPED, UNVERIFIED, REFUSED, STOPPED))
        ),
        "form_nothing_wakes": ChoosingPage(Showing.FORM, locale, replace(full, wakes=())),
        "form_all_wakes": ChoosingPage(Showing.FORM, locale, replace(full, wakes=tuple(Severity))),
        "stopping": ChoosingPage(Showing.STOPPING, locale, full),
        "stopping_the_last": ChoosingPage(Showing.STOPPING, locale, replace(full, others=False)),
        "saved": ChoosingPage(Showing.SAVED, locale, happening(full)),
        "saved_without_quiet_hours": ChoosingPage(
            Showing.SAVED, locale, happening(chooser(locale, quiet_hours=NO_QUIET_HOURS))
        ),
        "saved_silent": ChoosingPage(Showing.SAVED, locale, replace(silent, others=False)),
    }


def happening(made: Chooser) -> Chooser:
    """At critical the floor is added and wakes, at major it is silent by night, of what is small nothing is told."""
    critical, major, minor = made.happens
    push, sms, email = made.offer.addresses[0].address, *(own.address for own in made.offer.addresses[1:3])
    told = (
        replace(critical, over=((push, Reason.FIRST_NOTICE), (sms, Reason.FLOOR)), at_night="wakes"),
        replace(major, over=((email, Reason.FALLBACK),), at_night="softly", softly=(email,)),
        replace(minor, muted=True, over=()),
    )
    return replace(made, happens=told)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", states("en"))
def test_a_caregiver_sees(compose: Composer, name: str, locale: str) -> None:
    html = compose.choosing(states(locale)[name])
    compare(GOLDEN / locale / f"{name}.txt", visible(html))


def test_no_golden_is_left_over() -> None:
    kept = {(path.parent.name, path.stem) for path in GOLDEN.glob("*/*")}
    assert kept == {(locale, name) for locale in LOCALES for name in states("en")}


@pytest.mark.parametrize("locale", LOCALES)
def test_no_state_of_it_runs_or_fetches_anything(compose: Composer, locale: str) -> None:
    for page in pages(locale):
        html = compose.choosing(page)
        assert f'<html lang="{locale}">' in html
        for never in ("<script", "src=", "http:", "https:", "@import", "url(", "onclick", "<form action"):
            assert never not in html


@pytest.mark.parametrize("locale", [*LOCALES, "tlh"])
def test_a_layout_that_fails_shows_plain_words_and_is_told(locale: str, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    (folder / "choosing.html").write_text("{{ nobody_knows_this }}")
    told: list[str] = []
    html = load(folder, NAMES, told.append).choosing(ChoosingPage(Showing.CLOSED, locale))
    assert visible(html).strip()
    assert any("choosing" in each for each in told)


def test_what_the_check_composes_finds_every_sentence_that_is_missing(tmp_path: Path) -> None:
    """Also those that only rare policies and rare addresses need."""
    folder = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    phrases = folder / "es" / "phrases.yaml"
    text, missing = phrases.read_text(encoding="utf-8"), ("wakes_never", "floor_stopped")
    for key in missing:
        assert f" {key}:" in text
        text = text.replace(f" {key}:", f" x{key}:")
    phrases.write_text(text, encoding="utf-8")
    told: list[str] = []
    compose = load(folder, NAMES, told.append)
    for page in pages("es"):
        compose.choosing(page)
    for key in missing:
        assert any(f"{key};" in each for each in told), told


@pytest.mark.parametrize("lacking", [("es",), LOCALES])
def test_an_operators_own_texts_may_be_older_than_the_words_for_duty_hours(
    lacking: tuple[str, ...], tmp_path: Path
) -> None:
    """Who chooses such hours reads that they are no good, not that the page cannot be shown; the check passes."""
    folder = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    for locale in lacking:
        phrases = folder / locale / "phrases.yaml"
        lines = phrases.read_text(encoding="utf-8").splitlines(keepends=True)
        phrases.write_text("".join(line for line in lines if "quiet_all_duty:" not in line), encoding="utf-8")
    told: list[str] = []
    own = load(folder, NAMES, told.append)
    html = own.choosing(ChoosingPage(Showing.FORM, "es", chooser("es"), {"quiet_hours": "quiet_all_duty"}))
    assert "Eso no es una hora. Elija otra vez." in visible(html)
    assert own.check() == []
    assert told == []
