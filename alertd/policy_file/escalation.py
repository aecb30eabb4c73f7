"""The `escalation` block of a policy: ladders for families and for responders."""

from collections.abc import Collection
from datetime import timedelta
from functools import partial

from alertd.domain.errors import Invalid
from alertd.domain.family import CHANNELS
from alertd.domain.incident import Severity
from alertd.domain.policy import Escalation, Ladder, ResponderStep, Step
from alertd.ingest import shapes
from alertd.ingest.durations import parse_duration, spell_duration
from alertd.ingest.reading import Field, hint
from alertd.policy_file.built_in import BUILT_IN

LADDER = ("until", "by", "steps")
STEP, OPTIONAL_IN_STEP = ("after", "tell"), ("via",)
RESPONDER_STEP = ("before", "after", "nudge", "page", "repeat")
LADDERS = ("families", "responders")
RESPONDER_LADDERS = ("post", "news")
UNTIL = ("acknowledged",)
MEMBERS = 20
BY = BUILT_IN.escalation.families[Severity.CRITICAL].by
"""Whose answer is enough where a ladder does not say: of whatever severity it is."""
TELL = ("always", "first", "next", "all")
FURTHEST = timedelta(days=7)
"""No step comes later: no silence is longer either, and whoever writes 40d means 40m."""
_ONE_STEP = "write at least one step, like {after: 0m, tell: always}"
_NOW = timedelta(0)
_MINUTE = timedelta(seconds=60)


def read_escalation(
    field: Field, always: Collection[str], roles: Collection[str], responders: Collection[str]
) -> Escalation:
    """Read both ladders; one that is left out is built in. Mistakes are noted in the field's Reading.

    `always` are the roles that hear every update, `roles` all that a ladder may name: what it says itself is no
    proof that a role exists. `responders` are those that the policy may nudge and page.
    """
    keys = field.entries(optional=LADDERS)
    built_in = BUILT_IN.escalation
    families = dict(built_in.families)
    if "families" in keys:
        for severity, entry in keys["families"].entries(optional=shapes.SEVERITIES).items():
            families[Severity(severity)] = _ladder(entry, severity, always, roles)
    post, news = built_in.post, built_in.news
    if "responders" in keys:
        ladders = keys["responders"].entries(optional=RESPONDER_LADDERS)
        post = _post(ladders["post"], responders) if "post" in ladders else post
        news = _responder_steps(ladders["news"], responders) if "news" in ladders else news
    return Escalation(families=families, post=post, news=news)


def _ladder(field: Field, severity: str, always: Collection[str], roles: Collection[str]) -> Ladder:
    keys = field.entries(optional=LADDER)
    keys.take("until", shapes.one_of(UNTIL, "something a ladder waits for"), "")
    role = partial(_role, roles)
    by = tuple(member.take(role, "") for member in keys["by"].each(most=MEMBERS)) if "by" in keys else BY
    if "by" in keys and keys["by"].value == []:
        keys["by"].wrong("must name at least one role whose answer is enough")
    built_in = BUILT_IN.escalation.families.get(Severity(severity))
    steps = list(built_in.steps) if built_in is not None and "steps" not in keys else []
    if not steps and isinstance(field.value, dict) and "steps" not in field.value:
        field.child("steps").wrong(f"is missing, and none are built in for {severity}; {_ONE_STEP}")
    times = []
    for member in keys["steps"].each(most=MEMBERS) if "steps" in keys else []:
        step, after = _step(member, roles)
        steps.append(step)
        times.append((member, after))
    _ordered(times)
    if "steps" in keys and keys["steps"].value == []:  # it would wait for an answer to nothing
        keys["steps"].wrong(f"tells nobody; {_ONE_STEP}")
    _can_be_answered(field.child("by"), by, steps, always)
    return Ladder(by, tuple(steps))


def _role(roles: Collection[str], value: object) -> str:
    word = shapes.slug(value)
    if word not in roles:
        known = hint(word, sorted(roles))
        raise Invalid(
            f'"{word}" is no role that always or caregivers name{known}{"" if known.endswith("?") else "."}'
            f" A role of its own needs a line under caregivers, like {word}: {{}}"
        )
    return word


def _can_be_answered(field: Field, by: Collection[str], steps: Collection[Step], always: Collection[str]) -> None:
    """Where only roles are told, one of them must be one whose answer is enough."""
    told = {role for step in steps for word in step.tell for role in (always if word == "always" else (word,))}
    if not told or "" in told or not any(by) or told & {"first", "next", "all", *by}:
        return
    origin = f"is {', '.join(by)} (built in), which " if field.value is None else ""
    field.wrong(
        f"{origin}names nobody whom a step tells, so no answer could end it: the steps tell"
        f" {', '.join(sorted(told))}. Name one of these, or tell {next(role for role in by if role)} in a step"
    )


def _step(field: Field, roles: Collection[str]) -> tuple[Step, timedelta | None]:
    keys = field.entries(required=STEP, optional=OPTIONAL_IN_STEP)
    known = (*TELL, *sorted(roles))
    convert = shapes.one_of(known, "someone a step can tell")
    tell: tuple[str, ...] = ()
    if "tell" in keys:
        told = keys["tell"]
        members = told.each(most=MEMBERS) if isinstance(told.value, list) else [told]
        tell = tuple(member.take(convert, "") for member in members)
        if told.value == []:
            told.wrong(f"must name somebody; known: {', '.join(known)}")
    channel = shapes.one_of(CHANNELS, "a channel")
    via = tuple(member.take(channel, "") for member in keys["via"].each(most=MEMBERS)) if "via" in keys else ()
    after = keys.take("after", _offset, None)
    return Step(after or _NOW, tell, via), after


def _post(field: Field, responders: Collection[str]) -> tuple[ResponderStep, ...]:
    """A nudge may be slept through, and nothing else wakes anybody when families are owed an update."""
    steps = _responder_steps(field, responders)
    if isinstance(field.value, list) and not any(step.page for step in steps):
        who = next(iter(responders), "owner")
        field.wrong(f"pages nobody when an update is due; add a step that does, like {{after: 0m, page: {who}}}")
    return steps


def _responder_steps(field: Field, responders: Collection[str]) -> tuple[ResponderStep, ...]:
    steps = []
    times = []
    for member in field.each(most=MEMBERS):
        step, offset = _responder_step(member, responders)
        steps.append(step)
        times.append((member, offset))
    _ordered(times)
    return tuple(steps)


def _responder_step(field: Field, responders: Collection[str]) -> tuple[ResponderStep, timedelta | None]:
    keys = field.entries(optional=RESPONDER_STEP)
    if ("before" in keys) == ("after" in keys):
        field.wrong("needs either before or after: how long before or after an update is due")
    if ("nudge" in keys) == ("page" in keys):
        field.wrong("needs either nudge or page, and whom")
    before, after = keys.take("before", _offset, None), keys.take("after", _offset, None)
    offset = -before if before is not None else after
    who = shapes.one_of(tuple(responders), "a responder of this policy")
    step = ResponderStep(
        offset=offset or _NOW,
        who=keys.take("page", who, "") or keys.take("nudge", who, ""),
        page="page" in keys,
        repeat=keys.take("repeat", _repeat, None),
    )
    return step, offset


def _offset(value: object) -> timedelta:
    length = parse_duration(value)
    if length > FURTHEST:
        raise Invalid(f"is {spell_duration(length)}; no time of a ladder is over {spell_duration(FURTHEST)}")
    return length


def _repeat(value: object) -> timedelta:
    length = _offset(value)
    if length < _MINUTE:
        raise Invalid(f"is {spell_duration(length)}; repeat at most every 60s")
    return length


def _ordered(steps: list[tuple[Field, timedelta | None]]) -> None:
    latest: timedelta | None = None
    for field, time in steps:
        if time is not None and latest is not None and time < latest:
            field.wrong("comes earlier than a step above it; put the steps in the order of their times")
        elif time is not None:
            latest = time
