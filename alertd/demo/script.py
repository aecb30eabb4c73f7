"""The script of a demo: what its humans say and when, from a YAML file, with an error for every mistake."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from alertd.domain.errors import Invalid
from alertd.ingest import shapes
from alertd.ingest.durations import parse_duration
from alertd.ingest.reading import Entries, Field, Mistakes, Problem, Reading
from alertd.ingest.yaml_text import read_yaml

What = Literal["open", "update", "resolve"]
LANGUAGES = ("en", "es")

_WALL = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d)")
_ZONE = "America/Los_Angeles"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # stands in where a time is wrong; never leaves this file
_KEYS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "open": (("services", "severity", "title", "message"), ("began", "works", "do", "next_in")),
    "update": (("message",), ("state", "severity", "works", "do", "next_in")),
    "resolve": (("message",), ()),
}
_STATES = ("investigating", "identified", "monitoring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Something that a human does at a moment of the story."""

    at: datetime  # UTC
    what: What
    message: Mapping[str, str]  # by language
    services: tuple[str, ...] = ()
    severity: str | None = None
    title: str | None = None
    began: datetime | None = None
    state: str | None = None
    works: tuple[str, ...] = ()
    do: tuple[str, ...] = ()
    next_in: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A story from its beginning to its end, and what its humans do in it, in order."""

    zone: str
    begins: datetime
    ends: datetime
    acts: tuple[Act, ...]

    @property
    def length(self) -> timedelta:
        """Story time from beginning to end."""
        return self.ends - self.begins

    @property
    def opening(self) -> Act:
        """The act that opens the incident."""
        return self.acts[0]

    @property
    def resolution(self) -> Act:
        """The act that ends it."""
        return self.acts[-1]


@dataclass(slots=True)
class _Draft:
    zone: ZoneInfo
    begins: datetime = _NEVER
    ends: datetime = _NEVER
    acts: list[tuple[Field, Act]] = field(default_factory=list)


def read_script(path: Path, *, fast: bool = False) -> Script:
    """Read a script; `fast`: only as far as its `fast` part says, with that part's acts at the end.

    Raises Mistakes with every problem, each with file and line; both lengths are always checked.
    """
    try:
        tree = read_yaml(path.read_bytes(), str(path))
    except OSError as error:
        raise Mistakes([Problem(f"cannot be read: {error.strerror or error}", file=str(path))]) from None
    reading = Reading(file=str(path), lines=tree.lines)
    reading.problems += tree.problems
    full, short = _script(reading.root(tree.value))
    reading.problems.sort(key=lambda problem: problem.line or 0)
    reading.finish()
    draft = short if fast else full
    return Script(draft.zone.key, draft.begins, draft.ends, tuple(act for _, act in draft.acts))


def _script(root: Field) -> tuple[_Draft, _Draft]:
    keys = root.entries(required=("zone", "begins", "ends", "acts", "fast"))
    zone = ZoneInfo(keys.take("zone", shapes.time_zone, _ZONE))
    begins = keys.take("begins", partial(_moment, zone=zone), _NEVER)
    full = _Draft(zone, begins, keys.take("ends", partial(_moment, zone=zone), _NEVER))
    full.acts = [(entry, _act(entry, zone)) for entry in (keys["acts"].each(most=200) if "acts" in keys else ())]
    short = _Draft(zone, begins)
    if "fast" in keys:
        own = keys["fast"].entries(required=("ends",), optional=("acts",))
        short.ends = own.take("ends", partial(_moment, zone=zone), _NEVER)
        added = [(entry, _act(entry, zone)) for entry in (own["acts"].each(most=200) if "acts" in own else ())]
        first = min((act.at for _, act in added), default=short.ends)
        short.acts = [(entry, act) for entry, act in full.acts if act.at < min(first, short.ends)] + added
    if all(name in keys for name in ("begins", "ends", "acts")):
        _check(full, keys["acts"])
        if "fast" in keys:
            _check(short, keys["fast"])
    return full, short


def _check(draft: _Draft, place: Field) -> None:
    """Whether a story holds together: opened first, resolved last, in order, within its bounds."""
    if draft.ends <= draft.begins:
        place.wrong("ends before it begins")
        return
    if not draft.acts:
        place.wrong("has no acts; the first opens the incident, the last resolves it")
        return
    for at, (entry, act) in enumerate(draft.acts):
        first, last = at == 0, at == len(draft.acts) - 1
        if not draft.begins <= act.at <= draft.ends:
            entry.child("at").wrong("lies outside of the story, which begins and ends as said above")
        if not first and act.at <= draft.acts[at - 1][1].at:
            entry.child("at").wrong("is not after the act before it; write them in order")
        if (act.what == "open") != first:
            entry.wrong(
                "the first act opens the incident" if first else "is opened already; only the first act opens"
            )
        if (act.what == "resolve") != last:
            entry.wrong(
                "the last act must be resolve" if last else "is followed by acts; only the last one resolves"
            )


def _act(entry: Field, zone: ZoneInfo) -> Act:
    keys = entry.entries(required=("at",), optional=tuple(_KEYS))
    at = keys.take("at", partial(_moment, zone=zone), _NEVER)
    said = [name for name in _KEYS if name in keys]
    if len(said) != 1:
        entry.wrong("needs exactly one of open, update and resolve")
        return Act(at=at, what="update", message={})
    what: What = "open" if said[0] == "open" else "resolve" if said[0] == "resolve" else "update"
    required, optional = _KEYS[what]
    own = keys[what].entries(required=required, optional=optional)
    began = own.take("began", partial(_moment, zone=zone), None)
    if began is not None and began > at:
        own["began"].wrong("is later than the act itself")
    return Act(
        at=at,
        what=what,
        message=_message(own["message"]) if "message" in own else {},
        services=_words(own, "services", shapes.slug),
        severity=own.take("severity", shapes.one_of(shapes.SEVERITIES, "a severity"), None),
        title=own.take("title", partial(shapes.text, longest=120), None),
        began=began,
        state=own.take("state", shapes.one_of(_STATES, "a state"), None),
        works=_words(own, "works", shapes.text),
        do=_words(own, "do", shapes.text),
        next_in=own.take("next_in", _promise, None),
    )


def _message(entry: Field) -> dict[str, str]:
    own = entry.entries(required=LANGUAGES)
    return {language: own.take(language, partial(shapes.text, longest=1000), "") for language in own}


def _words(keys: Entries, name: str, convert: Callable[[object], str]) -> tuple[str, ...]:
    return tuple(member.take(convert, "") for member in keys[name].each(most=5)) if name in keys else ()


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
