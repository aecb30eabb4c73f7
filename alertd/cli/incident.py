"""`alertd incident open|update|recall|resolve|cancel|reopen`: what people do. Each shows first what it will do."""

import sys
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer

from alertd.cli.client import Api, Refused, new_command
from alertd.cli.failed import Failed
from alertd.cli.incident_policy import policy
from alertd.cli.incident_words import (
    acknowledged,
    explained,
    explaining,
    given,
    in_options,
    lines,
    messages,
    named,
    opened,
    places,
    preview,
    recalled,
    recalling,
    said,
    told_why,
)
from alertd.cli.output import Output, note, show, wants_json
from alertd.cli.times import coming
from alertd.domain.incident import Severity


class NextState(StrEnum):
    """What an update may say; resolve and cancel end an incident."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"


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
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what it would do.")]


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
    title: Annotated[str, typer.Option(metavar="TEXT", help="What fails, in a few words.")],
    message: Message = None,
    region: Annotated[
        list[str] | None, typer.Option("--region", metavar="REGION", help="Where; left out: everywhere.")
    ] = None,
    works: Works = None,
    do: Do = None,
    next_in: NextIn = None,
    since: Annotated[str | None, typer.Option(metavar="ISO", help="When it began, if earlier than now.")] = None,
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
    done = _carry_out("/v1/incidents", body, question, yes, dry_run, again, output)
    show(output, done, lambda: opened(done, title, exercise=exercise))


def update(
    incident: Which,
    message: Message = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="A better title.")] = None,
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
            help="For the record only: nobody is told, and neither severity, scope nor state changes.",
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
    done = _carry_out(f"/v1/incidents/{named(incident)}/updates", body, question, yes, dry_run, again, output)
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
    done = _carry_out(path, body, question, yes, dry_run, again, output, recalling)
    show(output, done, lambda: recalled(done))


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
    done = _carry_out(path, {"message": messages(message)}, question, yes, dry_run, again, output, explained)
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
    done = _carry_out(path, body, f"Reopen incident {incident} and tell them now?", yes, dry_run, again, output)
    show(output, done, lambda: said(done, f"Incident {done['incident']} is open again: update {done['update']}"))


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
    done = _carry_out(
        path, body, question, yes, dry_run, again, output, lambda seen: f"{preview(seen['preview'])}{promised}"
    )
    show(
        output,
        done,
        lambda: said(done, f"Incident {done['incident']} is {done['state']}: update {done['update']}") + promised,
    )


def _carry_out(
    path: str,
    body: dict[str, Any],
    question: str,
    yes: bool,
    dry_run: bool,
    again: str | None,
    output: Output,
    shown: Callable[[Any], str] = lambda expected: preview(expected["preview"]),
) -> Any:
    api, once = Api.here(), again or new_command()
    asks = not yes and sys.stdin.isatty()
    with in_options():
        try:
            expected = api.command(path, body, once=once, dry_run=True)
        except Refused:
            if again is None or dry_run:
                raise
            # Done the first time, it cannot be done anew: its own answer is kept, and that is what comes back.
            return api.command(path, body, once=once)
        if dry_run:
            return expected
        if asks or not wants_json(output):
            note(shown(expected))
        if asks and not typer.confirm(question, err=True):
            raise Failed("nothing was done")
        return api.command(path, body, once=once)
