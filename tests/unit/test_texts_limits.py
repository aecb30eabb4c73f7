"""Messages fit their channel, lose the least important first, and are never cut within a word."""

import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from alertd.domain.delivery import Framing
from alertd.domain.incident import Kind, Severity, State
from alertd.texts import Composer, load
from alertd.texts.fit import PUSH_BODY, PUSH_TITLE
from alertd.texts.segments import Alphabet, fold, measure
from tests.unit.texts_story import ADVICE, NAMES, TEMPLATES, composer, refuse, saying

WORDS = "Our servers are overloaded and we are bringing further machines into service step by step "
ALL = ("follow", "share", "login")
GOING_ON = (Framing.NOTICE, Framing.UPDATE, Framing.HOLDING, Framing.WAKE_UP)


@pytest.fixture(scope="module")
def compose() -> Composer:
    return composer()


@pytest.mark.parametrize("layout", sorted(TEMPLATES.glob("*.html")), ids=lambda layout: layout.stem)
def test_no_letter_is_too_small_for_a_phone_at_night(layout: Path) -> None:
    """As the browser's test holds every page to, where there is a browser."""
    sizes = [int(size) for size in re.findall(r"font(?:-size)?:\s*(\d+)px", layout.read_text())]
    assert min(sizes) >= 16


def test_the_shipped_texts_have_no_problem(compose: Composer) -> None:
    assert compose.check() == []


@pytest.mark.parametrize("channel", ["sms", "push", "voice", "email"])
@pytest.mark.parametrize("locale", ["en", "es"])
def test_words_that_were_cut_are_known(compose: Composer, channel: str, locale: str) -> None:
    """And words that were not, however they had to be spelled to fit."""
    short = {
        "en": "Café servers fail \u2014 \u201cwe are on it\u201d.",
        "es": "Los servidores están caídos; a las 23:40 más.",
    }
    plain: dict[str, Any] = {
        "locale": locale,
        "channel": channel,
        "framing": Framing.POSTMORTEM,
        "state": State.RESOLVED,
    }
    assert compose(saying(**plain, message=short)).whole
    assert compose(saying(**plain, message={})).whole
    assert compose(saying(**plain, message={locale: WORDS * 11})).whole is (channel == "email")


def test_too_long_a_name_is_a_problem() -> None:
    long = "The application with which families follow the readings of those whom they care for every day"
    found = composer({name: {"en": f"{long} {name}", "es": f"{long} {name}"} for name in ALL}).check()
    assert any("SMS segments at worst" in problem and problem.startswith("en") for problem in found)
    assert not any("is not named" in problem for problem in found)  # it is sent whole, whatever it costs


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("framing", list(Framing))
@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("length", [0, 30, 90, 150, 300, 1000])
def test_an_sms_fits_two_segments_of_gsm_7(
    compose: Composer, locale: str, framing: Framing, quiet: bool, length: int
) -> None:
    ended = {Framing.RESOLUTION: State.RESOLVED, Framing.CANCELLATION: State.CANCELLED}
    told = saying(
        framing,
        locale=locale,
        services=ALL,
        kind=Kind.CORRECTION,
        references=98,
        number=99,
        state=ended.get(framing, State.IDENTIFIED),
        message={locale: (WORDS * 12)[:length]},
        hears_in=timedelta(days=2),
        quiet=quiet,
        missed=99,
    )
    text = compose(told).text
    size = measure(text)
    assert (size.alphabet, size.segments <= 2) == (Alphabet.GSM7, True)
    assert "Log-in" in text or "Inicio de sesion" in text
    if framing in GOING_ON:
        assert ("Mon" in text) if locale == "en" else ("lun" in text)
        assert ("Check glucose" in text) if locale == "en" else ("Mida la glucosa" in text)
        assert ("Do not reinstall" in text) if locale == "en" else ("No reinstale" in text)


@pytest.mark.parametrize("length", range(40, 400, 9))
def test_no_word_is_cut(compose: Composer, length: int) -> None:
    words = (WORDS * 5)[:length].rsplit(" ", 1)[0]
    for channel in ("sms", "push"):
        content = compose(saying(Framing.UPDATE, channel=channel, services=ALL, message={"en": words}))
        assert channel == "sms" or (len(content.title) <= PUSH_TITLE and len(content.text) <= PUSH_BODY)
        allowed = set(re.findall(r"[\w-]+", WORDS))
        for cut in re.findall(r"([\w-]+)\.\.\.", content.text):
            assert cut in allowed


def test_least_important_parts_go_first(compose: Composer) -> None:
    def told(length: int, framing: Framing = Framing.NOTICE) -> str:
        return compose(saying(framing, message={"en": (WORDS * 5)[:length]} if length else {})).text

    state, works, since, bad = "looking for the cause", "Still works", "11:40 PM", "no readings and no alarms"
    assert all(part in told(0) for part in (state, works, since, bad))
    assert state not in told(72)
    assert all(part in told(72) for part in (works, since, bad))
    assert works not in told(200)  # a first notice shortens the words to 80, then gives up what still works
    assert all(part in told(200) for part in (since, bad, "Our servers are overloaded", "..."))
    later = told(89, Framing.UPDATE)
    assert works not in later  # an update keeps its news whole as long as it can
    assert WORDS.strip() in later


def test_free_text_on_what_to_do_is_kept_whole_where_it_fits(compose: Composer) -> None:
    text = compose(
        saying(do=("Use the old receiver in the kitchen drawer", *ADVICE), message={"en": WORDS * 3})
    ).text
    assert "Use the old receiver in the kitchen drawer. Check glucose directly" in text


def test_five_long_sentences_on_what_to_do_are_shortened_at_a_word(compose: Composer) -> None:
    do = tuple(f"{number} {WORDS}{WORDS}"[:190].rsplit(" ", 1)[0] for number in range(5))
    text = compose(saying(do=do, services=ALL)).text
    assert measure(text).segments == 2
    assert text.endswith("Next update by 2:35 PM.")
    assert "0 Our servers are overloaded" in text


def test_words_in_another_alphabet_are_kept_while_they_fit(compose: Composer) -> None:
    words = "Серверы перегружены."
    brief = compose(saying(message={"en": words}, services=("follow",), do=(), works=())).text
    assert words in brief
    assert measure(brief).alphabet is Alphabet.UCS2
    assert measure(brief).segments == 2
    full = compose(saying(message={"en": words}, services=ALL)).text  # 134 characters: what to do comes first
    assert words not in full
    assert "Check glucose directly" in full
    assert measure(full).alphabet is Alphabet.GSM7


def test_an_emoji_does_not_make_a_message_dear(compose: Composer) -> None:
    text = compose(saying(message={"en": "We\u2019re on it \U0001f4aa \u2014 promise\u2026"})).text
    assert measure(text).alphabet is Alphabet.GSM7
    assert "We're on it - promise..." in text


def test_a_push_title_names_all_services_or_says_how_many_more() -> None:
    names = {name: {"en": f"{name.title()} for the whole family"} for name in ALL}
    content = composer(names)(saying(Framing.UPDATE, channel="push", services=ALL))
    assert content.title == "Update 4: Follow for the whole family and 2 more are still down"
    assert content.text.startswith(", ".join(names[name]["en"] for name in ALL[:2]))


def test_a_push_that_cannot_say_in_its_title_that_it_corrects_says_so_in_its_body() -> None:
    names = {"login": {"en": "Log-in to the family pages, the shop and more"}}
    told = saying(
        Framing.UPDATE, channel="push", services=("login",), kind=Kind.CORRECTION, number=5, references=3
    )
    content = composer(names)(told)
    assert content.title == "Log-in to the family pages, the shop and more is down"
    assert content.text.startswith("Update 5 corrects update 3: You get no readings")


@pytest.mark.parametrize("severity", list(Severity))
@pytest.mark.parametrize("locale", ["en", "es"])
def test_a_test_says_so_first_however_long_the_names(locale: str, severity: Severity) -> None:
    names = {"login": {"en": "Log-in to the family pages, the shop and much more besides, every day"}}
    told = saying(Framing.UPDATE, kind=Kind.EXERCISE, services=("login",), locale=locale, severity=severity)
    for channel in ("sms", "push", "email", "console"):
        content = composer(names)(replace(told, channel=channel))
        first = content.text if channel == "sms" else content.title
        assert first.startswith("TEST ONLY:" if locale == "en" else "PRUEBA:")
        nothing = "Nothing is down" if locale == "en" else "No hay ningún fallo"
        assert nothing in content.text or fold(nothing) in content.text
        assert "glucos" not in content.text


def keeping(tmp_path: Path, accents: str = "keep") -> Composer:
    folder = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    path = folder / "es" / "phrases.yaml"
    text = path.read_text(encoding="utf-8")
    assert "sms_accents: fold" in text
    path.write_text(text.replace("sms_accents: fold", f"sms_accents: {accents}"), encoding="utf-8")
    return load(folder, NAMES, refuse)


def test_accents_are_kept_where_the_locale_wants_them_and_the_text_still_fits(tmp_path: Path) -> None:
    told = saying(
        locale="es", severity=Severity.MINOR, services=("login",), works=(), do=(), state=State.IDENTIFIED
    )
    text = composer()(told).text
    assert "Inicio de sesion tiene un problema menor" in text
    kept = keeping(tmp_path)(told).text
    assert kept.startswith(
        "Inicio de sesión tiene un problema menor. No es urgente: algo puede no ir como siempre."
    )
    assert kept.endswith("Próximo aviso a más tardar a las 16:35.")
    assert measure(kept).alphabet is Alphabet.UCS2
    assert measure(kept).segments == 2


def test_neither_advice_nor_words_are_given_up_for_accents(tmp_path: Path) -> None:
    compose = keeping(tmp_path)
    shutil.copytree(tmp_path / "templates" / "es", tmp_path / "alone" / "es")
    for layout in TEMPLATES.glob("*.*"):
        shutil.copy(layout, tmp_path / "alone")
    assert load(tmp_path / "alone", NAMES, refuse).check() == []  # the other languages are checked above
    for told in (
        saying(locale="es"),
        saying(
            locale="es",
            severity=Severity.MINOR,
            do=(),
            message={"es": "Añadimos más servidores; en una hora irá mejor."},
        ),
    ):
        assert compose(told).text == composer()(told).text
        assert measure(compose(told).text).alphabet is Alphabet.GSM7


def test_a_dash_makes_no_message_dear_where_accents_are_kept(tmp_path: Path) -> None:
    told = saying(Framing.CANCELLATION, locale="es", state=State.CANCELLED, services=("follow",), hears_in=None)
    short = replace(
        told, update=replace(told.update, facts=replace(told.update.facts, message={"es": "a \u2014 b"}))
    )
    assert "\u2014" not in keeping(tmp_path)(short).text


def test_accents_are_folded_or_kept_and_nothing_else(tmp_path: Path) -> None:
    path = Path(shutil.copytree(TEMPLATES, tmp_path / "templates")) / "es" / "phrases.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("sms_accents: fold", "sms_accents: drop"), encoding="utf-8"
    )
    [found] = load(path.parents[1], NAMES, lambda failure: None).broken
    assert found.field == "sms_accents"
    assert "must be fold or keep" in found.message


def test_what_an_exercise_is_for_is_said_however_long_the_words() -> None:
    for channel in ("sms", "push"):
        told = saying(Framing.UPDATE, kind=Kind.EXERCISE, services=ALL, message={"en": WORDS * 9}, channel=channel)
        content = composer()(told)
        assert "This is a test. Nothing is down. There is nothing you need to do." in content.text
        assert "Next update by" not in content.text  # it moves no clock


def test_a_title_too_short_for_when_it_was_down_says_that_it_works_again() -> None:
    names = {name: {"en": f"{name.title()} for the whole family"} for name in ALL}
    told = saying(Framing.WAS_DOWN, channel="push", state=State.RESOLVED, services=ALL, hears_in=None)
    content = composer(names)(told)
    assert content.title == "Follow for the whole family and 2 more work again"
    assert content.text.startswith(f"{', '.join(n['en'] for n in list(names.values())[:2])} and ")
    assert "were down Fri 11:40 PM - 2:05 PM, work again." in content.text


def test_a_title_that_must_be_cut_is_said_whole_below() -> None:
    names = {"login": {"en": "Log-in to the family pages, the shop and very much more besides"}}
    content = composer(names)(saying(channel="push", services=("login",)))
    assert content.title.endswith("...")
    assert content.text.startswith(f"{names['login']['en']} is down. ")
