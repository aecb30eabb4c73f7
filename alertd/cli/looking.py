"""`alertd incident list|show|timeline`: what people look at."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from alertd.cli.client import Api
from alertd.cli.incident_options import Limit, Which
from alertd.cli.incident_words import coming, named
from alertd.cli.output import Output, clean, facts, show, table, wrapped
from alertd.cli.times import local, zone


class Listed(StrEnum):
    """Which incidents."""

    OPEN = "open"
    ALL = "all"


def add_to(incidents: typer.Typer) -> None:
    """Add these commands."""
    incidents.command("list")(list_)
    incidents.command("show")(show_)
    incidents.command("timeline")(timeline)


def list_(
    state: Annotated[Listed, typer.Option(help="Which incidents.")] = Listed.OPEN,
    limit: Limit = 50,
    output: Output = None,
) -> None:
    """List incidents, newest first."""
    answer = Api.here().get("/v1/incidents", state=state.value, limit=limit)
    show(output, answer, lambda: _listed(answer["incidents"], state))


def show_(incident: Which, output: Output = None) -> None:
    """Show where an incident stands, and who has been told."""
    api, path = Api.here(), f"/v1/incidents/{named(incident)}"
    found, progress = api.get(path), api.get(f"{path}/progress")
    show(output, found | {"progress": progress}, lambda: _shown(found, progress))


def timeline(incident: Which, output: Output = None) -> None:
    """Tell what happened, from the beginning.

    Human acts, what families were told, refusals and what was done about them, holding updates.
    """
    answer = Api.here().get(f"/v1/incidents/{named(incident)}/timeline")
    show(output, answer, lambda: _told(answer))


def _listed(incidents: Sequence[Mapping[str, Any]], state: Listed) -> str:
    if not incidents:
        return "No incident is open." if state is Listed.OPEN else "There was no incident yet."
    return table(
        ("ID", "STATE", "SEVERITY", "OPENED", "SERVICES", "TITLE"),
        [
            (
                each["number"],
                _state(each),
                each["severity"],
                local(each["opened_at"]),
                _scope(each),
                each["title"],
            )
            for each in incidents
        ],
    )


def _state(incident: Mapping[str, Any]) -> str:
    if incident["exercise"]:
        return f"exercise, {incident['state']}"
    untold = incident["held"] and not incident["ended_at"]
    return f"{incident['state']}, not told yet" if untold else str(incident["state"])


def _shown(found: Mapping[str, Any], progress: Mapping[str, Any]) -> str:
    resting = ", ".join(f"{number} {why.replace('_', ' ')}" for why, number in sorted(progress["resting"].items()))
    heard = (
        f"{progress['heard']:,} of {progress['touched']:,} heard, {progress['newest_told']:,} the newest update"
    )
    head = facts(
        [
            ("state", f"{found['state']}, {found['severity']}"),
            ("exercise", "a test; nothing is down" if found["exercise"] else ""),
            ("services", _scope(found)),
            ("since", f"{local(found['since'])} ({zone(found['since'])})"),
            ("opened", local(found["opened_at"])),
            ("ended", local(found["ended_at"]) if found["ended_at"] else ""),
            *_by_itself(found),
            ("promised", f"next update by {local(found['promise'])}" if found["promise"] else ""),
            ("promised", f"what happened by {local(found['postmortem_by'])}" if found["postmortem_by"] else ""),
            ("policy", found["policy"]),
            *_responders(found["responders"], explains=found["postmortem_by"] is not None),
            ("families", heard),
            ("", f"the next one must hear by {local(progress['next_by'])}" if progress["next_by"] else ""),
            ("", f"owed nothing now: {resting}" if resting else ""),
            ("answers", _answers(progress["ladders"], ended=bool(found["ended_at"]))),
            ("messages", _counts(progress["deliveries"])),
            ("unheard", ", ".join(each["family"] for each in progress["unheard"])),
        ]
    )
    updates = "\n".join(
        wrapped(_update(each), f"  {local(each['at'])}  ")
        for each in found["updates"]
        if each["kind"] != "holding"
    )
    holdings = sum(each["kind"] == "holding" for each in found["updates"])
    more = f"\n  and {holdings} holding update{'s'[: holdings != 1]} by alertd" if holdings else ""
    return f"Incident {found['number']}: {clean(found['title'])}\n{head}\nUpdates\n{updates}{more}"


def _by_itself(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What becomes of a machine's suspicion if nobody does anything, and what somebody can do."""
    lines = []
    if found["held"] and not found["ended_at"]:
        at = found["confirm_at"]
        when = f"at {local(at)} unless somebody does something" if at else "only once somebody confirms it"
        lines += [
            ("not told yet", f"families are told {when}"),
            ("", f'to tell them now: alertd incident update {found["number"]} --message "..."'),
            ("", f"a false alarm:    alertd incident cancel {found['number']}"),
        ]
    if found["resolve_at"] and not found["ended_at"]:
        lines.append(("all quiet", f"resolved at {local(found['resolve_at'])} unless an alert fires again"))
    return lines


def _responders(owed: Mapping[str, Any] | None, *, explains: bool) -> list[tuple[str, str]]:
    if owed is None:
        return []
    what = "an update" if not explains else "what happened"
    lines = [("responders", f"owe families {what} by {local(owed['post_by'])}")]
    if owed["next"]:
        lines.append(("", coming(owed["next"])))
    if owed["acknowledged_at"]:
        lines.append(("", f"acknowledged at {local(owed['acknowledged_at'])}"))
    return lines


def _update(update: Mapping[str, Any]) -> str:
    message = update["message"].get("en") or next(iter(update["message"].values()), "")
    told = f': "{message}"' if message else ""
    by = f" by {update['source']}" if update["source"] else ""
    number = f"{update['human_number']} " if update["human_number"] else ""
    told += "" if update["notify"] else ", for the record only"
    return f"{number}{update['kind']}{by} ({update['state']}, {update['severity']}){told}"


def _told(answer: Mapping[str, Any]) -> str:
    incident = answer["incident"]
    head = (
        f"Incident {incident['number']}: {clean(incident['title'])} ({incident['state']}, {incident['severity']})"
    )
    lines = [wrapped(entry["text"], f"{local(entry['at'])}  ") for entry in answer["entries"]]
    more = ["Older failures are left out; alertd delivery list --state refused shows them."]
    return "\n".join(
        [head, f"Times are {zone(incident['opened_at'])}.", *lines, *(more if answer["more_failures"] else [])]
    )


def _answers(ladders: Mapping[str, int], *, ended: bool) -> str:
    """In one line, where anybody was asked; `alertd incident reach` names those who have not answered."""
    said = {
        "answered": "answered",
        "climbing": "not answered when it ended" if ended else "being asked",
        "unanswered": "unanswered",
        "unreachable": "unreachable",
    }
    return ", ".join(f"{ladders[name]:,} {word}" for name, word in said.items() if ladders[name])


def _counts(deliveries: Mapping[str, Mapping[str, int]]) -> str:
    return "; ".join(
        f"{channel} " + ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
        for channel, states in sorted(deliveries.items())
    )


def _scope(incident: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{reach['service']}:{','.join(reach['regions'])}" if reach["regions"] else reach["service"]
        for reach in incident["scope"]
    )
