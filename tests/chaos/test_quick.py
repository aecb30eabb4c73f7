"""The faults that matter most are played with every test; `python -m tests.chaos` plays all of them."""

from pathlib import Path

import pytest

from tests.chaos.databases import templates
from tests.chaos.quick import NIGHTS
from tests.chaos.row import Row
from tests.chaos.stage import Stage

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.name)
def test_nothing_is_lost(night: Row, tmp_path: Path) -> None:
    with templates() as made, Stage(night, made, tmp_path / "row") as stage:
        ruling = stage.play()
    assert ruling.broken == ()
