"""`alertd incident open|update|recall|ack`: what people do. Each shows first what it will do."""

from enum import StrEnum
from typing import Annotated

import typer

from alertd.cli.carry_out import carry_out
from alertd.cli.client import Api, new_command
from alertd.cli.incident_end import cancel, postmortem, reopen, resolve
from alertd.cli.incident_options import Again, Do, DryRun, Message, NextIn, Which, Works, Yes
from alertd.cli.incident_policy import policy
from alertd.cli.incident_words import (
    acknowledged,
    given,
    lines,
    messages,
    named,
    opened,
    places,
    recalled,
    recalling,
    said,
)
from alertd.cli.output import Output, show
from alertd.domain.incident import Severity


class NextState(StrEnum):
    """What an update may say; resolve and cancel end an incident."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"


def add_to(group: typer.Typer) -> None:
    """Add these commands."""
    group.command("open")(open_)
    group.command()(update)
    group.command()(recall)
    group.command()(resolve)
    group.command()(cancel)
    group.command()(postmortem)
    group.command()(reopen)
    group.command()(ack)
    group.command()(policy)


def open_(
    service: Annotated[
        list[str], typer.Option("--service", metavar="NAME[:REGION,..]", help="What fails; repeat it.")
    ],
    severity: Annotated[Severity, typer.Option(help="By consequence for the patient.")],
    title: Annotated[
        str, typer.Option(metavar="TEXT", help="For your own people, in a few words: families do not read it.")
    ],
    message: Message = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", metavar="REGION", help="Where; left out: everywhere.")
    ] = None,
    works: Works = None,
    do: Do = None,
    next_in: NextIn = None,
    since: Annotated[
        str | None, typer.Option(metavar="ISO", help="When it began, if earlier than now; at most 30d ago.")
    ] = None,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="A test: every text says so, and nobody is woken.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Open an incident and have every affected family told now."""
    body = given(
        services=places(service, "--service"),
        severity=severity.value,
        title=title,
        message=messages(message),
        regions=[part for each in region or [] for part in each.split(",")],
        works=lines(works) or None,
        do=lines(do),
        next_in=next_in,
        since=since,
        exercise=exercise or None,
    )
    question = "Tell them that it is a test?" if exercise else "Tell them now?"
    done = carry_out("/v1/incidents", body, question, yes, dry_run, again, output)
    show(output, done, lambda: opened(done, title, exercise=exercise))


def update(
    incident: Which,
    message: Message = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="A better title; families do not read it.")
    ] = None,
    state: Annotated[NextState | None, typer.Option(help="Where the work stands.")] = None,
    severity: Annotated[Severity | None, typer.Option(help="By consequence for the patient.")] = None,
    add_scope: Annotated[
        list[str] | None, typer.Option("--add-scope", metavar="NAME[:REGION,..]", help="What fails too.")
    ] = None,
    remove_scope: Annotated[
        list[str] | None, typer.Option("--remove-scope", metavar="NAME[:REGION,..]", help="What works after all.")
    ] = None,
    works: Works = None,
    do: Do = None,
    next_in: NextIn = None,
    corrects: Annotated[int | None, typer.Option(metavar="N", help="The update that was wrong.")] = None,
    no_notify: Annotated[
        bool,
        typer.Option(
            "--no-notify",
            help="For the record only: nobody is told, nothing is promised, and neither severity, scope nor state "
            "changes.",
        ),
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Tell families news; what is left out stays as it is."""
    body = given(
        message=messages(message),
        title=title,
        state=state.value if state else None,
        severity=severity.value if severity else None,
        add_scope=places(add_scope or [], "--add-scope"),
        remove_scope=places(remove_scope or [], "--remove-scope"),
        works=lines(works),
        do=lines(do),
        next_in=next_in,
        corrects=corrects,
        notify=False if no_notify else None,
    )
    question = "Write it down, telling nobody?" if no_notify else "Tell them now?"
    done = carry_out(f"/v1/incidents/{named(incident)}/updates", body, question, yes, dry_run, again, output)
    show(output, done, lambda: said(done, f"Update {done['update']} of incident {done['incident']}"))


def recall(
    incident: Which,
    update: Annotated[
        int | None, typer.Option(metavar="N", help="The update that is meant; if another is the newest: refused.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Stop what has not left yet of the newest update. Publish a correction then: it goes to those who have it."""
    path = f"/v1/incidents/{named(incident)}/recall"
    body, question = given(update=update), f"Recall the newest update of incident {incident}?"
    done = carry_out(path, body, question, yes, dry_run, again, output, recalling)
    show(output, done, lambda: recalled(done))


def ack(
    incident: Which,
    again: Again = None,
    dry_run: DryRun = False,
    output: Output = None,
) -> None:
    """Say that you are on it: each later nudge and page waits ten minutes, once. No deadline moves."""
    path = f"/v1/incidents/{named(incident)}/ack"
    done = Api.here().command(path, {}, once=again or new_command(), dry_run=dry_run)
    show(output, done, lambda: acknowledged(done))
