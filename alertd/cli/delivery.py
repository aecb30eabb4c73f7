"""`alertd delivery list|show|retry`: every single message."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import typer

from alertd.cli.client import Api, new_command
from alertd.cli.incident_options import Again, DryRun, Limit, Which
from alertd.cli.incident_words import in_options, named
from alertd.cli.output import Output, clean, facts, show, table
from alertd.cli.times import local, zone


def add_to(deliveries: typer.Typer) -> None:
    """Add these commands."""
    deliveries.command("list")(list_)
    deliveries.command("show")(show_)
    deliveries.command("retry")(retry)


def list_(
    incident: Annotated[str | None, typer.Option(metavar="ID", help="Only this incident's.")] = None,
    family: Annotated[str | None, typer.Option(metavar="ID", help="Only this family's.")] = None,
    state: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help="Only in this state, like refused; repeat it.")
    ] = None,
    limit: Limit = 50,
    output: Output = None,
) -> None:
    """List messages to single addresses, newest first."""
    path = f"/v1/incidents/{named(incident)}/deliveries" if incident else "/v1/deliveries"
    with in_options():
        answer = Api.here().get(path, family=family, state=state, limit=limit)
    show(output, answer, lambda: _deliveries(answer["deliveries"]))


def show_(
    delivery: Annotated[UUID, typer.Argument(metavar="ID", help="The message's id: alertd delivery list has it.")],
    output: Output = None,
) -> None:
    """Show one message: to whom, why, what it promised, and every try that the provider did not simply take."""
    found = Api.here().get(f"/v1/deliveries/{delivery}")
    show(output, found, lambda: _shown(found))


def retry(
    incident: Which,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Try again at once what was parked of an incident, when you have mended why: an account, a sender, a bug.

    Left alone it is tried again by itself: after some minutes, and ever more seldom once the incident has ended.
    Of a channel whose account was wrong a few go first, and the others when these were taken. It is left alone for
    half a minute after it failed: what is tried within that is parked again, so look, and say it again if need be.
    """
    with in_options():
        path = f"/v1/incidents/{named(incident)}/deliveries/retry"
        done = Api.here().command(path, {}, once=again or new_command(), dry_run=dry_run)
    show(output, done, lambda: _retried(done))


def _retried(done: Mapping[str, Any]) -> str:
    families = done["families"]
    if not families:
        return f"Nobody lacks what was parked of incident {done['incident']}: there is nothing to try again."
    whom = "1 family" if families == 1 else f"{families:,} families"
    if done["dry_run"]:
        return f"Nothing was done. For {whom} what was parked of incident {done['incident']} would be looked at."
    return (
        f"For {whom} what was parked of incident {done['incident']} is looked at at once: who lacks it is told. "
        "What fails again: alertd delivery list --state parked"
    )


def _deliveries(deliveries: Sequence[Mapping[str, Any]]) -> str:
    if not deliveries:
        return "There is none."
    return table(
        ("PLANNED", "UPD", "FAMILY", "CAREGIVER", "CHANNEL", "TO", "STATE", "WHY", "CODE", "ID"),
        [
            (
                local(each["planned_at"]),
                each["update"],
                each["family"],
                each["caregiver"],
                each["channel"],
                each["to"],
                each["state"],
                each["reason"],
                each["code"] or "",
                each["id"],
            )
            for each in deliveries
        ],
    )


def _shown(found: Mapping[str, Any]) -> str:
    silent = "" if found["loud"] else ", silent"
    head = facts(
        [
            ("incident", f"{found['incident']}, update {found['update']}"),
            ("family", f"{found['family']}, {found['caregiver']}"),
            ("over", f"{found['channel']} to {found['to']}{silent}"),
            ("said as", f"{found['framing']}, because of {found['reason']}"),
            ("state", f"{found['state']}{_code(found['code'])}"),
            ("planned", f"{local(found['planned_at'])} ({zone(found['planned_at'])})"),
            ("taken", local(found["accepted_at"]) if found["accepted_at"] else ""),
            ("promises", f"the next message by {local(found['next_by'])}" if found["next_by"] else ""),
            ("tries", f"{found['attempts']}{', of which one may have arrived' if found['maybe'] else ''}"),
            ("next", f"tried, or taken over, {local(found['next_try'])}" if found["next_try"] else ""),
            ("provider", f"calls it {found['provider_id']}" if found["provider_id"] else ""),
            ("serves", ", ".join(found["serves"])),
        ]
    )
    tries = "\n".join(
        clean(f"  {local(each['at'])}  {each['number']}  {each['outcome']}{_code(each['code'])}")
        for each in found["tries"]
    )
    return f"Message {found['id']}\n{head}" + (f"\nTries that were not simply taken\n{tries}" if tries else "")


def _code(code: str | None) -> str:
    return f" ({code})" if code else ""
