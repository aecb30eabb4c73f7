"""JSON as alertd reads it: bounded, and strict where Python's decoder is lax."""

import json
from typing import NoReturn

from alertd.domain.errors import Invalid, quote

MOST_BYTES = 256 * 1024


def read_json(data: bytes, most: int = MOST_BYTES) -> object:
    """Decode one JSON document. Raises Invalid, never quoting what the document holds.

    Refused: more than `most` bytes, text that is not UTF-8, broken or deeply nested JSON, keys given twice,
    NaN and infinities.
    """
    if len(data) > most:
        raise Invalid(f"is larger than {most // 1024} KB")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"is not UTF-8 text (byte {error.start + 1}); save or send it as UTF-8") from None
    try:
        return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant, parse_int=_whole)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise Invalid(f"is not JSON: {error.msg[0].lower()}{error.msg[1:]} ({place})") from None
    except RecursionError:
        raise Invalid("is nested too deeply") from None


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Invalid(f'has the key "{quote(twice)}" twice; keep one')
    return found


def _constant(name: str) -> NoReturn:
    raise Invalid(f"holds {name}, which is not JSON")


def _whole(digits: str) -> int:
    # No whole number here has more than a few digits; int() refuses more than 4,300 with an error of its own.
    if len(digits) > 18:
        raise Invalid("holds a number with more than 18 digits")
    return int(digits)
