"""The script of a demo, read from a YAML file, with an error for every mistake."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

from alertd.demo.script import ASKED, Act, Alert, Answers, Script, What
from alertd.domain.errors import Invalid
from alertd.ingest import shapes
from alertd.ingest.durations import parse_duration
from alertd.ingest.reading import Entries, Field, Mistakes, Problem, Reading
from alertd.ingest.yaml_text import read_yaml

LANGUAGES = ("en", "es")

_WALL = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d)")
_ZONE = "America/Los_Angeles"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # stands in where a time is wrong; never leaves this file
_SHARE = re.compile(r"(100|[1-9]?\d)%")
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "alert": (("name", "service", "severity", "summary"), ("began", "labels")),
    "open": (("services", "severity", "title", "message"), ("began", "works", "do", "next_in")),
    "update": (
        ("message",),
        ("state", "severity", "add_scope", "remove_scope", "works", "do", "next_in"),
    ),
    "resolve": (("message",), ()),
    "reopen": (("message",), ("began", "works", "do", "next_in")),
}
_STATES = ("investigating", "identified", "monitoring")


@dataclass(slots=True)
class _Draft:
    zone: ZoneInfo
    begins: datetime = _NEVER
    ends: datetime = _NEVER
    acts: list[tuple[Field, Act]] = field(default_factory=list)
    answers: list[tuple[Field, Answers]] = field(default_factory=list)


def read_script(path: Path, *, fast: bool = False, relapse: bool = False) -> Script:
    """Read a script. `fast`: only as far as its `fast` part says, with that part's acts at the end; `relapse`: and
    on to the end of its `relapse` part.

    Raises Mistakes with every problem, each with file and line; all lengths are always checked.
    """
    try:
        tree = read_yaml(path.read_bytes(), str(path))
    except OSError as error:
        raise Mistakes([Problem(f"cannot be read: {error.strerror or error}", file=str(path))]) from None
    reading = Reading(file=str(path), lines=tree.lines)
    reading.problems += tree.problems
    full, short, long = _script(reading.root(tree.value))
    reading.problems.sort(key=lambda problem: problem.line or 0)
    reading.finish()
    draft = short if fast else long if relapse else full
    acts, answers = tuple(act for _, act in draft.acts), tuple(each for _, each in draft.answers)
    return Script(draft.zone.key, draft.begins, draft.ends, acts, answers)


def _script(root: Field) -> tuple[_Draft, _Draft, _Draft]:
    keys = root.entries(required=("zone", "begins", "ends", "acts", "fast"), optional=("answers", "relapse"))
    zone = ZoneInfo(keys.take("zone", shapes.time_zone, _ZONE))
    begins = keys.take("begins", partial(_moment, zone=zone), _NEVER)
    full = _part(keys, zone, begins)
    short, long = _Draft(zone, begins), _Draft(zone, begins)
    if "fast" in keys:
        short = _part(keys["fast"].entries(required=("ends",), optional=("acts", "answers")), zone, begins)
        until = min((act.at for _, act in short.acts), default=short.ends)
        short.acts = [(entry, act) for entry, act in full.acts if act.at < min(until, short.ends)] + short.acts
        short.answers = [(entry, each) for entry, each in full.answers if each.at < until] + short.answers
    if "relapse" in keys:
        long = _part(keys["relapse"].entries(required=("ends", "acts"), optional=("answers",)), zone, begins)
        long.acts, long.answers = full.acts + long.acts, full.answers + long.answers
    if all(name in keys for name in ("begins", "ends", "acts")):
        _check(full, keys["acts"])
        if "fast" in keys:
            _check(short, keys["fast"])
        if "relapse" in keys:
            _check(long, keys["relapse"])
    return full, short, long


def _part(keys: Entries, zone: ZoneInfo, begins: datetime) -> _Draft:
    draft = _Draft(zone, begins, keys.take("ends", partial(_moment, zone=zone), _NEVER))
    draft.acts = [(entry, _act(entry, zone)) for entry in (keys["acts"].each(most=200) if "acts" in keys else ())]
    answers = keys["answers"].each(most=200) if "answers" in keys else ()
    draft.answers = [(entry, _answers(entry, zone)) for entry in answers]
    return draft


def _check(draft: _Draft, place: Field) -> None:
    """Whether a story holds together: opened first, resolved last, in order, within its bounds."""
    if draft.ends <= draft.begins:
        place.wrong("ends before it begins")
        return
    if not draft.acts:
        place.wrong("has no acts; the first opens the incident, the last resolves it")
        return
    before: What | None = None
    for at, (entry, act) in enumerate(draft.acts):
        if not draft.begins <= act.at <= draft.ends:
            entry.child("at").wrong("lies outside of the story, which begins and ends as said above")
        if at and act.at <= draft.acts[at - 1][1].at:
            entry.child("at").wrong("is not after the act before it; write them in order")
        if act.what not in _NEXT[before]:
            entry.wrong(f"{act.what} cannot come {f'after {before}' if before else 'first'}; {_ORDER}")
        before = act.what
    if before != "resolve":
        draft.acts[-1][0].wrong("the last act must be resolve")
    for entry, each in draft.answers:
        if not draft.begins <= each.at <= draft.ends:
            entry.child("at").wrong("lies outside of the story, which begins and ends as said above")


_ORDER = "alerts or open come first, open after alerts, and only reopen after resolve"
_NEXT: Mapping[What | None, tuple[What, ...]] = {
    None: ("alert", "open"),
    "alert": ("alert", "open"),
    "open": ("update", "resolve"),
    "update": ("update", "resolve"),
    "resolve": ("reopen",),
    "reopen": ("update", "resolve"),
}


def _answers(entry: Field, zone: ZoneInfo) -> Answers:
    keys = entry.entries(required=("at",), optional=("share", "families", "by"))
    if ("share" in keys) == ("families" in keys):
        entry.wrong("needs exactly one of share and families")
    return Answers(
        at=keys.take("at", partial(_moment, zone=zone), _NEVER),
        share=keys.take("share", _share, 0.0),
        families=_words(keys, "families", shapes.text, most=200),
        by=_words(keys, "by", shapes.slug) or ASKED,
    )


def _share(value: object) -> float:
    found = _SHARE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Invalid('is no share; write for example "20%"')
    return int(found[1]) / 100


def _act(entry: Field, zone: ZoneInfo) -> Act:
    keys = entry.entries(required=("at",), optional=tuple(_KEYS))
    at = keys.take("at", partial(_moment, zone=zone), _NEVER)
    said = [name for name in _KEYS if name in keys]
    if len(said) != 1:
        entry.wrong("needs exactly one of alert, open, update, resolve and reopen")
        return Act(at=at, what="update", message={})
    what: What = next(known for known in get_args(What) if known == said[0])
    required, optional = _KEYS[what]
    own = keys[what].entries(required=required, optional=optional)
    began = own.take("began", partial(_moment, zone=zone), None)
    if began is not None and began > at:
        own["began"].wrong("is later than the act itself")
    if what == "alert":
        return Act(at=at, what=what, message={}, alert=_alert(own, began or at))
    return Act(
        at=at,
        what=what,
        message=_message(own["message"]) if "message" in own else {},
        services=_words(own, "services", shapes.slug),
        add_scope=_words(own, "add_scope", shapes.slug),
        remove_scope=_words(own, "remove_scope", shapes.slug),
        severity=own.take("severity", shapes.one_of(shapes.SEVERITIES, "a severity"), None),
        title=own.take("title", partial(shapes.text, longest=120), None),
        began=began,
        state=own.take("state", shapes.one_of(_STATES, "a state"), None),
        works=_words(own, "works", shapes.text),
        do=_words(own, "do", shapes.text),
        next_in=own.take("next_in", _promise, None),
    )


def _alert(own: Entries, began: datetime) -> Alert:
    name = own.take("name", partial(shapes.text, longest=120), "")
    named = {
        "alertname": name,
        "service": own.take("service", shapes.slug, ""),
        "severity": own.take("severity", shapes.slug, ""),
    }
    more = own["labels"].entries(optional=_LABELS) if "labels" in own else None
    given = {label: more.take(label, shapes.text, "") for label in more} if more is not None else {}
    return Alert(name, own.take("summary", partial(shapes.text, longest=200), ""), named | given, began)


_LABELS = ("cluster", "instance", "job", "team")
"""Labels that alertd passes over, as real alerts have them."""


def _message(entry: Field) -> dict[str, str]:
    own = entry.entries(required=LANGUAGES)
    return {language: own.take(language, partial(shapes.text, longest=1000), "") for language in own}


def _words(keys: Entries, name: str, convert: Callable[[object], str], most: int = 5) -> tuple[str, ...]:
    return tuple(member.take(convert, "") for member in keys[name].each(most=most)) if name in keys else ()


def _promise(value: object) -> timedelta:
    length = parse_duration(value)
    if not length:
        raise Invalid("promises news at once; leave it out, or give a length of time")
    return length


def _moment(value: object, zone: ZoneInfo) -> datetime:
    """A minute on the wall clock of `zone`, in UTC."""
    found = _WALL.fullmatch(shapes.text(value, 40))
    try:
        if found is None:
            raise ValueError
        wall = datetime.fromisoformat(f"{found[1]}T{found[2]}").replace(tzinfo=zone)
    except ValueError:
        raise Invalid('is no time of day; write for example "2019-11-29 23:40"') from None
    moment = wall.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != wall.replace(tzinfo=None):
        raise Invalid("does not exist: the clocks are put forward in that hour")
    return moment
