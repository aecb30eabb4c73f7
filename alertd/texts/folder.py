"""What lies in a templates folder: one folder per language, layouts, and nothing that nobody reads."""

from collections.abc import Collection
from pathlib import Path

from jinja2 import TemplateError, meta

from alertd.domain.errors import Invalid, quote
from alertd.ingest import shapes
from alertd.ingest.reading import Problem, hint
from alertd.texts import opt_out
from alertd.texts.catalogue import environment
from alertd.texts.catalogue_file import FILE
from alertd.texts.check import CHANNELS
from alertd.texts.choosing import NAME as CHOOSING
from alertd.texts.replies_file import FILE as REPLIES

LAYOUTS = (*(f"{channel}.txt" for channel in CHANNELS), "email.html", "page.html", CHOOSING, opt_out.LAYOUT)
"""Every layout that is asked for."""
_OF_A_LANGUAGE = (FILE, REPLIES)
_LEFT_BEHIND = (
    "~", ".bak", ".orig", ".rej", ".save", ".swp", ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".rpmnew", ".rpmsave",
)  # fmt: skip
"""What editors, patches and packages leave beside a file."""


def spoken_locales(folder: Path) -> frozenset[str]:
    """The languages that have a folder, whether or not their words can be read."""
    return frozenset(path.name for path in folder.glob("*/") if path.is_dir() and _usual(path.name) == path.name)


def check_folder(folder: Path) -> list[Problem]:
    """Every file and folder that nobody would read, and every language without words.

    Files are named within the folder. What cannot be meant as a text is left to those who put it there.
    """
    included = _included(folder)
    found: list[Problem] = []
    for path in _entries(folder, found):
        if path.is_dir():
            found += _language(path, included)
        elif path.name in _OF_A_LANGUAGE:
            found.append(Problem("is not read here; move it into a language's folder, such as en", file=path.name))
        elif path.name not in {*LAYOUTS, *included} and _meant(path.name, LAYOUTS):
            found.append(_unread(path.name, path.name, LAYOUTS))
    return found


def _language(folder: Path, included: Collection[str]) -> list[Problem]:
    locale = folder.name
    usual = _usual(locale)
    if usual is None and not any(_meant(path.name, (FILE,)) for path in folder.glob("*")):
        return []  # such as lost+found
    if usual is None:
        said = f'is not read: "{quote(locale)}" is no locale'
        return [Problem(f'{said}; name it for example "en" or "es-MX", or move it elsewhere', file=locale)]
    if usual != locale:
        return [Problem(f'is not read; did you mean "{usual}"?', file=locale)]
    known = (*_OF_A_LANGUAGE, *LAYOUTS)
    found: list[Problem] = []
    for path in _entries(folder, found):
        name = f"{locale}/{path.name}"
        if path.name not in known and name not in included and _meant(path.name, known):
            found.append(_unread(name, path.name, known))
    if not (folder / FILE).is_file() and not any(f'"{FILE}"' in problem.message for problem in found):
        said = "does not exist: it holds a language's words; copy that of another language, and translate it"
        found.append(Problem(said, file=f"{locale}/{FILE}"))
    return found


def _usual(name: str) -> str | None:
    """The locale as it is usually written, if it is one."""
    try:
        return shapes.locale(name)
    except Invalid:
        return None


def _meant(name: str, known: Collection[str]) -> bool:
    """Whether a file may be meant as a text: by how its name ends, or as it is nearly that of one."""
    return name.endswith((".txt", ".html", ".yaml", ".yml")) or bool(hint(name, known).endswith("?"))


def _unread(file: str, name: str, known: Collection[str]) -> Problem:
    return Problem(f"is not read{hint(name, known)}", file=file)


def _entries(folder: Path, problems: list[Problem]) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        problems.append(Problem(f"cannot be read: {error.strerror or error}", file=folder.name))
        return []
    return [path for path in entries if not path.name.startswith(".") and not path.name.endswith(_LEFT_BEHIND)]


def _included(folder: Path) -> set[str]:
    """What layouts take in of other files: these have whatever name they like."""
    made, found = environment(), set[str]()
    for path in (
        path for pattern in ("*.*", "*/*.*") for path in folder.glob(pattern) if path.suffix in (".txt", ".html")
    ):
        try:
            tree = made.parse(path.read_text(encoding="utf-8"))
        except (TemplateError, OSError, UnicodeDecodeError):
            continue  # composing says what is wrong with it
        found.update(name for name in meta.find_referenced_templates(tree) if name is not None)
    return found
