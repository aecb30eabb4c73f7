"""The sentences of one language, read from `<locale>/phrases.yaml`. A new language is a new folder."""

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment

from alertd.domain.errors import Invalid
from alertd.ingest.yaml_text import read_yaml
from alertd.texts.phrase import Phrase
from alertd.texts.segments import Accents
from alertd.texts.times import Calendar

FILE = "phrases.yaml"

_TABLES = {"weekdays": (7, 7), "months": (12, 12), "half_days": (0, 2)}
_SPOKEN = {"spoken_weekdays": "weekdays", "spoken_months": "months"}
"""Tables that may be left out: the written one is then read aloud."""


class Missing(LookupError):
    """A catalogue lacks a sentence; the text is its key."""


class Catalogue:
    """One language. Sentences are Jinja snippets; they are compiled when first said."""

    def __init__(
        self,
        locale: str,
        calendar: Calendar,
        sentences: Mapping[str, str],
        phrases: Mapping[str, Phrase],
        environment: SandboxedEnvironment,
        *,
        accents: Accents = Accents.FOLD,
        spoken: Calendar | None = None,
    ) -> None:
        self.locale, self.calendar, self.phrases, self.accents = locale, calendar, phrases, accents
        self.spoken = spoken or calendar  # days as a voice says them
        self._sentences, self._environment = sentences, environment
        self._compiled: dict[str, Template | None] = {}  # None: nothing in it is to be filled in

    @property
    def keys(self) -> frozenset[str]:
        """The keys of everything it can say."""
        return frozenset(self._sentences) | frozenset(f"phrases.{key}" for key in self.phrases)

    @property
    def unsaid(self) -> frozenset[str]:
        """The sentences that nothing has said so far."""
        return frozenset(self._sentences) - frozenset(self._compiled)

    def say(self, key: str, **values: object) -> str:
        """One sentence. Raises Missing, or what a broken one raises with its key as a note."""
        sentence = self._sentences.get(key)
        if sentence is None:
            raise Missing(key)
        try:
            if key not in self._compiled:
                self._compiled[key] = self._environment.from_string(sentence) if "{" in sentence else None
            template = self._compiled[key]
            return template.render(values) if template is not None else sentence
        except Exception as error:
            error.add_note(f"in the sentence {key}")
            raise


class _Environment(SandboxedEnvironment):
    """Gives every template a plain mapping of what all may call: Jinja's chain costs a quarter of each drawing."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


def environment(loader: BaseLoader | None = None) -> SandboxedEnvironment:
    """Jinja as alertd uses it: templates come from the config folder only, what people wrote is only data.

    Templates whose name holds ".html" escape every value.
    """
    made = _Environment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=lambda name: name is not None and ".html" in name,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["upfirst"] = lambda text: text[:1].upper() + text[1:]
    return made


def read_catalogue(folder: Path, made: SandboxedEnvironment) -> Catalogue:
    """Read one locale's folder. Raises Invalid (with file and line) or OSError."""
    path = folder / FILE
    tree = read_yaml(path.read_bytes(), str(Path(folder.name, FILE)))
    if tree.problems:
        raise Invalid(str(tree.problems[0]))
    if not isinstance(tree.value, dict):
        raise Invalid(f"{folder.name}/{FILE} holds no phrases")
    document = dict(tree.value)
    tables = {name: _table(document.pop(name, None), name, folder.name) for name in _TABLES}
    for name, written in _SPOKEN.items():
        given = document.pop(name, None)
        tables[name] = tables[written] if given is None else _table(given, name, folder.name, written)
    day_first = document.pop("day_first", None)
    if not isinstance(day_first, bool):
        raise Invalid("must be true or false", field=f"{folder.name}: day_first")
    accents = document.pop("sms_accents", Accents.FOLD.value)
    if accents not in list(Accents):
        raise Invalid("must be fold or keep", field=f"{folder.name}: sms_accents")
    phrases = document.pop("phrases", None)
    if not isinstance(phrases, dict):
        raise Invalid("is missing", field=f"{folder.name}: phrases")
    return Catalogue(
        folder.name,
        Calendar(tables["weekdays"], tables["months"], day_first, tables["half_days"]),
        dict(_flat(document, folder.name)),
        {key: _phrase(value, f"{folder.name}: phrases.{key}") for key, value in phrases.items()},
        made,
        accents=Accents(accents),
        spoken=Calendar(
            tables["spoken_weekdays"], tables["spoken_months"], day_first, tables["half_days"], padded=False
        ),
    )


def _table(value: object, name: str, locale: str, like: str = "") -> tuple[str, ...]:
    least, most = _TABLES[like or name]
    field = f"{locale}: {name}"
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise Invalid("must be a list of words", field=field)
    if len(value) not in (least, most):
        raise Invalid(f"has {len(value)} words; {most} are needed", field=field)
    return tuple(value)


def _phrase(value: object, field: str) -> Phrase:
    if isinstance(value, str) and value:
        return Phrase(value, value)
    if not isinstance(value, dict) or set(value) != {"short", "long"}:
        raise Invalid("must be a text, or have a short and a long one", field=field)
    short, long = value["short"], value["long"]
    if not (isinstance(short, str) and short and isinstance(long, str) and long):
        raise Invalid("must have texts as short and long", field=field)
    return Phrase(short, long)


def _flat(tree: Mapping[str, object], locale: str, above: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, dict):
            found += _flat(value, locale, f"{name}.")
        elif isinstance(value, str):
            found.append((name, value))
        else:
            raise Invalid("must be a text", field=f"{locale}: {name}")
    return found
