"""`python -m tests.chaos [ROW ...]`: play the rows of the fault matrix, print the table, and write it where it belongs.

Without a name all rows are played, `quick` names the six that matter most. docs/reliability.md gets the lines of those that were. Exits 1 where one does not hold.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.chaos.databases import Templates, templates
from tests.chaos.drill import SOAK
from tests.chaos.oracle import Ruling
from tests.chaos.row import Row
from tests.chaos.rows import QUICK, ROWS
from tests.chaos.stage import Stage
from tests.chaos.table import commit, heading, line, today, write
from tests.servers import NotReady

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


class Coming:
    """The rows that are still to be played; the next may begin while one ends."""

    def __init__(self, rows: Iterable[Row], templates: Templates) -> None:
        self._rows, self._templates, self._begun = deque(rows), templates, ExitStack()
        self._stage: Stage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._begun.close()

    def begin(self) -> None:
        """Start what the next row needs, if there is one."""
        if self._stage is None and self._rows:
            folder = Path(self._begun.enter_context(tempfile.TemporaryDirectory(prefix="alertd-row-")))
            self._stage = self._begun.enter_context(Stage(self._rows.popleft(), self._templates, folder / "row"))

    def take(self) -> tuple[Stage, ExitStack] | None:
        """The next row's stage, and what ends it; None: all have been played."""
        self.begin()
        if self._stage is None:
            return None
        taken, self._stage = (self._stage, self._begun.pop_all()), None
        return taken


def main() -> int:
    """Play what is asked for; 1 if something does not hold."""
    reader = argparse.ArgumentParser(prog="python -m tests.chaos", description="The fault matrix.")
    reader.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(row.name for row in ROWS)}")
    reader.add_argument("--seed", type=int, default=None, help="of what happens at random moments")
    reader.add_argument("--keep", type=Path, help="keep what each row left (logs, books, database) in this folder")
    reader.add_argument(
        "--soak", type=float, default=SOAK, metavar="SECONDS", help="of the soak (default: %(default)g)"
    )
    reader.add_argument("--dry", action="store_true", help="leave docs/reliability.md as it is")
    given = reader.parse_args()
    by_name = {row.name: row for row in ROWS}
    if "quick" in given.rows:
        given.rows[:] = [row.name for row in QUICK]
    unknown = [name for name in given.rows if name not in by_name]
    if unknown:
        reader.error(f"there is no row {', '.join(unknown)}")
    seed = given.seed if given.seed is not None else time.time_ns() % 1_000_000
    measured = commit()  # before the table is written
    print(f"seed {seed}", *heading(), sep="\n", flush=True)
    results: dict[str, tuple[Row, Ruling]] = {}
    with templates() as made, Coming([by_name[name] for name in given.rows] or ROWS, made) as coming:
        while (taken := coming.take()) is not None:
            stage, played = taken
            row, began = stage.row, time.monotonic()
            with played:
                try:
                    ruling = stage.play(seed=seed, soak=given.soak, ending=coming.begin)
                except NotReady as error:
                    ruling = Ruling(0, 0, 0, 0.0, 0.0, (f"it did not begin: {error}",))
                if given.keep is not None:
                    shutil.copytree(stage.folder, given.keep / row.name, dirs_exist_ok=True)
            results[row.name] = row, ruling
            print(f"{line(row, ruling, today(), measured, seed)} {time.monotonic() - began:.0f} s", flush=True)
            for sentence in ruling.broken:
                print(f"    {sentence}", flush=True)
            if not given.dry:
                write(DOCS, results, list(by_name), seed=seed, servers=made.versions(), commit=measured)
    return 0 if all(ruling.holds for _, ruling in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
