"""What the small values of every document must look like. Each takes a decoded value and raises Invalid.

Names of people, addresses and texts are never quoted in an error; words of alertd's own vocabulary are.
"""

import re
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from unicodedata import category
from zoneinfo import available_timezones

from alertd.domain.errors import Invalid, quote
from alertd.domain.event import FIRST
from alertd.domain.incident import Severity
from alertd.ingest.reading import hint, kind

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@+-]*")
_SLUG = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_REGION = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LOCALE = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|[0-9]{3}))?", re.IGNORECASE)

_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_CITIES_IN = ("africa/", "america/", "asia/", "atlantic/", "australia/", "europe/", "indian/", "pacific/")
_NO_CITIES = frozenset({"act", "lhi", "nsw", "north", "south", "west", "cordoba", "merida"})
"""Old names of Australia's zones, and cities that stand in Spain, too."""
_SAME_PLACE = 0.9  # "America/Los_Angelos" is; "America/St_Louis" and "America/St_Lucia", at 0.88, are two places

SEVERITIES = tuple(severity.value for severity in Severity)


def text(value: object, longest: int = 200, *, lines: bool = False) -> str:
    """Text of 1 to `longest` characters without control characters; `lines` lets it break into lines."""
    if not isinstance(value, str):
        raise Invalid(f"must be a text, not {kind(value)}")
    clean = value.strip()
    if not clean:
        raise Invalid("must not be empty")
    if len(clean) > longest:
        raise Invalid(f"has {len(clean)} characters; at most {longest} are taken")
    allowed = "\n\t" if lines else ""
    if not clean.isprintable() and any(_control(c) and c not in allowed for c in clean):
        raise Invalid("holds a control character" if lines else "holds a line break or control character")
    return clean


def key(value: object) -> str:
    """A short id that is safe in URLs: letters, digits and . _ : @ + - ; at most 100 of them."""
    clean = text(value, 100)
    if not _KEY.fullmatch(clean):
        raise Invalid("may hold only letters, digits and . _ : @ + - and begins with a letter or digit")
    return clean


def slug(value: object) -> str:
    """A lower-case word such as "parent" or "school-nurse"."""
    clean = text(value, 60)
    if not _SLUG.fullmatch(clean):
        better = re.sub(r"[^a-z0-9]+", "-", clean.lower()).strip("-")
        way_out = f'write "{better}"' if _SLUG.fullmatch(better) else 'write for example "parent"'
        raise Invalid(f"is no plain lower-case word; {way_out}")
    return clean


def region(value: object) -> str:
    """A region such as "us" or "us-west"; a hyphen begins a narrower part."""
    clean = text(value, 60).lower()
    if not _REGION.fullmatch(clean):
        raise Invalid(f'"{quote(clean)}" is no region; write for example "us-west"')
    return clean


def locale(value: object) -> str:
    """A language, and perhaps a country: "en", "es-MX"; written in the usual case."""
    clean = text(value, 20)
    found = _LOCALE.fullmatch(clean)
    if found is None:
        raise Invalid(f'"{quote(clean)}" is no locale; write for example "en" or "es-MX"')
    language, script, country = found.groups()
    parts = (language.lower(), script and script.title(), country and country.upper())
    return "-".join(part for part in parts if part)


def time_zone(value: object) -> str:
    """A name of the IANA time zone database."""
    clean = text(value, 60)
    zones = _zones()
    if clean not in zones:
        raise Invalid(f'"{quote(clean)}" is no time zone{_near_zone(clean)}')
    return clean


def instant(value: object) -> datetime:
    """A moment with its offset from UTC, as ISO 8601; handed back in UTC."""
    clean = text(value, 40)
    example = 'write for example "2026-11-01T00:00:00Z"'
    try:
        moment = datetime.fromisoformat(clean)
    except ValueError:
        raise Invalid(f'"{quote(clean)}" is no date and time; {example}') from None
    if moment.tzinfo is None:
        raise Invalid(f'"{quote(clean)}" does not say in which zone; {example}')
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid(f'"{quote(clean)}" is out of range; {example}') from None


def began(value: object) -> datetime | None:
    """When something began, as a machine says; None: it does not know.

    Programs without an answer write their zero, such as Go's year 1 or Unix's 1970: it would be told to families,
    and no clock west of Greenwich can show the first.
    """
    moment = instant(value)
    return moment if moment >= FIRST else None


def whole(value: object, least: int = 0, most: int = 1_000_000) -> int:
    """A whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Invalid(f"must be a whole number, not {kind(value) if not isinstance(value, float) else value}")
    if not least <= value <= most:
        raise Invalid(f"is {value}; it must lie between {least} and {most:,}")
    return value


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Invalid(f"must be true or false, not {kind(value)}")
    return value


def one_of(words: Collection[str], what: str) -> Callable[[object], str]:
    """One of `words`; `what` says what they are ("a channel")."""

    def convert(value: object) -> str:
        clean = text(value, 100)
        if clean not in words:
            raise Invalid(f'"{quote(clean)}" is not {what}{hint(clean, words)}')
        return clean

    return convert


def severity(value: object) -> Severity:
    """One of the three severities."""
    return Severity(one_of(SEVERITIES, "a severity")(value))


def _control(character: str) -> bool:
    # Unassigned characters pass: they are the emoji of a later Unicode than Python's. Bidi overrides do not.
    return category(character) in ("Cc", "Cs", "Zl", "Zp") or character in _BIDI


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - {"localtime", "Factory"})


@cache
def _places() -> dict[str, str]:
    """Zones that are named after a place, by their name in lower case."""
    places = [zone for zone in sorted(_zones()) if "/" in zone and not zone.startswith("Etc/")]
    return {zone.lower(): zone for zone in places}


def _near_zone(name: str) -> str:
    # "PST", "IST" and "UTC+2" mean no zone alone, and resemble wrong ones: only a place's own name leads to it.
    word = re.sub(r"[\s-]+", "_", name).lower()
    places = _places()
    if "/" in word:
        found = get_close_matches(word, places, n=1, cutoff=_SAME_PLACE)
    elif word == "utc":
        return '; did you mean "UTC"?'
    else:  # "Los Angeles" or "denver": the city alone; San Juan is not that of America/Argentina
        cities = [each for each in places if each.startswith(_CITIES_IN) and each.partition("/")[2] == word]
        found = cities if len(cities) == 1 and word not in _NO_CITIES else []
    return f'; did you mean "{places[found[0]]}"?' if found else "; write a place, like America/Los_Angeles"
