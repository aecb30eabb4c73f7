"""The sentences of one language, as its `phrases.yaml` has them. A new language is a new folder."""

from collections.abc import Mapping, MutableMapping
from typing import Any

from jinja2 import BaseLoader, StrictUndefined, Template, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from alertd.texts.phrase import Phrase
from alertd.texts.segments import Accents
from alertd.texts.times import Calendar

OPTIONAL = frozenset({"next.quiet_brief"})
"""The keys that a language may lack, and say in the words of another key."""

INSTEAD = {"preferences.mistake.quiet_all_duty": "preferences.mistake.quiet_unreadable"}
"""What is said where a language lacks a sentence that is newer than the folders of texts of some operators."""


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
        if key not in self._sentences:
            key = INSTEAD.get(key, key)
        sentence = self._sentences.get(key)
        if sentence is None:
            raise Missing(key)
        try:
            template = self._template(key, sentence)
            return template.render(values) if template is not None else sentence
        except Exception as error:
            error.add_note(f"in the sentence {key}")
            raise

    def unreadable(self) -> dict[str, str]:
        """The sentences that Jinja cannot read, by key, with what is wrong."""
        found: dict[str, str] = {}
        for key, sentence in self._sentences.items():
            try:
                self._environment.parse(sentence)
            except TemplateSyntaxError as error:
                found[key] = error.message or "a syntax error"
        return found

    def _template(self, key: str, sentence: str) -> Template | None:
        if key not in self._compiled:
            self._compiled[key] = self._environment.from_string(sentence) if "{" in sentence else None
        return self._compiled[key]


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
