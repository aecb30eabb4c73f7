"""Texts as providers take them: no half characters, no more than fits."""


def sendable(text: str) -> str:
    """The text without what no encoding can carry: lone surrogates become `?`, NUL vanishes."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")


def shortened(text: str, limit: int) -> str:
    """At most `limit` characters; what is cut ends in three dots.

    Better a message without its end than none: a provider refuses what is too long.
    """
    return text if len(text) <= limit else text[: limit - 3].rstrip() + "..."
