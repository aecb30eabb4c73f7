"""Composes messages: one language's sentences, one channel's layout, and plain words when either fails (R14)."""

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from jinja2 import FileSystemLoader, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import SandboxedEnvironment

from alertd.ingest.reading import Mistakes, Problem
from alertd.ports import Content, Names, OptOutSaying, Saying
from alertd.ports.choosing import ChoosingPage
from alertd.texts import builtin, check, check_choosing, fit, opt_out
from alertd.texts.cache import Cache
from alertd.texts.catalogue import Catalogue, Missing, environment
from alertd.texts.catalogue_file import FILE, read_catalogue
from alertd.texts.choosing import NAME as CHOOSING
from alertd.texts.choosing import Choosing
from alertd.texts.parts import Parts, Tell
from alertd.texts.speaker import Speaker

DEFAULT = "en"
"""The language for readers whose own has no folder."""

_log = logging.getLogger(__name__)


def load(templates_folder: Path, names: Names, on_failure: Callable[[str], None]) -> "Composer":
    """Read every locale of a templates folder.

    Never fails: what is wrong with a locale that cannot be read is told to `on_failure` and kept as
    `Composer.broken`, and its readers get the next best words. Each failure is told as one sentence without
    personal data.
    """
    made = environment(FileSystemLoader(templates_folder))
    catalogues: dict[str, Catalogue] = {}
    broken: list[Problem] = []
    for path in sorted(templates_folder.glob(f"*/{FILE}")):
        try:
            catalogues[path.parent.name] = read_catalogue(path.parent, made)
        except Mistakes as error:
            broken += error.problems
        except OSError as error:
            said = f"cannot be read: {error.strerror or error}"
            broken.append(Problem(said, file=f"{path.parent.name}/{FILE}"))
    if not catalogues and not broken:
        broken.append(Problem(f"no locale has a {FILE}: only plain built-in words are left"))
    return Composer(catalogues, made, names, on_failure, broken)


class Composer:
    """Implements `ports.Compose`.

    A layout is `<channel>.txt` or `.html` in the templates folder; one in a locale's own folder comes first.
    """

    def __init__(
        self,
        catalogues: Mapping[str, Catalogue],
        layouts: SandboxedEnvironment,
        names: Names,
        on_failure: Callable[[str], None],
        broken: Sequence[Problem] = (),
    ) -> None:
        self._catalogues, self._layouts, self._names = catalogues, layouts, names
        self._on_failure = on_failure
        self.broken = tuple(broken)  # what is wrong with files that cannot be read, by file and line
        self._cache = Cache()
        self._told: set[tuple[int, str]] = set()
        for problem in self.broken:
            self._fail(0, str(problem))

    def __call__(self, saying: Saying) -> Content:
        """The words of a message; equal sayings get the very same content. Never fails."""
        key = self._cache.key(saying)
        content = self._cache.get(key)
        if content is None:
            number = self._cache.number(saying.update)
            content = self._compose(saying, lambda failure: self._fail(number, failure))
            self._cache.put(key, content)
        return content

    def opt_out(self, saying: OptOutSaying) -> Content:
        """Implements `ports.ComposeOptOut`."""
        return self._opt_out(saying, lambda failure: self._fail(0, failure))

    def choosing(self, page: ChoosingPage) -> str:
        """The page on which a caregiver chooses how they are told. Never fails: implements `ComposeChoosing`."""
        return self._choose(page, lambda failure: self._fail(0, failure))

    @property
    def locales(self) -> frozenset[str]:
        """The languages that can be spoken."""
        return frozenset(self._catalogues)

    @property
    def phrases(self) -> frozenset[str]:
        """The keys for `--works` and `--do` that every language knows."""
        known = [frozenset(catalogue.phrases) for catalogue in self._catalogues.values()]
        return frozenset.intersection(*known) if known else frozenset(builtin.PHRASES[DEFAULT])

    def check(self, *, thorough: bool = True) -> list[str]:
        """Every problem of what can be read: sentences that a locale lacks, templates that fail, limits overrun.

        Renders every framing, channel, severity and state of every locale with worst-case data, which takes
        seconds. Not `thorough`: each kind of message and page once, for whoever must not wait.
        """
        found = check_choosing.problems(sorted(self._catalogues), self._choose, thorough=thorough)
        found += check.problems(self._catalogues, self._names, self._compose, self._opt_out, thorough=thorough)
        unreadable: list[str] = []
        for locale, catalogue in self._catalogues.items():
            for key, why in catalogue.unreadable().items():
                unreadable.append(f"{locale}: {key} cannot be read: {why}")
                found = [each for each in found if not _follows(each, locale, key)]
        return unreadable + found

    def _choose(self, page: ChoosingPage, tell: Tell) -> str:
        for locale in dict.fromkeys((page.locale, DEFAULT)):
            try:
                catalogue = self._catalogue(locale, tell)
                languages = {name: _own_name(each) for name, each in self._catalogues.items()}
                template = self._layouts.select_template([f"{catalogue.locale}/{CHOOSING}", CHOOSING])
                return template.render(Choosing(page, catalogue, languages).values())
            except Exception as error:  # noqa: BLE001  as above: whoever wants to stop may not meet a bare error
                tell(f"{locale}/page/choosing: {_cause(error)}; the next best words were used")
        return builtin.CANNOT_BE_SHOWN

    def _compose(self, saying: Saying, tell: Tell) -> Content:
        place = f"{saying.reader.locale}/{saying.channel}/{saying.framing.value}"
        try:
            return self._from_templates(saying, tell)
        except Exception as error:  # noqa: BLE001  whatever a template does, the family is told (R14)
            tell(f"{place}: {_cause(error)}; the plain built-in text was used")
        return builtin.content(saying, self._names)

    def _from_templates(self, saying: Saying, tell: Tell) -> Content:
        locale = saying.reader.locale
        catalogue = self._catalogue(locale, tell)
        parts = Speaker(
            saying, catalogue, self._names, lambda key: builtin.phrase(catalogue.locale, key), tell
        ).parts()
        channel = saying.channel
        if channel == "sms":
            text = fit.sms(parts, self._layout(catalogue, "sms.txt"), catalogue.accents)
            return Content(parts.headline, text, whole=fit.stands_whole(parts.message, text))
        if channel == "push":
            title, unsaid = fit.title(parts, fit.PUSH_TITLE)
            text = fit.push_body(parts, self._layout(catalogue, "push.txt", unsaid=unsaid))
            return Content(title, text, whole=fit.stands_whole(parts.message, text))
        if channel == "voice":
            said = parts.page or fit.call(parts, self._layout(catalogue, "voice.txt"))
            known = locale.partition("-")[0] == catalogue.locale.partition("-")[0]
            whole = parts.page != "" or fit.stands_whole(parts.message, said)
            return Content(parts.headline, said, locale=locale if known else catalogue.locale, whole=whole)
        title, _ = fit.title(parts, fit.SUBJECT)
        if channel == "page":
            return Content(title, parts.headline, self._layout(catalogue, "page.html", title=title)(parts))
        text = fit.paragraphs(self._layout(catalogue, f"{channel}.txt")(parts))
        if channel != "email":
            return Content(title, text)
        return Content(title, text, self._layout(catalogue, "email.html", title=title)(parts))

    def _opt_out(self, saying: OptOutSaying, tell: Tell) -> Content:
        try:
            catalogue = self._catalogue(saying.locale, tell)
            return opt_out.compose(saying, catalogue, self._template(catalogue, opt_out.LAYOUT))
        except Exception as error:  # noqa: BLE001  whatever a template does, there is a page (R14)
            tell(f"{saying.locale}/opt_out: {_cause(error)}; the plain built-in text was used")
        return opt_out.plain(saying)

    def _catalogue(self, locale: str, tell: Tell) -> Catalogue:
        for known in (locale, locale.partition("-")[0]):
            if known in self._catalogues:
                return self._catalogues[known]
        tell(f"locale {locale} has no templates; {DEFAULT} was used")
        return self._catalogues[DEFAULT]

    def _layout(self, catalogue: Catalogue, name: str, **values: object) -> fit.Draw:
        template = self._template(catalogue, name)

        def draw(parts: Parts) -> str:
            return template.render(vars(parts), **values)

        return draw

    def _template(self, catalogue: Catalogue, name: str) -> Template:
        return self._layouts.select_template([f"{catalogue.locale}/{name}", name])

    def _fail(self, number: int, failure: str) -> None:
        """Tell each failure once per update."""
        if (number, failure) in self._told:
            return
        if len(self._told) >= 1024:
            self._told.clear()
        self._told.add((number, failure))
        try:
            self._on_failure(failure)
        except Exception:  # noqa: BLE001  no family's message may depend on whoever listens to failures
            _log.exception("nobody could be told that a text failed: %s", failure)


def _follows(problem: str, locale: str, unreadable: str) -> bool:
    """Whether it is only that a sentence cannot be read: what was to say it fails, and nothing says it."""
    fails = problem.startswith(f"{locale}/") and f"in the sentence {unreadable})" in problem
    return fails or problem.startswith(f"{locale}: {unreadable} is never said")


def _own_name(catalogue: Catalogue) -> str:
    try:
        return catalogue.say("preferences.language")
    except Missing:  # one language may not spoil the page of all others
        return catalogue.locale


def _cause(error: Exception) -> str:
    """What went wrong and where, without any value that a message held."""
    kind = type(error).__name__
    notes = getattr(error, "__notes__", None)
    where = f" ({notes[0] if notes else _layout_of(error)})" if notes or _layout_of(error) else ""
    if isinstance(error, TemplateSyntaxError):
        return f"{kind} in {error.name or 'a phrase'}, line {error.lineno}: {error.message}{where}"
    if isinstance(error, (TemplateError, Missing)):  # these name templates, variables and keys, never values
        return f"{kind}: {error}{where}"
    return f"{kind}{where}"


def _layout_of(error: Exception) -> str:
    """The layout and the line in it that were being drawn: Jinja tells them to the traceback as file and line."""
    drawn = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.endswith((".txt", ".html"))
    ]
    return f"in {Path(drawn[-1].filename).name}, line {drawn[-1].lineno}" if drawn else ""
