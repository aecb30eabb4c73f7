"""Errors that people outside can mend: each names the field and the way out."""

from collections.abc import Iterable


class AlertdError(Exception):
    """Something alertd refuses to do; the text says what and how to go on."""


class Invalid(AlertdError):
    """A value that cannot be what it says it is; `also`: what else is wrong, where several were looked at."""

    def __init__(
        self, message: str, *, field: str | None = None, line: int | None = None, also: Iterable["Invalid"] = ()
    ) -> None:
        super().__init__(message)
        self.message, self.field, self.line, self.also = message, field, line, tuple(also)

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.field or "") if part)
        return f"{place}: {self.message}" if place else self.message


class NotFound(AlertdError):
    """What was named does not exist here."""


class Conflict(AlertdError):
    """The request contradicts what alertd already knows."""

    def __init__(self, message: str, *, incident: int | None = None) -> None:
        super().__init__(message)
        self.incident = incident


def quote(word: str) -> str:
    """A word from outside as it may stand in a message: one short line without control characters."""
    clean = "".join(c if c.isprintable() else "?" for c in word[:41])
    return clean[:40] + "..." if len(word) > 40 else clean
