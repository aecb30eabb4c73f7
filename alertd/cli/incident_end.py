"""`alertd incident resolve|cancel|postmortem|reopen`: how an incident ends, and comes back."""

from typing import Annotated

import typer

from alertd.cli.carry_out import carry_out
from alertd.cli.incident_options import Again, Do, DryRun, Message, NextIn, Which, Works, Yes
from alertd.cli.incident_words import explained, explaining, given, lines, messages, named, preview, said, told_why
from alertd.cli.output import Output, show
from alertd.cli.times import coming
from alertd.domain.incident import Severity


def resolve(
    incident: Which,
    message: Message = None,
    postmortem_by: Annotated[
        str | None,
        typer.Option(
            "--postmortem-by",
            metavar="TIME",
            help='Promise to tell families by then what happened: "Fri 17:00" or a date and time, on your clock.',
        ),
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Say that it is over; everyone who was told is told so, and by when they hear what happened if you say it."""
    by = coming(postmortem_by, None, "--postmortem-by").isoformat() if postmortem_by is not None else None
    _end("resolve", incident, message, yes, dry_run, again, output, postmortem_by=by)


def cancel(
    incident: Which,
    message: Message = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Say that it was a false alarm; everyone who was told is told so."""
    _end("cancel", incident, message, yes, dry_run, again, output)


def postmortem(
    incident: Which,
    message: Message = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Say what happened, once it is over: told once, waking nobody, to everyone who was told the end."""
    path = f"/v1/incidents/{named(incident)}/postmortem"
    question = "Tell them what happened? They are told once."
    done = carry_out(path, {"message": messages(message)}, question, yes, dry_run, again, output, explained)
    show(output, done, lambda: told_why(done))


def reopen(
    incident: Which,
    message: Message = None,
    severity: Annotated[Severity | None, typer.Option(help="By consequence for the patient.")] = None,
    works: Works = None,
    do: Do = None,
    next_in: NextIn = None,
    since: Annotated[
        str | None, typer.Option(metavar="ISO", help="When it came back, if earlier than now.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Say that it came back, within 24 hours of its end; families are told, and asked to answer, anew."""
    body = given(
        message=messages(message),
        severity=severity.value if severity else None,
        works=lines(works),
        do=lines(do),
        next_in=next_in,
        since=since,
    )
    path = f"/v1/incidents/{named(incident)}/reopen"
    done = carry_out(path, body, f"Reopen incident {incident} and tell them now?", yes, dry_run, again, output)
    show(output, done, lambda: said(done, f"Incident {done['incident']} is open again: update {done['update']}"))


def _end(
    verb: str,
    incident: str,
    message: list[str] | None,
    yes: bool,
    dry_run: bool,
    again: str | None,
    output: Output,
    postmortem_by: str | None = None,
) -> None:
    body = given(message=messages(message), postmortem_by=postmortem_by)
    path = f"/v1/incidents/{named(incident)}/{verb}"
    question = f"{verb.capitalize()} incident {incident} and tell them?"
    promised = explaining(postmortem_by)
    done = carry_out(
        path, body, question, yes, dry_run, again, output, lambda seen: f"{preview(seen['preview'])}{promised}"
    )
    show(
        output,
        done,
        lambda: said(done, f"Incident {done['incident']} is {done['state']}: update {done['update']}") + promised,
    )
