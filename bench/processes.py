"""CPU and peak memory of a process with all its descendants, read from Linux's /proc."""

import ctypes
import os
import signal
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1  # linux/prctl.h

_libc = ctypes.CDLL(None, use_errno=True)


class Unsupported(RuntimeError):
    """This machine does not tell what the bench needs to know."""


def require_proc() -> None:
    """Raise `Unsupported` where /proc does not tell CPU time and VmHWM."""
    status = PROC / "self" / "status"
    if not status.exists() or "VmHWM:" not in status.read_text():
        raise Unsupported("the bench reads CPU time and peak memory from /proc: run it on Linux")


def die_with_parent() -> None:
    """Make the kernel end this process when its parent dies; for `preexec_fn`, from the main thread."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree has used until now."""

    cpu_seconds: float
    peak_mb: float
    """Sum of every living process's own peak (VmHWM, MiB); pages shared after a fork count in each."""
    processes: int


def usage(*roots: int) -> Usage:
    """CPU (user + system) and peak memory of the trees below `roots`; children that ended count as CPU only.

    Raises `ProcessLookupError` when a root is not running.
    """
    stats = _stats()
    for root in roots:
        if root not in stats:
            raise ProcessLookupError(f"process {root} is not running")
    pids = _descendants(roots, {pid: parent for pid, (parent, _) in stats.items()})
    ticks = sum(stats[pid][1] for pid in pids)
    peaks = [_peak_kb(pid) for pid in pids]
    return Usage(ticks / TICKS_PER_SECOND, sum(peaks) / 1024, len(pids))


def _stats() -> dict[int, tuple[int, int]]:
    """Parent and CPU ticks by pid, fields as in https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html."""
    found: dict[int, tuple[int, int]] = {}
    for entry in PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked
        fields = text[text.rindex(")") + 2 :].split()  # the name in parentheses may hold spaces
        found[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return found


def _descendants(roots: tuple[int, ...], parents: dict[int, int]) -> set[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    left = list(roots)
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left.extend(children.get(pid, ()))
    return found


def _peak_kb(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended while we looked
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0  # a zombie has no memory
