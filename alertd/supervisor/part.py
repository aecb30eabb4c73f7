"""The words of the supervisor: a part, its state, and what happens to it."""

import re
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

_NAME = re.compile(r"[a-z][a-z0-9-]*")  # it names a file


@dataclass(frozen=True, slots=True)
class Part:
    """One program that the supervisor keeps running. Raises ValueError for a name that cannot name a file."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)  # added to the supervisor's own
    needs: Sequence[str] = ()  # names of parts that start before this one and stop after it
    ready: Callable[[], Awaitable[bool]] | None = None  # asked until true; None: ready once started
    stop_signal: signal.Signals = signal.SIGTERM  # also sent when the supervisor itself is killed (Linux)
    stop_grace_seconds: float = 10

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"part name {self.name!r}: lower-case letters, digits and hyphens")


@dataclass(frozen=True, slots=True)
class Restarts:
    """How patiently a part that ends is started again; all in seconds but `tell_every`."""

    first: float = 0.5
    longest: float = 30
    healthy_after: float = 60  # a part that lived this long begins again with `first`
    tell_every: int = 5  # deaths in a row between two alarms that show the part's last lines

    def pause(self, deaths: int) -> float:
        """Seconds to wait after the n-th death in a row: doubled each time, up to `longest`."""
        return min(self.longest, self.first * 2.0 ** min(deaths - 1, 30))


class State(StrEnum):
    """How a part is."""

    WAITING = "waiting"  # for the parts it needs
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"  # it ended and will be started again
    STOPPING = "stopping"
    STOPPED = "stopped"


class What(StrEnum):
    """What happened to a part."""

    STARTED = "started"
    READY = "ready"
    SLOW = "slow"  # not ready after a while; it is asked on
    LONG_LOG = "log too long"  # and it could not be put aside
    DIED = "died"
    FAILING = "failing"  # died several times in a row; it is started on
    STOPPING = "stopping"
    KILLED = "killed"  # did not stop in its grace
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PartEvent:
    """Something that happened to a part; `why` and `last_lines` are as the part wrote them, unmasked."""

    part: str
    what: What
    pid: int | None = None
    ended: str = ""  # "exit code 3", "SIGKILL", "could not start"
    why: str = ""
    restart_in_seconds: float | None = None
    deaths: int = 0  # in a row
    last_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PartStatus:
    """How a part is now, for readiness and `doctor`."""

    name: str
    state: State
    pid: int | None
    restarts: int
    ended: str  # how it last ended; empty if it never did
    log_file: Path | None  # None when its output is passed through


class Log(Protocol):
    """What the supervisor writes to: a structlog logger, or anything like it."""

    def info(self, event: str, **fields: Any) -> Any:
        """Tell."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Tell that something needs an eye."""

    def error(self, event: str, **fields: Any) -> Any:
        """Tell that something needs a hand."""
