"""A published JSON Schema, checked twice: quickly, and by the book when the quick check has a doubt.

The quick check is the schema turned into msgspec types (a few microseconds a message instead of hundreds). It
may refuse what the schema allows, never the reverse; a test holds it to that. What it refuses, `jsonschema`
judges, so every refusal is the schema's own.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

import jsonschema
import msgspec

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Violation:
    """Where a value breaks the schema, and which of its rules; never the value itself."""

    path: tuple[str | int, ...]  # of the value, or of the object that lacks or has too many keys
    rule: str  # the schema's keyword: "type", "pattern", "required", ...
    keys: tuple[str, ...] = ()  # "required" and "additionalProperties": which keys
    expected: Any = None  # what the keyword asks for

    @property
    def field(self) -> str:
        """The path with dots: `message.android.ttl`."""
        return ".".join(str(part) for part in (*self.path, *self.keys[:1]))

    def __str__(self) -> str:
        if self.rule == "required":
            return f"{self.field}: missing"
        if self.rule == "additionalProperties":
            return f"{self.field}: unknown field"
        return f"{self.field or 'the request'}: breaks {self.rule} {self.expected!r}"


class Contract:
    """One schema; `$ref` resolves inside `definitions` by the last part of its path."""

    def __init__(self, schema: Schema, definitions: Mapping[str, Schema]) -> None:
        plain = _inlined(schema, definitions)
        self._judge = jsonschema.Draft202012Validator(plain)
        self._type = _as_type(plain, "Request")

    def quickly_ok(self, value: object) -> bool:
        """True only for values that keep the contract; False may be a false alarm."""
        try:
            msgspec.convert(value, self._type)
        except msgspec.ValidationError:
            return False
        return True

    def violations(self, value: object) -> list[Violation]:
        """How `value` breaks the contract; empty if it keeps it."""
        if self.quickly_ok(value):
            return []
        errors = sorted(self._judge.iter_errors(value), key=lambda e: [str(part) for part in e.absolute_path])
        return [violation for error in errors for violation in _violations(error)]


def _violations(error: jsonschema.ValidationError) -> Iterator[Violation]:
    path = tuple(error.absolute_path)
    rule, expected, schema = str(error.validator), cast(Any, error.validator_value), cast(Schema, error.schema)
    given = error.instance if isinstance(error.instance, dict) else {}
    if rule == "required":
        wanted: list[str] = list(expected)
        # jsonschema reports each missing key by itself; its message names the key first, quoted.
        missing = next(key for key in wanted if key not in given and error.message.startswith(repr(key)))
        yield Violation(path, "required", (missing,))
    elif rule == "additionalProperties" and expected is False:
        known = schema.get("properties", {})
        for key in given:
            if key not in known:
                yield Violation(path, "additionalProperties", (key,))
    else:
        yield Violation(path, rule, (), expected)


def _inlined(schema: Schema, definitions: Mapping[str, Schema]) -> dict[str, Any]:
    """The schema with each `$ref` replaced by what it names; the contracts used here have no cycles."""
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rsplit("/", 1)[-1]], definitions)
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            plain[key] = {name: _inlined(child, definitions) for name, child in value.items()}
        elif key in {"items", "additionalProperties"} and isinstance(value, Mapping):
            plain[key] = _inlined(value, definitions)
        else:
            plain[key] = value
    return plain


def _as_type(schema: Schema, name: str) -> Any:
    """A msgspec type no wider than the schema. Raises KeyError for a type it doesn't know."""
    if not schema:
        return Any
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    return _BUILDERS[schema["type"]](schema, name)


def _object(schema: Schema, name: str) -> Any:
    extra = schema.get("additionalProperties", True)
    if isinstance(extra, Mapping):
        return dict[str, _as_type(extra, f"{name}Value")]  # type: ignore[misc]
    required = set(schema.get("required", ()))
    fields: list[Any] = []
    for field, child in schema.get("properties", {}).items():
        kind = _as_type(child, name + field.title())
        fields.append((field, kind) if field in required else (field, kind | msgspec.UnsetType, msgspec.UNSET))
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=extra is False)


def _array(schema: Schema, name: str) -> Any:
    return list[_as_type(schema.get("items", {}), f"{name}Item")]  # type: ignore[misc]


def _string(schema: Schema, _: str) -> Any:
    limits = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
    return Annotated[str, msgspec.Meta(**{to: schema[of] for of, to in limits.items() if of in schema})]


def _number(kind: type[int] | type[float]) -> Callable[[Schema, str], Any]:
    def build(schema: Schema, _: str) -> Any:
        limits = {"minimum": "ge", "maximum": "le"}
        return Annotated[kind, msgspec.Meta(**{to: schema[of] for of, to in limits.items() if of in schema})]

    return build


_BUILDERS: dict[str, Callable[[Schema, str], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _number(int),
    "number": _number(float),
    "boolean": lambda _schema, _name: bool,
}
