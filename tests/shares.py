"""In which order tests are handed to several processes at once."""

from collections.abc import Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def shares(long: Sequence[T], short: Sequence[T], processes: int) -> list[T]:
    """All of them, so that half of the processes begin with the long ones, which mostly wait, and the others with the rest.

    One of the long at the end would keep all others waiting; and all of them at once would make each other late. xdist's
    worksteal gives the first process the first share, and so on; what is left at the end, whoever is done takes over.
    """
    patient = -(-processes // 2)
    begun = [long[process::patient] if process < patient else [] for process in range(processes)]
    sizes = [(len(long) + len(short) + process) // processes for process in range(processes)]
    left = iter(short)
    return [
        item
        for begin, size in zip(begun, sizes, strict=True)
        for item in (*begin, *islice(left, max(size - len(begin), 0)))
    ]
