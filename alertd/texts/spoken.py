"""Words for the ear: what a voice would spell out, or read as noise, is left out. Pure."""

import re
from unicodedata import category

_URL = re.compile(r"(?:https?://|www\.)[^\s,;)]*[^\s,;).!?]", re.IGNORECASE)
_ASIDE = re.compile(r"\s*[(\[{]\s*([^)\]}]*?)\s*[)\]}]")
_DASH = re.compile(r"\s+[-\u2013\u2014]\s+")
_NOISE = frozenset('*_#~^|\\<>`"\u2022\u00b7')
_BEFORE_MARK = re.compile(r"\s+([,.;:!?])")
_DOUBLED = re.compile(r"[,;:]+\s*([,;:.!?])")
_COMPARES = re.compile("(<=|>=|[<>\u2264\u2265\u00b1\u2212])(?=\\s*\\d)")
"""Before a number they say which side of it is meant: "< 70" is no "70". Voices know them."""
_KINDS = ("So", "Sk", "Sm", "Cc", "Cf", "Cs", "Co", "Cn")
_SIGNS = frozenset("+%&$\u20ac\u00a3=")  # voices know their names


class _Aloud(dict[int, int]):
    """What each character becomes, found once: a space where a voice would read noise."""

    def __missing__(self, code: int) -> int:
        character = chr(code)
        noise = character in _NOISE or (category(character) in _KINDS and character not in _SIGNS)
        self[code] = made = ord(" ") if noise else code
        return made


_ALOUD = _Aloud()


def spoken(text: str) -> str:
    """One line without addresses of pages, symbols, and brackets, whose content stands between commas."""
    text = _DASH.sub(", ", _ASIDE.sub(r", \1,", _URL.sub(" ", text)))
    parts = _COMPARES.split(text)
    text = "".join(part if place % 2 else part.translate(_ALOUD) for place, part in enumerate(parts))
    line = _BEFORE_MARK.sub(r"\1", " ".join(text.split()))
    return _DOUBLED.sub(r"\1", line).strip(" ,;")
