"""Answers to what people write back: the words of each language, read from `<locale>/replies.yaml`."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path

from jinja2.sandbox import SandboxedEnvironment

from alertd.domain.reply import Meaning, Words
from alertd.ingest.reading import Mistakes, Problem
from alertd.ports import Names
from alertd.texts.catalogue import environment
from alertd.texts.clean import clean
from alertd.texts.compose import DEFAULT
from alertd.texts.places import line_of
from alertd.texts.replies_file import FILE, KEYS, read_replies
from alertd.texts.segments import fold as fold_sms

_PLAIN: Mapping[str, str] = dict.fromkeys(KEYS, "") | {
    "thanks": "Thank you, noted.",
    "noted": "Thank you, noted. We still wait for an answer from your family: please call the others.",
    "older": "Thank you. Please answer our newest message.",
    "nothing_asked": "Thank you. Nothing is waiting for your answer right now.",
    "works": "As far as we know, all works.",
    "checking": "We are checking a possible problem. Nobody has confirmed it yet.",
    "help": "Write 1, STATUS, LESS, MORE or STOP. Anything else is read by a person.",
    "less": "You get fewer messages while there is nothing new.",
    "more": "Every message rings from now on, also while there is nothing new.",
    "more_usual": "You get our messages as usual again.",
    "stop": "No more texts to this number. Write START to get them again.",
    "stop_next": "No more texts to this number. Write START to get them again.",
    "stop_nobody": "No more texts to this number. Write START to get them again.",
    "start": "You get texts again.",
    "start_word": "You get texts again. If none comes, write exactly START.",
    "start_suspended": "Our text provider had refused this number. Ask whoever signed you up to have it allowed.",
    "receipt": "We got your message. Do not wait for us: check by hand.",
    "receipt_words": "We got your message, but no pictures. Do not wait for us: check by hand.",
    "and": "and",
    "or": "or",
}
"""What is said where a language's own sentence fails, without any value."""


class Replies:
    """Implements `ports.inbound.ReplyTexts`."""

    def __init__(
        self,
        words: Words,
        sentences: Mapping[str, Mapping[str, str]],
        made: SandboxedEnvironment,
        names: Names,
        on_failure: Callable[[str], None],
    ) -> None:
        self._words, self._sentences, self._made = words, sentences, made
        self._names, self._on_failure = names, on_failure

    @property
    def words(self) -> Words:
        """The words of every language."""
        return self._words

    @property
    def locales(self) -> frozenset[str]:
        """The languages that can be answered in."""
        return frozenset(self._sentences)

    def say(self, locale: str, key: str, values: Mapping[str, object] | None = None) -> str:
        """One sentence in a reader's language, fit for an SMS: English where theirs is unknown. Never fails."""
        known = [each for each in (locale, locale.partition("-")[0], DEFAULT) if each in self._sentences]
        for each in known[:1]:
            try:
                said = self._made.from_string(self._sentences[each][key]).render(values or {})
                return fold_sms(" ".join(said.split()))
            except Exception as error:  # noqa: BLE001  whatever a sentence does, they are answered (R14)
                self._on_failure(f"{each}/{FILE}: {key}: {type(error).__name__}; plain words were used")
        return _PLAIN[key]

    def names(self, locale: str, services: tuple[str, ...]) -> str:
        """Services by the names that this reader knows: "Follow and Share"."""
        names = [self._name(locale, service) for service in services]
        return self._listed(locale, names, "and")

    def either(self, locale: str, words: tuple[str, ...]) -> str:
        """Several words in one row, of which one is true: "e-mail or phone"."""
        return self._listed(locale, words, "or")

    def _listed(self, locale: str, words: Sequence[str], joint: str) -> str:
        if len(words) < 2:
            return "".join(words)
        return f"{', '.join(words[:-1])} {self.say(locale, joint)} {words[-1]}"

    def _name(self, locale: str, service: str) -> str:
        known = self._names.get(service) or {}
        for each in (locale, locale.partition("-")[0], DEFAULT):
            if name := clean(known.get(each, "")):
                return name
        return next((name for name in map(clean, known.values()) if name), service)


def check_replies(folder: Path, names: Names) -> list[Problem]:
    """Every problem of the replies of a templates folder, by file and line: each sentence is said once."""
    told: list[str] = []
    found: list[Problem] = []
    replies = _load((folder,), names, told.append, found.append)
    values = {"services": "?", "channels": "?", "texts": "?", "n": lambda one, _many: one}
    for locale, key in product(sorted(replies.locales), KEYS):
        replies.say(locale, key, values)
        for failure in told:
            file, field = f"{locale}/{FILE}", f"say.{key}"
            found.append(
                Problem(failure.removeprefix(f"{file}: {key}: "), field, line_of(folder / file, field), file)
            )
        told.clear()
    return found


def load_replies(folders: tuple[Path, ...], names: Names, on_failure: Callable[[str], None]) -> Replies:
    """Read every language's replies: of several templates folders the first that has them for it.

    Never fails: what cannot be read is told to `on_failure`, a sentence each, and its readers get English.
    """
    return _load(folders, names, on_failure, lambda problem: on_failure(str(problem)))


def _load(
    folders: tuple[Path, ...],
    names: Names,
    on_failure: Callable[[str], None],
    note: Callable[[Problem], None],
) -> Replies:
    tables: dict[str, Mapping[str, Meaning]] = {}
    sentences: dict[str, Mapping[str, str]] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"*/{FILE}")):
            locale = path.parent.name
            if locale in sentences:
                continue
            try:
                tables[locale], sentences[locale] = read_replies(path, tables.values())
            except Mistakes as error:
                for problem in error.problems:
                    note(problem)
            except OSError as error:
                note(Problem(f"cannot be read: {error.strerror or error}", file=f"{locale}/{FILE}"))
    return Replies(Words(tables), sentences, environment(), names, on_failure)
