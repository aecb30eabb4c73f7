"""What people write, and what it means: whatever its case, accents, punctuation and blanks."""

from pathlib import Path

import pytest

from alertd.domain.reply import STOP_WORDS, Meaning, fold
from alertd.texts.replies import Replies, check_replies, load_replies
from alertd.texts.replies_file import KEYS
from alertd.texts.segments import Alphabet, measure

TEMPLATES = Path(__file__).parents[2] / "config" / "templates"
NAMES = {"follow": {"en": "Dexcom Follow"}, "share": {"en": "Dexcom Share", "es": "Compartir"}}

LINK = "https://alerts.example.org/a/AZM7Xn0afD6KS1tsfY6fAHkR0sVqT3Zb"


def failed(what: str) -> None:
    pytest.fail(f"a text failed: {what}")


@pytest.fixture(scope="module")
def replies() -> Replies:
    return load_replies((TEMPLATES,), NAMES, failed)


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("  Ok. ", "ok"),
        ("¡MÁS!", "mas"),
        ("Opt-out", "optout"),
        ("1️⃣", "1"),
        ("👍🏽👍🏽", "👍"),
        ("ok 👍", "ok"),
        ("Straße", "strasse"),
        ("...", ""),
        ("", ""),
    ],
)
def test_what_is_left_of_it(written: str, folded: str):
    assert fold(written) == folded


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1", Meaning.ACKNOWLEDGE),
        ("OK!", Meaning.ACKNOWLEDGE),
        ("sí", Meaning.ACKNOWLEDGE),
        ("SI", Meaning.ACKNOWLEDGE),
        ("Yes", Meaning.ACKNOWLEDGE),
        ("👍🏿", Meaning.ACKNOWLEDGE),
        ("Status?", Meaning.STATUS),
        ("ESTADO", Meaning.STATUS),
        ("¿Cómo va?", Meaning.STATUS),
        ("help", Meaning.HELP),
        ("AYUDA", Meaning.HELP),
        ("INFO", Meaning.HELP),
        ("less", Meaning.LESS),
        ("MENOS", Meaning.LESS),
        ("More.", Meaning.MORE),
        ("mas", Meaning.MORE),
        ("MÁS", Meaning.MORE),
        ("stop", Meaning.STOP),
        ("STOP.", Meaning.STOP),
        ("Stop all", Meaning.STOP),
        ("please stop", Meaning.STOP),
        ("PARAR", Meaning.STOP),
        ("Darme de baja", Meaning.STOP),
        ("start", Meaning.START),
        ("Empezar", Meaning.START),
        ("When will it stop?", Meaning.OTHER),
        ("ok but she cannot sleep", Meaning.OTHER),
        ("2", Meaning.OTHER),
        ("no", Meaning.OTHER),
        ("", Meaning.OTHER),
        ("?!", Meaning.OTHER),
    ],
)
@pytest.mark.parametrize("locale", ["en", "es", "es-MX", "de"])
def test_it_is_understood_in_every_language(replies: Replies, text: str, meaning: Meaning, locale: str):
    assert replies.words.understand(text, locale, stopped=False) is meaning


@pytest.mark.parametrize("word", STOP_WORDS)
def test_what_twilio_stops_a_number_for_stops_it_here(replies: Replies, word: str):
    for stopped in (True, False):
        assert replies.words.understand(word.upper(), "es", stopped=stopped) is Meaning.STOP


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1 ok",
            "OK 1",
            "1. Ok",
            "1 👍",
            "Got it, thanks",
            "Got it! Thank you.",
            "ok got it thanks",
            "yes, thanks",
        ),
        *("Sí, gracias", "Leído, gracias", "Entendido. Muchas gracias", "1 gracias", "Vale, visto"),
        *(f"Liked “Seeing old numbers? Do not trust them. {LINK}”", f"Liked “¿Qué hago? {LINK}”"),
        *(f"Liked “Follow is down. Tell us you know: {LINK}”", f'Liked "{LINK}"', f"liked “two\nlines {LINK}”  "),
        *(f"Le gustó “Follow no funciona. {LINK}”", f"Le gusto\u0301 «{LINK}»", f"A Mia le gusta “Follow {LINK}”"),
        *(
            f"A Ana María le gusta «Sin respuesta. Conteste 1 o abra: {LINK}»",
            f"Reacted 👍 to “{LINK}”",
            f"Reaccionó con 👍🏽 a “Follow. {LINK} y más”",
        ),
    ],
)
@pytest.mark.parametrize("locale", ["en", "es"])
def test_i_know_is_understood_in_several_words_and_from_an_iphone_s_thumb(
    replies: Replies, text: str, locale: str
):
    assert replies.words.understand(text, locale, stopped=False) is Meaning.ACKNOWLEDGE


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1 1",
            "1.1",
            "1,1",
            "11",
            "1 ok?",
            "ok, thanks, and now?",
            "ok ¿y ahora",
            "ok no",
            "ok low",
            "1 54",
            "no gracias",
        ),
        *("Got it, thanks. She is low", "ok " * 7, "thanks for nothing", "ok stop", "más gracias", "Liked it"),
        *("Liked “STOP”", "Liked “Follow works again.”", "Liked “https://example.org/a/short”"),
        *("ok :) :) :) :) :) :) call me my son is low", "ok " + ". " * 20 + "she is low"),
        *(f"Disliked “{LINK}”", f"Questioned “{LINK}”", f"Removed a like from “{LINK}”"),
        *(f"Liked “{LINK}” but what now?", f'Liked “{LINK}” and "what"', f"Liked “{LINK}”. Is it “back”"),
        *(
            f"No le gustó “{LINK}”",
            f"Reacted 👎 to “{LINK}”",
            f"Liked “{LINK}",
            f"She liked “{LINK}”",
            "1\n\nSent from my phone",
        ),
    ],
)
@pytest.mark.parametrize("locale", ["en", "es"])
def test_what_holds_more_than_i_know_is_read_by_a_person(replies: Replies, text: str, locale: str):
    assert replies.words.understand(text, locale, stopped=False) is Meaning.OTHER


GLUCOSE = (
    "High", "Low", "high!", "LOW", "very high", "Very low", "too high", "too low", "she is low", "it's high",
    "Alto", "Alta", "Bajo", "Baja", "¡ALTO!", "BAJA.", "Alta!", "muy alta", "Muy baja", "está baja",
    "altísima", "bajando", "subiendo", "normal", "bien", "fine", "54", "54 ↓", "300 mg/dl", "3,1 mmol/l", "basta",
)  # fmt: skip


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("locale", ["en", "es", "es-MX", "de"])
@pytest.mark.parametrize("text", GLUCOSE)
def test_what_is_answered_about_glucose_neither_stops_nor_starts_anything(
    replies: Replies, text: str, locale: str, stopped: bool
):
    """Found by a reviewer: "Alto" and "Baja", high and low, stopped every text to whoever answered "check by hand"."""
    assert replies.words.understand(text, locale, stopped=stopped) not in {Meaning.STOP, Meaning.START}


@pytest.mark.parametrize("text", ["High", "Low", "Alto", "Alta", "Bajo", "Baja", "Basta"])
def test_a_word_for_glucose_is_read_by_a_person(replies: Replies, text: str):
    assert replies.words.understand(text, "es", stopped=False) is Meaning.OTHER


def test_yes_of_a_number_that_has_stopped_starts_it_again(replies: Replies):
    assert replies.words.understand("yes", "en", stopped=True) is Meaning.START
    assert replies.words.understand("ok", "en", stopped=True) is Meaning.ACKNOWLEDGE


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("locale", ["en", "es"])
def test_every_answer_fits_two_cheap_segments(replies: Replies, locale: str, key: str):
    values = {
        "services": replies.names(locale, ("follow", "share")),
        "channels": "push message, e-mail or phone",
        "texts": 1440,
        "n": lambda _one, many: many,
    }
    size = measure(replies.say(locale, key, values))
    assert size.alphabet is Alphabet.GSM7
    assert 1 <= size.segments <= 2


def test_services_have_the_names_that_the_reader_knows(replies: Replies):
    assert replies.names("en", ("follow", "share")) == "Dexcom Follow and Dexcom Share"
    assert replies.names("es-MX", ("follow", "share")) == "Dexcom Follow y Compartir"


def written(tmp_path: Path, change: str, to: str) -> Path:
    """A folder of an operator's own, whose English differs in one place."""
    (tmp_path / "en").mkdir()
    text = (TEMPLATES / "en" / "replies.yaml").read_text()
    assert change in text
    (tmp_path / "en" / "replies.yaml").write_text(text.replace(change, to))
    return tmp_path


@pytest.mark.parametrize(
    ("change", "to", "said"),
    [
        (
            "stop: [stop please",
            "stop: [ok, stop please",
            'words.stop[0]: "ok" means acknowledge too; a word means one thing',
        ),
        ("less: [less", "less: [quit, less", 'words.less[0]: "quit" means stop too'),
        ("less: [less", 'less: ["!?", less', 'words.less[0]: "!?" has neither a letter nor a digit'),
        ("less: [less", "less: less  # [", "words.less: must be a list, not a text"),
        ("  receipt: ", "  receipt: 5  #", "say.receipt: must be a text, not a number"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_the_shipped_words_are_used(
    tmp_path: Path, change: str, to: str, said: str
):
    told: list[str] = []
    replies = load_replies((written(tmp_path, change, to), TEMPLATES), NAMES, told.append)
    assert len(told) == 1
    line = (TEMPLATES / "en" / "replies.yaml").read_text().partition(change)[0].count("\n") + 1
    assert told[0].startswith(f"en/replies.yaml:{line}: {said}")
    assert replies.words.understand("less", "en", stopped=False) is Meaning.LESS
    assert replies.say("en", "start") == "You get texts again."


def test_a_folder_from_before_a_sentence_was_new_says_what_it_said(tmp_path: Path):
    folder = written(tmp_path, "  receipt_words:", "  # receipt_words:")
    replies = load_replies((folder, TEMPLATES), NAMES, pytest.fail)
    assert replies.say("en", "receipt_words") == replies.say("en", "receipt")
    assert check_replies(folder, NAMES) == []


def test_a_sentence_that_fails_is_told_and_plain_words_stand_in(tmp_path: Path):
    told: list[str] = []
    folder = written(tmp_path, 'start: "You get', 'start: "{{ nobody.knows }} You get')
    replies = load_replies((folder,), NAMES, told.append)
    assert replies.say("en", "start") == "You get texts again."
    assert told == ["en/replies.yaml: start: UndefinedError; plain words were used"]


def test_a_language_that_nobody_wrote_is_answered_in_english(replies: Replies):
    assert replies.say("de", "start") == "You get texts again."
    assert replies.say("es-MX", "start") == "Vuelve a recibir SMS."


def test_policy_check_names_the_file_of_what_is_wrong(tmp_path: Path):
    assert check_replies(TEMPLATES, NAMES) == []
    folder = written(tmp_path, 'start: "You get', 'start: "{{ nobody.knows }} You get')
    text = (folder / "en" / "replies.yaml").read_text()
    [problem] = check_replies(folder, NAMES)
    failing = line(text, "{{ nobody.knows }}")
    assert str(problem) == f"en/replies.yaml:{failing}: say.start: UndefinedError; plain words were used"
    text = text.replace("less: [less", "less: [ok, less").replace("  receipt: ", "  reseipt: ")
    (folder / "en" / "replies.yaml").write_text(text)
    say = text.splitlines().index("say:") + 1
    assert [str(each) for each in check_replies(folder, NAMES)] == [
        f'en/replies.yaml:{line(text, "less: [ok")}: words.less[0]: "ok" means acknowledge too; '
        "a word means one thing in all languages",
        f"en/replies.yaml:{say}: say.receipt: is missing",
        f'en/replies.yaml:{line(text, "reseipt")}: say.reseipt: is not known here; did you mean "receipt"?',
    ]


def line(text: str, what: str) -> int:
    """The line in which it first stands."""
    return text.partition(what)[0].count("\n") + 1
