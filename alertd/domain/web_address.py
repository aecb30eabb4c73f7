"""Web addresses in ASCII, the one form that leads to the same place whatever is done to letters. Pure."""

import re
from urllib.parse import quote

_TWO_NAMES = re.compile("[ßẞς\u200c\u200d]")
"""What IDNA 2003, which Python knows, and IDNA 2008, which browsers follow, look up under different names.

https://www.rfc-editor.org/rfc/rfc5894#section-7.2
"""

_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_PATH = "/%:@!$&'()*+,;=~"  # https://www.rfc-editor.org/rfc/rfc3986#section-3.3, and what is quoted already
_ADDRESS = re.compile(  # with a scheme, or the name of a host and a path
    r"((?:https?://|www\.)|(?<![\w.-])(?=[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,}/))"
    r"([^\s/?#<>\"\u00ab\u00bb\u2018-\u201f]+)"
    r"([^\s<>\"\u00ab\u00bb\u2018-\u201f]*[^\s<>\"\u00ab\u00bb\u2018-\u201f.,;:!?)\u2026])?",
    re.IGNORECASE,
)


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
    return _ADDRESS.sub(_written, text)


def _written(found: re.Match[str]) -> str:
    scheme, host, rest = found[1], found[2], found[3] or ""
    try:
        name = ascii_host(host)
    except UnicodeError:
        name = quote(host, safe=_ASCII, errors="replace")  # browsers know what it says
    return scheme + name + quote(rest, safe=_ASCII, errors="replace")
