"""`alertd incident report`: how families fared, and every promise with its fate."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import typer

from alertd.cli.client import Api
from alertd.cli.incident_options import Which
from alertd.cli.incident_words import named
from alertd.cli.output import Output, clean, facts, show, table
from alertd.cli.times import lasting, local, zone

_FATES = {
    "open": "not due yet",
    "kept_by_human": "kept by update {by}",
    "kept_by_machine": "kept by a machine's word",
    "kept_by_holding": "kept by a holding",
    "deferred": "nobody could be told then",
    "missed": "MISSED",
    "withdrawn": "it came back first",
}
_CAUSES = {
    "own_downtime": "alertd was down",
    "provider": "a provider did not take it in time",
    "rates": "it waited for its turn",
    "nobody_published": "nobody wrote, and the holding came late",
}


def add_to(group: typer.Typer) -> None:
    """Add this command."""
    group.command("report")(report)


def report(
    incident: Which,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Of either list at most so many families.")] = 100,
    output: Output = None,
) -> None:
    """Report how families fared: first notices, the longest silence, every promise and what became of it."""
    answer = Api.here().get(f"/v1/incidents/{named(incident)}/report", limit=limit)
    show(output, answer, lambda: reported(answer))


def reported(answer: Mapping[str, Any]) -> str:
    """The report in plain words."""
    incident, ladders = answer["incident"], answer["ladders"]
    resting = ", ".join(f"{number:,} {why.replace('_', ' ')}" for why, number in sorted(answer["resting"].items()))
    head = facts(
        [
            ("first notices", _notices(answer["first_notices"])),
            ("silence", _silences(answer["silences"])),
            *[("we were down", _downtime(each)) for each in answer["downtimes"]],
            ("families", f"{answer['heard']:,} heard" + (f"; owed nothing now: {resting}" if resting else "")),
            ("answers", _answers(ladders, ended=bool(incident["ended_at"]))),
            ("unreachable", _listed(answer["unreachable"], ladders["unreachable"])),
            ("unanswered", _listed(answer["unanswered"], ladders["unanswered"])),
            *[(each, _states(states)) for each, states in sorted(answer["channels"].items())],
        ]
    )
    title = f"Incident {incident['number']}: {clean(incident['title'])}"
    where = f"({incident['state']}, {incident['severity']}; counted {local(answer['at'])} {zone(answer['at'])})"
    return f"{title} {where}\n{head}\n{_promises(answer['promises'])}"


def _notices(found: Mapping[str, Any]) -> str:
    if not found["told"]:
        return f"none of {found['families']:,} families was told yet" if found["families"] else ""
    parts = [f"{found['in_time']:,} within the time promised"]
    parts += [f"{found['slept']:,} when they woke up"] if found["slept"] else []
    parts += [f"{found['late']:,} late"] if found["late"] else []
    last = f"; the last one after {lasting(found['longest'])}" if found["longest"] is not None else ""
    return f"{found['told']:,} of {found['families']:,} families told: {', '.join(parts)}{last}"


def _silences(found: Mapping[str, Any]) -> str:
    parts = [f"{lasting(found['longest'])} at most"] if found["longest"] is not None else []
    if found["longest_at_night"] is not None:
        parts.append(f"{lasting(found['longest_at_night'])} where nobody could be told, as they knew")
    if found["late"]:
        parts.append(f"{_families(found['late'])} heard later than said, by {lasting(found['latest'])} at most")
    return "; ".join(parts)


def _downtime(found: Mapping[str, Any]) -> str:
    began, ended = (datetime.fromisoformat(found[name]) for name in ("began_at", "ended_at"))
    return f"{local(found['began_at'])} to {local(found['ended_at'])} ({lasting((ended - began).total_seconds())})"


def _answers(ladders: Mapping[str, int], *, ended: bool) -> str:
    if not any(ladders.values()):
        return ""
    climbing = ladders["climbing"]
    asked = f"{climbing:,} had not when it ended" if ended else f"{climbing:,} are being asked"
    return f"{ladders['answered']:,} answered, {asked}"


def _listed(found: Sequence[Mapping[str, Any]], number: int) -> str:
    if not number:
        return ""
    more = f" and {number - len(found):,} more" if number > len(found) else ""
    return f"{number:,}: {', '.join(each['family'] for each in found)}{more}"


def _states(states: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()))


def _promises(found: Sequence[Mapping[str, Any]]) -> str:
    if not found:
        return "Nobody promised an update by a time."
    rows = [
        (
            local(each["made_at"]),
            each["human_number"] or each["source"] or each["update"],
            f"{local(each['due'])}{' (what happened)' if each['what'] == 'postmortem' else ''}",
            _share(each),
            _fate(each),
        )
        for each in found
    ]
    return f"Promises\n{table(('MADE', 'BY', 'NEXT UPDATE BY', 'TOLD IN TIME', 'WHAT BECAME OF IT'), rows)}"


def _share(promise: Mapping[str, Any]) -> str:
    """A share is cut, not rounded: 100 % is everybody."""
    return "-" if promise["share"] is None else f"{int(promise['share'] * 1000) / 10:g} %"


def _fate(promise: Mapping[str, Any]) -> str:
    fate = _FATES[promise["fate"]].format(by=promise["kept_by_number"] or promise["kept_by"])
    if promise["fate"] in ("kept_by_human", "kept_by_machine", "kept_by_holding"):
        fate += f" at {local(promise['kept_at'])}"
    late = f"; {_families(promise['late'])} late" if promise["late"] and promise["fate"] != "missed" else ""
    unwritten = promise["what"] == "postmortem" and promise["cause"] == "nobody_published"
    why = "nobody wrote" if unwritten else _CAUSES.get(promise["cause"], "")
    cause = f": {why}" if why else ""
    return f"{fate}{late}{cause}"


def _families(number: int) -> str:
    return f"{number:,} {'family' if number == 1 else 'families'}"
