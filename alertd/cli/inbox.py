"""`alertd inbox list|show|done`: what families wrote to us in their own words."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import typer

from alertd.cli.client import Api, new_command
from alertd.cli.incident_options import Again
from alertd.cli.output import Output, clean, facts, show, table
from alertd.cli.times import local

_Which = Annotated[UUID, typer.Argument(metavar="ID", help="Of the message, as alertd inbox list shows it.")]
_NO_TEXT = "(no text; perhaps a picture)"


def add_to(group: typer.Typer) -> None:
    """Add these commands."""
    group.command("list")(list_)
    group.command("show")(show_)
    group.command()(done)


def list_(
    all_: Annotated[bool, typer.Option("--all", help="Also what somebody has dealt with.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 100,
    output: Output = None,
) -> None:
    """List what families replied that no word of ours answers; that you read it is kept."""
    answer = Api.here().get("/v1/inbox", done=all_, limit=limit)
    show(output, answer, lambda: _listed(answer["letters"]))


def show_(letter: _Which, output: Output = None) -> None:
    """Show one message, who may have sent it, and the number to call; that you read it is kept."""
    found = Api.here().get(f"/v1/inbox/{letter}")
    show(output, found, lambda: _shown(found))


def done(letter: _Which, again: Again = None, output: Output = None) -> None:
    """Say that it is dealt with: it leaves the list. Said again, the first time stands."""
    closed = Api.here().command(f"/v1/inbox/{letter}/done", {}, once=again or new_command())
    show(output, closed, lambda: f"Done, by {clean(closed['done_by'])} at {local(closed['done_at'])}.")


def _listed(letters: list[dict[str, Any]]) -> str:
    if not letters:
        return "Nothing waits to be read."
    rows = [(local(each["at"]), each["id"], _who(each), each["text"] or _NO_TEXT) for each in letters]
    return table(("CAME", "ID", "FROM", "TEXT"), rows)


def _who(letter: Mapping[str, Any]) -> str:
    return ", ".join(f"{each['name']} ({each['family']})" for each in letter["senders"]) or "nobody known any more"


def _shown(letter: Mapping[str, Any]) -> str:
    pairs = [
        ("from", _who(letter)),
        ("call", letter["to_call"] or ""),
        ("text", letter["text"] or _NO_TEXT),
        ("done", f"by {letter['done_by']} at {local(letter['done_at'])}" if letter["done_at"] else ""),
    ]
    return f"{local(letter['at'])}  {letter['id']}\n{facts(pairs)}"
