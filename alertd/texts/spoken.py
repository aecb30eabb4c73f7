"""Words for the ear: what a voice would spell out, or read as noise, is left out. Pure."""

import re
from unicodedata import category

_URL = re.compile(r"(?:https?://|www\.)[^\s,;)]*[^\s,;).!?]", re.IGNORECASE)
_ASIDE = re.compile(r"\s*[(\[{]\s*([^)\]}]*?)\s*[)\]}]")
_DASH = re.compile(r"\s+[-\u2013\u2014]\s+")
_NOISE = frozenset('*_#~^|\\<>`"\u2022\u00b7')
_BEFORE_MARK = re.compile(r"\s+([,.;:!?])")
_DOUBLED = re.compile(r"[,;:]+\s*([,;:.!?])")
_SIGNS = frozenset("+%&$\u20ac\u00a3=")  # voices know their names


def spoken(text: str) -> str:
    """One line without addresses of pages, symbols, and brackets, whose content stands between commas."""
    text = _DASH.sub(", ", _ASIDE.sub(r", \1,", _URL.sub(" ", text)))
    kept = "".join(" " if c in _NOISE or _symbol(c) else c for c in text)
    line = _BEFORE_MARK.sub(r"\1", " ".join(kept.split()))
    return _DOUBLED.sub(r"\1", line).strip(" ,;")


def _symbol(character: str) -> bool:
    return category(character) in ("So", "Sk", "Sm", "Cc", "Cf", "Cs", "Co", "Cn") and character not in _SIGNS
