"""The rows of the fault matrix that run with every test; `python -m tests.chaos` runs all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.databases import Templates, templates
from tests.chaos.drill import carry_out
from tests.chaos.row import Row
from tests.chaos.rows import QUICK

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def made() -> Iterator[Templates]:
    with templates() as found:
        yield found


@pytest.mark.parametrize("row", QUICK, ids=lambda row: row.name)
def test_nothing_is_lost(row: Row, made: Templates, tmp_path: Path) -> None:
    ruling = carry_out(row, made, tmp_path / "row")
    assert ruling.broken == ()
