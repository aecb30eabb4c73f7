"""The table keeps what was not measured anew, and nothing that no row stands for any more."""

import re
from pathlib import Path
from typing import Any

from tests.chaos.oracle import Ruling
from tests.chaos.row import Row
from tests.chaos.table import BEGIN, END, commit, today, write

ONE, OTHER, GONE = (
    Row(name=name, what=f"what {name} does", run=lambda _: None, dialect="sqlite")
    for name in ("one", "other", "gone")
)
HOW: Any = {"seed": 7, "servers": "Redis 9", "commit": "0a1b2c3"}
WELL = Ruling(lost=0, repeats=2, unknown=5, delay=1.26, silence=20.04, broken=())
LOST = Ruling(lost=3, repeats=0, unknown=0, delay=1.0, silence=40.0, broken=("lost: fam-0001",))


def page(folder: Path) -> Path:
    path = folder / "reliability.md"
    path.write_text(f"# Before\n\n{BEGIN}\n{END}\n\nAfter.\n")
    return path


def test_lines_stand_in_order_between_the_markers(tmp_path: Path) -> None:
    path = page(tmp_path)
    write(path, {"other": (OTHER, WELL), "one": (ONE, LOST)}, ["one", "other"], **HOW)
    text = path.read_text()
    assert text.startswith(f"# Before\n\n{BEGIN}\nLast measured with alertd ")
    assert text.endswith(f"\nWhat does not hold:\n\n- one: lost: fam-0001\n{END}\n\nAfter.\n")
    assert ", Redis 9 on " in text
    lines = [line for line in text.splitlines() if line.startswith("| o")]
    assert lines == [
        f"| one | what one does | SQLite | 3 | 0 | 0 | 1.0 s | 40.0 s | {today()} | 0a1b2c3 | 7 | **broken** |",
        f"| other | what other does | SQLite | 0 | 2 | 5 | 1.3 s | 20.0 s | {today()} | 0a1b2c3 | 7 | holds |",
    ]


def test_a_row_that_was_not_played_keeps_its_line_and_one_that_is_gone_does_not(tmp_path: Path) -> None:
    path = page(tmp_path)
    write(path, {"one": (ONE, LOST), "gone": (GONE, LOST)}, ["one", "gone"], **HOW)
    write(path, {"other": (OTHER, WELL)}, ["one", "other"], **HOW)
    text = path.read_text()
    assert "| one | what one does | SQLite | 3 |" in text
    assert "- one: lost: fam-0001" in text
    assert "gone" not in text
    write(path, {"one": (ONE, WELL)}, ["one", "other"], **HOW)
    assert "does not hold" not in path.read_text()


def test_a_commit_is_a_few_hex_digits_or_nothing() -> None:
    assert re.fullmatch(r"[0-9a-f]{7,40}\+?|-", commit())
