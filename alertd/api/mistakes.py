"""What pydantic found wrong, in the words of alertd's own parsers, and never with a value."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from alertd.ingest.reading import Problem, spell


def problems_of(
    found: Iterable[Mapping[str, Any]],
    *,
    skip: int = 0,
    known: Mapping[tuple[str | int, ...], list[str]] | None = None,
) -> list[Problem]:
    """Pydantic's errors as problems; `skip` leaves out leading parts of each place.

    `known` maps the place of a set of keys to the keys it may have, for hints.
    """
    problems: list[Problem] = []
    for error in found:
        place = tuple(error["loc"])[skip:]
        problems.append(Problem(_message(error, place, known or {}), spell(place)))
    return problems


def _message(
    error: Mapping[str, Any], place: tuple[str | int, ...], known: Mapping[tuple[str | int, ...], list[str]]
) -> str:
    context = error.get("ctx") or {}
    match error["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            names = known.get(place[:-1], [])
            near = get_close_matches(str(place[-1])[:100], names, 1)
            meant = f'; did you mean "{near[0]}"?' if near else f"; known: {', '.join(names)}" if names else ""
            return f"is not known here{meant}"
        case "enum" | "literal_error":
            return f"must be one of {_options(str(context.get('expected', '')))}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be a set of keys and values"
        case "string_type":
            return "must be a text"
        case "list_type" | "tuple_type":
            return "must be a list"
        case "too_long":
            return f"has more than {context.get('max_length')} entries"
        case "string_too_long":
            return f"has more than {context.get('max_length')} characters"
        case "too_short" | "string_too_short":
            return "must not be empty"
        case "bool_type" | "bool_parsing":
            return "must be true or false"
        case "int_type" | "int_parsing" | "int_from_float":
            return "must be a whole number"
        case "greater_than_equal":
            return f"must be at least {context.get('ge')}"
        case "less_than_equal":
            return f"must be at most {context.get('le')}"
        case _:
            return str(error["msg"]).removeprefix("Value error, ").replace("Input should", "must")


def _options(expected: str) -> str:
    return expected.replace("'", "").replace('"', "")
