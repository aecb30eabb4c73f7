"""Ten messages of each kind, in both languages, as SMS, push and e-mail: kept in full, and read by people.

After a wanted change: `ALERTD_GOLDENS=write pytest tests/unit/test_texts_kinds.py`, and read the difference.
"""

import os
import re
from functools import cache
from pathlib import Path

import pytest

from alertd.domain.delivery import ENDS, Ask
from alertd.domain.incident import Kind
from alertd.ports import Content
from alertd.texts import Composer
from alertd.texts.check import lengths, unnamed
from alertd.texts.segments import Alphabet, fold, measure
from tests.unit.texts_kinds import SORTS, Message, Sort
from tests.unit.texts_story import LINK, NAMES, composer

GOLDEN = Path(__file__).parent / "golden" / "messages"
CHANNELS = ("sms", "push", "email")
AGAIN = {
    "en": re.compile(r"Next update by|We write |our real messages|otherwise you hear from us at"),
    "es": re.compile(r"Proximo aviso|Próximo aviso|avisos reales|Le escrib|Solo le escrib|si no, le escribimos"),
}
"""When they hear again, in whatever words."""
each_locale = pytest.mark.parametrize("locale", ["en", "es"])
each_sort = pytest.mark.parametrize("sort", SORTS, ids=lambda sort: sort.name)
each_message = pytest.mark.parametrize(
    ("sort", "message"),
    [
        pytest.param(sort, message, id=f"{sort.name}-{message.title}")
        for sort in SORTS
        for message in sort.messages
    ],
)


@cache
def speaking(long: bool) -> Composer:
    return composer(next(m.names for m in SORTS[0].messages if (m.names is not NAMES) is long))


def compose(sort: Sort, message: Message, channel: str, locale: str) -> Content:
    return speaking(message.names is not NAMES)(sort.told(message, channel, locale))


def drawn(sort: Sort, message: Message, locale: str) -> str:
    sms, push, email = (compose(sort, message, channel, locale) for channel in CHANNELS)
    size = measure(sms.text)
    return (
        f"-- sms ({size.segments} x {size.alphabet}, {size.units})\n{sms.text}\n\n"
        f"-- push ({len(push.title)}, {len(push.text)})\n{push.title}\n{push.text}\n\n"
        f"-- email\nSubject: {email.title}\n\n{email.text}"
    )


@each_locale
@each_sort
def test_families_read(sort: Sort, locale: str) -> None:
    path = GOLDEN / locale / f"{sort.name}.txt"
    text = "\n\n".join(
        f"==== {place}. {message.title}\n\n{drawn(sort, message, locale)}"
        for place, message in enumerate(sort.messages, start=1)
    )
    if os.environ.get("ALERTD_GOLDENS") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@each_locale
@each_sort
def test_the_ten_of_a_kind_differ(sort: Sort, locale: str) -> None:
    assert len({message.title for message in sort.messages}) == 10
    assert len({drawn(sort, message, locale) for message in sort.messages}) == 10


@each_locale
@each_message
def test_each_fits_its_channel(sort: Sort, message: Message, locale: str) -> None:
    for channel in CHANNELS:
        content = compose(sort, message, channel, locale)
        assert [(what, n) for what, n, most in lengths(channel, content) if n > most] == []
        if channel == "sms":
            assert measure(content.text).alphabet is Alphabet.GSM7
        assert not list(unnamed(sort.told(message, channel, locale), content, message.names))


@each_locale
@each_message
def test_each_says_what_to_expect_of_us_and_asks_for_one_answer_at_most(
    sort: Sort, message: Message, locale: str
) -> None:
    for channel in CHANNELS:
        saying = sort.told(message, channel, locale)
        text = compose(sort, message, channel, locale).text
        assert len(AGAIN[locale].findall(text)) == 1
        assert text.count(LINK) == (1 if saying.reader.asks is not Ask.NONE and channel != "push" else 0)


@each_locale
@each_message
def test_nothing_is_cut_within_a_word_nor_said_twice(sort: Sort, message: Message, locale: str) -> None:
    saying = sort.told(message, "sms", locale)
    words = " ".join(saying.update.facts.message.values())
    known = set(re.findall(r"\w+", f"{words} {fold(words)}"))
    for channel in CHANNELS:
        content = compose(sort, message, channel, locale)
        for cut in re.findall(r"(\w+)\.\.\.", content.text):
            assert cut in known
        sentences = [s for s in re.split(r"(?<=[.!?])\s+", content.text) if len(s) > 12]
        assert len(sentences) == len(set(sentences))


@each_locale
@each_message
def test_an_exercise_says_first_that_nothing_is_down_and_an_end_gives_no_advice_for_an_outage(
    sort: Sort, message: Message, locale: str
) -> None:
    for channel in CHANNELS:
        saying = sort.told(message, channel, locale)
        content = compose(sort, message, channel, locale)
        if saying.update.kind is Kind.EXERCISE:
            first = content.text if channel == "sms" else content.title
            assert first.startswith("TEST ONLY:" if locale == "en" else "PRUEBA:")
        if saying.framing in ENDS or saying.update.kind is Kind.EXERCISE:
            assert "reinstal" not in content.text


def test_no_golden_is_left_over() -> None:
    kept = {(path.parent.name, path.stem) for path in GOLDEN.glob("*/*")}
    assert kept == {(locale, sort.name) for locale in ("en", "es") for sort in SORTS}
