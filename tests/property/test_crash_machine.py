"""Processes die between any two statements, and nobody is forgotten: random histories over the real store.

How many: see `repeated`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from alertd.domain.errors import Conflict, Invalid
from alertd.domain.incident import Reach, Severity, State
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from alertd.usecases.recall import recall
from tests.property.dying import Death
from tests.property.fates import FATES
from tests.property.households import FAMILIES, household
from tests.property.mortal import LANES, Ground, Town
from tests.property.repeated import repeated

EXAMPLES = {"sqlite": 5, "postgresql": 2}
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
RIGHT = News(message={"en": "From six o'clock, not from five."})
BACK = News(message={"en": "It is back."}, state=State.INVESTIGATING, reopens=True)
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
    fates=st.lists(st.sampled_from(FATES), max_size=4).map(tuple),
    dies=st.one_of(st.none(), st.builds(Death, st.integers(0, 20))),
)

EVENTS = st.one_of(
    st.tuples(st.just("update"), st.integers(0, 1), st.sampled_from(NEWS)),
    st.tuples(st.just("end"), st.integers(0, 1), st.sampled_from(OVER)),
    st.tuples(st.just("relapse")),
    st.tuples(
        st.just("correct"), st.integers(0, 1), st.sampled_from((RIGHT, replace(RIGHT, severity=Severity.MAJOR)))
    ),
    st.tuples(st.just("recall"), st.integers(0, 1)),
    st.tuples(st.just("family"), st.sampled_from(sorted(FAMILIES)), st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("step"), WORKERS, st.sampled_from(WHAT), st.sampled_from(LANES), st.booleans()),
    st.tuples(st.just("hand over"), WORKERS),
    st.tuples(st.just("answer"), WORKERS),
    st.tuples(st.just("sweep"), st.booleans()),
    st.tuples(st.just("recover"), st.booleans()),
    st.tuples(st.just("open"), st.sampled_from(("follow", "share")), st.sampled_from(Severity)),
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
        everybody = [household(name, 0, 0, self.town.clock.now()) for name in ("fam-1", "fam-2")]
        self._do(lambda: self.town.put(*everybody), None, NOTHING)
        self._do(lambda: self._open("follow", severity), None, then)

    # One rule, for Hypothesis leaves out half of several in each example, and few examples are to see it all.
    @rule(event=EVENTS, dies=DIES, then=THEN)
    def happens(self, event: tuple[Any, ...], dies: Death | None, then: Then) -> None:
        name, *values = event
        self.counts[f"event: {name}"] += 1
        act: Callable[..., None] = getattr(self, f"_{name.replace(' ', '_')}")
        self._do(lambda: act(*values), dies, then)

    # --- humans -----------------------------------------------------------------------------------------

    def _open(self, service: str, severity: Severity) -> None:
        if len(self.town.open_incidents()) < 2:
            opening = Opening((Reach(service),), severity, "It fails", {"en": "We look into it."})
            self._command(lambda deps: open_incident(deps, opening, who="test"))

    def _update(self, which: int, news: News) -> None:
        if open_ := self.town.open_incidents():
            number = open_[which % len(open_)]
            self._command(lambda deps: publish(deps, number, news, who="test"))

    def _end(self, which: int, news: News) -> None:
        if len(self.town.taken) >= self.enough:
            self.enough = len(self.town.taken) + 10
            self._update(which, news)

    def _relapse(self) -> None:
        """What is over comes back; where nothing is, it ends, and may come back later."""
        if number := self.town.ended_incident():
            self._command(lambda deps: publish(deps, number, BACK, who="test"), "reopened")
        else:
            self._update(0, OVER[0])

    def _correct(self, which: int, news: News) -> None:
        if open_ := self.town.open_incidents():
            number = open_[which % len(open_)]
            right = replace(news, corrects=self.town.newest_update(number))
            self._command(lambda deps: publish(deps, number, right, who="test"), "corrected")

    def _recall(self, which: int) -> None:
        if open_ := self.town.open_incidents():
            number = open_[which % len(open_)]
            self._command(lambda deps: recall(deps, number, who="test"), "recalled")

    def _command(self, act: Any, done: str = "") -> None:
        try:
            answer = self.town.command(act)
        except (Conflict, Invalid):  # it is covered already, touches nobody, or cannot be taken back
            self.counts["refused commands"] += 1
        else:
            if done and answer is not None:
                self.counts[done] += 1

    def _family(self, name: str, who: int, services: int) -> None:
        self.town.put(household(name, who, services, self.town.clock.now()))

    # --- the system -------------------------------------------------------------------------------------

    def _step(self, worker: int, what: str, lane: str, send: bool) -> None:
        self.town.step(self.town.workers[worker], what, lane, send=send)

    def _hand_over(self, worker: int) -> None:
        self.town.hand_over(self.town.workers[worker])

    def _answer(self, worker: int) -> None:
        self.town.answer(self.town.workers[worker])

    def _sweep(self, broker: bool) -> None:
        self.town.sweep(broker=broker)

    def _recover(self, frozen_die: bool) -> None:
        if self.town.fuse.hit.total() > self.died:
            self.town.recover(frozen_die=frozen_die)
            self.died = self.town.fuse.hit.total()

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
        settings=repeated(
            EXAMPLES[ground.store.dialect],
            stateful_step_count=STEPS,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        ),
    )
    passed, hit = ground.fuse.passed, ground.fuse.hit
    with capsys.disabled():
        print(f"\n  {ground.store.dialect}: died {hit.total()} times, at {len(hit)} of {len(passed)} boundaries")
        for name, count in sorted(counts.items()):
            print(f"  {name:32} {count:7}")
    assert hit.total() > counts["examples"] > 0, "a fuse that never burns proves nothing"
    # All boundaries together are `test_every_boundary`'s; here a third of what so many deaths can hit.
    assert 3 * len(hit) >= min(len(passed), hit.total()), "they died at the same few places"
