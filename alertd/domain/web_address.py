"""Web addresses in ASCII, the one form that leads to the same place whatever is done to letters. Pure."""

import re
from unicodedata import category
from urllib.parse import quote

_TWO_NAMES = re.compile("[ßẞς\u200c\u200d]")
"""What IDNA 2003, which Python knows, and IDNA 2008, which browsers follow, look up under different names.

https://www.rfc-editor.org/rfc/rfc5894#section-7.2
"""

_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_PATH = "/%:@!$&'()*+,;=~"  # https://www.rfc-editor.org/rfc/rfc3986#section-3.3, and what is quoted already
_ADDRESS = re.compile(  # with a scheme, or the name of a host and a path
    r"((?:https?://|www\.)|(?<![\w.-])(?=[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}/))"
    r"([^\s/?#<>\"\u2010-\u2013]+)"
    r"([^\s<>\"]*[^\s<>\".,;:!?)\u00b7\u2010-\u2013])?",
    re.IGNORECASE,
)
_WITHIN = "\u00b7\u2010\u2011\u2012\u2013"  # signs that stand between letters, as between years
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # marks that belong to a sign, not to a letter


def ascii_host(host: str) -> str:
    """The name of a host as DNS knows it (`xn--...`), ASCII as it is.

    Raises UnicodeError for one that cannot exist, and for one that leads some programs elsewhere than others.
    """
    named = host.encode("idna").decode()
    if _TWO_NAMES.search(host):
        raise UnicodeError("a letter has two spellings in the names of hosts")
    return host if host.isascii() else named


def ascii_path(path: str) -> str:
    """A path with all that may not stand in one as %xx; what is quoted already stays so."""
    return quote(path, safe=_PATH, errors="replace")


def in_ascii(text: str) -> str:
    """A text whose web addresses are in ASCII; all else of it as it was."""
    if text.isascii() or ("/" not in text and "www." not in text.lower()):
        return text
    ends = "".join(filter(_ends, sorted(set(text))))
    parts = re.split(f"([{re.escape(ends)}])", text) if ends else [text]
    return "".join(_ADDRESS.sub(_written, part) for part in parts)


def _ends(character: str) -> bool:
    """Whether no address goes on with it: an emoji or a dash behind one leads nowhere, and nobody means it."""
    if character.isascii() or character in _WITHIN or character.isspace():
        return False
    return category(character)[0] not in "LMN" or _SELECTORS.match(character) is not None


def _written(found: re.Match[str]) -> str:
    scheme, host, rest = found[1], found[2], found[3] or ""
    try:
        name = ascii_host(host)
    except UnicodeError:
        name = quote(host, safe=_ASCII, errors="replace")  # browsers know what it says
    return scheme + name + quote(rest, safe=_ASCII, errors="replace")
