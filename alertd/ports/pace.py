"""How fast each channel's sender may hand over, and what a message takes of that."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from alertd.domain.bucket import Grant


@dataclass(frozen=True, slots=True)
class Units:
    """What messages of a channel take of its rate, where that is not one each: an SMS is paid by the segment."""

    of: Callable[[str], int]  # a text, as it is sent
    most: int  # what any text of ours takes


class Pace(Protocol):
    """Hands out what each channel's provider allows, to all processes of the cluster together."""

    def limits(self, channel: str) -> bool:
        """Whether a channel has a rate; of others there is always enough."""

    async def take(self, channel: str, lane: str, units: int) -> Grant:
        """Up to so many units of a channel's rate, for a lane. What is not spent is lost: ask for what waits.

        Never raises and never hangs: where what is shared does not answer, a process goes on by itself, slower.
        """

    @property
    def alone(self) -> bool:
        """Whether nothing is shared at this moment: this process keeps to a part of each rate by itself."""

    def among(self, processes: int) -> None:
        """So many processes hand over now, this one too; what each keeps to while nothing is shared."""

    async def warm(self) -> None:
        """Get ready for the first message; call when a process starts that hands over."""

    def take_lost(self) -> int:
        """How often since this was last asked nobody answered, and the process went on by itself."""

    def close(self) -> None:
        """Give connections back."""
