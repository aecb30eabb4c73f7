"""What people write behind options, and what commands answer them."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from alertd.cli.client import Refused
from alertd.cli.times import lasting, lasting_days, local, zone

_LOCALE = re.compile(r"([a-z]{2,3}(?:-[A-Za-z]{4})?(?:-[A-Za-z]{2}|-[0-9]{3})?)=(.*)", re.DOTALL)
_LANGUAGES = {"en": "English", "es": "Spanish"}
_SCOPE = re.compile(r"([a-z0-9-]+)(?::([a-z0-9,-]+))?")


def given(**values: Any) -> dict[str, Any]:
    """The body of a command: without what was not said."""
    # An empty list of works or do says "nothing"; other empty values say nothing at all.
    kept = {name: value for name, value in values.items() if value is not None}
    return {name: value for name, value in kept.items() if value or name in ("works", "do", "notify", "title")}


def acknowledged(done: Any) -> str:
    """What an acknowledgement changed, and what it left as it is."""
    would = "would be acknowledged" if done["dry_run"] else "is acknowledged"
    lines = [
        f"Incident {done['incident']} {would}. Families are still owed an update by {local(done['post_by'])}."
    ]
    return "\n".join([*lines, *([f"{coming(done['next'])}."] if done["next"] else [])])


def coming(step: Any) -> str:
    """Who is told next, and when."""
    verb = "paged" if step["how"] == "page" else "nudged"
    return f"{step['who']} is {verb} at {local(step['at'])} unless somebody publishes"


def messages(told: list[str] | None) -> dict[str, str]:
    """Sentences by locale: `es="..."` is Spanish, without a locale it is English. Raises BadParameter."""
    texts: dict[str, str] = {}
    for each in told or []:
        found = _LOCALE.fullmatch(each)
        locale, text = found.groups() if found else ("en", each)
        if locale in texts:
            raise typer.BadParameter(f'there are two messages in "{locale}"', param_hint="--message")
        texts[locale] = text
    return texts


def lines(told: list[str] | None) -> list[str] | None:
    """The entries without empty ones; None where nothing was said."""
    return None if told is None else [line for line in told if line.strip()]


def places(names: list[str], option: str) -> list[dict[str, Any]]:
    """Services with their regions, from `login` or `login:us,eu`. Raises BadParameter."""
    reaches: list[dict[str, Any]] = []
    for each in names:
        found = _SCOPE.fullmatch(each)
        if found is None:
            raise typer.BadParameter(f'"{each}" is no service; write login or login:us,eu', param_hint=option)
        service, regions = found.groups()
        reaches.append({"service": service} | ({"regions": regions.split(",")} if regions else {}))
    return reaches


def as_option(field: str) -> str:
    """The option that a field of the body comes from: `next_in` from --next-in."""
    name = re.split(r"[.\[]", field)[0]
    return {"services": "--service", "regions": "--region", "notify": "--no-notify"}.get(
        name, f"--{name.replace('_', '-')}"
    )


@contextmanager
def in_options(arguments: Collection[str] = ()) -> Iterator[None]:
    """What the API refuses within is told in the words of the command line.

    `arguments`: the fields that stand there by their place, without an option: `to` is TO.
    """
    try:
        yield
    except Refused as refused:

        def spell(field: str) -> str:
            return field.upper() if field in arguments else as_option(field)

        raise Refused(refused.error, refused.status, spell) from None


def named(incident: str) -> str:
    """The number or id of an incident, fit for a path. Raises BadParameter."""
    name = incident.removeprefix("#")
    if not re.fullmatch(r"[0-9a-fA-F-]{1,36}", name):
        raise typer.BadParameter(f'"{incident}" is no incident; alertd incident list shows them', param_hint="ID")
    return name


def preview(told: dict[str, Any]) -> str:
    """Whom it touches, over what, and how long that takes."""
    by_channel = ", ".join(f"{number:,} {channel}" for channel, number in told["messages"].items())
    about = "" if told["exact"] else "about "
    one = told["families"] == 1
    families = f"{told['families']:,} famil{'y' if one else 'ies'}"
    if told.get("scope"):
        families += f" that {'uses' if one else 'use'} {_where(told['scope'])}"
    if not by_channel:
        return "\n".join(
            [f"It touches {families}; nobody is owed a message now.", *_unpeopled(told), *_began(told)]
        )
    return "\n".join(
        [f"It touches {families}: {about}{by_channel}, handed over in {lasting(told['seconds'])}.", *_read(told)]
    )


def _where(scope: list[dict[str, Any]]) -> str:
    """Services, each with its regions: `follow in us or us-west, or login`."""
    return ", or ".join(
        f"{each['service']} in {' or '.join(each['regions'])}" if each["regions"] else each["service"]
        for each in scope
    )


def _read(told: dict[str, Any]) -> list[str]:
    """What families read otherwise than it was meant."""
    lines = _unpeopled(told) + _promised(told)
    about = "" if told["exact"] else "about "
    if told.get("leaving"):
        who = "1 family that it no longer touches is"
        if told["leaving"] > 1:
            who = f"{about}{told['leaving']:,} families that it no longer touches are"
        lines.append(f"Counted in: {who} told so.")
    for locale, number in (told.get("unread") or {}).items():
        who = "1 family reads" if number == 1 else f"{about}{number:,} families read"
        lines.append(
            f"{who[0].upper()}{who[1:]} {_LANGUAGES.get(locale, locale)}; your sentence has no {locale}=."
        )
    return lines + _cut(told) + _began(told)


def _unpeopled(told: dict[str, Any]) -> list[str]:
    """Regions that no family has, as where one is misspelt."""
    lines: list[str] = []
    found: dict[str, list[dict[str, Any]]] = {}
    for each in told.get("unpeopled") or []:
        found.setdefault(each["service"], []).append(each)
    scope = told.get("scope") or []
    wholly = {each["service"] for each in scope if _nobody_in(each, found.get(each["service"], []))}
    alone = all(each["service"] in wholly for each in scope)
    for service, regions in found.items():
        for each in regions:
            meant = f'; did you mean "{each["near"]}"?' if each.get("near") else "."
            lines.append(f"No family that uses {service} has the region {each['region']}{meant}")
        if service in wholly:
            which = "Of these families" if alone else f"By {service}"
            lines[-1] += f" {which} only those without a region are touched."
    return lines


def _nobody_in(reach: dict[str, Any], unpeopled: list[dict[str, Any]]) -> bool:
    """Whether no family has any of the regions of this part of the scope; all of them, where none is named."""
    return bool(reach["regions"]) and set(reach["regions"]) <= {each["region"] for each in unpeopled}


def _began(told: dict[str, Any]) -> list[str]:
    """When it began, as families are told now, with its age: whoever mistyped it sees it."""
    since = told.get("since")
    return (
        [f"Families read that it began {local(since)} ({zone(since)}), {lasting_days(told['ago'])} ago."]
        if since
        else []
    )


def _cut(told: dict[str, Any]) -> list[str]:
    """Where the words do not fit; whoever cares makes them shorter."""
    if not told.get("cut"):
        return []
    about = "" if told["exact"] else "about "
    many = sum(told["cut"].values()) > 1
    return [
        f"Not all of your words fit: {about}{_by_channel(told['cut'])} leave{'' if many else 's'} some out; "
        "e-mails hold all."
    ]


def _promised(told: dict[str, Any]) -> list[str]:
    """What stands in the place of a promise that lies beyond the policy's window."""
    window = told.get("window")
    return (
        [f"Families read: next update within {window} (the policy's window; you promise later)."] if window else []
    )


def opened(done: dict[str, Any], title: str, *, exercise: bool) -> str:
    """What was done, and what comes next."""
    if done["dry_run"]:
        return f"Nothing was done. {preview(done['preview'])}"
    number = done["incident"]
    if exercise:
        return (
            f"Exercise {number} is open: {title}. Families are told once, and that it is a test.\n"
            f"  who has been told:  alertd incident timeline {number}\n"
            f"  when it is over:    alertd incident resolve {number}"
        )
    if done.get("confirmed"):
        head = f"Incident {number}, which a machine suspected, is confirmed: {title}. Its families are being told."
    else:
        head = f"Incident {number} is open: {title}. Its families are being told."
    promised = "".join(f"{line}\n" for line in _promised(done["preview"]))
    return (
        f"{head}\n{promised}"
        f"  who has been told:  alertd incident timeline {number}\n"
        f'  tell them more:     alertd incident update {number} --message "..." --next-in 30m\n'
        f"  when it is over:    alertd incident resolve {number}"
    )


def recalling(done: dict[str, Any]) -> str:
    """How far the update that is to be recalled has come."""
    families = f"{done['families']:,} famil{'y has' if done['families'] == 1 else 'ies have'}"
    waiting = _by_channel(done["stopped"])
    return (
        f"Update {done['update']} of incident {done['incident']}: {families} it, or may have "
        f"({_by_channel(done['messages']) or 'no message has left'}); "
        f"{f'{waiting} would not leave any more' if waiting else 'nothing can be stopped any more'}."
    )


def recalled(done: dict[str, Any]) -> str:
    """What was stopped, who has it all the same, and what is to be done now."""
    if done["dry_run"]:
        return f"Nothing was done. {recalling(done)}"
    number, update = done["incident"], done["update"]
    families = f"{done['families']:,} famil{'y has' if done['families'] == 1 else 'ies have'}"
    stopped = _by_channel(done["stopped"]) or "nothing that was waiting already"
    lines = [
        f"Update {update} of incident {number} is recalled. Stopped: {stopped}, and all still to be planned.",
        f"{families} it, or may have ({_by_channel(done['messages']) or 'no message'}). Put them right now:",
        f'  alertd incident update {number} --corrects {update} --message "..."',
    ]
    if done["first"]:
        lines.append(
            "Families that have heard nothing yet are told in time, in built-in words, unless you publish first."
        )
        lines.append(f"  nothing is wrong at all:  alertd incident cancel {number}")
    return "\n".join(lines)


def explaining(by: str | None) -> str:
    """A line that names what was promised with the end, on this machine's clock; nothing where nothing was."""
    if by is None:
        return ""
    return f"\nThey are promised to hear what happened by {local(by)} {zone(by)}."


def explained(done: dict[str, Any]) -> str:
    """Who would be told what happened."""
    told = done["preview"]
    families = f"{told['families']:,} famil{'y was' if told['families'] == 1 else 'ies were'} told that it is over"
    about = "" if told["exact"] else "about "
    now = _by_channel(told["messages"])
    return "\n".join(
        [
            f"{families}. {f'Now: {about}{now}' if now else 'Nobody is owed a message now'}; who rests, later.",
            *_cut(told),
        ]
    )


def told_why(done: dict[str, Any]) -> str:
    """What was done, and where to see its effect."""
    if done["dry_run"]:
        return f"Nothing was done. {explained(done)}"
    number = done["incident"]
    return (
        f"What happened in incident {number} is being told: update {done['update']}. {explained(done)}\n"
        f"  who has been told:  alertd incident timeline {number}\n"
        f"  the promise:        alertd incident report {number}"
    )


def _by_channel(messages: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {channel}" for channel, number in messages.items())


def said(done: dict[str, Any], what: str) -> str:
    """What was done, and where to see its effect."""
    if done["dry_run"]:
        return f"Nothing was done. {preview(done['preview'])}"
    promised = "".join(f"\n{line}" for line in _promised(done["preview"]))
    return f"{what}.{promised}\n  who has been told:  alertd incident timeline {done['incident']}"
