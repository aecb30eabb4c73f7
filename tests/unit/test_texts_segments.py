"""What an SMS costs, and what is lost to make it cheap."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alertd.texts.clean import clean, clean_lines, sentence
from alertd.texts.segments import Alphabet, fold, measure, plain_marks

GSM, UCS = Alphabet.GSM7, Alphabet.UCS2


@pytest.mark.parametrize(
    ("text", "alphabet", "units", "segments"),
    [
        ("", GSM, 0, 1),
        ("a" * 160, GSM, 160, 1),
        ("a" * 161, GSM, 161, 2),
        ("a" * 306, GSM, 306, 2),
        ("a" * 307, GSM, 307, 3),
        ("ñéùà¿¡", GSM, 6, 1),  # Spanish letters that GSM-7 has
        ("€" * 80, GSM, 160, 1),  # an extended character costs two
        ("€" * 81, GSM, 162, 2),
        ("a" * 152 + "€" + "a" * 151, GSM, 305, 2),  # the pair would straddle the edge and moves over whole
        ("a" * 152 + "€" + "a" * 152, GSM, 306, 3),
        ("á", UCS, 1, 1),  # one such letter and all is dear
        ("á" * 70, UCS, 70, 1),
        ("á" * 71, UCS, 71, 2),
        ("á" * 134, UCS, 134, 2),
        ("á" * 135, UCS, 135, 3),
        ("😀" * 35, UCS, 70, 1),  # a surrogate pair costs two and is never parted
        ("á" * 66 + "😀" + "á" * 66, UCS, 134, 3),
    ],
)
def test_counts_as_phones_do(text: str, alphabet: Alphabet, units: int, segments: int) -> None:
    size = measure(text)
    assert (size.alphabet, size.units, size.segments) == (alphabet, units, segments)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Próximo aviso: sesión, más, sí, según", "Proximo aviso: sesion, mas, si, segun"),
        ("niño, él, ¿qué?, ¡ya!", "niño, él, ¿qué?, ¡ya!"),  # what GSM-7 has, it keeps
        ("Ñandú Ç ç", "Ñandu Ç c"),
        ("\u201cdon\u2019t\u201d \u2013 wait\u2026", '"don\'t" - wait...'),
        ("All good ✅ 👍🏽 now", "All good   now"),
        ("n\u0303 o\u0301", "ñ o"),  # letters written in two parts
        ("½ № ﬁ", "1/2 No fi"),
        ("≤ 54, ≥ 70, ⩽ 3", "<= 54, >= 70, <= 3"),
        ("±15 %, ≈70, ≠ 54, 70÷2", "+/-15 %, ~70, =/= 54, 70/2"),
        ("2½ horas, 1⅓, ¼", "2 1/2 horas, 1 1/3, 1/4"),
        ("a½", "a1/2"),
        ("HbA₁c", "HbA1c"),
        ("10³ — más", "10³ — más"),  # 103 would be another number
        ("10⁻² ", "10⁻² "),
        ("≰ 54", "≰ 54"),  # and "<=" the opposite
        ("5‰, 5‱", "5‰, 5‱"),
        ("54 ↑ — más", "54 ↑ — más"),  # a trend, as glucose readers show it
        ("54 ↓↓", "54 ↓↓"),
        ("54 ↗", "54 ↗"),
        ("54 ⬇️", "54 ⬇️"),
        ("54 ▼", "54 ▼"),
        ("54 → 60 ➡️ 70", "54 -> 60 -> 70"),
        ("₡500", "₡500"),  # another currency than none
        ("√2, ∞", "√2, ∞"),
        ("x₂ y₁₂", "x2 y12"),
        ("5₂", "5₂"),
        ("₂5", "₂5"),
        ("10①", "10①"),
        ("5\u00a0mmol/l", "5 mmol/l"),
        ("Датчик работает \u2014 всегда", "Датчик работает \u2014 всегда"),  # nothing would be left
        ("传感器", "传感器"),
    ],
)
def test_folds_where_the_language_allows(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_gives_gsm_or_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert folded == text or measure(folded).alphabet is GSM
    assert fold(folded) == folded


def test_where_accents_are_kept_no_sign_changes_its_meaning() -> None:
    assert plain_marks("sí ≤ 54 — ±15, 10³ ≰ 2½ 5‰ ↑ 👍") == "sí <= 54 - +/-15, 10³ ≰ 2½ 5‰ ↑ "


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("See https://example.org/wiki/Glucómetro.", "See https://example.org/wiki/Gluc%C3%B3metro."),
        ("(https://example.org/año\u20131)", "(https://example.org/a%C3%B1o%E2%80%931)"),
        ("“www.example.org/á?é=í#ú”, dé", '"www.example.org/%C3%A1?%C3%A9=%C3%AD#%C3%BA", dé'),
        ("Aquí: https://álertas.example.org:8443/x", "Aqui: https://xn--lertas-ota.example.org:8443/x"),
        ("https://ála.größe.example.org", "https://%C3%A1la.gr%C3%B6%C3%9Fe.example.org"),
        ("Está en example.org/guía…", "Esta en example.org/gu%C3%ADa..."),
        ("Estado en www.ejemplo.es\U0001f449 gracias", "Estado en www.ejemplo.es gracias"),
        ("Mira https://example.org/año\U0001f44d", "Mira https://example.org/a%C3%B1o"),
        ("Mira https://example.org/a.\u2705\ufe0f Sí", "Mira https://example.org/a. Si"),
        ("https://example.org/a\u200b ok", "https://example.org/a ok"),
        ("www.ejemplo.es\u2014allí; www.ejemplo.es\u2013 allí", "www.ejemplo.es-alli; www.ejemplo.es- alli"),
        ("\U0001f449www.álertas.example.org/é", "www.xn--lertas-ota.example.org/%C3%A9"),
        ("https://example.org/a%C3%B3 está", "https://example.org/a%C3%B3 esta"),
        ("Mañana.Está a 2.5/día, y/o más", "Mañana.Esta a 2.5/dia, y/o mas"),
    ],
)
def test_a_web_address_leads_where_it_led(written: str, sent: str) -> None:
    """A letter without its accent is another page, or somebody else's host."""
    assert fold(written) == sent


def test_where_accents_are_kept_web_addresses_lead_where_they_led() -> None:
    assert plain_marks("Más: https://example.org/año\u20131") == "Más: https://example.org/a%C3%B1o%E2%80%931"


@given(st.text())
def test_cleaned_words_stay_in_one_line(text: str) -> None:
    cleaned = clean(text)
    assert len(cleaned.splitlines()) <= 1
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned
    cleaned.encode("utf-8")  # no half of a surrogate pair is left


def test_cleans_what_could_forge_a_line_or_turn_the_text_round() -> None:
    assert clean("one\r\nBcc: two\x1b[31m\u2028three \u202ederevers") == "one Bcc: two [31m three derevers"
    assert clean("family 👩‍👧 stays") == "family 👩‍👧 stays"


def test_lines_end_unless_they_go_on() -> None:
    assert clean_lines("One\n\n Two\r\n\tand a half ") == ("One.", "Two", "and a half.")
    assert clean_lines(" \n ") == ()


@pytest.mark.parametrize(
    ("text", "ended"),
    [
        ("Wait", "Wait."),
        ("Wait!", "Wait!"),
        ('He said "wait."', 'He said "wait."'),
        ("(wait)", "(wait)."),
        ("", ""),
    ],
)
def test_a_sentence_ends(text: str, ended: str) -> None:
    assert sentence(text) == ended
