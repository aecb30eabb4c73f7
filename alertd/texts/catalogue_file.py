"""Reads `<locale>/phrases.yaml`: a language's calendar, phrases and sentences, with every mistake named."""

from pathlib import Path

from jinja2.sandbox import SandboxedEnvironment

from alertd.domain.errors import Invalid, quote
from alertd.ingest.reading import Entries, Field, Mistakes, Reading, hint, kind
from alertd.ingest.yaml_text import read_yaml
from alertd.texts.catalogue import Catalogue
from alertd.texts.phrase import Phrase
from alertd.texts.segments import Accents
from alertd.texts.times import Calendar

FILE = "phrases.yaml"

_TABLES = {"weekdays": (7, 7), "months": (12, 12), "half_days": (0, 2)}
_SPOKEN = {"spoken_weekdays": "weekdays", "spoken_months": "months"}
"""Tables that may be left out: the written one is then read aloud."""
_KEYS = (*_TABLES, *_SPOKEN, "day_first", "sms_accents", "phrases")
"""All that is no sentence."""


def read_catalogue(folder: Path, made: SandboxedEnvironment) -> Catalogue:
    """Read one locale's folder. Raises OSError, or Mistakes with every problem of its file, by line.

    The file is named within the templates folder: es/phrases.yaml.
    """
    file = f"{folder.name}/{FILE}"
    tree = read_yaml((folder / FILE).read_bytes(), file)
    reading = Reading(file=file, lines=tree.lines)
    document = reading.root(tree.value)
    given = Entries(document.named())
    if isinstance(tree.value, dict):
        for name in (*_TABLES, "day_first", "phrases"):
            if name not in given:
                reading.wrong("is missing", (name,))
    tables = {name: _table(given[name], least_most) for name, least_most in _TABLES.items() if name in given}
    for name, written in _SPOKEN.items():
        spoken = _table(given[name], _TABLES[written]) if name in given else tables.get(written)
        tables[name] = spoken or ()
    day_first = given.take("day_first", _yes_or_no, False)
    accents = given.take("sms_accents", _accents, Accents.FOLD)
    phrases = {key: _phrase(each) for key, each in given["phrases"].named().items()} if "phrases" in given else {}
    sentences: dict[str, str] = {}
    for name, each in given.items():
        if name not in _KEYS:
            _sentences(each, sentences)
    problems = sorted([*tree.problems, *reading.problems], key=lambda problem: problem.line or 0)
    if problems:
        raise Mistakes(problems)
    half_days = tables["half_days"]
    return Catalogue(
        folder.name,
        Calendar(tables["weekdays"], tables["months"], day_first, half_days),
        sentences,
        phrases,
        made,
        accents=accents,
        spoken=Calendar(tables["spoken_weekdays"], tables["spoken_months"], day_first, half_days, padded=False),
    )


def _table(field: Field, least_most: tuple[int, int]) -> tuple[str, ...]:
    words = tuple(member.take(_word, "") for member in field.each(most=100))
    if isinstance(field.value, list) and len(words) not in least_most:
        least, most = least_most
        none = "" if least else ", or none: []"
        field.wrong(f"has {len(words)} words; {most} are needed{none}")
    return words


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(f"must be a word, not {kind(value)}; put it in quotes")
    if not value.strip():
        raise Invalid("is empty; write a word")
    return value


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"must be true or false, not {_told(value)}")
    return value


def _accents(value: object) -> Accents:
    if not isinstance(value, str) or value not in list(Accents):
        raise Invalid(f"must be fold or keep, not {_told(value)}")
    return Accents(value)


def _told(value: object) -> str:
    return f'"{quote(value)}"' if isinstance(value, str) else kind(value)


def _phrase(field: Field) -> Phrase:
    if isinstance(field.value, dict):
        given = field.entries(required=("short", "long"))
        return Phrase(given.take("short", _text, ""), given.take("long", _text, ""))
    if not isinstance(field.value, str):
        field.wrong(f"must be a text, or have a short and a long one; it is {kind(field.value)}")
    words = field.take(_text, "") if isinstance(field.value, str) else ""
    return Phrase(words, words)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid(f"must be a text, not {kind(value)}{'; put it in quotes' if value is not None else ''}")
    if not value.strip():
        raise Invalid("is empty; write what it says")
    return value


def _sentences(field: Field, found: dict[str, str]) -> None:
    """Gather the sentences at and below a key; what has no words is noted."""
    if isinstance(field.value, dict):
        for each in field.named().values():
            _sentences(each, found)
    elif isinstance(field.value, str):
        found[".".join(map(str, field.path))] = field.value
    elif isinstance(field.value, (bool, list)) and len(field.path) == 1:
        field.wrong(f"is not known here{hint(str(field.path[0]), _KEYS)}")  # no sentence looks like that
    else:
        quotes = "; put it in quotes" if isinstance(field.value, (bool, int, float)) else ""
        field.wrong(f"must be a text, not {kind(field.value)}{quotes}")
