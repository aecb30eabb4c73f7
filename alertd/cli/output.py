"""What commands print: plain aligned text that is good at 80 columns, or JSON."""

import json
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any

import typer


class Format(StrEnum):
    """For people, or for programs."""

    TABLE = "table"
    JSON = "json"


Output = Annotated[
    Format | None, typer.Option("-o", "--output", help="For people, or for programs.", show_default="table")
]


class _Chosen:
    """What was said before the command; every run of the command line sets it anew."""

    format = Format.TABLE


def begin(output: Format | None) -> None:
    """A command line begins; `output` is what it says before the first command."""
    _Chosen.format = output or Format.TABLE


def group(name: str, text: str) -> typer.Typer:
    """A group of commands, which takes `-o` before its commands too."""
    made = typer.Typer(name=name, help=text, no_args_is_help=True, rich_markup_mode=None)

    def callback(output: Output = None) -> None:
        _Chosen.format = output or _Chosen.format

    made.callback()(callback)
    return made


def wants_json(output: Format | None) -> bool:
    """Whether this command prints JSON."""
    return (output or _Chosen.format) is Format.JSON


def asks_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON; seen before it is understood, for it may be wrong."""
    named = any(pair in (("-o", "json"), ("--output", "json")) for pair in pairwise(words))
    return named or any(word in ("-ojson", "--output=json") for word in words)


def show(output: Format | None, data: Any, text: Callable[[], str]) -> None:
    """Print the data as JSON, or what `text` makes of it."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False) if wants_json(output) else text())


def note(line: str) -> None:
    """Something for the person at the terminal that is no result."""
    typer.echo(line, err=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Aligned columns; on a terminal the last one is cut where the line would break."""
    lines = [[clean(str(cell)) for cell in row] for row in (heads, *rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads))]
    most = width() if sys.stdout.isatty() else 10_000
    return "\n".join(
        "  ".join(cell.ljust(size) for cell, size in zip(line, widths, strict=True)).rstrip()[:most]
        for line in lines
    )


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Names and what there is to say, wrapped; pairs with nothing to say are left out."""
    said = [(name, clean(text)) for name, text in pairs if text]
    size = max((len(name) for name, _ in said), default=0)
    return "\n".join(wrapped(text, f"  {name.ljust(size)}  ") for name, text in said)


def wrapped(text: str, begin: str) -> str:
    """Text behind `begin`, in lines of the terminal's width, all indented alike."""
    lines = textwrap.wrap(
        clean(text), max(width(), len(begin) + 30), initial_indent=begin, subsequent_indent=" " * len(begin)
    )
    return "\n".join(lines) or begin.rstrip()


def width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return shutil.get_terminal_size((80, 24)).columns


def clean(text: str) -> str:
    """What other people wrote, without anything that a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
