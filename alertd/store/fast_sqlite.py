"""One SQLite statement for a hundred rows.

Python's driver lets go of the interpreter for every statement, and a process that sends meanwhile takes it: row by
row, writing 500 outcomes costs 500 such turns (a third of the hand-over rate, measured).
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

_SIZES = (100, 10, 1)
"""Rows of a statement: few different statements, so that SQLite's driver keeps them prepared."""

Row = Sequence[Any]


def write(connection: Any, before: str, rows: Sequence[Row], after: str, last: Row = ()) -> int:
    """Run `before (VALUES of the rows) after`; `last` are the parameters of `after`. Returns the rows touched."""
    return sum(
        connection.execute(
            _statement(before, len(part[0]), len(part), after), [*chain.from_iterable(part), *last]
        ).rowcount
        for part in _parts(rows)
    )


def written(connection: Any, before: str, rows: Sequence[Row], after: str, last: Row = ()) -> list[bool]:
    """As `write`; says of each row whether it was written. Nearly always all were, and nobody has to ask."""
    connection.execute("SAVEPOINT many")
    if write(connection, before, rows, after, last) == len(rows):
        connection.execute("RELEASE many")
        return [True] * len(rows)
    connection.execute("ROLLBACK TO many")
    connection.execute("RELEASE many")
    return [write(connection, before, [row], after, last) == 1 for row in rows]


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    at = 0
    for size in _SIZES:
        while len(rows) - at >= size:
            yield rows[at : at + size]
            at += size


@lru_cache(maxsize=64)
def _statement(before: str, width: int, height: int, after: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{before} VALUES {', '.join([row] * height)} {after}"
