"""Hand-over order: raises before news, whatever kind of update carries them; a fall is news."""

from tests import make
from tests.scenario.world import World

RAISE, NEWS = 0, 2


async def test_a_correction_that_raises_goes_before_news_and_a_fall_does_not(world: World):
    preferences = make.preferences(critical=("push",), major=("push",), minor=("push",))
    await world.family("fam-1", make.caregiver("mia", "push", preferences=preferences))
    await world.outage("follow", severity="minor")
    await world.update("Worse than we said.", severity="major", corrects=1)
    await world.update("Less bad now.", severity="minor")
    await world.update("Found it.")
    assert world.sql("SELECT priority FROM delivery ORDER BY update_no") == [(0,), (RAISE,), (NEWS,), (NEWS,)]
    world.phone("mia").forget()
