"""Makes words that people wrote safe to stand in a message: one line, no control characters."""

from itertools import zip_longest
from unicodedata import category

_OVERRIDES = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they reorder what follows
_ENDS = ".!?\u2026:\u3002\uff01\uff1f"
_CLOSERS = "\"')]\u00bb\u201d\u2019"


def clean(text: str) -> str:
    """One line: control characters and line breaks become spaces, runs of spaces become one."""
    if not text.isprintable():
        text = "".join(" " if _unsafe(c) else c for c in text)
    return " ".join(text.split())


def clean_lines(text: str) -> tuple[str, ...]:
    """The non-empty lines of a text, each cleaned, and ended unless the next one goes on in lower case."""
    lines = [line for raw in text.splitlines() if (line := clean(raw))]
    pairs = zip_longest(lines, lines[1:], fillvalue="")
    return tuple(line if after[:1].islower() else sentence(line) for line, after in pairs)


def sentence(text: str) -> str:
    """The text with a full stop where it lacks an end; empty stays empty."""
    last = text.rstrip(_CLOSERS)[-1:]
    return text if not text or last in _ENDS else text + "."


def _unsafe(character: str) -> bool:
    return character in _OVERRIDES or category(character) in ("Cc", "Cs", "Zl", "Zp")
