"""Whether what people read was true when they read it: for whom, of what, how bad, and whether it is over.

A message may say what held at any time in the last `slack` of the story: it may have been on its way.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from alertd.demo.course import Stretch, Touch
from alertd.demo.verdict import Fault, Rules
from alertd.sandbox.log import Accepted

ALL_CLEAR = re.compile(r"(?<!may )\bworks? again\b|\bya funcionan?\b")
"""How an all-clear reads, in English and Spanish; "may work again" is not one."""

NOT_AFFECTED = re.compile(r"^No longer affected: |^Ya no le afecta: ")
"""How the word begins for those whom an outage does not touch any more."""

SUSPECTED = re.compile(
    r"\bmay (?:be down|have problems)\b|\bPuede que [^.]* no funcionen?\b|\bPuede que [^.]*problemas\b"
)
"""How a suspicion reads."""

_MAJOR = re.compile(r"(?<!small )\bproblems\b|\bproblemas\b(?! menores)")
_CRITICAL = re.compile(r"\bdown\b|\bno funcion|\bsin funcionar\b|\ba fallar\b")
_HEAD = re.compile(r"\. | \(|$")  # where what is the matter ends

Touched = Sequence[tuple[Stretch, Touch]]
"""When the families of an address were touched."""


def text_of(message: Accepted) -> str:
    """All of its words."""
    return f"{message.title or ''} {message.text}"


def head(message: Accepted) -> str:
    """What a message says is the matter: the beginning of a text message, the title of all else."""
    whole = message.title or message.text
    end = _HEAD.search(whole)
    return whole[: end.start()] if end else whole


def is_all_clear(message: Accepted) -> bool:
    """Whether it says that all is over."""
    return bool(ALL_CLEAR.search(text_of(message)))


def is_not_affected(message: Accepted) -> bool:
    """Whether it says that the outage does not touch its reader any more."""
    return bool(NOT_AFFECTED.match(head(message)))


def severity_of(message: Accepted) -> str | None:
    """How bad it says things are; None: it does not say, as where a fix is being watched."""
    words = head(message)
    return "major" if _MAJOR.search(words) else "critical" if _CRITICAL.search(words) else None


def services_of(message: Accepted, names: Mapping[str, Collection[str]]) -> frozenset[str]:
    """Which services it is about."""
    words = head(message)
    return frozenset(service for service, known in names.items() if any(name in words for name in known))


def wrong_words(message: Accepted, family: str, touched: Touched, rules: Rules) -> Iterator[Fault]:
    """What is not true of what an address was told; `family`: whom a fault is counted for."""
    at = message.story_time
    when = f"{at:%a %H:%M} UTC"
    going = [(stretch, touch) for stretch, touch in touched if touch.begins - rules.skew <= at < touch.over]
    ended = [touch for _, touch in touched if touch.over <= at]
    last = max(ended, key=lambda touch: touch.over, default=None)
    soon = last is not None and at <= last.over + rules.slack
    if not going and last is None:
        early = bool(touched) and at < touched[0][0].told_from
        what = "before a human could confirm it" if early else "of what did not touch them"
        yield Fault("suspicion" if early else "scope", family, f"was told at {when} {what}")
    elif going:
        # The last word of what ended before may be on its way when it begins anew.
        settling = last is not None and all(at <= touch.begins + rules.slack for _, touch in going)
        if not (settling and (is_all_clear(message) or is_not_affected(message))):
            yield from _while_it_lasts(message, [s for s, _ in going], touched, rules, family)
    elif last is not None and last.released:
        if is_all_clear(message) or not (is_not_affected(message) or soon):
            yield Fault("scope", family, f"was told at {when} of what did not touch them any more")
    elif not is_all_clear(message) and not soon:
        yield Fault("all-clear", family, f"heard something else at {when}, after it was over")
    elif is_not_affected(message):
        yield Fault("all-clear", family, f'heard "not affected" at {when}, when it was over for all')


def _while_it_lasts(
    message: Accepted, stretches: Sequence[Stretch], touched: Touched, rules: Rules, family: str
) -> Iterator[Fault]:
    at, stretch = message.story_time, stretches[0]
    suspected, when = bool(SUSPECTED.search(text_of(message))), f"{at:%a %H:%M} UTC"
    if is_all_clear(message) or is_not_affected(message):
        yield Fault("all-clear", family, f"heard at {when} that it is over before it was")
        return
    if at < stretch.confirmed and not suspected:
        yield Fault("suspicion", family, f"was told as a fact at {when} what nobody had confirmed")
    elif suspected and at > stretch.confirmed + rules.slack:
        yield Fault("suspicion", family, f'still read "may be" at {when}')
    since, until = at - rules.slack, at + rules.skew
    said, known = severity_of(message), {each.severity for each in stretch.during(since, until)}
    if said is not None and said not in known:
        yield Fault(
            "severity", family, f"read at {when} that it is {said}, and it was {' or '.join(sorted(known))}"
        )
    if rules.names and services_of(message, rules.names) not in _failing(touched, since, until):
        yield Fault("scope", family, f"read at {when} of other services than those that failed for them")


def _failing(touched: Touched, since: datetime, until: datetime) -> set[frozenset[str]]:
    """What failed for the families of an address together at any time between two moments."""
    times = {since, until}
    for _, touch in touched:
        edges = (touch.begins, touch.over, *(change.at for change in touch.changes))
        times |= {at for at in edges if since <= at <= until}
    return {_fails(touched, at) for at in times}


def _fails(touched: Touched, at: datetime) -> frozenset[str]:
    fails: frozenset[str] = frozenset()
    for _, touch in touched:
        if touch.begins <= at < touch.over:
            now = touch.services
            for change in touch.changes:
                now = change.services if change.at <= at else now
            fails |= now
    return fails
