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


def until_told(rig: Rig, homes: town.Town, phase: str) -> None:
    """Wait until everybody who is owed a phase has it."""
    left: set[town.Address] = set()

    def told() -> bool:
        left.clear()
        left.update(judge.missing(homes, rig.accepted(), phase))
        return not left

    try:
        wait_until(f"everybody was told {phase}", told, PATIENCE, every=0.2)
    except NotReady as error:
        error.add_note(f"{len(left)} were not: {sorted(judge.masked(each) for each in left)[:10]}")
        raise


def test_every_phone_receives_exactly_what_the_rules_owe(rig: Rig) -> None:
    homes = town.build()
    rig.move_in(homes)
    opened = rig.open(town.SAID[town.NOTICE])
    assert opened["preview"]["families"] == len(homes.families) - len(homes.untouched)
    until_told(rig, homes, town.NOTICE)
    for phase in (town.SECOND, town.THIRD):
        rig.update(town.SAID[phase])
        until_told(rig, homes, phase)
    until_told(rig, homes, town.HOLDING)
    rig.resolve(town.SAID[town.OVER])
    until_told(rig, homes, town.OVER)
    wait_until("nothing is owed any more", rig.at_rest, PATIENCE)

    found = judge.problems(homes, rig.accepted(), rig.refused(), window=WINDOW, silence=True, slack=SLACK)
    assert found == []
