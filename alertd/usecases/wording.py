"""Checks the words and times that humans give with an incident, before anything is written."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches

from alertd.domain.durations import spell_duration
from alertd.domain.errors import Invalid, quote
from alertd.domain.incident import Facts, Incident, Reach, Scope, Severity, State
from alertd.domain.policy import Policy
from alertd.domain.postmortem import PROMISED_WITHIN
from alertd.ports.deps import Deps
from alertd.usecases.gathering import Gathering

TITLE_CHARS = 120
MESSAGE_CHARS = 1000
LINES = 5
BEGAN_WITHIN = timedelta(days=30)
"""A beginning is no older: families read the day without its year, and who types an older one mistyped it.

No outage that people open an incident for went unseen for a month; nor may a post-mortem be promised for later.
"""
_ADVICE = ("check_by_hand",)  # whoever is woken is told what to do
_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_KEY = re.compile(r"^[a-z]+(_[a-z0-9]+)+$")  # what can only be meant as a phrase key
_REGION_CHARS = 60
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")  # and halves of characters, which no text may hold


def title(text: str) -> str:
    """A one-line title of at most 120 characters. Raises Invalid."""
    cleaned = " ".join(text.split())
    if _CONTROL.search(cleaned):
        raise Invalid("holds control characters, or half a character", field="title")
    if not cleaned:
        raise Invalid("say in a few words what fails", field="title")
    if len(cleaned) > TITLE_CHARS:
        raise Invalid(f"is {len(cleaned)} characters long; at most {TITLE_CHARS} fit", field="title")
    return cleaned


def cut_title(text: str) -> str:
    """A machine's title as it fits: one line, without control characters, cut at the last word within 120."""
    cleaned = " ".join(_CONTROL.sub(" ", text).split())
    if len(cleaned) > TITLE_CHARS:
        kept = cleaned[: TITLE_CHARS - 3]
        cleaned = (kept.rpartition(" ")[0] or kept) + "..."
    return cleaned or "An alert without a name"


def message(deps: Deps, texts: Mapping[str, str]) -> dict[str, str]:
    """The human's sentence by locale. Raises Invalid for an unknown locale, control characters or length."""
    gathering = Gathering()
    for locale, text in texts.items():
        if locale not in deps.locales:
            known = ", ".join(sorted(deps.locales))
            gathering.wrong(f'"{quote(locale)}" is no language alertd speaks; it speaks {known}', "message")
        elif _CONTROL.search(text):
            gathering.wrong("holds control characters, or half a character", f"message.{locale}")
        elif len(text) > MESSAGE_CHARS:
            gathering.wrong(f"is {len(text)} characters long; at most {MESSAGE_CHARS} fit", f"message.{locale}")
    gathering.finish()
    return {locale: text.strip() for locale, text in texts.items() if text.strip()}


def lines(texts: Sequence[str], field: str, phrases: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Phrase keys or free text, at most five of at most 200 characters.

    Raises Invalid, also for what looks like a phrase key and is none of `phrases`: families would read it.
    """
    if len(texts) > LINES:
        raise Invalid(f"has {len(texts)} entries; at most {LINES} fit into a message", field=field)
    gathering = Gathering()
    for text in texts:
        if not text.strip() or len(text) > 200 or _CONTROL.search(text):
            gathering.wrong("each entry is a phrase key or a sentence of at most 200 characters", field)
        elif phrases and _KEY.match(text.strip()) and text.strip() not in phrases:
            way_out = _meant(text.strip(), sorted(phrases), "there are")
            gathering.wrong(f'"{text.strip()[:60]}" is no phrase key; {way_out}', field)
    gathering.finish()
    return tuple(text.strip() for text in texts)


def advice(deps: Deps, told: Sequence[str] | None, severity: Severity) -> tuple[str, ...]:
    """What to do now; where nothing was said of it (None): check by hand, unless it is minor. Raises Invalid."""
    if told is None:
        return () if severity is Severity.MINOR else _ADVICE
    return lines(told, "do", deps.phrases)


def began(since: datetime | None, now: datetime, *, typed: bool = True) -> None:
    """Raises Invalid for a beginning that lies in the future, or further back than who `typed` it can mean."""
    if since is not None and since > now:
        raise Invalid("lies in the future", field="since")
    if typed and since is not None and since < now - BEGAN_WITHIN:
        most = spell_duration(BEGAN_WITHIN)
        raise Invalid(
            f"lies too far back: families read no year, so at most {most} ago; leave it out, and it is now",
            field="since",
        )


def scope(
    deps: Deps,
    reaches: Sequence[Reach],
    field: str = "services",
    regions: Sequence[str] = (),
    *,
    gone: bool = False,
) -> Scope:
    """A scope of declared services, in regions where they run. Raises Invalid.

    `regions`: those that were given for all services at once. `gone`: it is taken away, so that a region need not
    be declared any more.
    """
    if not reaches:
        raise Invalid("name at least one service", field=field)
    gathering = Gathering()
    malformed = dict.fromkeys(
        (region, "regions" if region in regions else field)
        for reach in reaches
        for region in reach.regions
        if len(region) > _REGION_CHARS or not _REGION.fullmatch(region)
    )
    for reach in reaches:
        if reach.service not in deps.services:
            way_out = _meant(reach.service, sorted(deps.services), "declared are")
            gathering.wrong(f'"{quote(reach.service)}" is no declared service; {way_out}', field)
            continue
        for region in reach.regions:
            where = "regions" if region in regions else field
            if (region, where) not in malformed and not gone and not deps.services.runs_in(reach.service, region):
                way_out = _meant(region, deps.services.regions[reach.service], "declared are")
                gathering.wrong(f'"{quote(region)}" is no region of {reach.service}; {way_out}', where)
    for region, where in malformed:  # each once, though every service has it
        gathering.wrong(f'"{quote(region)}" is no region; write for example us or us-west', where)
    gathering.finish()
    return Scope(tuple(reaches))


def _meant(word: str, known: Sequence[str], otherwise: str) -> str:
    """The one that may have been meant, else all that there are, after `otherwise`."""
    near = get_close_matches(word[:100], known, 1)
    return f'did you mean "{near[0]}"?' if near else f"{otherwise} {', '.join(known)}"


def changed_scope(deps: Deps, before: Scope, add: Sequence[Reach], remove: Sequence[Reach]) -> Scope:
    """The scope without what works after all, and with what fails too. Raises Invalid for what cannot go."""
    after = before
    if remove:
        gone = scope(deps, remove, "remove_scope", gone=True)
        after = before.minus(gone)
        for reach in gone.reaches:
            name, one = _name(reach), Scope((reach,))
            if not before.overlaps(one):
                raise Invalid(f"{name} is not in it: nothing to remove", field="remove_scope")
            if after.overlaps(one):
                whole = next(_name(mine) for mine in after.reaches if Scope((mine,)).overlaps(one))
                raise Invalid(
                    f"{name} cannot be taken out of {whole}; remove {reach.service}, and in the same update "
                    "add the regions where it still fails",
                    field="remove_scope",
                )
    if add:
        after = after.plus(scope(deps, add, "add_scope"))
    if not after.reaches:
        raise Invalid("nothing would be left; resolve or cancel the incident instead", field="remove_scope")
    return after


def _name(reach: Reach) -> str:
    return f"{reach.service}:{','.join(reach.regions)}" if reach.regions else f"{reach.service} everywhere"


def promise(
    policy: Policy, severity: Severity, now: datetime, at: datetime | None, after: timedelta | None
) -> datetime | None:
    """The promised time of the next update. Raises Invalid when it is past, or later than the policy allows."""
    if at is not None and after is not None:
        raise Invalid("give either next_by or next_in, not both", field="next_in")
    moment = at if at is not None else now + after if after is not None else None
    if moment is None:
        return None
    field = "next_by" if at is not None else "next_in"
    if moment <= now:
        wrong = "lies in the past" if at is not None else "is no time from now"
        raise Invalid(f"{wrong}; promise a time to come", field=field)
    most = policy.silence.promise_at_most[severity]
    if moment > now + most:
        raise Invalid(
            f"is later than policy {policy.name} allows for {severity}: at most {spell_duration(most)} from now",
            field=field,
        )
    return moment


def postmortem_promise(incident: Incident, state: State, now: datetime, at: datetime) -> datetime:
    """The moment by which families are told what happened. Raises Invalid where it cannot be promised."""
    field = "postmortem_by"
    if state is not State.RESOLVED:
        raise Invalid("of a false alarm there is nothing to explain; say in the message how it came", field=field)
    if incident.exercise:
        raise Invalid("an exercise promises nothing: nothing was down", field=field)
    if incident.held:
        raise Invalid("families were told nothing of this incident: there is nobody to promise it to", field=field)
    if at <= now:
        raise Invalid("lies in the past; promise a time to come", field=field)
    if at > now + PROMISED_WITHIN:
        raise Invalid(
            f"is too late: by then families have forgotten it; at most {spell_duration(PROMISED_WITHIN)} from now",
            field=field,
        )
    return at


def for_the_record(incident: Incident, facts: Facts, promise: datetime | None) -> None:
    """What nobody is told changes nothing that decides who is told what, and when (R5). Raises Invalid."""
    if promise is not None:
        raise Invalid(
            "for the record only, an update promises nobody anything; let it be told, or leave the promise out",
            field="notify",
        )
    moved = (
        ("severity", facts.severity is not incident.severity),
        ("scope", facts.scope != incident.scope),
        ("state", facts.state is not incident.state),
    )
    names = " or the ".join(name for name, changed in moved if changed)
    if names:
        raise Invalid(
            f"for the record only, an update cannot change the {names}: that decides who is told what, and when; "
            "let it be told, or leave the change out",
            field="notify",
        )
