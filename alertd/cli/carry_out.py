"""A command that tells families something: it shows first what it will do, and asks where somebody sits."""

import sys
from collections.abc import Callable
from typing import Any

import typer

from alertd.cli.client import Api, Refused, new_command
from alertd.cli.failed import Failed
from alertd.cli.incident_words import in_options, preview
from alertd.cli.output import Output, note, wants_json


def carry_out(
    path: str,
    body: dict[str, Any],
    question: str,
    yes: bool,
    dry_run: bool,
    again: str | None,
    output: Output,
    shown: Callable[[Any], str] = lambda expected: preview(expected["preview"]),
) -> Any:
    """Do it, or with `dry_run` only say what it would do; what came of it. Raises Failed if somebody says no."""
    api, once = Api.here(), again or new_command()
    asks = not yes and sys.stdin.isatty()
    with in_options():
        try:
            expected = api.command(path, body, once=once, dry_run=True)
        except Refused:
            if again is None or dry_run:
                raise
            # Done the first time, it cannot be done anew: its own answer is kept, and that is what comes back.
            return api.command(path, body, once=once)
        if dry_run:
            return expected
        if asks or not wants_json(output):
            note(shown(expected))
        if asks and not typer.confirm(question, err=True):
            raise Failed("nothing was done")
        return api.command(path, body, once=once)
