"""What an outage means for a child stands in every message that is the first to say it, whatever else has to go."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from alertd.domain.delivery import Ask, Change, Framing
from alertd.domain.incident import Kind, State
from alertd.ports import Saying
from alertd.texts import Composer, load
from alertd.texts.check import lengths
from alertd.texts.segments import Alphabet, fold, measure
from tests.unit.texts_kinds import ALL
from tests.unit.texts_story import NAMES, SATURDAY, TEMPLATES, composer, saying

MEANS = {
    "en": "You get no readings and no alarms.",
    "es": "No le llegan ni lecturas ni alarmas.",
}
NOT_YET = {
    "en": "Do not rely on readings and alarms yet.",
    "es": "Aún no se fíe de lecturas ni alarmas.",
}
WORDS = {
    "en": "The data centre in the west lost its power. Engineers are on site, and the second one is taking over. "
    * 3,
    "es": "El centro de datos del oeste se quedó sin luz. Hay ingenieros allí, y el segundo toma el relevo. " * 3,
}
LINK = "https://status.alerts.example.org/a/AZM7Xn0afD6KS1tsfY6fAHkR0sVqT3Zb"
UNTOLD: dict[str, dict[str, Any]] = {
    "notice": {"framing": Framing.NOTICE, "kind": Kind.NOTICE},
    "raise": {"framing": Framing.UPDATE, "kind": Kind.SEVERITY, "change": Change.WORSE},
    "return": {"framing": Framing.UPDATE, "kind": Kind.REOPENING, "change": Change.AGAIN},
}
UNPROVEN: dict[str, dict[str, Any]] = {
    "update": {"framing": Framing.UPDATE},
    "first heard of": {"framing": Framing.NOTICE},
    "wake-up": {"framing": Framing.WAKE_UP, "missed": 99},
    "holding": {"framing": Framing.HOLDING, "last_news_at": SATURDAY - timedelta(days=1)},
    "correction": {"framing": Framing.UPDATE, "kind": Kind.CORRECTION, "references": 87},
}


@pytest.fixture(scope="module")
def compose() -> Composer:
    return composer()


def worst(locale: str, **told: Any) -> Iterator[Saying]:
    """By day and by night, unasked and asked for an answer by link and by reply, with one to three services."""
    for quiet, asks, replies, count in product((False, True), (Ask.NONE, Ask.ANSWER), (False, True), (1, 2, 3)):
        plain = saying(
            **told,
            locale=locale,
            message=WORDS,
            number=88,
            services=ALL[:count],
            quiet=quiet,
            end_wakes=True,
            hears_in=timedelta(hours=20),
            asks=asks,
            replies=replies,
        )
        for channel in ("sms", "push"):
            yield replace(plain, channel=channel, link=LINK if asks else "")


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("kind", UNTOLD)
def test_what_is_news_to_them_says_what_it_means(compose: Composer, kind: str, locale: str) -> None:
    for told in worst(locale, **UNTOLD[kind]):
        content = compose(told)
        assert fold(MEANS[locale]) in fold(content.text)
        assert not content.whole  # whoever wrote the words is told that this message does not hold them
        if told.channel == "sms":
            assert measure(content.text).alphabet is Alphabet.GSM7
        assert [(what, n) for what, n, most in lengths(told.channel, content) if n > most] == []


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("kind", UNPROVEN)
def test_what_may_work_again_is_never_said_without_not_to_rely_on_it(
    compose: Composer, kind: str, locale: str
) -> None:
    for told in worst(locale, **UNPROVEN[kind], state=State.MONITORING):
        content = compose(told)
        assert fold(NOT_YET[locale]) in fold(content.text)
        assert [(what, n) for what, n, most in lengths(told.channel, content) if n > most] == []


def test_advice_is_not_left_begun(compose: Composer) -> None:
    for told in worst("es", framing=Framing.NOTICE, state=State.MONITORING):
        text = compose(told).text
        assert "Mida la glucosa directamente" in text
        assert "No..." not in text
        assert "No reinstale..." not in text


def test_advice_of_an_operator_keeps_its_brackets(compose: Composer) -> None:
    own = "Call the clinic (it is open all night)"
    told = saying(do=(own, "check_by_hand"), message=WORDS, asks=Ask.ANSWER, quiet=True, end_wakes=True, late=True)
    text = compose(told).text
    assert own in text
    assert "Check glucose directly." in text


ADVICE = {
    "en": "Please measure with the finger stick every two hours and stay beside whoever you care for, ",
    "es": "Mida con punción cada dos horas, también de noche, y no se aleje de la persona a quien cuida, ",
}


@pytest.mark.parametrize("locale", ["en", "es"])
@pytest.mark.parametrize("kind", UNTOLD)
@pytest.mark.parametrize("long", [123, 160, 235, 400])
def test_an_operators_own_long_advice_is_shortened_before_what_it_means_goes(
    compose: Composer, kind: str, locale: str, long: int
) -> None:
    own = (ADVICE[locale] * 5)[:long]
    for told in worst(locale, **UNTOLD[kind], do=(own,)):
        content = compose(told)
        assert fold(MEANS[locale]) in fold(content.text)
        assert fold(own[:20]) in fold(content.text)
        assert told.link in content.text or told.channel == "push"
        assert [(what, n) for what, n, most in lengths(told.channel, content) if n > most] == []


@pytest.mark.parametrize("locale", ["en", "es"])
def test_a_language_may_do_without_few_words_for_the_night(tmp_path: Path, locale: str) -> None:
    """Nothing is told of each message, and nothing keeps alertd from starting: a folder may be older than they."""
    folder = Path(shutil.copytree(TEMPLATES, tmp_path / "templates"))
    path = folder / locale / "phrases.yaml"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if "quiet_brief:" not in line), encoding="utf-8")
    told: list[str] = []
    own = load(folder, NAMES, told.append)
    night = saying(locale=locale, quiet=True, end_wakes=True, message=WORDS, services=ALL)
    all_of_it = {
        "en": "We wake you only if it gets worse or is fixed; otherwise you hear from us at 2:35 PM.",
        "es": "Solo le despertamos si empeora o se arregla; si no, le escribimos a las 16:35.",
    }
    assert all_of_it[locale] in own(night).text
    assert told == []
    assert own.check() == []
