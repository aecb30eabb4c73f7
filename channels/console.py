"""Messages printed to a terminal: to try alertd out, and the smallest channel there is.

A channel is a name, `send`, which returns a receipt or raises one of the four errors, and `close`.
"""

import sys
from dataclasses import dataclass
from typing import TextIO

from alertd.ports import Later, Message, Receipt
from channels import Now


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """Off unless asked for; `stream` is standard output unless given."""

    enabled: bool = False
    stream: TextIO | None = None
    connections: int = 1
    deadline: float = 1.0

    def problems(self) -> list[str]:
        """What keeps the console from working, with the setting that mends it."""
        return [] if self.enabled else ["the console is off: set ALERTD_CONSOLE__ENABLED=true"]


class Console:
    """The channel `console`."""

    name = "console"
    has_callbacks = False

    def __init__(self, config: ConsoleConfig, now: Now) -> None:
        self.at_once, self.deadline = config.connections, config.deadline
        self._config = config

    async def send(self, message: Message) -> Receipt:
        stream = self._config.stream or sys.stdout
        mark = "!" if message.loud else " "
        try:
            stream.write(f"{mark} to {_masked(message.to)}: {message.title}\n  {message.text}\n")
            stream.flush()
        except (OSError, ValueError) as error:  # ValueError: closed, or a character it cannot show
            raise Later("console", f"nothing could be printed: {type(error).__name__}") from None
        return Receipt(message.attempt_id)

    async def close(self) -> None:
        """Nothing to give back; the stream is not ours."""


def _masked(to: str) -> str:
    """At most the last four characters, and never more than half of them."""
    return "***" + (to[-4:] if len(to) >= 8 else "")
