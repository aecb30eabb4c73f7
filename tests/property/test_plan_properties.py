"""The planner against random histories: nobody is left waiting, whatever people, clocks and providers do.

How many: see `repeated`.
"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given

from tests import make
from tests.property import events
from tests.property.repeated import repeated
from tests.property.script import Event, Script, scripts
from tests.property.world import World

HAZARDS = (
    "fold night", "gap night", "failure", "raise", "fall", "reopening", "import", "stop", "late joiner", "restart",
    "call", "down provider",
)  # fmt: skip
LEAST = 0.05
WRONG = {
    "hours": "correction",
    "joiner": "correction",
    "move": "correction",
    "answer": "recall",
    "new_number": "recall",
    "stop": "progress",
}
"""Where much that was said is wrong: other things happen less often."""


DEAD = {"hours": "provider_down", "elsewhere": "provider_down", "stop": "provider_down", "call": "progress"}
"""Where providers are dead for long."""


def live(script: Script) -> World:
    """Play a script to its end; a failure carries the story that led to it."""
    world = World(script)
    try:
        play(world)
    except AssertionError as broken:
        broken.add_note("\n".join(world.story()))
        raise
    return world


def play(world: World) -> None:
    """What happens, a quiet stretch, the resolution, and three days of waking up."""
    for event in world.script.events:
        world.run_until(world.now + timedelta(seconds=event.after))
        world.judge.always()
        events.happen(world, event.what, event.value)
    world.run_until(world.now + timedelta(hours=9))
    world.hazards |= nights(world)
    if not world.incident.state.ended:
        events.happen(world, "resolve", 0)
    world.run_until(world.now + timedelta(days=3))
    if not world.incident.state.ended:  # a relapse that was still to come
        events.happen(world, "resolve", 0)
        world.run_until(world.now + timedelta(days=3))
    world.judge.finish()


def nights(world: World) -> set[str]:
    """Whether the clocks of somebody in the family changed on the way."""
    found = set()
    for c in world.family.caregivers:
        tz = ZoneInfo(world.judge.zone(c))
        before, after = (at.astimezone(tz).utcoffset() for at in (world.script.start, world.now))
        assert before is not None
        assert after is not None
        if before != after:
            found.add("gap night" if after > before else "fold night")
    return found


def test_every_history_in_which_much_was_wrong_keeps_the_promise(capsys):
    """The same, where a third of all that happens puts something right."""
    hazards: Counter[str] = Counter()

    @repeated(150, suppress_health_check=list(HealthCheck))
    @given(scripts())
    def run(script: Script) -> None:
        changed = tuple(replace(event, what=WRONG.get(event.what, event.what)) for event in script.events)
        first = (Event(1, "recall", 0),) if len(changed) % 2 else ()  # the very first word is taken back
        world = live(replace(script, events=first + changed))
        hazards.update(world.hazards)
        hazards.update({name: n for name, n in world.judge.counts.items() if "put right" in name})

    run()
    with capsys.disabled():
        print()
        for name, count in sorted(hazards.items()):
            print(f"  {name:32} {count:7}")
    for hazard in ("correction", "recall", "recall of the first", "put right"):
        assert hazards[hazard] >= 4 * LEAST * 150, f"{hazard} is too rare to prove anything"


def test_every_history_in_which_providers_are_dead_for_long_keeps_the_promise(capsys):
    """The same, where much of what happens is that nobody takes the newest update, and everybody has mail."""
    hazards: Counter[str] = Counter()

    @repeated(40, suppress_health_check=list(HealthCheck))
    @given(scripts())
    def run(script: Script) -> None:
        changed = tuple(replace(event, what=DEAD.get(event.what, event.what)) for event in script.events)
        people = tuple(
            replace(c, addresses=tuple(dict.fromkeys((*c.addresses, make.own(c.id, "email")))))
            for c in script.family.caregivers
        )
        family = replace(script.family, caregivers=people)
        down = Event(1, "provider_down", 0)
        world = live(replace(script, family=family, events=(down, *changed)))
        hazards.update(world.hazards)

    run()
    with capsys.disabled():
        print()
        for name in ("down provider", "next channel"):
            print(f"  {name:32} {hazards[name]:7}")
    for hazard in ("down provider", "next channel"):
        assert hazards[hazard] >= 4 * LEAST * 40, f"{hazard} is too rare to prove anything"


def test_every_history_keeps_the_promise(capsys):
    """Properties of design section 7; each hazard occurs in at least 5 % of the examples."""
    hazards: Counter[str] = Counter()
    counts: Counter[str] = Counter()

    @repeated(200, suppress_health_check=list(HealthCheck))
    @given(scripts())
    def run(script: Script) -> None:
        world = live(script)
        hazards.update(world.hazards)
        counts.update(world.judge.counts)
        counts["examples"] += 1

    run()
    with capsys.disabled():
        print()
        for name, count in sorted({**hazards, **counts}.items()):
            print(f"  {name:32} {count:7}")
    for hazard in HAZARDS:
        assert hazards[hazard] >= LEAST * counts["examples"], f"{hazard} is too rare to prove anything"
