"""A whole daemon for one measurement: API, urgent and bulk workers, a sweeper, and deps as the API has them."""

import asyncio
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import structlog

from alertd import wiring
from alertd.domain.event import EventStatus, OutageEvent
from alertd.domain.family import Address, AddressId, Caregiver, CaregiverId, Family, FamilyId, Preferences
from alertd.domain.incident import Reach, Severity, State
from alertd.free_port import free_port
from alertd.ports.deps import Deps
from alertd.settings import load, shipped_config
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from alertd.usecases.put_families import put_families
from alertd.usecases.take_machine_events import take_machine_event
from bench import messages
from bench.alertd_variants import UNBOUND
from bench.naive.variant import credentials
from bench.processes import usage
from bench.servers import NotReady, Rig, start, stop

PARTS = ("api",), ("sweeper",), ("worker", "--lane", "urgent"), ("worker", "--lane", "bulk")
BULK = 2
SECONDS = 120.0
POLL_SECONDS = 0.002
POLICY = """\
policy: follow
services: [follow, share, login]
confirm: {critical: 0m}
sources: {bench: [open]}
escalation:
  families:
    critical: {until: acknowledged, by: [parent], steps: [{after: 0m, tell: always}, {after: 10m, tell: always}]}
"""
"""Families are told of a machine's suspicion at once, and asked again after ten minutes."""


class Daemon:
    """On a new database of the rig; used within `async with`, started with `start`."""

    def __init__(self, rig: Rig, name: str, broker: int, database: str) -> None:
        self.rig, self._folder, self._broker, self.url = rig, rig.folder / name, broker, database
        self._processes: list[subprocess.Popen[bytes]] = []
        self._deps: Deps | None = None

    @property
    def deps(self) -> Deps:
        """As the API has them."""
        assert self._deps is not None
        return self._deps

    async def __aenter__(self) -> "Daemon":
        self._folder.mkdir(exist_ok=True)
        self.rig.flush_broker(self._broker)
        shutil.copytree(shipped_config(), self._folder / "config", dirs_exist_ok=True)
        (self._folder / "config" / "policies" / "follow.yaml").write_text(POLICY)
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")} | {
            "ALERTD_API__PORT": str(free_port()),
            "ALERTD_CONFIG": str(self._folder / "config"),
            "ALERTD_DATA_DIR": str(self._folder),
            "ALERTD_DATABASE_URL": self.url,
            "ALERTD_BROKER_URL": self.rig.broker_url(self._broker),
            "ALERTD_FCM__BASE_URL": self.rig.provider.url,
            "ALERTD_FCM__CREDENTIALS_FILE": str(credentials(self._folder, self.rig.provider.url)),
            "ALERTD_FCM__RATE_PER_SECOND": UNBOUND,
            "ALERTD_WORKERS__BULK": str(BULK),
            "ALERTD_LOG__LEVEL": "warning",
        }
        settings = load(self._env)
        wiring.upgrade_database(settings)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        self._deps = await wiring.open_deps(settings)
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            stop(process)
        if self._deps is not None:
            await wiring.close_deps(self._deps)

    async def start(self) -> None:
        """Start every part, and have a family of its own told once."""
        await self.families("login", 1)
        self.rig.vacuum(self.url)
        for number, part in enumerate(PARTS):
            with (self._folder / f"part-{number}.log").open("wb") as log:
                argv = [sys.executable, "-m", "alertd", *part]
                self._processes.append(start(argv, env=self._env, stdout=log, stderr=log))
        number = await self.open("login")
        await self.heard(token("login", 0))
        await self.end(number)
        await asyncio.sleep(3)  # the other children have warmed up too

    def cpu_seconds(self) -> float:
        """What all parts and the servers have used until now."""
        return usage(*(p.pid for p in self._processes)).cpu_seconds + self.rig.server_cpu_seconds()

    async def families(self, service: str, count: int, *, first: int = 0, region: str = "us-west") -> None:
        """Import families with one push address each."""
        made = [family(service, first + i, region) for i in range(count)]
        await put_families(self.deps, made, who="bench")

    async def open(self, service: str, *regions: str) -> int:
        """A human opens an incident; returns its number."""
        opening = Opening(
            (Reach(service, regions),),
            Severity.CRITICAL,
            messages.TITLE,
            {"en": messages.BODY},
            do=("check_by_hand",),
        )
        return (await open_incident(self.deps, opening, who="bench")).incident

    async def fire(self, service: str, which: str) -> int:
        """A machine opens one; returns its number."""
        event = OutageEvent("bench", which, which, service, Severity.CRITICAL, EventStatus.FIRING, messages.TITLE)
        received = await take_machine_event(self.deps, event, which.encode())
        assert received.incident is not None, received
        return received.incident

    async def tell(self, number: int, news: News) -> None:
        """A human publishes news."""
        await publish(self.deps, number, news, who="bench")

    async def end(self, number: int) -> None:
        """It is over, and everybody has heard so."""
        await self.tell(number, News(state=State.RESOLVED))
        await self.settled()

    @contextmanager
    def sweeper_held(self) -> Iterator[None]:
        """Nobody looks at what is due within this block."""
        sweeper = self._processes[PARTS.index(("sweeper",))]
        sweeper.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            sweeper.send_signal(signal.SIGCONT)

    async def settled(self) -> None:
        """Nothing is under way or waits any more."""

        async def busy() -> bool:
            async with self.deps.store.reading() as rows:
                backlog = await rows.backlog(self.deps.clock.now(), self.deps.clock.machine())
            return bool(backlog.pending or backlog.fanouts or backlog.watches is not None)

        until = time.perf_counter() + SECONDS
        quiet = 0
        while quiet < 3:
            self.check(until, "the daemon comes to rest")
            quiet = 0 if await busy() else quiet + 1
            await asyncio.sleep(0.2)

    async def heard(self, to: str) -> None:
        """The provider has accepted something for this token."""
        try:
            await asyncio.to_thread(self.rig.provider.wait_for, to)
        except TimeoutError:
            self.check(0.0, f"a message to {to[:16]}")

    async def count(self, wanted: int) -> None:
        """The provider has accepted so many pushes."""
        await self.until(f"{wanted} messages", lambda: self.rig.provider.count() >= wanted)

    async def until(self, what: str, is_true: Callable[[], bool]) -> None:
        """Poll a condition, 2 ms apart."""
        until = time.perf_counter() + SECONDS
        while not is_true():
            self.check(until, what)
            await asyncio.sleep(POLL_SECONDS)

    def check(self, until: float, what: str) -> None:
        """Raise NotReady where a part has ended, or time is up."""
        ended = [p for p in self._processes if p.poll() is not None]
        if ended or time.perf_counter() > until:
            logs = "\n".join(path.read_text()[-1000:] for path in sorted(self._folder.glob("part-*.log")))
            raise NotReady(f"not within {SECONDS:.0f} s: {what}. The logs end:\n{logs}")


def token(service: str, index: int) -> str:
    """The push token of a family."""
    return f"{service}-{messages.token(index)}"


def family(service: str, index: int, region: str) -> Family:
    """One parent with one push address, always awake."""
    address = Address("push", token(service, index), AddressId(UUID(int=0)))
    awake = Preferences(quiet_hours="none")
    parent = Caregiver(CaregiverId("parent"), "Parent", "parent", 1, (address,), awake)
    return Family(
        FamilyId(f"{service}-{index:06}"), datetime(2026, 1, 1, tzinfo=UTC), (service,), "Etc/UTC", "en",
        (parent,), region=region,
    )  # fmt: skip
