"""Puts the commands together."""

import typer

from alertd.cli import processes

app = typer.Typer(
    name="alertd",
    help="Tells families when a service they rely on is down, and keeps telling them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
processes.add_to(app)


def main() -> None:
    """The console script."""
    app()
