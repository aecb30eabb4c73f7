"""The table of the matrix: on the terminal, and between two markers in docs/reliability.md."""

import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

from tests.chaos.oracle import Ruling
from tests.chaos.row import Row

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"
_COLUMNS = (
    "row", "fault", "database", "lost", "repeats", "unknown", "worst delay", "longest silence", "measured", "commit", "seed", "verdict",
)  # fmt: skip
_PARTS = ("alertd", "celery", "kombu", "redis", "SQLAlchemy", "psycopg")


def heading() -> tuple[str, str]:
    """The two lines above all rows."""
    return f"| {' | '.join(_COLUMNS)} |", f"|{'|'.join('---' for _ in _COLUMNS)}|"


def line(row: Row, ruling: Ruling, day: date, commit: str, seed: int) -> str:
    """One row; seconds are real ones. `seed`: of what happened at random moments."""
    database = "SQLite" if row.dialect == "sqlite" else "Postgres"
    cells = (
        row.name, row.what, database, ruling.lost, ruling.repeats, ruling.unknown,
        f"{ruling.delay:.1f} s", f"{ruling.silence:.1f} s", day, commit, seed, "holds" if ruling.holds else "**broken**",
    )  # fmt: skip
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def today() -> date:
    """The day on which it is measured."""
    return datetime.fromtimestamp(time.time(), UTC).date()  # noqa: TID251


def commit() -> str:
    """Of what is measured; with a + where something is not committed, and - outside of a checkout."""
    try:
        said = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
            cwd=Path(__file__).parent, capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return "-"
    return said.stdout.strip()


def write(
    path: Path,
    results: Mapping[str, tuple[Row, Ruling]],
    order: Sequence[str],
    *,
    seed: int,
    servers: str,
    commit: str,
) -> None:
    """Put lines where the last ones of these rows were; other rows keep theirs, in `order`, while they exist.

    `servers`: with their versions.
    """
    before, _, rest = path.read_text("utf-8").partition(BEGIN)
    old, _, after = rest.partition(END)
    lines = _by_row(old, "| ", " |")
    broken = _by_row(old, "- ", ":")
    for name, (row, ruling) in results.items():
        lines[name] = [line(row, ruling, today(), commit, seed)]
        broken[name] = [f"- {name}: {sentence}" for sentence in ruling.broken]
    sentences = [sentence for name in order for sentence in broken.get(name, ())]
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    text = [
        f"Last measured with {', '.join(f'{part} {version(part)}' for part in _PARTS)}, {servers} on {machine}.",
        "",
        *heading(),
        *(each for name in order for each in lines.get(name, ())),
        *(["", "What does not hold:", "", *sentences] if sentences else []),
    ]
    path.write_text("\n".join([f"{before}{BEGIN}", *text, f"{END}{after}"]), "utf-8")


def _by_row(text: str, begin: str, end: str) -> dict[str, list[str]]:
    """The lines that begin with a row's name, by that name."""
    found: dict[str, list[str]] = {}
    for each in text.splitlines():
        if each.startswith(begin):
            found.setdefault(each.removeprefix(begin).partition(end)[0], []).append(each)
    return found
