"""A town whose API, sweeper and two workers may die: the real store and use cases, a fake clock and providers."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from alertd.domain.family import Family
from alertd.domain.service import Services
from alertd.ports import Content
from alertd.ports.deps import Deps
from alertd.store.tables import metadata
from alertd.store.types import from_us
from alertd.usecases.audit import audit
from alertd.usecases.deliver import Sender
from alertd.usecases.drain import claim, drain
from alertd.usecases.fan_out import Step, fan_out
from alertd.usecases.plan_due import plan_due
from alertd.usecases.planning import Overtaken
from alertd.usecases.put_families import put_families
from alertd.usecases.sweep import sweep
from tests import make
from tests.fakes import FakeClock, FakeDoorbell, FakeLog
from tests.property.aftermath import Aftermath, Taken, look_into
from tests.property.dying import Crash, Death, DyingStore, Fuse, Process, within
from tests.property.fates import Provider
from tests.property.instant import InstantLoop

PACIFIC = ZoneInfo("America/Los_Angeles")
LANES = ("urgent", "bulk")
MOST_STEPS = 500  # of a town that comes to rest


@dataclass(eq=False)
class Worker:
    """A process, and the batches that it holds in memory."""

    process: Process
    deps: Deps
    sender: Sender
    held: list[tuple[Step, int]] = field(default_factory=list)
    flight: asyncio.Task[Any] | None = None


class Ground:
    """A database that one town after the other is built on: what is compiled once serves them all."""

    def __init__(self, url: str) -> None:
        self.loop, self.fuse = InstantLoop(), Fuse()
        self.store = DyingStore(url, self.fuse)
        self.look = look_into(url)

    def clear(self) -> None:
        """Leave nothing of the last town."""
        self.look.execute("BEGIN")
        for table in metadata.sorted_tables[::-1]:
            self.look.execute(f"DELETE FROM {table.name}")
        self.look.execute("COMMIT")
        self.fuse.light()

    def close(self) -> None:
        """Give everything back."""
        self.loop.run_until_complete(self.store.close())
        self.look.close()
        self.loop.close()


class Town:
    """Whoever dies is forgotten and starts again with nothing but the database."""

    def __init__(self, ground: Ground) -> None:
        ground.clear()
        self.loop, self.fuse, self.store, self.look = ground.loop, ground.fuse, ground.store, ground.look
        self.clock = FakeClock(make.NOON)
        self.fates: list[str] = []
        self.dies_in_hand: Death | None = None  # counted from the next hand-over
        self.taken: list[Taken] = []
        self.tick = 0
        self.claimed_at: dict[Process, int] = {}
        self.unanswered: list[Family] = []  # imports whose sender got no answer, and will send them again
        self._ids = 0
        self.aftermath = Aftermath(ground.look, self.taken)
        self.store.committed = self.aftermath.check_moves
        self.channels = {name: Provider(name, self) for name in ("push", "sms", "email")}
        self.workers = [self._worker("worker 0"), self._worker("worker 1")]
        self.sweeper, self.api = self._worker("sweeper"), self._worker("api")

    def _worker(self, name: str) -> Worker:
        policy = make.policy()
        deps = Deps(
            store=self.store,
            clock=self.clock,
            channels=self.channels,
            compose=lambda saying: Content(saying.framing.value, saying.reader.locale),
            doorbell=FakeDoorbell(),
            new_id=self._new_id,
            spread=random.Random(7).random,
            policies=dict.fromkeys(("follow", "share"), policy),
            default_policy=policy,
            services=Services({"follow": {}, "share": {}}),
            log=FakeLog(),
            part=1,
        )
        return Worker(Process(name), deps, Sender(deps))

    def _new_id(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids)

    # --- running --------------------------------------------------------------------------------------

    def run(self, worker: Worker, act: Callable[[Deps], Coroutine[Any, Any, Any]], default: Any = None) -> Any:
        """What a process does next; `default` if it dies of it."""
        with within(worker.process):
            task = self.loop.create_task(act(worker.deps))
        try:
            return self.loop.run_until_complete(task)
        except Crash:
            self.bury(worker)
            return default
        except Overtaken:
            return default

    def bury(self, worker: Worker) -> None:
        """A dead process is gone with all it held; its supervisor starts another."""
        worker.process.die()
        self._run_into_ends()
        assert worker.flight is None or worker.flight.done()
        fresh = self._worker(worker.process.name)
        worker.process, worker.deps, worker.sender = fresh.process, fresh.deps, fresh.sender
        worker.held, worker.flight = [], None

    def command(self, act: Callable[[Deps], Coroutine[Any, Any, Any]]) -> Any:
        """A human asks the API."""
        try:
            return self.run(self.api, act)
        finally:
            self.aftermath.judge_taken(self.tick)  # what ended now has ended before the next claim

    def open_incidents(self) -> list[int]:
        """Their numbers, the newest first."""
        return [
            n
            for (n,) in self.aftermath.sql(
                "SELECT number FROM incident WHERE ended_at IS NULL ORDER BY number DESC"
            )
        ]

    def ended_incident(self) -> int | None:
        """The number of the newest that is over."""
        number: int | None = self.aftermath.sql("SELECT max(number) FROM incident WHERE ended_at IS NOT NULL")[0][
            0
        ]
        return number

    def newest_update(self, incident: int) -> int:
        """The newest of an incident's updates by people, as readers see its number."""
        return int(
            self.aftermath.sql(
                "SELECT max(human_number) FROM incident_update u JOIN incident i ON i.id=u.incident_id "
                f"WHERE i.number={incident}"
            )[0][0]
        )

    def put(self, *families: Family) -> None:
        """Somebody imports families; who gets no answer asks again, sooner or later."""
        self.unanswered += families
        if self.command(lambda deps: put_families(deps, families, who="test")) is not None:
            self.unanswered = [each for each in self.unanswered if each not in families]

    # --- what a worker does -----------------------------------------------------------------------------

    def step(self, worker: Worker, what: str, lane: str, *, send: bool = True) -> bool:
        """One step; what comes of it stays in the worker's memory."""
        acts: dict[str, Callable[[Deps], Coroutine[Any, Any, Step]]] = {
            "fan out": lambda deps: fan_out(deps, lane, send=send),
            "plan": lambda deps: plan_due(deps, send=send),
            "claim": lambda deps: claim(deps, lane),
        }
        self.tick += 1
        at = self.tick
        step = self.run(worker, acts[what], Step(worked=True))
        if step.batch:
            worker.held.append((step, at))
        return bool(step.worked)

    def hand_over(self, worker: Worker) -> None:
        """Hand over the oldest batch in memory; what a provider leaves waiting goes on by `answer`."""
        if worker.flight is not None or not worker.held:
            return
        if self.dies_in_hand is not None:
            self.fuse.light(self.dies_in_hand)
            self.dies_in_hand = None
        step, self.claimed_at[worker.process] = worker.held.pop(0)
        assert step.lease is not None
        with within(worker.process):
            worker.flight = self.loop.create_task(worker.sender.hand_over(step.batch, step.lease))
        self.loop.run_until_complete(asyncio.wait({worker.flight}, timeout=1.1))
        self._landed(worker)

    def answer(self, worker: Worker) -> None:
        """The slow providers of a worker answer."""
        if worker.flight is None:
            return
        for gate in worker.process.gates:
            if not gate.done():
                gate.set_result(None)
        self.loop.run_until_complete(asyncio.wait({worker.flight}))
        self._landed(worker)

    def _landed(self, worker: Worker) -> None:
        if worker.flight is not None and worker.flight.done():
            flight, worker.flight = worker.flight, None
            if isinstance(flight.exception(), Crash):
                self.bury(worker)
            else:
                flight.result()

    def work(self, worker: Worker) -> bool:
        """The next piece of work that there is, and hand it over."""
        waiting = self.aftermath.waiting(self.clock.now())
        for what, lane in waiting:
            if what == "sweep":
                self.sweep()
            else:
                self.step(worker, what, lane)
                self.hand_over(worker)
            return True
        return False

    def sweep(self, *, broker: bool = True) -> None:
        """The sweeper looks once."""
        self.tick += 1
        self.claimed_at[self.sweeper.process] = self.tick

        async def look(deps: Deps) -> None:
            for lane in (await sweep(deps, broker=broker)).alone:
                await drain(deps, self.sweeper.sender, lane, seconds=30)

        self.run(self.sweeper, look)

    # --- quiet ----------------------------------------------------------------------------------------

    def recover(self, *, frozen_die: bool = False) -> None:
        """Nothing more goes wrong, and time passes until nothing is due, by day."""
        self.fuse.light()
        self.dies_in_hand = None
        self.fates.clear()
        for worker in self.workers:
            if frozen_die:
                self.bury(worker)
            self.answer(worker)
            while worker.held:
                self.hand_over(worker)
        if self.unanswered:
            self.put(*self.unanswered)
        until = self._by_day(self.clock.now() + timedelta(minutes=70))
        while True:
            self._settle()
            moment = self.aftermath.next_moment()
            if moment is None or from_us(moment) > until:
                break
            self.clock.set(max(self.clock.now() + timedelta(milliseconds=1), from_us(moment)))
        self.aftermath.judge_rest(self.clock.now())
        answer = self.run(self.sweeper, audit)
        assert answer.passed, answer  # the auditor agrees, and accuses nobody falsely

    def _settle(self) -> None:
        for _ in range(MOST_STEPS):
            if not self.work(self.workers[0]):
                return
        raise AssertionError("the town never comes to rest")

    @staticmethod
    def _by_day(at: datetime) -> datetime:
        local = at.astimezone(PACIFIC)
        if local.hour >= 20:
            local = (local + timedelta(days=1)).replace(hour=8)
        return local.replace(hour=max(local.hour, 8)).astimezone(at.tzinfo)

    def close(self) -> None:
        """Nobody does anything any more."""
        for worker in (*self.workers, self.sweeper, self.api):
            worker.process.die()
        self._run_into_ends()

    def _run_into_ends(self) -> None:
        """What the dead left behind meets its end: five seconds of the loop's own clock, which cost no time."""
        self.loop.run_until_complete(asyncio.sleep(5))
