"""What Twilio is to say in a call, and the key it is to wait for: TwiML.

- Say: https://www.twilio.com/docs/voice/twiml/say
- Gather: https://www.twilio.com/docs/voice/twiml/gather. Without a key it goes on, and there the call ends.
"""

from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

from channels.sendable import sendable, shortened

LIMIT = 4000
"""Characters. Source: `Twiml` in https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource."""

WAIT = 10
"""Seconds in which a key may be pressed after the last word."""

_VOICES = {"en": "en-US", "es": "es-MX"}  # of the other languages Twilio knows some by their bare names
_LEAST = 40  # characters of a line that is shortened


def twiml(lines: Sequence[tuple[str, str]], action: str | None = None) -> str:
    """Says lines, each a pair of a locale and a text, with a second's pause between them.

    `action` is the URL that is told of the one key pressed, also while it speaks; None: none is waited for. Where
    all of it is too long, the longest lines lose their ends.
    """
    texts = [" ".join(_sayable(sendable(text)).split()) for _, text in lines]
    while (
        len(made := _drawn([(locale, text) for (locale, _), text in zip(lines, texts, strict=True)], action))
        > LIMIT
    ):
        longest = max(range(len(texts)), key=lambda i: len(texts[i]), default=None)
        if longest is None or len(texts[longest]) <= _LEAST:
            break
        texts[longest] = shortened(texts[longest], max(_LEAST, len(texts[longest]) * 3 // 4))
    return made


def _drawn(lines: Sequence[tuple[str, str]], action: str | None) -> str:
    said = '<Pause length="1"/>'.join(
        f"<Say language={quoteattr(_language(locale))}>{escape(text)}</Say>" for locale, text in lines if text
    )
    if action is not None:
        url = quoteattr(action)
        said = f'<Gather input="dtmf" numDigits="1" timeout="{WAIT}" action={url} method="POST">{said}</Gather>'
    return f"<Response>{said}</Response>"


def _language(locale: str) -> str:
    """As Twilio knows it: a language and a country, like "es-MX"; "es-419" is no country's."""
    language, _, country = locale.partition("-")
    return locale if len(country) == 2 else _VOICES.get(language, language)


def _sayable(text: str) -> str:
    """Without the characters that no XML document may hold: https://www.w3.org/TR/xml/#charsets."""
    return "".join(c for c in text if (c >= " " and c not in "\ufffe\uffff") or c in "\t\n\r")
