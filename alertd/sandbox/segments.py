"""How many SMS segments a text takes, and so what it costs.

Alphabet and sizes: 3GPP TS 23.038, sections 6.2.1 and 6.1.2; https://www.twilio.com/docs/glossary/what-sms-character-limit
"""

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")  # two septets each
_ALL = _BASIC | _EXTENDED


def segments(text: str) -> int:
    """Segments of a text: 160 septets or 70 UTF-16 units in one, 153 or 67 in each of several; at least 1."""
    used = set(text)
    if used <= _ALL:
        units, alone, joined = len(text) + sum(text.count(char) for char in used & _EXTENDED), 160, 153
    else:
        units, alone, joined = len(text.encode("utf-16-le", "surrogatepass")) // 2, 70, 67
    return 1 if units <= alone else -(-units // joined)
