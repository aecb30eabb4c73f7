"""How many SMS segments a text takes, and how to keep it in the cheap alphabet. Pure.

A segment holds 140 bytes: 160 septets of GSM-7 or 70 units of UTF-16 when alone, 153 or 67 when joined,
because a joined segment carries a header of its own. Source: 3GPP TS 23.038 (alphabet) and TS 23.040
(concatenation), https://www.etsi.org/deliver/etsi_ts/123000_123099/123038/
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category, combining, normalize

from alertd.domain.web_address import in_ascii

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a septet: they cost two, and are never parted
_ALPHABET = _BASIC | _EXTENDED
# Every SMS is measured as it is handed over: a search takes a quarter of what comparing sets takes.
_FOREIGN = re.compile(f"[^{re.escape(''.join(sorted(_ALPHABET)))}]")
_ESCAPED = re.compile(f"[{re.escape(''.join(sorted(_EXTENDED)))}]")

_SELECTORS = "\ufe0e\ufe0f"  # how an emoji is drawn; other marks belong to their letters
_TYPOGRAPHY = {
    **dict.fromkeys("\u2018\u2019\u201a\u2039\u203a\u00b4`\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u00ab\u00bb\u2033", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022\u00b7", "-"),
    **dict.fromkeys("\t\u00a0\u2007\u2009\u202f\u2028\u2029", " "),
    "\u2026": "...",
    "\u2044": "/",
    "\u00d7": "x",
    **dict.fromkeys("\u2192\u27a1", "->"),
    "\u0153": "oe",
    "\u0152": "OE",
    "\u0142": "l",
    "\u0141": "L",
    "\u0131": "i",
    "\u00b0": " deg",
    **dict.fromkeys("\u2264\u2266\u2a7d", "<="),
    **dict.fromkeys("\u2265\u2267\u2a7e", ">="),
    "\u2260": "=/=",
    "\u2248": "~",
    "\u00b1": "+/-",
    "\u00f7": "/",
}
_SUPERSCRIPTS = frozenset("\u00b9\u00b2\u00b3" + "".join(map(chr, (0x2070, *range(0x2074, 0x207C)))))
_NOT = "\u0338"  # the stroke that turns a sign into its opposite
_LOWERED = "[\u2080-\u208e\u2460-\u2473\u24ea]"  # subscripts, and numbers in circles
_JOINED = re.compile(f"(?<=[0-9]){_LOWERED}|{_LOWERED}(?=[0-9])")  # folded, they would be digits of the number
_PER = frozenset("\u2030\u2031\u066a")
# Up and down, as readers of glucose show where it goes: arrows, triangles, charts. GSM-7 has none of them.
_TREND = re.compile(
    "[\u2190-\u21ff\u23e9-\u23ec\u25b2-\u25b5\u25bc-\u25bf\u2794\u2798-\u27be\u27f0-\u27ff\u2900-\u297f"
    "\u2b00-\u2b11\u2b60-\u2bb8\U0001f4c8\U0001f4c9\U0001f53a-\U0001f53d\U0001f800-\U0001f8ff]"
)
_MIXED = re.compile("(?<=[0-9])(?=[\u00bc-\u00be\u2150-\u215f\u2189])")  # two and a half, written in one


class Accents(StrEnum):
    """What becomes of letters that GSM-7 lacks in an SMS (`sms_accents`)."""

    FOLD = "fold"  # "á" becomes "a": more than twice as many characters fit
    KEEP = "keep"  # kept where nothing that matters is lost for it


class Alphabet(StrEnum):
    """What an SMS is coded in."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True, slots=True)
class Size:
    """What a text costs: `units` are septets (GSM-7) or UTF-16 code units (UCS-2)."""

    alphabet: Alphabet
    units: int
    segments: int


def measure(text: str) -> Size:
    """Count the segments of a text as it stands, without folding it."""
    if _FOREIGN.search(text):
        return _packed(Alphabet.UCS2, [2 if ord(c) > 0xFFFF else 1 for c in text], alone=70, joined=67)
    if not _ESCAPED.search(text):
        units = len(text)
        return Size(Alphabet.GSM7, units, 1 if units <= 160 else -(-units // 153))
    return _packed(Alphabet.GSM7, [2 if c in _EXTENDED else 1 for c in text], alone=160, joined=153)


def fold(text: str) -> str:
    """The text in GSM-7 where its language allows, else unchanged.

    Letters that GSM-7 lacks lose their accents, typography becomes plain, emoji and other symbols go. A letter
    that cannot be folded (Cyrillic, Chinese) means that the language does not allow it: all stays as it was. So it
    does where a number would be another one, or lose where it goes: ten to the third is not 103. Web addresses
    lead where they led: their letters are written as %xx.
    """
    if _ALPHABET.issuperset(text):
        return text
    composed = normalize("NFC", in_ascii(text))
    plain = {character: _plain(character) for character in set(composed) - _ALPHABET}
    if None in plain.values() or _JOINED.search(composed):
        return text
    parted = _MIXED.sub(" ", composed)
    return parted.translate({ord(character): known for character, known in plain.items()})


def plain_marks(text: str) -> str:
    """The text with its letters kept and its typography plain: a dash or an emoji is worth no dear message."""
    composed = normalize("NFC", in_ascii(text))
    marks = {c: _plain(c) for c in set(composed) - _ALPHABET if category(c)[0] not in "LNM" or c in _SELECTORS}
    return composed.translate({ord(c): plain for c, plain in marks.items() if plain is not None})


def _plain(character: str) -> str | None:
    if character in _ALPHABET:
        return character
    if character in _TYPOGRAPHY:
        return _TYPOGRAPHY[character]
    if character in _SUPERSCRIPTS or _NOT in normalize("NFKD", character):
        return None
    if character in _PER or _TREND.match(character):
        return None
    base = "".join(_TYPOGRAPHY.get(c, c) for c in normalize("NFKD", character) if not combining(c))
    if base and all(c in _ALPHABET for c in base):
        return base
    # Letters, digits, signs of mathematics and currencies carry meaning; other symbols, marks, joiners and
    # characters newer than Python's tables do not.
    kind = category(character)
    return None if kind[0] in "LN" or kind in ("Sm", "Sc") else ""


def _packed(alphabet: Alphabet, costs: list[int], *, alone: int, joined: int) -> Size:
    units = sum(costs)
    if units <= alone:
        return Size(alphabet, units, 1)
    segments, room = 1, joined
    for cost in costs:
        if cost > room:
            segments, room = segments + 1, joined
        room -= cost
    return Size(alphabet, units, segments)
