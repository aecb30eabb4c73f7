"""No test is lost or played twice, and no process but the patient ones begins with a long test."""

import pytest

from tests.shares import shares


def given(items: list[str], processes: int) -> list[list[str]]:
    """What xdist's worksteal gives each process at first."""
    left, found = list(items), []
    for waiting in range(processes, 0, -1):
        count = len(left) // waiting
        found.append(left[:count])
        left = left[count:]
    return found


@pytest.mark.parametrize("processes", [1, 2, 3, 4, 8])
def test_all_of_them_once_however_few_there_are(processes: int) -> None:
    for number in range(1, 40):
        for waits in range(number + 1):
            long, short = [f"long {i}" for i in range(waits)], [f"short {i}" for i in range(number - waits)]
            assert sorted(shares(long, short, processes)) == sorted(long + short), (number, waits)


@pytest.mark.parametrize("processes", [2, 3, 4, 8])
def test_half_of_the_processes_begin_with_what_waits(processes: int) -> None:
    long, short = [f"long {i}" for i in range(60)], [f"short {i}" for i in range(8003)]
    first = [mine[0] for mine in given(shares(long, short, processes), processes)]
    patient = (processes + 1) // 2
    assert first[:patient] == long[:patient]
    assert all(each.startswith("short") for each in first[patient:])
