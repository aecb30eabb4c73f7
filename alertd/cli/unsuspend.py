"""`alertd family unsuspend`: a provider had refused an address for good, and was wrong."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from alertd.cli.client import Api, new_command
from alertd.cli.incident_options import Again, DryRun
from alertd.cli.incident_words import in_options
from alertd.cli.output import Output, show


def add_to(group: typer.Typer) -> None:
    """Add this command."""
    group.command("unsuspend")(unsuspend)


def unsuspend(
    channel: Annotated[
        str | None,
        typer.Argument(metavar="CHANNEL", help="sms, push, email, ...; with --code it may be left out."),
    ] = None,
    to: Annotated[str | None, typer.Argument(metavar="TO", help="A number, token or mailbox.")] = None,
    code: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Instead of TO: all that are suspended with this code of the provider."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="ISO", help="With --code: only what was suspended from then on.")
    ] = None,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Use an address again that its provider had refused for good and was wrong, or all that one code suspended.

    No import does that. Whoever lacks something that was refused there is told it at once. Who said stop stays
    opted out. If the provider refuses an address again, it is suspended again.
    """
    body = {"channel": channel, "to": to, "code": code, "since": since}
    given = {name: value for name, value in body.items() if value is not None}
    with in_options(arguments=("channel", "to")):
        done = Api.here().command("/v1/families:unsuspend", given, once=again or new_command(), dry_run=dry_run)
    show(output, done, lambda: _lifted(done))


def _lifted(done: Mapping[str, Any]) -> str:
    addresses, stopped, families = done["addresses"], done["opted_out"], done["families"]
    if not addresses:
        return "No address is suspended with that code since then: there is nothing to lift."
    dry = done["dry_run"]
    which = "1 address" if addresses == 1 else f"{addresses:,} addresses"
    used = "would be" if dry else "is" if addresses == 1 else "are"
    lines = [f"{'Nothing was done. ' if dry else ''}{which} {used} used again."]
    if stopped:
        lines.append(
            f"Of these {stopped:,} opted out, and {'stays' if stopped == 1 else 'stay'} so until they opt in."
        )
    if families == 1:
        lines.append(
            f"1 family that is told of an outage {'would be' if dry else 'is'} told at once what it lacks."
        )
    elif families:
        told = "would be" if dry else "are"
        lines.append(f"{families:,} families that are told of an outage {told} told at once what they lack.")
    return "\n".join(lines)
