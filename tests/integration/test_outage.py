"""One outage, a thousand families, real processes; judged from what the providers accepted."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import DIALECTS
from tests.integration import judge, town
from tests.integration.rig import WINDOW, Rig
from tests.servers import NotReady, wait_until

pytestmark = pytest.mark.integration
PATIENCE = 90.0  # seconds for a thousand families to hear something, on a machine that is very busy
SLACK = 10.0  # seconds: a machine that runs other things too is late; production's margin covers a lease


@pytest.fixture(params=DIALECTS)
def rig(request: pytest.FixtureRequest, fresh_database: Callable[[str], str], tmp_path: Path) -> Iterator[Rig]:
    """A running alertd on a fresh database of each kind, with a signed-in operator."""
    with Rig(tmp_path / "rig", fresh_database(request.param)) as made:
        made.sign_in()
        yield made


class Story:
    """The night's commands, each followed by waiting until everybody has heard of it."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.town = rig, town.build()
        self._roll = judge.Roll(self.town)
        rig.move_in(self.town)

    def until_told(self, phase: str) -> None:
        """Wait until everybody who is owed a phase has it."""
        try:
            wait_until(f"everybody was told {phase}", lambda: not self.missing(phase), PATIENCE, every=0.1)
        except NotReady as error:
            left = self.missing(phase)
            error.add_note(f"{len(left)} were not: {sorted(judge.masked(each) for each in left)[:10]}")
            raise

    def missing(self, phase: str) -> set[town.Address]:
        """Who has not been told yet."""
        self._roll.call(self.rig.news())
        return self._roll.missing(phase)

    def until_half_told(self, phase: str) -> None:
        """Wait until half of those who are owed a phase have it."""
        owed = len(self._roll.missing(phase))
        wait_until(f"half were told {phase}", lambda: len(self.missing(phase)) <= owed / 2, PATIENCE, every=0.02)

    def opens(self) -> None:
        """An incident that touches everybody but those who use something else."""
        opened = self.rig.open(town.SAID[town.NOTICE])
        assert opened["preview"]["families"] == len(self.town.families) - len(self.town.untouched)

    def says(self, phase: str) -> None:
        """An update."""
        self.rig.update(town.SAID[phase])

    def ends(self) -> None:
        """All clear; then nothing is owed any more."""
        self.rig.resolve(town.SAID[town.OVER])
        self.until_told(town.OVER)
        wait_until("nothing is owed any more", self.rig.at_rest, PATIENCE)


def test_every_phone_receives_exactly_what_the_rules_owe(rig: Rig) -> None:
    story = Story(rig)
    story.opens()
    story.until_told(town.NOTICE)
    for phase in (town.SECOND, town.THIRD):
        story.says(phase)
        story.until_told(phase)
    story.until_told(town.HOLDING)
    story.ends()

    found = judge.problems(story.town, rig.accepted(), rig.refused(), window=WINDOW, silence=True, slack=SLACK)
    assert found == []


def test_with_redis_killed_half_way_everything_still_arrives_once(rig: Rig) -> None:
    """No broker for the rest of the night: the sweeper does the work."""
    story = Story(rig)
    story.opens()
    story.until_told(town.NOTICE)
    story.says(town.SECOND)
    story.until_half_told(town.SECOND)
    rig.kill("redis")
    story.until_told(town.SECOND)
    story.says(town.THIRD)
    story.until_told(town.THIRD)
    story.until_told(town.HOLDING)
    story.ends()

    assert not rig.alive("redis")
    assert rig.alive("sweeper", "api", "worker-urgent", "worker-bulk")
    found = judge.problems(story.town, rig.accepted(), rig.refused(), window=WINDOW, silence=True, slack=SLACK)
    assert found == []
    assert rig.rows("SELECT count(*) FROM attempt WHERE outcome = 'unknown'") == [(0,)]
