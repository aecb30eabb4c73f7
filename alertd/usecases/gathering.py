"""Several checks of one command, and all that they found: whoever wrote it mends it once."""

from collections.abc import Callable
from typing import TypeVar

from alertd.domain.errors import Invalid

T = TypeVar("T")
D = TypeVar("D")


class Gathering:
    """Takes values that may be wrong, and says in the end what was; stand-ins never leave it."""

    def __init__(self) -> None:
        self.found: list[Invalid] = []

    def take(self, read: Callable[[], T], otherwise: D) -> T | D:
        """What `read` returns; where it raises Invalid that is noted, and `otherwise` stands in."""
        try:
            return read()
        except Invalid as error:
            self.found += (error, *error.also)
            return otherwise

    def wrong(self, message: str, field: str) -> None:
        """Note a mistake."""
        self.found.append(Invalid(message, field=field))

    def finish(self) -> None:
        """Raises Invalid, with the first that was found and the others beside it."""
        if self.found:
            first, *others = self.found
            raise Invalid(first.message, field=first.field, also=others)
