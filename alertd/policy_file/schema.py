"""The policy file as a JSON Schema: what editors know of it while somebody types.

Keys, words and limits are those that the loader reads by. What needs more than one value to judge (a promise
shorter than its window), other files (who owns a service) or a clock is left to `alertd policy check`.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from alertd.domain.durations import spell_duration
from alertd.domain.family import CHANNELS
from alertd.domain.incident import Severity
from alertd.ingest.family import LISTS
from alertd.ingest.shapes import SEVERITIES
from alertd.policy_file import escalation, policy
from alertd.policy_file.built_in import BUILT_IN

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_WORD = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
_SOURCE = r"^[A-Za-z0-9][A-Za-z0-9._:@+-]*$"
_LENGTH = r"^(?=.*[1-9])([0-9]{1,4}d)?([0-9]{1,5}h)?([0-9]{1,6}m)?([0-9]{1,7}s)?$"
_TIME = r"([01]?[0-9]|2[0-3]):[0-5][0-9]\s*-\s*(([01]?[0-9]|2[0-3]):[0-5][0-9]|24:00)"
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"

_MEANING = {
    "policy": "The policy's name, the same as the file's.",
    "services": "What it owns; every policy but `default` needs it.",
    "first_notice": "How soon a family hears that an outage touches it.",
    "confirm": "How long a machine's suspicion waits for a human; `human`: until somebody confirms.",
    "resolve_hold": "How long all alerts must be resolved before a source that may `resolve` ends the incident.",
    "silence": "How long families may wait.",
    "window": "The promise: the longest a family goes without hearing from us. Twice in `monitoring`.",
    "quiet": "The window while the whole family is in quiet hours; `wait`: nothing until somebody may be told.",
    "promise_at_most": 'The furthest "next update by" that a human may promise; never less than the window.',
    "news": "The longest without news by a human, after which the ladder `news` begins.",
    "holdings": "How holding updates thin out.",
    "loud": "So many holdings in a row use the preferred channels.",
    "sms_per_day": "At most so many holdings a day by SMS.",
    "wakes": "The kinds of update that may wake somebody in quiet hours.",
    "sources": "What a machine may do by itself, by its name; one not named may only propose.",
    "always": "The roles that hear every update.",
    "floor": "A critical message that wakes goes over one of these too. Push and e-mail may not stand here.",
    "caregivers": "What caregivers get who chose nothing, by role; `default` for all others.",
    "quiet_hours": 'In the caregiver\'s own zone, like "22:00-06:30"; `none` for none.',
    "on_duty": 'Like "mon-fri 08:00-15:00"; off duty means not at all, also when critical.',
    "escalation": "Who is brought in when nobody answers.",
    "families": "The ladder for families, by severity.",
    "until": "What ends it.",
    "by": "The roles whose answer is enough.",
    "steps": "In order of time.",
    "after": "How long after the first message, or after an update is due.",
    "before": "How long before an update is due.",
    "tell": "Whom: always, first, next, all, or a role.",
    "via": "Over these channels; left out: each person's own.",
    "post": "Counted from when an update is due; at least one step pages.",
    "nudge": "A message, to this responder.",
    "page": "A message that wakes, to this responder.",
    "repeat": "How often again, without end; at least 60s apart.",
    "responders": "Who they are: names that the settings give a phone or a URL to.",
}


def schema(services: Collection[str] | None = None) -> Schema:
    """The schema; `services` are those that services.yaml declares, None where any may stand."""
    service = {"type": "string", "enum": sorted(services)} if services is not None else _ref("word")
    properties = {
        "policy": _ref("word"),
        "services": _list(service, least=1),
        "first_notice": _by_severity(_ref("length"), "first_notice"),
        "confirm": _by_severity({"anyOf": [_ref("length"), _ref("nothing"), {"const": "human"}]}, "confirm"),
        "resolve_hold": {"anyOf": [_ref("length"), _ref("nothing")]},
        "silence": _silence(),
        "wakes": _by_severity(_list(_enum(policy.WAKING))),
        "sources": _free(_SOURCE, _list(_enum(policy.RIGHTS))),
        "always": _list(_ref("word"), least=1),
        "floor": _list(_enum(policy.FLOOR), least=1) | {"contains": _enum(policy.WAKES)},
        "caregivers": _free(_WORD, _caregiver()),
        "escalation": _escalation(),
        "responders": _free(_WORD, _ref("word")),
    }
    return {
        "$schema": DIALECT,
        "title": "A policy of alertd",
        "description": "What we promise to families. What a policy leaves out is built in.",
        **_keys(("policy", *policy.KEYS), properties, required=("policy",)),
        "if": {"properties": {"policy": {"const": "default"}}},
        "then": {"properties": {"services": False}},
        "else": {"required": ["services"]},
        "$defs": {
            "word": {"type": "string", "pattern": _WORD, "maxLength": 60},
            "length": {"type": "string", "pattern": _LENGTH, "examples": ["90s", "10m", "2h", "1h30m", "1d"]},
            "nothing": {"type": "string", "pattern": "^0+[dhms]$"},
            "minute": {
                "allOf": [_ref("length"), {"not": {"type": "string", "pattern": "^0*[1-5]?[0-9]s$"}}],
            },
            "channel": _enum(CHANNELS),
        },
    }


def _silence() -> Schema:
    holdings = {
        name: {"type": "integer", "minimum": least, "maximum": most}
        for name, (least, most) in policy.HOLDINGS.items()
    }
    return _keys(
        policy.SILENCE,
        {
            "window": _by_severity(_ref("minute")),
            "quiet": _by_severity({"anyOf": [_ref("minute"), {"const": "wait"}]}),
            "promise_at_most": _by_severity(_ref("length")),
            "news": _by_severity(_ref("length")),
            "holdings": _keys(tuple(policy.HOLDINGS), holdings),
        },
    )


def _caregiver() -> Schema:
    channels = _list(_ref("channel"), most=2 * len(CHANNELS))
    lists = {name: channels | ({"minItems": 1} if name == "critical" else {}) for name in LISTS}
    hours = {
        "quiet_hours": {"type": "string", "pattern": rf"^(none|{_TIME})$"},
        "on_duty": {"type": "string", "pattern": rf"^{_DAY}(-{_DAY})?(,{_DAY}(-{_DAY})?)* {_TIME}$"},
    }
    return _keys(policy.CAREGIVER, lists | hours)


def _escalation() -> Schema:
    after = {"anyOf": [_ref("length"), _ref("nothing")]}
    word = {"anyOf": [_enum(escalation.TELL), _ref("word")]}
    step = _keys(
        (*escalation.STEP, *escalation.OPTIONAL_IN_STEP),
        {
            "after": after,
            "tell": {"anyOf": [word, _list(word, least=1, most=escalation.MEMBERS)]},
            "via": _list(_ref("channel"), most=escalation.MEMBERS),
        },
        required=escalation.STEP,
    )
    ladder = {
        "until": _enum(escalation.UNTIL),
        "by": _list(_ref("word"), least=1, most=escalation.MEMBERS),
        "steps": _list(step, least=1, most=escalation.MEMBERS),
    }
    ladders = {
        severity.value: _keys(
            escalation.LADDER, ladder, required=() if severity in BUILT_IN.escalation.families else ("steps",)
        )
        for severity in Severity
    }
    responder = _ref("word")
    on_our_side = _keys(
        escalation.RESPONDER_STEP,
        {"before": after, "after": after, "nudge": responder, "page": responder, "repeat": _ref("minute")},
    )
    on_our_side["allOf"] = [
        {"oneOf": [{"required": [one]}, {"required": [other]}]}
        for one, other in (("before", "after"), ("nudge", "page"))
    ]
    steps = _list(on_our_side, most=escalation.MEMBERS)
    pages = {"contains": {"required": ["page"]}}
    return _keys(
        escalation.LADDERS,
        {
            "families": _keys(SEVERITIES, ladders),
            "responders": _keys(escalation.RESPONDER_LADDERS, {"post": steps | pages, "news": steps}),
        },
    )


def _keys(known: Iterable[str], properties: Mapping[str, Schema], required: Collection[str] = ()) -> Schema:
    """A mapping with exactly the keys that the loader knows: one without a schema is a KeyError."""
    described = {
        name: {"description": _MEANING[name], **properties[name]} if name in _MEANING else properties[name]
        for name in known
    }
    made: Schema = {"type": "object", "properties": described, "additionalProperties": False}
    return made | ({"required": list(required)} if required else {})


def _by_severity(each: Schema, built_in: str | None = None) -> Schema:
    severities = dict.fromkeys(SEVERITIES, each)
    made = _keys(SEVERITIES, severities)
    if built_in is not None:
        lengths: Mapping[Any, Any] = getattr(BUILT_IN, built_in)
        made["default"] = {s.value: spell_duration(at) if at is not None else "human" for s, at in lengths.items()}
    return made


def _free(pattern: str, each: Schema) -> Schema:
    return {"type": "object", "propertyNames": {"pattern": pattern}, "additionalProperties": each}


def _list(each: Schema, *, least: int = 0, most: int = policy.WORDS) -> Schema:
    return {"type": "array", "items": each, "maxItems": most} | ({"minItems": least} if least else {})


def _enum(words: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(words)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}
