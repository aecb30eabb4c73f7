"""`alertd incident policy`: another policy while the outage lasts. Shows first what changes for whom."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from alertd.cli.client import Api, Refused, new_command
from alertd.cli.failed import Failed
from alertd.cli.incident_words import named
from alertd.cli.output import Output, facts, note, show, wants_json


def policy(
    incident: Annotated[str, typer.Argument(metavar="ID", help="The incident's number.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy file, whole; in a config folder or not.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    again: Annotated[
        str | None,
        typer.Option("--idempotency-key", metavar="KEY", help="Of a command that got no answer: it is done once."),
    ] = None,
    output: Output = None,
) -> None:
    """Give an open incident another policy: shorter windows at once, longer from each family's next message.

    What this incident keeps is replaced; the files in the config folder stay as they are.
    """
    try:
        body = {"policy": file.read_text("utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise Failed(f"{file} cannot be read: {why}", "name a policy file") from None
    path, api, once = f"/v1/incidents/{named(incident)}/policy", Api.here(), again or new_command()
    try:
        if not dry_run and again is None:
            asks = not yes and sys.stdin.isatty()
            if asks or not wants_json(output):
                note(_said(api.command(path, body, once=once, dry_run=True)))
            if asks and not typer.confirm("Take this policy for the incident?", err=True):
                raise Failed("nothing was done")
        done = api.command(path, body, once=once, dry_run=dry_run)
    except Refused as refused:
        raise _in_file(refused, file) from None
    show(output, done, lambda: _said(done) if dry_run else _done(done))


def _in_file(refused: Refused, file: Path) -> Failed:
    """What is wrong with the file, by line."""
    problems = refused.error.get("problems") or [refused.error]
    if not any(each.get("line") for each in problems):
        return refused
    said = [
        ": ".join(part for part in (f"{file}:{each.get('line', 1)}", each.get("field"), each["message"]) if part)
        for each in problems
    ]
    heading = f"{len(said)} mistakes:" if len(said) > 1 else "one mistake:"
    return Failed(heading, more=tuple(said), code=refused.code, told=refused.error)


def _done(told: dict[str, Any]) -> str:
    unset = f"{_unset(told)}\n" if told["unset"] else ""
    return (
        f"Incident {told['incident']} goes by policy {told['after']} now. {_sooner(told)}\n{unset}"
        f"  by when somebody owes families an update:  alertd incident show {told['incident']}"
    )


def _said(told: dict[str, Any]) -> str:
    """What changes for whom."""
    lengths = [
        (each["key"], f"{each['before'] or 'nothing'} -> {each['after'] or 'nothing'}") for each in told["windows"]
    ]
    about = "" if told["exact"] else "about "
    before, after = (_messages(told[name]) for name in ("messages_before", "messages_after"))
    news = f"News now would take {about}{after}" + ("." if before == after else f"; until now {before}.")
    lines = [
        f"Policy {told['before']} would give way to {told['after']} in incident {told['incident']}:",
        facts([*lengths, ("also other", ", ".join(told["others"]))]),
        _sooner(told),
        news,
        _unset(told),
    ]
    return "\n".join(line for line in lines if line)


def _unset(told: dict[str, Any]) -> str:
    """Whom nobody can page, and how that is mended."""
    if not told["unset"]:
        return ""
    from alertd.wiring import responder_variable

    return "\n".join(
        f"{name} cannot be nudged or paged: set {responder_variable(name)}, and start alertd anew."
        for name in told["unset"]
    )


def _sooner(told: dict[str, Any]) -> str:
    about = "" if told["exact"] else "about "
    families = f"{told['families']:,} famil{'y' if told['families'] == 1 else 'ies'}"
    sooner = f"{about}{told['sooner']:,} hear sooner than they were told" if told["sooner"] else ""
    waits = any(each["key"].startswith("silence.quiet.") and each["after"] == "wait" for each in told["windows"])
    why = (
        ": in quiet hours the policy says wait"
        if waits
        else " than by the policy so far, none than they were told"
    )
    later = f"{about}{told['later']:,} later{why}" if told["later"] else ""
    moved = ", ".join(part for part in (sooner, later or ("nobody later" if sooner else "")) if part)
    return f"It touches {families}: {moved or 'everybody hears when they were told they would'}."


def _messages(by_channel: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {channel}" for channel, number in by_channel.items()) or "no message"
