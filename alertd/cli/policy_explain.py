"""`alertd policy explain`: who is told what, when and over what, if nobody does anything."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer

from alertd.cli.failed import Failed
from alertd.cli.output import Output, show, wrapped
from alertd.cli.times import coming
from alertd.domain.durations import spell_duration

if TYPE_CHECKING:
    from alertd.domain.policy import Policy
    from alertd.usecases.explain_policy import Explained, Role
    from alertd.usecases.rehearse import Told

T = TypeVar("T")

_WHY = {
    "first_notice": "first notice",
    "silence": "holding update",
    "wake_up": "at the end of quiet hours or time off duty",
    "fallback": "in place of what they have no address for",
}
_ENDS = {"unanswered": "nobody has answered", "unreachable": "nothing loud was accepted"}


def explain(
    service: Annotated[str, typer.Option(help="What fails.")],
    severity: Annotated[str, typer.Option(help="critical, major or minor.")],
    at: Annotated[str, typer.Option(help='When it is opened: "Sun 02:00", the coming one, or 2026-11-29T02:00.')],
    folder: Annotated[
        Path | None, typer.Argument(help="A config folder; left out: what ALERTD_CONFIG names, else ours.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Where the families live, and the zone of all times.")] = "UTC",
    hours: Annotated[int, typer.Option(min=1, max=72, help="How far to look ahead.")] = 12,
    output: Output = None,
) -> None:
    """Say who is told what, when and over what in an outage, if nobody answers and nobody writes an update.

    The daemon's own planner is asked about made-up families, one for each role that the policy knows: beside it
    those who hear every update. Everybody has an address on every channel and no wishes of their own. Nothing
    is sent.
    """
    explained = _explained(folder, service, severity, at, zone, hours)
    title = f"{service}, {severity}"
    show(output, data(explained, title, zone), lambda: text(explained, title, ZoneInfo(zone)))


def _explained(folder: Path | None, service: str, severity: str, at: str, zone: str, hours: int) -> "Explained":
    from alertd import wiring
    from alertd.ingest import shapes
    from alertd.ingest.reading import Mistakes, hint
    from alertd.policy_file import load_policies, load_services
    from alertd.settings.reading import shipped_config
    from alertd.usecases.explain_policy import explain_policy

    folder = folder or Path(os.environ.get("ALERTD_CONFIG") or shipped_config())
    wrong: list[typer.BadParameter] = []
    grave = _taken(partial(_option, "--severity", shapes.severity, severity), wrong)
    place = _taken(partial(_option, "--zone", shapes.time_zone, zone), wrong)
    moment = _taken(partial(coming, at, ZoneInfo(place or "UTC")), wrong)
    try:
        policies, services = load_policies(folder), load_services(folder / "services.yaml")
    except Mistakes:
        if wrong:
            raise _all(wrong) from None  # what was typed is mended sooner
        raise
    if service not in services:
        unknown = f"{service} is not declared in services.yaml{hint(service, services)}"
        if not wrong:
            raise Failed(unknown, "name one that is")
        wrong.insert(0, typer.BadParameter(unknown, param_hint="--service"))
    if wrong or grave is None or moment is None:
        raise _all(wrong)
    policy = next((each for each in policies.values() if service in each.services), policies["default"])
    channels = wiring.family_channels()
    until = moment + timedelta(hours=hours)
    return explain_policy(policy, service, grave, moment, until, zone=zone, channels=channels)


def _option(name: str, convert: Callable[[object], T], value: str) -> T:
    from alertd.domain.errors import Invalid

    try:
        return convert(value)
    except Invalid as error:
        raise typer.BadParameter(error.message, param_hint=name) from None


def _taken(convert: Callable[[], T], wrong: list[typer.BadParameter]) -> T | None:
    """What was typed, understood; a mistake is kept with the others."""
    try:
        return convert()
    except typer.BadParameter as mistake:
        wrong.append(mistake)
        return None


def _all(wrong: list[typer.BadParameter]) -> typer.BadParameter:
    """All mistakes as one."""
    if len(wrong) == 1:
        return wrong[0]
    return typer.BadParameter("\n".join(f"{each.param_hint}: {each.message}" for each in wrong))


def data(explained: "Explained", title: str, zone: str) -> dict[str, Any]:
    """For programs: every message, nudge and page, in order."""
    return {
        "outage": title,
        "policy": explained.policy.name,
        "zone": zone,
        "at": explained.at.isoformat(),
        "until": explained.until.isoformat(),
        "roles": [
            {
                "role": role.name,
                "channels": role.channels,
                "quiet_until": role.quiet_until and role.quiet_until.isoformat(),
                "off_duty_until": role.off_duty_until and role.off_duty_until.isoformat(),
                "ladder": role.family.ladder,
                "ladder_over_at": role.family.ended_at and role.family.ended_at.isoformat(),
                "told": [
                    {
                        "at": each.at.isoformat(),
                        "channel": each.channel,
                        "loud": each.loud,
                        "reason": each.reason.value,
                        "framing": each.framing.value,
                        "step": each.step or None,
                        "next_by": each.next_by and each.next_by.isoformat(),
                        "reads": each.reads and each.reads.isoformat(),
                    }
                    for each in role.told
                ],
            }
            for role in explained.roles
        ],
        "responders": [
            {
                "at": each.at.isoformat(),
                "who": each.who,
                "name": explained.policy.responders.get(each.who, each.who),
                "how": "page" if each.page else "nudge",
                "ladder": each.ladder.value,
            }
            for each in explained.responders
        ],
    }


def text(explained: "Explained", title: str, zone: ZoneInfo) -> str:
    """For people, on one screen: roles that fare alike stand together."""
    at = explained.at.astimezone(zone)
    moment = f"{at:%a} {at.day} {at:%b} {_clock(at, at, zone)}"
    opened = f"{title}, opened by a person on {moment} {zone.key}"
    lines = [wrapped(f"{opened}; policy {explained.policy.name}. Nobody answers, nobody writes.", "")]
    confirm = explained.policy.confirm.get(explained.severity)
    after = f"after {spell_duration(confirm)}, or " if confirm is not None else ""
    lines.append(
        wrapped(f"What only a machine suspects is told to families {after}once a person confirms it.", "")
    )
    alike: dict[str, list[str]] = {}
    for role in explained.roles:
        alike.setdefault(_of_role(role, explained, zone), []).append(role.name)
    for said, names in alike.items():
        spelled = ["anybody else" if name == "other" else name for name in names]
        lines += ["", f"{', '.join(spelled)}: {said}"]
    lines += ["", "on our side:", *_responders(explained, zone)]
    return "\n".join(lines)


def _of_role(role: "Role", explained: "Explained", zone: ZoneInfo) -> str:
    begin = explained.at
    if role.off_duty_until is not None:
        standing = f"off duty until {_clock(role.off_duty_until, begin, zone)}"
    elif role.quiet_until is not None:
        standing = f"in quiet hours until {_clock(role.quiet_until, begin, zone)}"
    else:
        standing = "awake"
    if not role.told:
        why = " (an empty list: they do not want to be told)" if not role.channels else ""
        waits = ", and what they are owed waits" if role.name in role.family.waited else ""
        return f"{standing}{waits}; told nothing by {_clock(explained.until, begin, zone)}{why}"
    late = role.name in role.family.waited and role.told[0].at > begin
    waited = "waits until then; " if late else ""
    moments = [list(group) for _, group in groupby(role.told, key=lambda each: each.at)]
    said: list[tuple[datetime, str]] = []
    for (over, why), run in groupby(moments, key=_what):
        same = list(run)
        times = _times([moment[0].at for moment in same], begin, zone)
        by = same[0][0].reads
        heard = f"; they read: next update by {_clock(by, begin, zone)}" if by is not None and not said else ""
        said.append((same[0][0].at, f"{times}: {waited}{over}: {why}{heard}"))
        waited = ""
    ended = role.family.ended_at
    if ended is not None and role.name in explained.policy.always:
        over = _ENDS[str(role.family.ladder)]
        said.append((ended, f"{_clock(ended, begin, zone)}: the ladder is over: {over}"))
    ordered = sorted(said, key=lambda each: each[0])
    return "\n".join([standing, *(wrapped(line, "  ") for _, line in ordered)])


def _what(moment: "list[Told]") -> tuple[str, str]:
    """Over what, and why, for all messages of one moment."""
    loud = " and ".join(each.channel for each in moment if each.loud)
    soft = " and ".join(each.channel for each in moment if not each.loud)
    over = ", ".join(part for part in (f"{loud} loud" if loud else "", f"{soft} soft" if soft else "") if part)
    why = list(dict.fromkeys(_why(each) for each in moment if each.reason.value != "floor"))
    return over, ", ".join(why) or "floor"


def _why(told: "Told") -> str:
    if told.reason.value == "ladder":
        return f"step {told.step} of the ladder{' (their first notice)' if told.framing.value == 'notice' else ''}"
    return _WHY.get(told.reason.value, told.reason.value)


def _responders(explained: "Explained", zone: ZoneInfo) -> list[str]:
    policy: Policy = explained.policy
    runs: dict[tuple[str, bool, str], list[datetime]] = {}
    for each in explained.responders:
        runs.setdefault((each.who, each.page, each.ladder.value), []).append(each.at)
    due = {"post": "an update is due", "news": "families wait for news"}
    return [
        wrapped(
            f"{_times(times, explained.at, zone)}: {who} is {'paged' if page else 'nudged'}"
            f"{_named(policy, who)}: {due.get(ladder, ladder)}",
            "  ",
        )
        for (who, page, ladder), times in runs.items()
    ] or ["  nobody is nudged or paged"]


def _named(policy: "Policy", who: str) -> str:
    name = policy.responders.get(who, who)
    return f" ({name})" if name != who else ""


def _times(moments: list[datetime], begin: datetime, zone: ZoneInfo) -> str:
    """Up to three times, else the first and how often again."""
    steps = {later - earlier for earlier, later in pairwise(moments)}
    if len(moments) > 3 and len(steps) == 1:
        last = _clock(moments[-1], begin, zone)
        return f"{_clock(moments[0], begin, zone)} to {last} every {spell_duration(steps.pop())}"
    told = [_clock(moment, begin, zone) for moment in moments[:3]]
    return ", ".join(told) + (f" and {len(moments) - 3} more" if len(moments) > 3 else "")


def _clock(moment: datetime, begin: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    time = f"{local:%H:%M %Z}" if _twice(local) else f"{local:%H:%M}"
    return time if local.date() == begin.astimezone(zone).date() else f"{local:%a} {time}"


def _twice(local: datetime) -> bool:
    """Whether the clock shows this time twice, as it does where it is put back."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
