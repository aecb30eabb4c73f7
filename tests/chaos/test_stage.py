"""A row whose servers do not start is named in its turn, and spoils no other."""

from pathlib import Path

import pytest

from tests.chaos.__main__ import Coming
from tests.chaos.databases import Templates
from tests.chaos.rows import ROWS
from tests.chaos.stage import Stage
from tests.servers import NotReady


def test_what_does_not_start_while_another_row_ends_is_told_in_its_turn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(_: Stage) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(Stage, "_begin", full)
    played = []
    with Coming(ROWS[:2], Templates(tmp_path)) as coming:
        while (taken := coming.take()) is not None:
            stage, end = taken
            folder = stage.folder.parent
            with end:
                coming.begin()  # the next one, while this one is on
                with pytest.raises(NotReady, match="OSError: No space left"):
                    stage.play()
            played.append(stage.row)
            assert not folder.exists()
    assert played == list(ROWS[:2])
