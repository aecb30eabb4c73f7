"""Walking a decoded document: every mistake is gathered with its place, none stops the walk.

A `Reading` is one pass over one document. Its `Field`s are values with their path; `Field.take` converts one
and notes what is wrong instead of raising. Whoever reads builds the result with stand-ins where something was
wrong, and calls `Reading.finish` before handing it on, so a stand-in never leaves.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeVar

from alertd.domain.errors import Invalid, quote

T = TypeVar("T")
D = TypeVar("D")
Place = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a document, with its place and the way out."""

    message: str
    field: str = ""  # "caregivers[1].addresses[0].to"
    line: int | None = None
    file: str | None = None

    def __str__(self) -> str:
        place = self.file or ""
        if self.line:
            place = f"{place}:{self.line}" if place else f"line {self.line}"
        return ": ".join(part for part in (place, self.field, self.message) if part)


class Mistakes(Invalid):
    """A document that cannot be used; `problems` holds everything that is wrong with it, in its order.

    `line` is given where the whole document is one line of a file. As text: one problem a line, or all of them
    after the number of their one line.
    """

    def __init__(self, problems: Sequence[Problem], *, line: int | None = None) -> None:
        first = problems[0]
        super().__init__(first.message, field=first.field or None, line=line or first.line)
        self.problems, self._one_line = tuple(problems), line is not None

    def __str__(self) -> str:
        if self._one_line:
            return f"line {self.line}: " + "; ".join(str(problem) for problem in self.problems)
        return "\n".join(str(problem) for problem in self.problems)


class Reading:
    """One pass over one document.

    `lines` tells where each path stands in its file; `null_is_absent` lets JSON's null stand for "not given".
    """

    def __init__(
        self,
        *,
        file: str | None = None,
        lines: Mapping[Place, int] | None = None,
        null_is_absent: bool = False,
    ) -> None:
        self.problems: list[Problem] = []
        self.null_is_absent = null_is_absent
        self._file, self._lines = file, lines or {}

    def root(self, value: object) -> "Field":
        """The whole document."""
        return Field(value, (), self)

    def wrong(self, message: str, path: Place = ()) -> None:
        """Note a mistake at a path."""
        self.problems.append(Problem(message, spell(path), self._line(path), self._file))

    def finish(self) -> None:
        """Raise Mistakes if anything was wrong."""
        if self.problems:
            raise Mistakes(self.problems)

    def _line(self, path: Place) -> int | None:
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)


class Field:
    """A value of a document and where it stands."""

    __slots__ = ("_reading", "path", "value")

    def __init__(self, value: object, path: Place, reading: Reading) -> None:
        self.value, self.path, self._reading = value, path, reading

    def wrong(self, message: str) -> None:
        """Note a mistake here."""
        self._reading.wrong(message, self.path)

    def take(self, convert: Callable[[object], T], otherwise: D) -> T | D:
        """The converted value; where `convert` raises Invalid that is noted, and `otherwise` stands in."""
        try:
            return convert(self.value)
        except Invalid as error:
            self.wrong(error.message)
            return otherwise

    def convert(self, convert: Callable[[object], T], value: object = None) -> list[T]:
        """The converted value, or `value` of this place, as a list of one; empty where it is wrong."""
        try:
            return [convert(self.value if value is None else value)]
        except Invalid as error:
            self.wrong(error.message)
            return []

    def entries(self, required: Collection[str] = (), optional: Collection[str] = ()) -> "Entries":
        """The keys that are given; unknown and missing ones are noted."""
        known = (*required, *optional)
        found = Entries()
        for name, entry in self.named().items():
            if name not in known:
                entry.wrong(f"is not known here{hint(name, known)}")
            elif entry.value is not None:
                found[name] = entry
            elif not self._reading.null_is_absent:
                entry.wrong("has no value; give it one, or remove the key")
            elif name in required:
                entry.wrong("is needed and may not be null")
        if isinstance(self.value, dict):
            for name in required:
                if name not in self.value:
                    self._reading.wrong("is missing", (*self.path, name))
        return found

    def child(self, name: str) -> "Field":
        """The entry of a mapping under this key, given or not."""
        value = self.value.get(name) if isinstance(self.value, dict) else None
        return Field(value, (*self.path, name), self._reading)

    def named(self) -> "dict[str, Field]":
        """All entries of a mapping whose keys are free."""
        if not isinstance(self.value, dict):
            self.wrong(f"must be a set of keys and values, not {kind(self.value)}")
            return {}
        return {name: Field(value, (*self.path, name), self._reading) for name, value in self.value.items()}

    def each(self, most: int) -> "list[Field]":
        """The members of a list of at most `most`."""
        if not isinstance(self.value, list):
            self.wrong(f"must be a list, not {kind(self.value)}")
            return []
        if len(self.value) > most:
            self.wrong(f"has {len(self.value)} members; at most {most} are taken")
            return []
        return [Field(value, (*self.path, at), self._reading) for at, value in enumerate(self.value)]


class Entries(dict[str, Field]):
    """The known keys of a mapping that have a value."""

    def take(self, name: str, convert: Callable[[object], T], otherwise: D) -> T | D:
        """The converted value of a key; `otherwise` where it is not given or wrong."""
        return self[name].take(convert, otherwise) if name in self else otherwise


def spell(path: Place) -> str:
    """The path as people write it: caregivers[1].addresses[0].to."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{quote(part)}" if text else quote(part)
    return text


def kind(value: object) -> str:
    """What a decoded value is, in plain words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    names: dict[type, str] = {dict: "a set of keys and values", list: "a list", str: "a text"}
    return names.get(type(value), "a number")


def hint(word: str, known: Iterable[str]) -> str:
    """What may have been meant: "; did you mean "critical"?", else all that is known, else nothing."""
    names = list(dict.fromkeys(known))
    near = get_close_matches(word, names, n=1, cutoff=0.6) if len(word) <= 100 else []
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 20 else ""
