"""One policy document: YAML data to the domain's `Policy`."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar

from alertd.domain.errors import Invalid
from alertd.domain.incident import Kind, Severity
from alertd.domain.policy import Holdings, Policy, RoleDefaults, Silence
from alertd.domain.service import Services
from alertd.ingest import shapes
from alertd.ingest.durations import parse_duration, spell_duration
from alertd.ingest.family import LISTS, channel_lists, on_duty, quiet_hours
from alertd.ingest.reading import Entries, Field
from alertd.policy_file.built_in import BUILT_IN
from alertd.policy_file.escalation import read_escalation

T = TypeVar("T")

KEYS = (
    *("services", "first_notice", "confirm", "resolve_hold", "silence", "wakes", "sources", "always"),
    *("floor", "caregivers", "escalation", "responders"),
)
"""What a policy may say beside its name; `schema` describes the same to editors, as all of these in capitals."""

SILENCE = ("window", "quiet", "promise_at_most", "news", "holdings")
HOLDINGS = {"loud": (0, 1000), "sms_per_day": (1, 1440)}  # at least, at most
CAREGIVER = (*LISTS, "quiet_hours", "on_duty")
WORDS = 100

SHORTEST = timedelta(seconds=60)
"""No window is shorter: the sweeper, which keeps it, must look twice within it, however seldom it is set to."""
LONGEST = timedelta(days=7)
"""No silence is longer: a family that hears nothing for so long believes itself forgotten."""
WAKING = tuple(kind.value for kind in Kind if kind not in (Kind.POSTMORTEM, Kind.EXERCISE, Kind.RECALL))
RIGHTS = ("open", "raise", "widen", "resolve")
WAKES = ("sms", "voice")
FLOOR = (*WAKES, "console")
_NO_FLOOR = {
    "push": "push never counts: its provider forbids relying on it for emergencies. Name sms or voice",
    "email": "email wakes nobody. Name sms or voice",
}


def read_policy(document: Field, stem: str, services: Services | None) -> Policy:
    """Read one policy; what it leaves out is built in. Mistakes are noted in the document's Reading.

    `stem` is the file's name without .yaml; `services` is None where services.yaml itself cannot be read.
    """
    keys = document.entries(
        required=("policy",),
        optional=KEYS,
    )
    name = keys.take("policy", shapes.slug, "")
    if name and name != stem:
        keys["policy"].wrong(f'is "{name}", but the file is {stem}.yaml; make them the same')
    always = _always(keys["always"]) if "always" in keys else BUILT_IN.always
    caregivers = _caregivers(keys["caregivers"]) if "caregivers" in keys else BUILT_IN.caregivers
    responders = dict(BUILT_IN.responders) | (_responders(keys["responders"]) if "responders" in keys else {})
    escalation = BUILT_IN.escalation
    if "escalation" in keys:
        roles = {*always, *caregivers, *BUILT_IN.always} - {"default", ""}
        escalation = read_escalation(keys["escalation"], always, roles, responders)
    return Policy(
        name=name,
        services=_services(document, keys, name, services),
        first_notice=_by_severity(keys, "first_notice", _positive, BUILT_IN.first_notice),
        confirm=_by_severity(keys, "confirm", partial(_or_word, "human", parse_duration), BUILT_IN.confirm),
        resolve_hold=keys.take("resolve_hold", parse_duration, BUILT_IN.resolve_hold),
        silence=_silence(keys["silence"]) if "silence" in keys else BUILT_IN.silence,
        wakes=_wakes(keys["wakes"]) if "wakes" in keys else BUILT_IN.wakes,
        always=always,
        floor=_floor(keys["floor"]) if "floor" in keys else BUILT_IN.floor,
        caregivers=caregivers,
        sources=_sources(keys["sources"]) if "sources" in keys else BUILT_IN.sources,
        escalation=escalation,
        responders=responders,
    )


def _services(document: Field, keys: Entries, name: str, services: Services | None) -> tuple[str, ...]:
    if name == "default":
        if "services" in keys:
            keys["services"].wrong("does not belong here: this policy is for every service that no other owns")
        return ()
    if not isinstance(document.value, dict):
        return ()  # said already
    if "services" not in keys or not keys["services"].value:
        document.child("services").wrong("names no service, so nothing would use this policy; name at least one")
        return ()
    convert = shapes.slug if services is None else shapes.one_of(services.names, "declared in services.yaml")
    return _words(keys["services"], convert)


def _by_severity(
    keys: Entries, name: str, convert: Callable[[object], T], built_in: Mapping[Severity, T]
) -> dict[Severity, T]:
    # What is wrong is left out, so that checks between values look at right ones only.
    values = dict(built_in)
    if name in keys:
        for severity, entry in keys[name].entries(optional=shapes.SEVERITIES).items():
            values.pop(Severity(severity), None)
            for value in entry.convert(convert):
                values[Severity(severity)] = value
    return values


def _silence(field: Field) -> Silence:
    keys = field.entries(optional=SILENCE)
    built_in = BUILT_IN.silence
    quiet = partial(_or_word, "wait", _window)
    silence = Silence(
        window=_by_severity(keys, "window", _window, built_in.window),
        quiet=_by_severity(keys, "quiet", quiet, built_in.quiet),
        promise_at_most=_by_severity(keys, "promise_at_most", _positive, built_in.promise_at_most),
        news=_by_severity(keys, "news", _positive, built_in.news),
        holdings=_holdings(keys["holdings"]) if "holdings" in keys else built_in.holdings,
    )
    for severity, window in silence.window.items():
        for name, limits in (("promise_at_most", silence.promise_at_most), ("quiet", silence.quiet)):
            limit = limits.get(severity)
            if limit is not None and limit < window:
                place = field.child(name).child(severity)
                origin = " (built in)" if place.value is None else ""
                place.wrong(
                    f"is {spell_duration(limit)}{origin}, shorter than the silence window of"
                    f" {spell_duration(window)}; make it at least {spell_duration(window)}"
                )
    return silence


def _holdings(field: Field) -> Holdings:
    keys = field.entries(optional=tuple(HOLDINGS))
    built_in = BUILT_IN.silence.holdings
    loud, a_day = (
        partial(shapes.whole, least=HOLDINGS[name][0], most=HOLDINGS[name][1]) for name in ("loud", "sms_per_day")
    )
    return Holdings(
        loud=keys.take("loud", loud, built_in.loud),
        sms_per_day=keys.take("sms_per_day", a_day, built_in.sms_per_day),
    )


def _wakes(field: Field) -> dict[Severity, frozenset[Kind]]:
    convert = shapes.one_of(WAKING, "a kind of update that can wake")
    wakes = dict(BUILT_IN.wakes)
    for severity, entry in field.entries(optional=shapes.SEVERITIES).items():
        words = _words(entry, convert)
        wakes[Severity(severity)] = frozenset(Kind(word) for word in words if word)
    return wakes


def _always(field: Field) -> tuple[str, ...]:
    if field.value == []:
        field.wrong(f"must name at least one role; left out, it is {', '.join(BUILT_IN.always)}")
    return _words(field, shapes.slug)


def _floor(field: Field) -> tuple[str, ...]:
    if field.value == []:
        field.wrong("must name at least one channel that wakes: sms or voice")
    words = _words(field, _floor_channel)
    if words == ("console",):
        field.wrong(
            "names console alone, which shows messages on a screen and wakes nobody. Name sms or voice too"
        )
    return words


def _floor_channel(value: object) -> str:
    word = shapes.text(value)
    if word in _NO_FLOOR:
        raise Invalid(_NO_FLOOR[word])
    return shapes.one_of(FLOOR, "a channel that wakes")(word)


def _caregivers(field: Field) -> dict[str, RoleDefaults]:
    roles: dict[str, RoleDefaults] = {}
    for name, entry in field.named().items():
        for role in entry.convert(shapes.slug, name):
            keys = entry.entries(optional=CAREGIVER)
            lists = channel_lists(keys)
            roles[role] = RoleDefaults(
                **lists,
                quiet_hours=keys.take("quiet_hours", quiet_hours, None),
                on_duty=keys.take("on_duty", on_duty, None),
            )
    roles["default"] = _over_built_in(roles.get("default", RoleDefaults()))
    return roles


def _over_built_in(own: RoleDefaults) -> RoleDefaults:
    built_in = BUILT_IN.caregivers["default"]
    if own.default is None:  # a list for every severity leaves no severity open
        own = replace(
            own,
            critical=built_in.critical if own.critical is None else own.critical,
            major=built_in.major if own.major is None else own.major,
            minor=built_in.minor if own.minor is None else own.minor,
        )
    return replace(own, quiet_hours=own.quiet_hours or built_in.quiet_hours)


def _sources(field: Field) -> dict[str, tuple[str, ...]]:
    right = shapes.one_of(RIGHTS, "something a source may do")
    return {
        name: _words(entry, right)
        for source, entry in field.named().items()
        for name in entry.convert(shapes.key, source)
    }


def _responders(field: Field) -> dict[str, str]:
    return {
        name: entry.take(shapes.slug, "")
        for responder, entry in field.named().items()
        for name in entry.convert(shapes.slug, responder)
    }


def _words(field: Field, convert: Callable[[object], str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(member.take(convert, "") for member in field.each(most=WORDS)))


def _positive(value: object) -> timedelta:
    length = parse_duration(value)
    if not length:
        raise Invalid("must be longer than nothing")
    return length


def _window(value: object) -> timedelta:
    length = parse_duration(value)
    if length < SHORTEST:
        raise Invalid(f"is {spell_duration(length)}; a silence window is at least 60s")
    if length > LONGEST:
        raise Invalid(f"is {spell_duration(length)}; a silence window is at most {spell_duration(LONGEST)}")
    return length


def _or_word(word: str, convert: Callable[[object], timedelta], value: object) -> timedelta | None:
    if value == word:
        return None
    try:
        return convert(value)
    except Invalid as error:
        raise Invalid(f'{error.message}, or "{word}"') from None
