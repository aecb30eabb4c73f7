"""What a row of the matrix is: a fault, the setting for it, and what it may cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.chaos.evidence import Allowed
from tests.chaos.families import CRITICAL, FAMILIES

if TYPE_CHECKING:
    from tests.chaos.drill import Drill

WINDOW = 16.0
"""Seconds of the silence window: as many minutes of the story."""

STEP = 8.0
"""Seconds after which the ladder of the critical families goes on."""

MACHINE = 10.0
"""Seconds that a machine which runs other things too may be late, whatever it does."""


@dataclass(frozen=True)
class Pace:
    """Machine durations, in seconds."""

    lease: float
    call: float | None  # None: each channel's own
    unknown: float
    sweep: float
    hints: float
    backoff: float  # the longest that a row may need: the code's own is 60 s, and is reached after half a minute of failures

    def settings(self) -> dict[str, str]:
        """As the environment says it."""
        said = {
            "LEASE_SECONDS": self.lease, "CALL_SECONDS": self.call, "UNKNOWN_SECONDS": self.unknown,
            "SWEEP_SECONDS": self.sweep, "HINTS_SECONDS": self.hints,
        }  # fmt: skip
        return {f"ALERTD_TIMING__{name}": str(value) for name, value in said.items() if value is not None}


PRODUCTION = Pace(lease=30.0, call=None, unknown=20.0, sweep=0.5, hints=2.0, backoff=60.0)
SHORT = Pace(lease=6.0, call=4.0, unknown=2.0, sweep=0.1, hints=2.0, backoff=6.0)
PROVIDERS = Pace(lease=6.0, call=4.0, unknown=2.0, sweep=0.1, hints=2.0, backoff=60.0)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    what: str  # the fault, as the table has it
    run: "Callable[[Drill], None]"
    dialect: str = "postgresql"
    quick: bool = False  # runs with every test
    crashes: int | None = 0  # each may repeat what it hits once; None: as many as outcomes were unknown
    pace: Pace = SHORT
    broker: bool = True  # redis-server is there from the beginning
    switched: bool = False  # a dead man's switch is pinged
    proxied: bool = False  # the database is behind the proxy
    preloaded: Sequence[
        str
    ] = ()  # processes whose wall clock may be wrong or whose disk may be full; "postgres" too
    failpoints: Mapping[str, str] = field(default_factory=dict)  # process -> what is set in it
    armed: bool = True  # from the beginning; else `Drill.arm` does it, for what is started from then on
    once: bool = True  # each of them happens once in the row
    silence: bool = True  # nobody says anything for a window, before it ends
    window: float = WINDOW
    step: float = STEP
    variables: Mapping[str, str] = field(default_factory=dict)  # settings of its own
    machine: float = MACHINE
    families: int = FAMILIES  # of the first outage
    critical: int = CRITICAL  # of the second, whose ladder goes on
    mail: bool = False  # families have a mailbox in place of a number
    sweepers: int = 2
    bulk: int = 2  # children of the bulk lane

    @property
    def allowed(self) -> Allowed:
        """What the oracle lets pass."""
        pace = self.pace
        recovery = pace.lease + pace.unknown + pace.sweep + pace.backoff
        return Allowed(window=self.window, recovery=recovery, machine=self.machine, crashes=self.crashes)

    def arms(self, folder: Path) -> dict[str, dict[str, str]]:
        """The environment of each process that has failpoints; in the folder they note what they did."""
        own = {"ALERTD_FAILPOINTS_FOLDER": str(folder)} if self.once else {}
        return {name: {"ALERTD_FAILPOINTS": text, **own} for name, text in self.failpoints.items()}
