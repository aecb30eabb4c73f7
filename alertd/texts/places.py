"""Where a problem of the texts stands: the file and line that whoever mends it must open."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from alertd.domain.errors import Invalid
from alertd.ingest.reading import Problem
from alertd.ingest.yaml_text import read_yaml
from alertd.texts.catalogue_file import FILE

_KEY = re.compile(r"^(?P<locale>[\w-]+): (?P<key>[\w.-]+) (?:is missing|is never said|cannot be read)")
_SAID = re.compile(
    r"^(?P<locale>[\w-]+)/[\w/]+: (?P<what>.*?)(?:; the (?:plain built-in text was|next best words were) used)?$",
    re.DOTALL,
)
_SENTENCE = re.compile(r"in the sentence (?P<key>[\w.-]+)|Missing: (?P<missing>[\w.-]+)|phrase (?P<phrase>\w+) is")
_LAYOUT = re.compile(r"in (?P<name>[\w.-]+\.(?:txt|html)), line (?P<line>\d+)")
_LOCALE = re.compile(r"^(?P<locale>[\w-]+):")


def placed(folder: Path, problems: Iterable[str]) -> list[Problem]:
    """The problems of a templates folder with file and line, each once however many messages it spoils.

    `problems` are sentences of `Composer.check`; a file is named within the folder.
    """
    first: dict[Problem, str] = {}
    spoilt: Counter[Problem] = Counter()
    for each in problems:
        problem = _place(folder, each)
        spoilt[problem] += 1
        first.setdefault(problem, each.partition(": ")[0])
    return [
        replace(p, message=f"{p.message} (first in {first[p]}, and in {n - 1} more)") if n > 1 else p
        for p, n in spoilt.items()
    ]


def _place(folder: Path, problem: str) -> Problem:
    key, said = _KEY.match(problem), _SAID.match(problem)
    if key is not None:
        file = f"{key['locale']}/{FILE}"
        mend = f"; add it to {file}, or take it out of the other" if "is missing" in problem else ""
        what = problem.partition(f"{key['key']} ")[2]
        return Problem(f"{what}{mend}", key["key"], line_of(folder / file, key["key"]), file)
    if said is not None:
        return _spoilt(folder, said["locale"], said["what"])
    locale = _LOCALE.match(problem)
    if locale is None:
        return Problem(problem, file="")
    return Problem(problem[locale.end() :].strip(), file=f"{locale['locale']}/{FILE}")  # no one line is to blame


def _spoilt(folder: Path, locale: str, what: str) -> Problem:
    layout, sentence = _LAYOUT.search(what), _SENTENCE.search(what)
    if layout is not None:
        name, line = layout["name"], int(layout["line"])
        own = (folder / locale / name).is_file()
        return Problem(what, "", line, f"{locale}/{name}" if own else name)
    file = f"{locale}/{FILE}"
    if sentence is None:
        return Problem(what, "", 1, file)
    key = sentence["key"] or sentence["missing"] or f"phrases.{sentence['phrase']}"
    return Problem(what, key, line_of(folder / file, key), file)


def line_of(path: Path, key: str) -> int:
    """The line of a key, else of the nearest part of it that is there, else the first."""
    try:
        lines = read_yaml(path.read_bytes(), path.name).lines
    except (OSError, Invalid):
        return 1
    parts = tuple(key.split("."))
    return next((lines[parts[:n]] for n in range(len(parts), 0, -1) if parts[:n] in lines), 1)
