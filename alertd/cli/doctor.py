"""`alertd doctor`: what is configured, what answers, what is missing, and how to mend it."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from alertd.cli.failed import REFUSED
from alertd.cli.output import Output, show, wrapped

if TYPE_CHECKING:
    from alertd.cli.finding import Finding

_MARKS = {"ok": "ok  ", "note": "note", "wrong": "FAIL"}


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(doctor)


def doctor(output: Output = None) -> None:
    """Say what is configured, what answers and what is missing. Exits with 1 if families could not be told."""
    from alertd.cli import findings

    found = findings.examine(os.environ)
    wrong = [each for each in found if each.mark == "wrong"]
    show(
        output,
        {
            "well": not wrong,
            "findings": [
                {"mark": each.mark, "what": each.what, "text": each.text, "mend": each.mend} for each in found
            ],
        },
        _saying(found, len(wrong)),
    )
    if wrong:
        raise typer.Exit(REFUSED)


def _saying(found: "list[Finding]", wrong: int) -> Callable[[], str]:
    def text() -> str:
        size = max(len(each.what) for each in found)
        lines = []
        for each in found:
            lines.append(wrapped(each.text, f"{_MARKS[each.mark]}  {each.what.ljust(size)}  "))
            lines += [wrapped(mend, f"      {' ' * size}  -> ") for mend in each.mend]
        end = f"{wrong} thing{'s'[: wrong != 1]} would keep families from being told." if wrong else "All is well."
        return "\n".join([*lines, end])

    return text
