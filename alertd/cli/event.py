"""`alertd event send|ignored`: outage events from a file, and what machines told in vain."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from alertd.cli.client import Api, Query, new_command
from alertd.cli.failed import Failed
from alertd.cli.incident_options import Again
from alertd.cli.incident_words import preview
from alertd.cli.output import Output, clean, facts, show
from alertd.cli.times import local

_DID = {
    "opened": "It opened incident {incident}.",
    "updated": "It is update {update} of incident {incident}.",
    "resolved": "It resolved incident {incident}.",
    "opened by machine": "It opened incident {incident}, as a suspicion; alertd incident show {incident} says "
    "when families are told.",
    "updated by machine": "It changed incident {incident}.",
    "resolved by machine": "It resolved incident {incident}.",
    "noted": "Incident {incident} knows this already; nobody is told.",
    "duplicate": "It was taken before; nothing was done.",
}
_WOULD = {
    "opened": "It would open an incident.",
    "updated": "It would be update {update} of incident {incident}.",
    "resolved": "It would resolve incident {incident}.",
    "opened by machine": "It would open an incident, as a suspicion that waits for somebody to confirm it.",
    "updated by machine": "It would change incident {incident}.",
    "resolved by machine": "It would resolve incident {incident}.",
    "noted": "Incident {incident} knows this already; nobody would be told.",
    "duplicate": "It was taken before.",
}


def add_to(group: typer.Typer) -> None:
    """Add this command."""
    group.command()(send)
    group.command("ignored")(ignored)


def send(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The event as JSON; - reads standard input.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")] = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Send an event: it opens an incident, updates the one it belongs to, or resolves it."""
    try:
        body = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failed(f"{file} cannot be read: {error.strerror}") from None
    if not body.strip():
        raise Failed("the event is empty", "alertd event send takes JSON; /docs of the API shows an example")
    query: Query = {"dry_run": True} if dry_run else {}
    done = Api.here().ask("POST", "/v1/events", body, query=query, once=again or new_command())
    show(output, done, lambda: _said(done))


def ignored(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50, output: Output = None
) -> None:
    """Show what machines told in vain: nobody but the responders is told of it."""
    answer = Api.here().get("/v1/events/ignored", limit=limit)
    show(output, answer, lambda: "\n\n".join(map(_ignored, answer["ignored"])) or "There is none.")


def _ignored(each: Mapping[str, Any]) -> str:
    more = each["count"] - len(each["alerts"])
    names = ", ".join(clean(name) for name in each["alerts"]) + (f" and {more:,} more" if more > 0 else "")
    told = clean(each["told"] or "nobody yet")
    lines = [("alerts", f"{each['count']:,}: {names}"), ("why", clean(each["why"])), ("told", told)]
    return f"{local(each['at'])}  {clean(each['source'])}: {each['reason']}\n{facts(lines)}"


def _said(done: Mapping[str, Any]) -> str:
    if not done.get("dry_run"):
        return _but(done, _words(done, _DID))
    would = _but(done, _words(done, _WOULD))
    return f"Nothing was done. {would}{' ' + preview(done['preview']) if done.get('preview') else ''}"


def _words(done: Mapping[str, Any], words: Mapping[str, str]) -> str:
    by_machine = done.get("update") is None and done["did"] in ("opened", "updated", "resolved")
    return words.get(f"{done['did']} by machine" if by_machine else done["did"], "{did}").format_map(done)


def _but(done: Mapping[str, Any], said: str) -> str:
    """What was asked for and not done, with the way out."""
    why = done.get("why")
    if why and done["did"] == "noted":
        return f"It is noted, and no family is told: {why}"
    return f"{said} But {why}" if why else said
