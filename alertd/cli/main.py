"""Puts the commands together."""

import json
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

import alertd
from alertd.cli import (
    backup,
    channel,
    delivery,
    doctor,
    event,
    explain,
    family,
    inbox,
    incident,
    key,
    link,
    looking,
    policy,
    processes,
    reach,
    report,
    unsuspend,
)
from alertd.cli.failed import REFUSED, Failed
from alertd.cli.output import Output, asks_json, begin, group
from alertd.domain.errors import AlertdError

app = typer.Typer(
    name="alertd",
    help="Tells families when a service they rely on is down, and keeps telling them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"alertd {alertd.__version__}")
        raise typer.Exit


@app.callback()
def root(
    output: Output = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Tells families when a service they rely on is down, and keeps telling them."""
    begin(output)


def _groups() -> None:
    incidents = group("incident", "Open, update, resolve and look at incidents.")
    families = group("family", "Whom to tell, and how.")
    policies = group("policy", "What the product teams promise.")
    events = group("event", "Outages told by programs.")
    deliveries = group("delivery", "Every single message.")
    letters = group("inbox", "What families wrote to us.")
    keys = group("key", "API keys.")
    links = group("link", "The key that links in messages are signed with.")
    incident.add_to(incidents)
    looking.add_to(incidents)
    delivery.add_to(deliveries)
    report.add_to(incidents)
    reach.add_to(incidents)
    family.add_to(families)
    unsuspend.add_to(families)
    explain.add_to(families)
    policy.add_to(policies)
    event.add_to(events)
    inbox.add_to(letters)
    key.add_to(keys)
    link.add_to(links)
    for each in (incidents, families, deliveries, letters, events, policies, keys, links):
        app.add_typer(each)


_groups()
channel.add_to(app)
processes.add_to(app)
backup.add_to(app)
doctor.add_to(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Exits 0 done, 1 refused or failed, 2 usage, 69 server not reachable.

    Asked for JSON, an error is one JSON object on standard error.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    as_json = asks_json(words)
    try:
        if not as_json:
            app(words)
        code = app(words, standalone_mode=False)  # what is wrong with the words comes back as an exception
    except Failed as failed:
        _end(failed, as_json)
    except AlertdError as error:
        _end(_failed(error), as_json)
    except typer.Abort:
        _end(Failed("nothing was done"), as_json)
    except TyperException as error:
        _end(Failed(error.format_message(), code=error.exit_code), as_json)
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _failed(error: AlertdError) -> Failed:
    from alertd.ingest.reading import Mistakes

    if isinstance(error, Mistakes) and len(error.problems) > 1:
        lines = tuple(str(problem) for problem in error.problems)
        return Failed(f"{len(lines)} mistakes:", more=lines)
    return Failed(str(error))


def _end(failed: Failed, as_json: bool) -> None:
    lines = [json.dumps(failed.document(), ensure_ascii=False)] if as_json else failed.lines()
    for line in lines:
        print(line, file=sys.stderr)
    sys.exit(failed.code or REFUSED)
