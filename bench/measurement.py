"""What a variant is and what it gives back."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from bench.servers import Rig


class Mismatch(Exception):
    """Counts do not agree: the round is worth nothing, whatever its speed."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One run of one variant."""

    sent: int
    """Messages the variant says it handed over; checked against the provider's own count."""
    seconds: float
    """Wall time from the first work to the last outcome, start-up not counted."""
    cpu_us_per_message: float
    """User + system time of the whole sending process tree, microseconds."""
    peak_mb: float
    """Sum of the tree's VmHWM, MiB."""
    server_cpu_us_per_message: float = 0.0
    """The same of Postgres and Redis; SQLite's work is in `cpu_us_per_message` already."""

    @property
    def rate(self) -> float:
        """Messages per second."""
        return self.sent / self.seconds


class Variant(Protocol):
    """One way of telling n families, each by one push to `bench.messages.token(i)`, i = 0 .. n-1.

    Every run is `prepare`, a reset of the provider's count, `run`, `close`. Processes are started and warmed
    in `prepare`, which is not timed; `run` times itself and raises `Mismatch` when its database disagrees.
    Each may be a coroutine function or a plain one.
    """

    @property
    def name(self) -> str:
        """Name in the report."""

    @property
    def full(self) -> int:
        """Messages per run."""

    @property
    def quick(self) -> int:
        """Messages per run with `--quick`."""

    def prepare(self, rig: Rig, n: int, /) -> Awaitable[None] | None:
        """Start and warm what n messages need."""

    def run(self, n: int, /) -> Awaitable[Measurement] | Measurement:
        """Tell n families and measure it."""

    def close(self) -> Awaitable[None] | None:
        """Stop every process that `prepare` started; called after a failure too."""
