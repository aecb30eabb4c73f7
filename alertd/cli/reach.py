"""`alertd incident reach`: whom an incident has reached, whom to call, and that somebody did."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from alertd.cli.client import Api, new_command
from alertd.cli.incident_options import Again, DryRun, Which
from alertd.cli.incident_words import in_options, named
from alertd.cli.output import Output, facts, show, table
from alertd.cli.times import local, zone


def add_to(incidents: typer.Typer) -> None:
    """Add this command."""
    incidents.command("reach")(reach)


def reach(
    incident: Which,
    unreachable: Annotated[
        bool, typer.Option("--unreachable", help="List only families for whom nothing loud was accepted.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Of either list at most so many families.")] = 100,
    family: Annotated[str | None, typer.Option(metavar="ID", help="The family that was told by phone.")] = None,
    told_by_phone: Annotated[
        bool, typer.Option("--told-by-phone", help="Say that you have told the family by phone; wants --family.")
    ] = False,
    dry_run: DryRun = False,
    again: Again = None,
    output: Output = None,
) -> None:
    """Show whom an incident has reached, and which families nobody has answered for; or say that you called one.

    A family that was told by phone counts as heard and told, leaves the lists, and hears again by the time named.
    """
    if told_by_phone or family is not None:
        _say_told(incident, family, told_by_phone=told_by_phone, dry_run=dry_run, again=again, output=output)
        return
    if dry_run or again:
        raise typer.BadParameter("wants --family and --told-by-phone", param_hint="--dry-run, --idempotency-key")
    api, path = Api.here(), f"/v1/incidents/{named(incident)}"
    answer = api.get(f"{path}/reach", limit=limit)
    ended = api.get(path)["ended_at"] is not None
    show(output, answer, lambda: _reached(answer, unreachable=unreachable, ended=ended))


def _say_told(
    incident: str, family: str | None, *, told_by_phone: bool, dry_run: bool, again: str | None, output: Output
) -> None:
    if family is None:
        raise typer.BadParameter("wants --family: whom you have told", param_hint="--told-by-phone")
    if not told_by_phone:
        raise typer.BadParameter(
            "wants --told-by-phone; to look at one family: alertd family explain ID", param_hint="--family"
        )
    body = {"family": family, "told_by_phone": True}
    path = f"/v1/incidents/{named(incident)}/reach"
    with in_options():
        done = Api.here().command(path, body, once=again or new_command(), dry_run=dry_run)
    show(output, done, lambda: _called(done))


def _called(done: Mapping[str, Any]) -> str:
    noted = "Nothing was done. Tell them" if done["dry_run"] else "Noted. Tell them"
    if done["next_by"] is None:
        return f"{noted}: we write if it gets worse or is over, as they asked to be told no more of this."
    return f"{noted}: the family hears again by {local(done['next_by'])} ({zone(done['next_by'])})."


def _reached(answer: Mapping[str, Any], *, unreachable: bool, ended: bool) -> str:
    ladders, lists = answer["ladders"], ["unreachable", "untellable"]
    resting = ", ".join(f"{number} {why.replace('_', ' ')}" for why, number in sorted(answer["resting"].items()))
    asked = "had not when it ended" if ended else "are being asked"
    head = facts(
        [
            ("families", f"{answer['heard']:,} of {answer['touched']:,} heard"),
            ("answered", f"{ladders['answered']:,}; {ladders['climbing']:,} {asked}"),
            ("unanswered", f"{ladders['unanswered']:,}: told, and nobody has answered"),
            ("unreachable", f"{ladders['unreachable']:,}: nothing loud was accepted"),
            ("", f"owed nothing now: {resting}" if resting else ""),
        ]
    )
    if not unreachable:
        lists.append("unanswered")
    listed = [(name, each) for name in lists for each in answer[name]]
    if not listed:
        return head
    return f"{head}\n" + table(
        ("FAMILY", "WHY", "STEP", "HEARD", "HEARS AGAIN BY"),
        [
            (
                each["family"],
                name,
                each["step"],
                local(each["heard_at"]) if each["heard_at"] else "never",
                local(each["next_by"]) + (", by phone only" if name == "untellable" and each["next_by"] else ""),
            )
            for name, each in listed
        ],
    )
