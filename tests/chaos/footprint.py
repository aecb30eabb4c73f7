"""What alertd holds while it runs: memory, descriptors, connections to the database; and whether that grows.

Counted are all processes of alertd: API, workers with their children, sweepers. Memory is what is resident, descriptors
are open files and sockets of all kinds, connections are the database's own count. Only moments count at which every
process is there: one that was just killed holds nothing.
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

import psycopg

from alertd.store.database import POOL
from tests.integration.rig import LANES, Rig
from tests.ticking import Ticking

EVERY = 1.0  # seconds between two looks
MINUTE = 60.0
ENOUGH = 20  # looks of a minute: with fewer nothing can be said
GROWTH = 0.10
_PAGE = os.sysconf("SC_PAGE_SIZE")
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = 'alertd' AND pid <> pg_backend_pid()"


@dataclass(frozen=True)
class Footprint:
    """One look."""

    at: float  # by the monotonic clock
    connections: int
    pools: int  # processes that keep connections
    memories: Mapping[str, float]  # MB by process
    whose: Mapping[str, int]  # descriptors by process and kind

    @property
    def memory(self) -> float:
        """MB of all."""
        return sum(self.memories.values())

    @property
    def descriptors(self) -> int:
        """Of all."""
        return sum(self.whose.values())


def seen(rig: Rig, at: float) -> Footprint | None:
    """Look once. None where a process is not there, or the database does not answer."""
    names = ("api", *(f"worker-{lane}" for lane in LANES), *rig.sweepers)
    with suppress(OSError, psycopg.Error):  # it ended while we looked, or the row has just stopped the database
        children = {lane: rig.worker_children(f"worker-{lane}") for lane in LANES}
        counts = {lane: len(pids) for lane, pids in children.items()}
        if not rig.alive(*names) or counts != {"urgent": 1, "bulk": rig.bulk}:
            return None
        named = [(name, rig.processes[name].pid) for name in names]
        named += [(f"child of worker-{lane}", pid) for lane, each in children.items() for pid in each]
        [(connections,)] = rig.rows(_CONNECTIONS)
        memories: Counter[str] = Counter()
        for name, pid in named:
            memories[name] += round(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE / 1e6)
        whose = Counter(f"{name}: {kind}" for name, pid in named for kind in _descriptors(pid))
        pools = len(named) - len(LANES)  # Celery itself has none
        return Footprint(at, connections, pools, memories, whose)
    return None


def _descriptors(pid: int) -> list[str]:
    """The kind of each descriptor that a process holds: `socket`, `pipe`, `anon_inode`, else `file`."""
    kinds = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed while we looked
            kind, colon, _ = os.readlink(each).partition(":")
            kinds.append(kind if colon else "file")
    return kinds


def grown(first: Sequence[Footprint], last: Sequence[Footprint]) -> tuple[str, list[str]]:
    """Hold the looks of the last minute against those of the first, by their medians.

    What the pools keep is no growth: a fault empties them, and which has needed how many since is the dice's.
    Returns what was found as a sentence, and a sentence for each thing that grew by more than it may, or for what
    was not seen often enough to say.
    """
    if min(len(first), len(last)) < ENOUGH:
        return "", [f"all of alertd was there {len(first)} times in the first minute and {len(last)} in the last"]
    pools = POOL * max(look.pools for look in last)
    kinds: Sequence[tuple[str, Callable[[Footprint], float], float]] = (
        ("MB of memory", lambda look: look.memory, 0),
        ("descriptors", lambda look: look.descriptors, 0),
        ("connections to the database", lambda look: look.connections, pools),
    )
    said, wrong = [], []
    for what, of, kept in kinds:
        before, after = median(map(of, first)), median(map(of, last))
        said.append(f"{before:.0f} {what} in the first minute, {after:.0f} in the last")
        if after > max(before * (1 + GROWTH), kept):
            wrong.append(f"grew: {said[-1]}")
    megabytes = _more([look.memories for look in first], [look.memories for look in last])
    descriptors = _more([look.whose for look in first], [look.whose for look in last])
    more = [f"{name} +{count:.0f} MB" for name, count in megabytes]
    return "; ".join([*said, *more, *(f"{name} +{count:.0f}" for name, count in descriptors)]), wrong


def _more(first: Sequence[Mapping[str, float]], last: Sequence[Mapping[str, float]]) -> list[tuple[str, float]]:
    """Whose became more, and by how much; those of most first."""
    names = {name for look in (*first, *last) for name in look}
    more = {name: _usual(last, name) - _usual(first, name) for name in names}
    return [each for each in sorted(more.items(), key=lambda each: (-each[1], each[0])) if each[1] >= 1]


def _usual(looks: Sequence[Mapping[str, float]], name: str) -> float:
    return median(look.get(name, 0) for look in looks)


class Watching:
    """Looks every second, beside whatever else happens. Use it as a context manager."""

    def __init__(self, rig: Rig) -> None:
        self.looks: list[Footprint] = []
        self._rig = rig
        self._ticking = Ticking(EVERY, self._look)

    def within(self, began: float, ended: float) -> list[Footprint]:
        """The looks between two moments, by the monotonic clock."""
        return [look for look in self.looks if began <= look.at <= ended]

    def __enter__(self) -> Self:
        self._ticking.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ticking.__exit__(kind, error, trace)

    def _look(self) -> None:
        look = seen(self._rig, time.monotonic())
        if look is not None:
            self.looks.append(look)
