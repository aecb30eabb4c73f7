"""How a command ends when it cannot do what it was asked."""

from collections.abc import Mapping
from typing import Any

REFUSED = 1
USAGE = 2
UNREACHABLE = 69  # EX_UNAVAILABLE of sysexits.h

_NAMES = {REFUSED: "failed", USAGE: "usage", UNREACHABLE: "unreachable"}


class Failed(Exception):
    """One clear sentence and the way out; more lines where there is more than one mistake.

    `told` is what only programs get: an error of the API as it is, or what else may help to go on.
    """

    def __init__(
        self,
        message: str,
        way_out: str = "",
        *,
        code: int = REFUSED,
        more: tuple[str, ...] = (),
        told: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message, self.way_out, self.code, self.more, self.told = message, way_out, code, more, told or {}

    def lines(self) -> list[str]:
        """What people read on standard error."""
        said = self.message if self.message.endswith((".", "?", "!")) or self.more else f"{self.message}."
        ways = [self.way_out] if self.way_out else []
        return [f"alertd: {said}", *(f"  {line}" for line in (*self.more, *ways))]

    def document(self) -> dict[str, Any]:
        """What programs read there, of the shape that the API's errors have; `exit` is the exit code."""
        error: dict[str, Any] = {"code": _NAMES.get(self.code, "failed"), "message": self.message}
        error |= {"problems": [{"message": line} for line in self.more]} if self.more else {}
        error |= {"way_out": self.way_out} if self.way_out else {}
        return {"error": error | dict(self.told) | {"exit": self.code}}
