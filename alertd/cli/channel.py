"""`alertd channel test`: one real message to one address, marked as a test, and what became of it."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from alertd.cli.client import Api, new_command
from alertd.cli.failed import REFUSED
from alertd.cli.incident_options import Again
from alertd.cli.incident_words import in_options
from alertd.cli.output import Output, clean, group, show, wants_json

_LOOK = 0.1  # seconds between two looks
_ARRIVED = ("delivered", "read")
_WORDS = {"pending": "waits for its next try", "leased": "handed over", "unknown": "may have been taken"}


def add_to(app: typer.Typer) -> None:
    """Add this group."""
    channels = group("channel", "Ways to reach people.")
    channels.command("test")(send_test)
    app.add_typer(channels)


def send_test(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="sms, push, email, ...")],
    to: Annotated[str, typer.Argument(metavar="TO", help="A number, token or mailbox.")],
    locale: Annotated[str, typer.Option(help="The language of the test.")] = "en",
    time_zone: Annotated[str, typer.Option(help="The zone of times in it.")] = "UTC",
    service: Annotated[
        str | None, typer.Option(metavar="SERVICE", help="What it says is not down; left out: the first declared.")
    ] = None,
    wait: Annotated[int, typer.Option(min=0, max=300, help="Seconds to wait for what becomes of it.")] = 60,
    again: Again = None,
    output: Output = None,
) -> None:
    """Send one real message to one address, marked as a test, and tell what becomes of it.

    It goes the way of families' messages: written to the database, taken by a worker, handed to the provider.
    No family is told. Ends with 0 once it was accepted and nothing has taken that back, else with 1.
    """
    api, quiet = Api.here(), wants_json(output)
    body = {"channel": channel, "to": to, "locale": locale, "time_zone": time_zone, "service": service}
    with in_options(arguments=("channel", "to")):
        begun = api.command("/v1/channel-tests", body, once=again or new_command())
    path = f"/v1/channel-tests/{begun['id']}"
    until, said = time.monotonic() + wait, _Said()
    while True:
        found = api.get(path)
        if not quiet:
            said.tell(found)
        if found["over"] or time.monotonic() >= until:
            break
        time.sleep(_LOOK)
    show(output, found, lambda: _ended(found, wait))
    if found["accepted_after"] is None or found["state"] not in (*_ARRIVED, "accepted"):
        raise typer.Exit(REFUSED)


class _Said:
    """Tells each thing once, as it becomes known."""

    def __init__(self) -> None:
        self._begun = self._accepted = False
        self._tries = 0
        self._state = ""

    def tell(self, found: Mapping[str, Any]) -> None:
        """Print what is new."""
        if not self._begun:
            self._begun = True
            typer.echo(f"A test over {found['channel']} to {clean(found['to'])}. It says that it is one.")
        if found["accepted_after"] is not None and not self._accepted:
            self._accepted = True
            typer.echo(f"  accepted after {found['accepted_after']:.1f} s")
        for each in found["failed"][self._tries :]:
            code = f": {clean(each['code'])}" if each["code"] else ""
            typer.echo(f"  {_WORDS.get(each['outcome'], each['outcome'])} after {each['after']:.1f} s{code}")
        self._tries = len(found["failed"])
        if found["state"] != self._state and found["state"] in (*_ARRIVED, "superseded", "expired", "cancelled"):
            typer.echo(f"  {found['state']} after {found['seconds']:.1f} s")
        self._state = found["state"]


def _ended(found: Mapping[str, Any], wait: int) -> str:
    lines = []
    if found["means"]:
        lines.append(f"  {clean(found['code'])}: {clean(found['means'])}")
    if found["way_out"]:
        lines.append(f"  {found['way_out']}")
    if found["state"] in _ARRIVED:
        lines.append("It has arrived.")
    elif found["state"] == "accepted" and not found["reports"]:
        lines.append("The provider has it; over this channel it does not say whether it arrived. Look there.")
    elif found["state"] == "accepted":
        lines.append(f"The provider has it, and has not said within {wait} s whether it arrived.")
    elif found["over"]:
        lines.append("It has not arrived.")
    else:
        lines.append(f"Nothing is known after {wait} s; it goes on for 5 minutes: alertd delivery list --limit 5")
    return "\n".join(lines)
