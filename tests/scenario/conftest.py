"""Every story begins at noon on a Wednesday in Los Angeles, unless it says otherwise."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest

from alertd.domain.policy import Policy
from tests import make
from tests.scenario.world import World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A town at noon, under the policy of the design's sketch."""
    made = World(tmp_path, make.NOON, make.policy())
    yield made
    await made.close()


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Callable[..., World]]:
    """A town at another time, or under another policy."""
    made: list[World] = []

    def build(start: datetime = make.NOON, policy: Policy | None = None) -> World:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(World(folder, start, policy or make.policy()))
        return made[-1]

    yield build
    for each in made:
        await each.close()
