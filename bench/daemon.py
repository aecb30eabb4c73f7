"""A whole daemon for one measurement: urgent and bulk workers, a sweeper, and deps as the API has them."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from uuid import UUID

from alertd import wiring
from alertd.domain.family import Address, AddressId, Caregiver, CaregiverId, Family, FamilyId
from alertd.domain.incident import Reach, Severity
from alertd.ports.deps import Deps
from alertd.settings import load
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.publish import News, publish
from alertd.usecases.put_families import put_families
from bench import messages
from bench.naive.variant import credentials
from bench.processes import usage
from bench.servers import NotReady, Rig, start, stop

BULK = 2
URGENT = 1
SECONDS = 120.0
POLL = 0.002


class Daemon:
    """Started on a new database of the rig; used within `async with`."""

    def __init__(self, rig: Rig, name: str, broker: int, database: str) -> None:
        self.rig, self._folder, self._broker, self._database = rig, rig.folder / name, broker, database
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
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")} | {
            "ALERTD_DATA_DIR": str(self._folder),
            "ALERTD_DATABASE_URL": self._database,
            "ALERTD_BROKER_URL": self.rig.broker_url(self._broker),
            "ALERTD_FCM__BASE_URL": self.rig.provider.url,
            "ALERTD_FCM__CREDENTIALS_FILE": str(credentials(self._folder, self.rig.provider.url)),
            "ALERTD_WORKERS__BULK": str(BULK),
            "ALERTD_LOG__LEVEL": "warning",
        }
        settings = load(self._env)
        wiring.upgrade_database(settings)
        self._deps = await wiring.open_deps(settings)
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in self._processes:
            stop(process)
        if self._deps is not None:
            await wiring.close_deps(self._deps)

    async def start(self) -> None:
        """Start workers and sweeper, and have them tell somebody once."""
        self.rig.vacuum(self._database)
        programs = (
            f"import workers; workers.run_worker('urgent', {URGENT}, level='warning')",
            f"import os, workers; os.nice(10); workers.run_worker('bulk', {BULK}, level='warning')",
            "import os; from alertd import settings; from workers import sweeper; "
            "sweeper.main(settings.load(os.environ))",
        )
        for number, program in enumerate(programs):
            with (self._folder / f"part-{number}.log").open("wb") as log:
                part = start([sys.executable, "-c", program], env=self._env, stdout=log, stderr=log)
            self._processes.append(part)

    def cpu_seconds(self) -> float:
        """What workers, sweeper and servers have used until now."""
        return usage(*(p.pid for p in self._processes)).cpu_seconds + self.rig.server_cpu_seconds()

    async def families(self, service: str, count: int, *, first: int = 0, region: str = "us-west") -> None:
        """Import families with one push address each."""
        made = [_family(service, first + i, region) for i in range(count)]
        await put_families(self.deps, made, who="bench")

    async def open(self, service: str, *regions: str, severity: Severity = Severity.CRITICAL) -> int:
        """Open an incident; returns its number."""
        reach = Reach(service, tuple(regions))
        opening = Opening((reach,), severity, messages.TITLE, {"en": messages.BODY}, do=("check_by_hand",))
        return (await open_incident(self.deps, opening, who="bench")).incident

    async def update(self, number: int, news: News) -> None:
        """Publish news."""
        await publish(self.deps, number, news, who="bench")

    async def accepted(self, number: int, wanted: int) -> None:
        """Wait until so many deliveries of an incident are accepted in the database."""
        until = time.perf_counter() + SECONDS
        found = 0
        while found < wanted:
            self._check(until, f"{found} of {wanted} accepted")
            await asyncio.sleep(0.025)
            async with self.deps.store.reading() as rows:
                incident = await rows.incident(number)
                assert incident is not None
                told = await rows.progress(incident.id, 1)
            found = told.deliveries.get("push", {}).get("accepted", 0)

    async def until(self, what: str, is_true: Callable[[], bool]) -> None:
        """Poll a condition, 2 ms apart."""
        until = time.perf_counter() + SECONDS
        while not is_true():
            self._check(until, what)
            await asyncio.sleep(POLL)

    def _check(self, until: float, what: str) -> None:
        ended = [p for p in self._processes if p.poll() is not None]
        if ended or time.perf_counter() > until:
            logs = "\n".join(path.read_text()[-1000:] for path in sorted(self._folder.glob("part-*.log")))
            raise NotReady(f"not within {SECONDS:.0f} s: {what}. The logs end:\n{logs}")


def token(service: str, index: int) -> str:
    """The push token of a family."""
    return f"{service}-{messages.token(index)}"


def _family(service: str, index: int, region: str) -> Family:
    address = Address("push", token(service, index), AddressId(UUID(int=0)))
    parent = Caregiver(CaregiverId("parent"), "Parent", "parent", 1, (address,))
    return Family(
        FamilyId(f"{service}-{index:06}"), datetime(2026, 1, 1, tzinfo=UTC), (service,), "Etc/UTC", "en",
        (parent,), region=region,
    )  # fmt: skip


def median(values: Sequence[float]) -> float:
    """The middle one."""
    ordered = sorted(values)
    return ordered[len(ordered) // 2]


def p95(values: Sequence[float]) -> float:
    """The value that 95 % do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
