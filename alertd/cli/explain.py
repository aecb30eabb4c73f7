"""`alertd family explain`: why a family is told as it is, on one screen."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import quote

import typer

from alertd.cli.client import Api
from alertd.cli.output import Output, clean, facts, show
from alertd.cli.times import local

_SHOWN = 6  # messages of an incident; JSON has more

_HEARS = {
    "always": "every update",
    "stands_in": "every update now, in place of those who cannot be reached",
    "ladder": "once a ladder has told them, every update from then on",
    "if_needed": "only where nobody before them can be told",
}
_STOPPED = {
    "opted_out": "has said STOP",
    "suspended": "suspended: its provider refuses it",
    "unverified": "not verified",
    "no_channel": "alertd has no such channel",
}
_DUE = {
    "first_notice": "they have heard nothing of it yet",
    "promise": "a person promised the next update by then",
    "silence": "no silence lasts longer, by the policy",
    "quiet": "nobody may be told before",
}
_RESTS = {
    "closed": "everyone who was told has the all-clear",
    "quiet": "nobody may be told at this hour",
    "no_address": "nobody has an address that works",
    "muted": "they asked not to be told of this",
    "opted_out": "every address has said STOP",
    "not_touched": "it does not touch them",
}


def add_to(group: typer.Typer) -> None:
    """Add this command."""
    group.command("explain")(explain)


def explain(
    family: Annotated[str, typer.Argument(metavar="ID", help="The family's id.")], output: Output = None
) -> None:
    """Explain who in a family is told over what, by which rule, and what they hear next."""
    found = Api.here().get(f"/v1/families/{quote(family, safe='')}/explain")
    show(output, found, lambda: explained(found))


def explained(found: Mapping[str, Any]) -> str:
    """All of it, most general first."""
    head = f"Family {clean(found['family'])}: {', '.join(found['services'])}"
    quietly = [
        ("no loud channel", f"nobody has {' or '.join(each['floor'])} that works, the floor of policy "
         f"{each['policy']}: they are told over what they have")
        for each in found["policies"]
        if each["no_loud_channel"]
    ]  # fmt: skip
    parts = [head, *([facts(quietly)] if quietly else [])]
    parts += [_caregiver(each, several=len(found["policies"]) > 1) for each in found["caregivers"]]
    parts += [_standing(each) for each in found["incidents"]] or ["No open incident concerns them."]
    return "\n".join(parts)


def _caregiver(person: Mapping[str, Any], *, several: bool) -> str:
    pairs = [(each["channel"], each["to"] + _stopped(each)) for each in person["addresses"]]
    if not person["addresses"]:
        pairs.append(("addresses", "none"))
    for under in person["under"]:
        if several:
            pairs.append(("policy", under["policy"]))
        pairs += [
            ("hears", _HEARS[under["hears"]]),
            ("quiet", _hours(under["quiet_hours"], person["time_zone"], "never")),
            ("on duty", _hours(under["on_duty"], person["time_zone"], "always")),
            *_told(under["told"], sleeps=under["quiet_hours"]["hours"] not in (None, "none")),
        ]
    return f"{person['order']}. {clean(person['name'])}, {person['role']}\n{facts(pairs)}"


def _stopped(address: Mapping[str, Any]) -> str:
    if not address["stopped"]:
        return ""
    code = f" ({address['code']})" if address["code"] else ""
    return f", not used: {_STOPPED[address['stopped']]}{code}"


def _hours(hours: Mapping[str, Any], zone: str, never: str) -> str:
    if not hours["hours"] or hours["hours"] == "none":
        return never + (f", by the {hours['rule']}" if hours["rule"] else "")
    whose = "the caregiver's own" if hours["rule"] == "caregiver" else f"of the {hours['rule']}"
    return f"{hours['hours']} {zone}, {whose}"


def _told(told: Sequence[Mapping[str, Any]], *, sleeps: bool) -> list[tuple[str, str]]:
    """By severity; services for which the same holds in one line."""
    alike: dict[tuple[str, str], list[str]] = {}
    services = list(dict.fromkeys(each["service"] for each in told))
    for each in sorted(told, key=lambda each: ("critical", "major", "minor").index(each["severity"])):
        alike.setdefault((each["severity"], _line(each, sleeps=sleeps)), []).append(each["service"])
    return [
        (severity, text if len(own) == len(services) else f"{', '.join(own)}: {text}")
        for (severity, text), own in alike.items()
    ]


def _line(told: Mapping[str, Any], *, sleeps: bool) -> str:
    said = {each["rule"]: _channels(each["says"]) for each in told["chain"] if each["says"] is not None}
    why = f"{told['rule']} says {said.pop(told['rule'])}"
    said.pop("all channels", None)  # said only where nobody says anything
    passed = [rule for rule in said if rule in _before(told)]
    if passed:
        why += f" ({', '.join(passed)}: do not tell me, which nobody may ask while caregivers are blind)"
    behind = "; ".join(f"{rule}: {channels}" for rule, channels in said.items() if rule not in passed)
    if behind:
        why += f" (before {behind})"
    if not told["channels"]:
        return f"not told: {why}"
    over = " and ".join(_carried(each) for each in told["over"]) or "nothing, as no address works"
    then = "".join(f", then {_carried(each)}" for each in told["then"])
    night = f"; {_night(told)}" if sleeps and told["over"] else ""
    return f"{over}{then}{night}. {why}"


def _night(told: Mapping[str, Any]) -> str:
    if told["at_night"] == "wakes":
        wakes = any(each["channel"] != "email" for each in told["over"])
        return "wakes in quiet hours" if wakes else "in quiet hours too, though an e-mail wakes nobody"
    if told["at_night"] == "softly":
        return f"in quiet hours silently over {' and '.join(told['softly'])}"
    return "in quiet hours it waits"


def _before(told: Mapping[str, Any]) -> list[str]:
    """The rules before the one that decided."""
    rules = [each["rule"] for each in told["chain"]]
    return rules[: rules.index(told["rule"])]


def _carried(each: Mapping[str, Any]) -> str:
    why = {"floor": " (floor)", "fallback": " (the next that works)"}.get(each["why"], "")
    return f"{each['channel']} {each['to']}{why}"


def _channels(said: Sequence[str]) -> str:
    return ", ".join(said) or "do not tell me"


def _standing(found: Mapping[str, Any]) -> str:
    head = f"Incident {found['incident']}: {clean(found['title'])} ({found['state']}, {found['severity']})"
    if found["held"]:
        return f"{head}\n  a suspicion: families are not told of it yet"
    names = [each["caregiver"] for each in found["knows"] if each["update"]]
    knows = ", ".join(
        f"{each['caregiver']} update {each['update']}{' (something waits for them)' if each['waits'] else ''}"
        for each in found["knows"]
        if each["update"] or each["waits"]
    )
    again = f"by {local(found['next_by'])}: {_DUE[found['due']]}" if found["next_by"] else ""
    rest = f"nothing: {_RESTS[found['rest']]}" if found["rest"] else ""
    pairs = [
        ("fails for them", ", ".join(found["services"])),
        ("last heard", local(found["heard_at"]) if found["heard_at"] else "never"),
        ("by phone", local(found["told_by_phone_at"]) if found["told_by_phone_at"] else ""),
        ("told", knows if names or knows else "nobody yet"),
        ("ladder", f"{found['ladder']}, step {found['step']}" if found["ladder"] else ""),
        ("hear again", again),
        ("owed now", rest or ", ".join(_message(each) for each in found["owed"])),
        ("comes next", _next(found["next"])),
        *[
            ("" if at else "messages", f"{local(each['at'])} {_message(each)} {each['state']}")
            for at, each in enumerate(found["messages"][:_SHOWN])
        ],
    ]
    return f"{head}\n{facts(pairs)}"


def _next(messages: Sequence[Mapping[str, Any]]) -> str:
    if not messages:
        return "nothing by itself"
    return f"{local(messages[0]['at'])}, if nobody does anything: " + ", ".join(
        _message(each) for each in messages
    )


def _message(each: Mapping[str, Any]) -> str:
    how = "" if each["loud"] else " silently"
    return f"{each['caregiver']} over {each['channel']} {each['to']}{how} ({each['reason']})"
