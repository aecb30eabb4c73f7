"""Whether anything of a family can be read where it does not have to stand: logs, the broker's file, metrics."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.integration.rig import Rig

_PERSONAL = re.compile(rb"1\d{3}55501\d\d|token-fam-\d+|fam-\d+@example")
"""Every number, token and mailbox of `families.town`, without its plus."""

_OURS = frozenset({b"14155550100"})
"""The number that alertd sends from; families get others."""


def found_in(where: str, text: bytes) -> list[str]:
    """A sentence if there is something."""
    which = {each for each in _PERSONAL.findall(text) if each not in _OURS}
    return [f"{len(which)} addresses in {where}"] if which else []


def leaks(rig: Rig, *others: Path) -> list[str]:
    """A sentence for each place; all processes may still run. `others`: logs that lie elsewhere."""
    found = []
    for path in (*_files(rig.folder), *others):
        found += found_in(path.name, path.read_bytes())
    if rig.alive("api"):
        status, metrics = rig.raw("GET", "/metrics")
        found += found_in("the metrics", metrics.encode()) if status == 200 else ["the metrics do not answer"]
    return found


def _files(folder: Path) -> Iterator[Path]:
    """Logs of alertd's own processes and of Redis, and what Redis has written down; the sandbox is a provider, and may know."""
    yield from (path for path in folder.glob("*.log") if path.name != "sandbox.log")
    yield from (path for path in folder.glob("redis-*/**/*") if path.is_file())
