"""Reads `<locale>/replies.yaml`: words that are understood, and what is said to them, with every mistake named."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from alertd.domain.errors import quote
from alertd.domain.reply import STOP_WORDS, Meaning, fold
from alertd.ingest.reading import Field, Mistakes, Reading, hint, kind
from alertd.ingest.yaml_text import read_yaml

FILE = "replies.yaml"

KEYS = (
    "thanks", "noted", "older", "nothing_asked", "works", "checking", "more_open", "help", "less", "more",
    "more_usual", "stop", "stop_next", "stop_nobody", "start", "start_word", "start_suspended", "receipt",
    "receipt_words", "channel.push", "channel.sms", "channel.email", "channel.voice", "channel.console",
    "and", "or",
)  # fmt: skip
"""Every sentence that may be said."""

_INSTEAD = {"receipt_words": "receipt"}
"""What is said where a file lacks a sentence that is newer than the folders of texts of some operators."""


def read_replies(
    path: Path, others: Iterable[Mapping[str, Meaning]]
) -> tuple[Mapping[str, Meaning], Mapping[str, str]]:
    """What words mean, and sentences by key. `others`: words of other languages, which these may not contradict.

    Raises OSError, or Mistakes with every problem, by line; the file is named within the templates folder.
    """
    file = f"{path.parent.name}/{FILE}"
    tree = read_yaml(path.read_bytes(), file)
    reading = Reading(file=file, lines=tree.lines)
    given = reading.root(tree.value).entries(required=("words", "say"))
    words = _words(given["words"], tuple(others)) if "words" in given else {}
    sentences: dict[str, str] = {}
    if "say" in given:
        _sentences(given["say"], sentences)
        for key, instead in _INSTEAD.items():
            if instead in sentences:
                sentences.setdefault(key, sentences[instead])
        for key in KEYS if isinstance(given["say"].value, dict) else ():
            if key not in sentences and key not in _INSTEAD:
                reading.wrong("is missing", ("say", *key.split(".")))
    problems = sorted([*tree.problems, *reading.problems], key=lambda problem: problem.line or 0)
    if problems:
        raise Mistakes(problems)
    return words, sentences


def _words(field: Field, others: tuple[Mapping[str, Meaning], ...]) -> Mapping[str, Meaning]:
    known = [each.value for each in Meaning if each is not Meaning.OTHER]
    found: dict[str, Meaning] = {}
    for name, words in field.entries(required=known).items():
        meaning = Meaning(name)
        for member in words.each(most=200):
            word = str(member.value)
            folded = fold(word)
            if not folded:
                member.wrong(f'"{quote(word)}" has neither a letter nor a digit')
                continue
            before = [table[folded] for table in (found, *others) if folded in table]
            before += [Meaning.STOP] if folded in STOP_WORDS else []
            if any(each is not meaning for each in before):
                member.wrong(
                    f'"{quote(word)}" means {before[0].value} too; a word means one thing in all languages'
                )
            found.setdefault(folded, meaning)
    return found


def _sentences(field: Field, found: dict[str, str]) -> None:
    """Gather the sentences at and below a key; what nobody says is noted."""
    key = ".".join(map(str, field.path[1:]))
    if key in KEYS and isinstance(field.value, str):
        found[key] = field.value
    elif key in KEYS:
        found[key] = ""
        field.wrong(f"must be a text, not {kind(field.value)}")
    elif not key or any(known.startswith(f"{key}.") for known in KEYS):
        for each in field.named().values():
            _sentences(each, found)
    else:
        field.wrong(f"is not known here{hint(key, KEYS)}")
