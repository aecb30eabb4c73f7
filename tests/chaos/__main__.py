"""`python -m tests.chaos [ROW ...]`: play the rows of the fault matrix, print the table, and write it where it belongs.

Without a name all rows are played, `quick` names the six that matter most. docs/reliability.md gets the lines of those that were. Exits 1 where one does not hold.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.databases import templates
from tests.chaos.drill import SOAK, carry_out
from tests.chaos.oracle import Ruling
from tests.chaos.row import Row
from tests.chaos.rows import QUICK, ROWS
from tests.chaos.table import heading, line, today, write
from tests.servers import NotReady

DOCS = Path(__file__).parents[2] / "docs" / "reliability.md"


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
    print(f"seed {seed}", *heading(), sep="\n", flush=True)
    results: dict[str, tuple[Row, Ruling]] = {}
    failed = False
    with templates() as made:
        for row in [by_name[name] for name in given.rows] or ROWS:
            folder = Path(tempfile.mkdtemp(prefix="alertd-row-"))
            try:
                began = time.monotonic()
                ruling = carry_out(row, made, folder / "row", seed=seed, soak=given.soak)
                if given.keep is not None:
                    shutil.copytree(folder / "row", given.keep / row.name, dirs_exist_ok=True)
            except NotReady as error:  # of the row's own servers: nothing can be said of alertd
                print(f"{row.name} did not begin: {error}", flush=True)
                failed = True
                continue
            finally:
                shutil.rmtree(folder)
            results[row.name] = row, ruling
            print(f"{line(row, ruling, today())} {time.monotonic() - began:.0f} s", flush=True)
            for sentence in ruling.broken:
                print(f"    {sentence}", flush=True)
            if not given.dry:
                write(DOCS, results, list(by_name))
    return 0 if not failed and all(ruling.holds for _, ruling in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
