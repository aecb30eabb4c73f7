"""How a command ends when it cannot do what it was asked."""

REFUSED = 1
USAGE = 2
UNREACHABLE = 69  # EX_UNAVAILABLE of sysexits.h


class Failed(Exception):
    """One clear sentence and the way out; more lines where there is more than one mistake."""

    def __init__(
        self, message: str, way_out: str = "", *, code: int = REFUSED, more: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message, self.way_out, self.code, self.more = message, way_out, code, more

    def lines(self) -> list[str]:
        """What is printed on standard error."""
        said = self.message if self.message.endswith((".", "?", "!")) or self.more else f"{self.message}."
        ways = [self.way_out] if self.way_out else []
        return [f"alertd: {said}", *(f"  {line}" for line in (*self.more, *ways))]
