"""Processes die between any two statements, and nobody is forgotten: random histories over the real store.

`ALERTD_PROPERTY_EXAMPLES=500 pytest tests/property/test_crash_machine.py` runs longer, with a new seed each time.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from alertd.domain.errors import Conflict
from alertd.domain.incident import Reach, Severity, State
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from tests.property.dying import Death
from tests.property.mortal import FAMILIES, FAULTS, LANES, Ground, Town

MORE = os.environ.get("ALERTD_PROPERTY_EXAMPLES")
EXAMPLES = {"sqlite": 20, "postgresql": 6}
STEPS = 30

WHAT = ("fan out", "plan", "claim")
NEWS = (
    News(message={"en": "Still on it."}),
    News(message={"en": "Found."}, state=State.IDENTIFIED, next_in=timedelta(minutes=20)),
    News(message={"en": "Worse."}, severity=Severity.CRITICAL),
    News(message={"en": "Less bad."}, severity=Severity.MAJOR),
    News(message={"en": "More."}, add_scope=(Reach("share"),)),
)
OVER = (
    News(message={"en": "It works again."}, state=State.RESOLVED),
    News(message={"en": "It was no outage."}, state=State.CANCELLED),
)
WORKERS = st.integers(0, 1)
DIES = st.one_of(
    st.none(),
    st.builds(Death, st.integers(0, 20)),
    st.builds(Death, st.just(0), st.sampled_from("0123456789abcdef")),
)


@dataclass(frozen=True, slots=True)
class Then:
    """What follows: time passes, and a worker does some pieces of work; the next messages have these fates."""

    seconds: float = 0
    worker: int = 0
    pieces: int = 0
    fates: tuple[str, ...] = ()
    dies: Death | None = None  # counted from the next hand-over


NOTHING = Then()
THEN = st.builds(
    Then,
    seconds=st.sampled_from((0, 0, 0.3, 2, 5, 31, 61, 600, 1700, 7200, 30_000)),
    worker=WORKERS,
    pieces=st.integers(0, 6),
    fates=st.lists(st.sampled_from(("accepted", "slow", "frozen", *FAULTS)), max_size=4).map(tuple),
    dies=st.one_of(st.none(), st.builds(Death, st.integers(0, 20))),
)


class Mortal(RuleBasedStateMachine):
    """Humans, two workers, a sweeper, providers, time; and death."""

    def __init__(self, ground: Ground, counts: Counter[str]) -> None:
        super().__init__()
        self.town, self.counts = Town(ground), counts
        self.died = ground.fuse.hit.total()
        self.broken = False
        self.enough = 6

    @initialize(severity=st.sampled_from(Severity), then=THEN)
    def families_move_in(self, severity: Severity, then: Then) -> None:
        everybody = [self.town.family(name, 0, 0) for name in ("fam-1", "fam-2")]
        self._do(lambda: self.town.put(*everybody), None, NOTHING)
        self.open_incident("follow", severity, None, then)

    # --- humans -----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.town.open_incidents()) < 2)
    @rule(service=st.sampled_from(("follow", "share")), severity=st.sampled_from(Severity), dies=DIES, then=THEN)
    def open_incident(self, service: str, severity: Severity, dies: Death | None, then: Then) -> None:
        opening = Opening((Reach(service),), severity, "It fails", {"en": "We look into it."})
        self._command(lambda deps: open_incident(deps, opening, who="test"), dies, then)

    @rule(which=st.integers(0, 2), news=st.sampled_from(NEWS), dies=DIES, then=THEN)
    def update(self, which: int, news: News, dies: Death | None, then: Then) -> None:
        if open_ := self.town.open_incidents():
            number = open_[which % len(open_)]
            self._command(lambda deps: publish(deps, number, news, who="test"), dies, then)

    @precondition(lambda self: len(self.town.taken) > self.enough)
    @rule(which=st.integers(0, 2), news=st.sampled_from(OVER), dies=DIES, then=THEN)
    def end(self, which: int, news: News, dies: Death | None, then: Then) -> None:
        self.enough = len(self.town.taken) + 20
        self.update(which, news, dies, then)

    def _command(self, act: Any, dies: Death | None, then: Then) -> None:
        def command() -> None:
            try:
                self.town.command(act)
            except Conflict:
                self.counts["refused commands"] += 1

        self._do(command, dies, then)

    @rule(
        name=st.sampled_from(sorted(FAMILIES)),
        who=st.integers(0, 2),
        services=st.integers(0, 2),
        dies=DIES,
        then=THEN,
    )
    def change_family(self, name: str, who: int, services: int, dies: Death | None, then: Then) -> None:
        self._do(lambda: self.town.put(self.town.family(name, who, services)), dies, then)

    # --- the system -------------------------------------------------------------------------------------

    @rule(
        worker=WORKERS,
        what=st.sampled_from(WHAT),
        lane=st.sampled_from(LANES),
        send=st.booleans(),
        dies=DIES,
        then=THEN,
    )
    def step(self, worker: int, what: str, lane: str, send: bool, dies: Death | None, then: Then) -> None:
        self._do(lambda: self.town.step(self.town.workers[worker], what, lane, send=send), dies, then)

    @rule(worker=WORKERS, dies=DIES, then=THEN)
    def hand_over(self, worker: int, dies: Death | None, then: Then) -> None:
        self._do(lambda: self.town.hand_over(self.town.workers[worker]), dies, then)

    @rule(worker=WORKERS, dies=DIES, then=THEN)
    def answer(self, worker: int, dies: Death | None, then: Then) -> None:
        self._do(lambda: self.town.answer(self.town.workers[worker]), dies, then)

    @rule(broker=st.booleans(), dies=DIES, then=THEN)
    def sweep(self, broker: bool, dies: Death | None, then: Then) -> None:
        self._do(lambda: self.town.sweep(broker=broker), dies, then)

    @precondition(lambda self: self.town.fuse.hit.total() > self.died)
    @rule(frozen_die=st.booleans())
    def recover(self, frozen_die: bool) -> None:
        self.died = self.town.fuse.hit.total()
        self._do(lambda: self.town.recover(frozen_die=frozen_die), None, NOTHING)

    def _do(self, act: Callable[[], Any], dies: Death | None, then: Then) -> None:
        """It happens, perhaps somebody dies of it; then time passes, and a worker works."""
        town = self.town
        if dies is not None:
            town.fuse.light(dies)
        try:
            act()
            town.clock.advance(seconds=then.seconds)
            if then.fates:
                town.fates[:] = then.fates
            if then.dies is not None:
                town.dies_in_hand = then.dies
            for _ in range(then.pieces):
                town.work(town.workers[then.worker])
            town.aftermath.judge_taken(town.tick)
        except BaseException as broken:
            self.broken = True
            broken.add_note(town.aftermath.story())
            raise

    def teardown(self) -> None:
        try:
            if not self.broken:
                self._do(self.town.recover, None, NOTHING)
        finally:
            self.counts["examples"] += 1
            self.counts["messages"] += len(self.town.taken)
            self.counts.update({f"moved: {move}": n for move, n in self.town.aftermath.moves.items()})
            self.town.close()


def test_whoever_dies_between_two_statements_nobody_is_forgotten(ground, capsys):
    """Design section 7; how many of the boundaries somebody died at is printed."""
    counts: Counter[str] = Counter()
    run_state_machine_as_test(
        lambda: Mortal(ground, counts),  # type: ignore[arg-type]  # it is called, and no more
        settings=settings(
            max_examples=int(MORE or EXAMPLES[ground.store.dialect]),
            stateful_step_count=STEPS,
            derandomize=MORE is None,
            deadline=None,
            database=None,
            print_blob=True,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    passed, hit = ground.fuse.passed, ground.fuse.hit
    with capsys.disabled():
        print(f"\n  {ground.store.dialect}: died {hit.total()} times, at {len(hit)} of {len(passed)} boundaries")
        for name, count in sorted(counts.items()):
            print(f"  {name:32} {count:7}")
