"""The part of docs/reference/cli.md that the commands themselves say; `make reference` writes it anew."""

import re
import textwrap
from argparse import SUPPRESS, ArgumentParser
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from alertd.cli.main import app
from alertd.sandbox.__main__ import parser as sandbox_parser
from tests.markdown import ROOT

PAGE = ROOT / "docs" / "reference" / "cli.md"
MARK = "<!-- From here on, `make reference` writes what the commands say of themselves. -->\n"
EVERYWHERE = {"output", "help"}
"""Options that every command has; the page tells of them once."""


def commands(command: Any = None, path: tuple[str, ...] = ("alertd",)) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    inside: Any = command or get_command(app)
    for name, inner in inside.commands.items():
        if hasattr(inner, "commands"):
            yield from commands(inner, (*path, name))
        else:
            yield " ".join((*path, name)), inner


def written() -> str:
    """The generated part of the page."""
    parts = []
    for name, command in commands():
        rows = list(_of_sandbox(sandbox_parser()) if name == "alertd sandbox" else _rows(command))
        text = " ".join(textwrap.dedent(command.help).split())
        parts.append(f"## {name}\n\n{text}\n")
        if rows:
            lines = "\n".join(f"| {' | '.join(row)} |" for row in rows)
            parts.append(f"| argument or option | default | meaning |\n|---|---|---|\n{lines}\n")
    return "\n".join(parts)


def _rows(command: Any) -> Iterator[tuple[str, str, str]]:
    context = command.make_context(command.name, [], resilient_parsing=True)
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None or parameter.name in EVERYWHERE:
            continue
        spelled, meaning = record
        extras = re.search(r"  \[([^\]]*)\]$", meaning)
        default = ""
        if extras:
            meaning = meaning[: extras.start()]
            said = dict(each.partition(": ")[::2] for each in extras[1].split("; "))
            default = "needed" if "required" in said else _code(said.pop("default", "").strip("()"))
            meaning = "; ".join([meaning.rstrip("."), *(_limits(key) for key in said if key != "required")])
        yield _code(_spelled(spelled)), default, _plain(meaning)


def _of_sandbox(parser: ArgumentParser) -> Iterator[tuple[str, str, str]]:
    for action in parser._actions:
        if action.dest in EVERYWHERE:
            continue
        words = ", ".join(action.option_strings) + f" {action.metavar or action.dest.upper()}"
        default = "" if action.default in (None, SUPPRESS) else str(action.default)
        meaning = re.sub(r" \(default.*\)$", "", action.help or "")
        yield _code(words), _code(default), _plain(meaning)


_KINDS = {"<int range>": "N", "<int>": "N", "<str>": "TEXT", "<list[str]>": "TEXT", "<path>": "PATH"}


def _spelled(record: str) -> str:
    """Kinds of value as people write them; an argument has a name of its own."""
    if not record.startswith("-"):
        return record.partition(" ")[0].upper()
    for kind, name in _KINDS.items():
        record = record.replace(kind, name)
    return record


def _limits(said: str) -> str:
    """A range, as `1<=x<=256`, in words."""
    return re.sub(r"^(\d+)<=x<=(\d+)$", r"\1 to \2", said)


def _code(text: str) -> str:
    return f"`{text}`".replace("|", "\\|") if text else ""


def _plain(text: str) -> str:
    text = text.replace("|", "\\|").replace("<", "&lt;")
    return text if text.endswith(".") else f"{text}."


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text("utf-8").partition(MARK)[0] + MARK + "\n" + written(), "utf-8")
