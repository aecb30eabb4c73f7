"""Answers to what people write back: the words of each language, read from `<locale>/replies.yaml`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jinja2.sandbox import SandboxedEnvironment

from alertd.domain.errors import AlertdError, Invalid, quote
from alertd.domain.reply import STOP_WORDS, Meaning, Words, fold
from alertd.ingest.reading import Problem
from alertd.ingest.yaml_text import read_yaml
from alertd.ports import Names
from alertd.texts.catalogue import environment
from alertd.texts.clean import clean
from alertd.texts.compose import DEFAULT
from alertd.texts.segments import fold as fold_sms

FILE = "replies.yaml"

KEYS = (
    "thanks", "noted", "older", "nothing_asked", "works", "checking", "more_open", "help", "less", "more",
    "more_usual", "stop", "stop_next", "stop_nobody", "start", "start_word", "start_suspended", "receipt",
    "channel.push", "channel.sms", "channel.email", "channel.voice", "channel.console", "and", "or",
)  # fmt: skip
"""Every sentence that may be said."""

_PLAIN: Mapping[str, str] = dict.fromkeys(KEYS, "") | {
    "thanks": "Thank you, noted.",
    "noted": "Thank you, noted. We go on asking the others of your family.",
    "older": "Thank you. Please confirm our newest message.",
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
    """Every problem of the replies of a templates folder, with its file: each sentence is said once."""
    told: list[str] = []
    replies = load_replies((folder,), names, told.append)
    values = {"services": "?", "channels": "?", "texts": "?", "n": lambda one, _many: one}
    for locale in sorted(replies.locales):
        for key in KEYS:
            replies.say(locale, key, values)
    return [Problem(each.partition(": ")[2], "", 1, f"{each[: _locale(each)]}/{FILE}") for each in told]


def _locale(problem: str) -> int:
    """How many characters of a problem name its locale."""
    return min(at for at in (problem.find(":"), problem.find("/")) if at >= 0)


def load_replies(folders: tuple[Path, ...], names: Names, on_failure: Callable[[str], None]) -> Replies:
    """Read every language's replies: of several templates folders the first that has them for it.

    Never fails: what cannot be read is told to `on_failure`, a sentence each, and its readers get English.
    """
    tables: dict[str, Mapping[str, Meaning]] = {}
    sentences: dict[str, Mapping[str, str]] = {}
    for folder in folders:
        for path in sorted(folder.glob(f"*/{FILE}")):
            locale = path.parent.name
            if locale in sentences:
                continue
            try:
                tables[locale], sentences[locale] = _read(path, tables)
            except (AlertdError, OSError) as error:
                on_failure(f"{locale}: {error}")
    return Replies(Words(tables), sentences, environment(), names, on_failure)


def _read(
    path: Path, others: Mapping[str, Mapping[str, Meaning]]
) -> tuple[Mapping[str, Meaning], Mapping[str, str]]:
    tree = read_yaml(path.read_bytes(), str(Path(path.parent.name, FILE)))
    if tree.problems:
        raise Invalid(str(tree.problems[0]))
    document = tree.value
    if not isinstance(document, dict) or set(document) != {"words", "say"}:
        raise Invalid(f"{FILE} must hold words and say")
    return _words(document["words"], others), _sentences(document["say"])


def _words(tree: object, others: Mapping[str, Mapping[str, Meaning]]) -> Mapping[str, Meaning]:
    known = {each.value for each in Meaning if each is not Meaning.OTHER}
    if not isinstance(tree, dict) or set(tree) != known:
        raise Invalid(f"must have lists named {', '.join(sorted(known))}", field="words")
    found: dict[str, Meaning] = {}
    for name, words in tree.items():
        meaning = Meaning(name)
        if not isinstance(words, list):
            raise Invalid("must be a list of words", field=f"words.{name}")
        for word in words:
            folded = fold(str(word))
            if not folded:
                raise Invalid(f'"{quote(str(word))}" has neither a letter nor a digit', field=f"words.{name}")
            before = [table[folded] for table in (found, *others.values()) if folded in table]
            before += [Meaning.STOP] if folded in STOP_WORDS else []
            if any(each is not meaning for each in before):
                raise Invalid(f'"{quote(str(word))}" means {before[0].value} too', field=f"words.{name}")
            found[folded] = meaning
    return found


def _sentences(tree: object) -> Mapping[str, str]:
    found = dict(_flat(tree))
    missing = [key for key in KEYS if key not in found]
    if missing:
        raise Invalid(f"lacks {', '.join(missing)}", field="say")
    return found


def _flat(tree: object, above: str = "") -> list[tuple[str, str]]:
    if not isinstance(tree, dict):
        raise Invalid("must be a set of sentences", field=f"say.{above}".rstrip("."))
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        found += [(f"{above}{key}", value)] if isinstance(value, str) else _flat(value, f"{above}{key}.")
    return found
