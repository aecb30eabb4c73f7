"""Named places at which a test may make this process die, sleep or fail; where none is set they cost nothing.

`ALERTD_FAILPOINTS="after_accept=kill:3"` kills each process at its third accepted message. Commas part several;
an action is `kill`, `raise` or `sleep(SECONDS)`, and happens at the first pass where no number is said.
`before_send@fam-1001=kill` counts passes of that family only. With `ALERTD_FAILPOINTS_FOLDER=/some/folder`
each happens once among all processes that share the folder, and leaves a file there that is called as the point.
"""

import os
import re
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from alertd.domain.errors import Invalid

VARIABLE = "ALERTD_FAILPOINTS"
FOLDER = "ALERTD_FAILPOINTS_FOLDER"

POINTS: Mapping[str, str] = {
    "after_claim": "a batch is leased, and nothing of it was sent",
    "before_send": "a message is composed, and its provider is asked next",
    "after_accept": "a provider took a message, and nobody has written that down",
    "before_commit": "what became of a batch is written, and not committed",
    "mid_fanout": "a slice of an update is committed, and the next one is not planned",
    "mid_slice": "a cursor has moved, and what its families are owed is not written; nothing of it is committed",
}
"""Each with the sentence that says where it is."""

Hit = Callable[[str], None]
"""To be called at each pass, with the family that it is about, or nothing."""

_ENTRY = re.compile(
    r"(?P<point>[\w-]+)(@(?P<subject>[\w.:-]+))?=(?P<action>kill|raise|sleep\((?P<seconds>\d+(\.\d+)?)\))(:(?P<nth>[1-9]\d*))?"
)
_HOW = "write point=kill, point=raise or point=sleep(SECONDS), and :3 behind it for the third time"


class FailpointReached(Exception):
    """What `raise` raises."""


@dataclass(slots=True)
class Armed:
    """One failpoint that is set; calling it is passing it."""

    point: str
    action: str
    seconds: float = 0.0  # of a sleep: the whole process stands still, as one that is frozen
    nth: int = 1
    subject: str | None = None  # None: every pass counts
    folder: Path | None = None
    passed: int = 0

    def __call__(self, subject: str = "") -> None:
        """Pass it once. Raises FailpointReached where that is its action and its turn."""
        if self.subject is not None and subject != self.subject:
            return
        self.passed += 1
        if self.passed != self.nth or not self._first():
            return
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.action == "raise":
            raise FailpointReached(self.point)
        time.sleep(self.seconds)

    def _first(self) -> bool:
        if self.folder is None:
            return True
        try:
            (self.folder / self.point).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


def read(text: str, folder: Path | None = None) -> dict[str, Armed]:
    """What is set, by point. Raises Invalid, which names what is wrong and what there is."""
    found: dict[str, Armed] = {}
    for entry in filter(None, (each.strip() for each in text.split(","))):
        match = _ENTRY.fullmatch(entry)
        if match is None:
            raise Invalid(f'"{entry}" is no failpoint: {_HOW}')
        point = match["point"]
        if point not in POINTS:
            raise Invalid(f'there is no failpoint "{point}": {", ".join(POINTS)}')
        if point in found:
            raise Invalid(f"{point} is set twice; keep one")
        action, seconds = match["action"].partition("(")[0], float(match["seconds"] or 0)
        found[point] = Armed(point, action, seconds, int(match["nth"] or 1), match["subject"], folder)
    return found


def set_in(env: Mapping[str, str]) -> dict[str, Armed]:
    """What an environment sets. Raises Invalid, as `read`, and for a folder that is none."""
    folder = Path(env[FOLDER]) if env.get(FOLDER) else None
    found = read(env.get(VARIABLE, ""), folder)
    if found and folder is not None and not folder.is_dir():
        raise Invalid(f"{FOLDER} names no folder")
    return found


def _at_import() -> dict[str, Armed]:
    try:
        return set_in(os.environ)
    except Invalid:
        return {}  # `settings.load`, which every process calls, refuses to start with it


SET = _at_import()
"""What is set in this process."""


def at(point: str) -> Hit | None:
    """To be asked once, when a module is imported: None, unless this failpoint is set in this process."""
    assert point in POINTS, point
    return SET.get(point)
