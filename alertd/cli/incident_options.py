"""The arguments and options that commands on incidents share."""

from typing import Annotated

import typer

Which = Annotated[str, typer.Argument(metavar="ID", help="The incident's number.")]
Message = Annotated[
    list[str] | None,
    typer.Option(
        "--message",
        metavar="TEXT",
        help='What to tell families: "..." in English, es="..." in Spanish; repeat it.',
    ),
]
Works = Annotated[
    list[str] | None, typer.Option("--works", metavar="KEY|TEXT", help='What still works; repeat it. "": nothing.')
]
Do = Annotated[
    list[str] | None, typer.Option("--do", metavar="KEY|TEXT", help='What to do now; repeat it. "": nothing.')
]
NextIn = Annotated[
    str | None, typer.Option("--next-in", metavar="30m", help="Promise the next update within this time.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Again = Annotated[
    str | None,
    typer.Option("--idempotency-key", metavar="KEY", help="Of a command that got no answer: it is done once."),
]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")]
