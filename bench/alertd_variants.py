"""alertd's own variants: an incident is opened, and two real Celery worker children tell every family.

From the incident's transaction to the last acceptance committed, on Postgres and on SQLite. Nothing is left
out: watches, deliveries, leases, outcomes, texts and FCM's token exchange are the daemon's own.
"""

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import structlog

from alertd import wiring
from alertd.domain.family import Address, AddressId, Caregiver, CaregiverId, Family, FamilyId
from alertd.domain.incident import Reach, Severity
from alertd.ports.deps import Deps
from alertd.settings import Settings, load
from alertd.usecases.open_incident import Opening, open_incident
from alertd.usecases.put_families import put_families
from bench import messages
from bench.measurement import Measurement, Mismatch, Variant
from bench.naive.variant import credentials
from bench.processes import usage
from bench.servers import NotReady, Rig, start, stop

CHILDREN = 2
UNBOUND = "1000000"
"""Pushes a second that may be handed over: the provider here takes all, and what is measured is alertd itself."""
WARM = 2000
RUN_SECONDS = 120.0
POLL_SECONDS = 0.025
DO = ("check_by_hand", "do_not_reinstall")


class Alertd:
    """The daemon's own workers; `database` makes a new, empty database and returns its URL."""

    full = 50_000
    quick = 5_000

    def __init__(self, name: str, broker: int, database: Callable[[Rig], str]) -> None:
        self.name = name
        self._broker, self._database = broker, database
        self._worker: subprocess.Popen[bytes] | None = None
        self._deps: Deps | None = None
        self._rig: Rig

    async def prepare(self, rig: Rig, n: int, /) -> None:
        """Import n families, start the worker, and have it tell 2,000 others."""
        self._rig = rig
        folder = rig.folder / self.name
        folder.mkdir(exist_ok=True)
        rig.flush_broker(self._broker)
        settings = self._settings(rig, folder)
        wiring.upgrade_database(settings)
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
        self._deps = await wiring.open_deps(settings)
        await put_families(self._deps, [_family(i, "follow", messages.token(i)) for i in range(n)], who="bench")
        await put_families(self._deps, [_family(i, "share", f"warm-{i}") for i in range(WARM)], who="bench")
        rig.vacuum(self._env["ALERTD_DATABASE_URL"])
        with (folder / "worker.log").open("wb") as log:
            program = f"import workers; workers.run_worker('bulk', {CHILDREN}, level='warning')"
            self._worker = start([sys.executable, "-c", program], env=self._env, stdout=log, stderr=log)
        await self._tell("share", WARM)

    async def run(self, n: int, /) -> Measurement:
        """Open the incident and wait until every delivery is accepted in the database."""
        assert self._worker is not None
        worker, servers = usage(self._worker.pid), self._rig.server_cpu_seconds()
        seconds = await self._tell("follow", n)
        after = usage(self._worker.pid)
        servers = self._rig.server_cpu_seconds() - servers
        cpu = after.cpu_seconds - worker.cpu_seconds
        return Measurement(n, seconds, cpu / n * 1e6, after.peak_mb, servers / n * 1e6)

    async def close(self) -> None:
        """Stop the worker and give the connections back."""
        if self._worker is not None:
            stop(self._worker)
            self._worker = None
        if self._deps is not None:
            await wiring.close_deps(self._deps)
            self._deps = None

    async def _tell(self, service: str, n: int) -> float:
        """Seconds from opening an incident to n acceptances committed; raises Mismatch unless exactly n."""
        deps = self._deps
        assert deps is not None
        began = time.perf_counter()
        opening = Opening((Reach(service),), Severity.CRITICAL, messages.TITLE, {"en": messages.BODY}, do=DO)
        opened = await open_incident(deps, opening, who="bench")
        async with deps.store.reading() as rows:
            incident = await rows.incident(opened.incident)
        assert incident is not None
        states: dict[str, int] = {}
        while states.get("accepted", 0) < n:
            if time.perf_counter() - began > RUN_SECONDS or self._ended():
                log = self._rig.folder / self.name / "worker.log"
                raise NotReady(f"{self.name}: {states} of {n}. Its log ends:\n{log.read_text()[-2000:]}")
            await asyncio.sleep(POLL_SECONDS)
            if service != "follow" or self._rig.provider.count() >= n:
                async with deps.store.reading() as rows:
                    states = dict((await rows.progress(incident.id, 1)).deliveries.get("push", {}))
        seconds = time.perf_counter() - began
        if states != {"accepted": n}:
            raise Mismatch(f"{self.name}: {states} in the database instead of {n} accepted")
        return seconds

    def _ended(self) -> bool:
        return self._worker is not None and self._worker.poll() is not None

    def _settings(self, rig: Rig, folder: Path) -> Settings:
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("ALERTD_")} | {
            "ALERTD_DATA_DIR": str(folder),
            "ALERTD_DATABASE_URL": self._database(rig),
            "ALERTD_BROKER_URL": rig.broker_url(self._broker),
            "ALERTD_FCM__BASE_URL": rig.provider.url,
            "ALERTD_FCM__CREDENTIALS_FILE": str(credentials(folder, rig.provider.url)),
            "ALERTD_FCM__RATE_PER_SECOND": UNBOUND,
            "ALERTD_WORKERS__BULK": str(CHILDREN),
            "ALERTD_LOG__LEVEL": "warning",
        }
        return load(self._env)


ZONES = (
    "America/Los_Angeles", "America/Denver", "America/New_York", "America/Sao_Paulo", "Europe/Paris",
    "Asia/Kolkata", "Asia/Tokyo", "Australia/Lord_Howe",
)  # fmt: skip
"""Around the world, so that at any hour some of the families sleep: planning at night takes twice as long."""


def _family(index: int, service: str, token: str) -> Family:
    """One parent with one push address, as real families are stored."""
    address = Address("push", token, AddressId(UUID(int=0)))
    parent = Caregiver(CaregiverId("parent"), "Parent", "parent", 1, (address,))
    return Family(
        FamilyId(f"{service}-{index:06}"), datetime(2026, 1, 1, tzinfo=UTC), (service,),
        ZONES[index % len(ZONES)], ("en", "es")[index // len(ZONES) % 2], (parent,), region="us-west",
    )  # fmt: skip


def _sqlite(rig: Rig) -> str:
    path = rig.folder / "alertd.sqlite"
    for old in rig.folder.glob("alertd.sqlite*"):
        old.unlink()
    return f"sqlite:///{path}"


VARIANTS: tuple[Variant, ...] = (
    Alertd("alertd-postgres", 2, lambda rig: rig.fresh_database("alertd")),
    Alertd("alertd-sqlite", 3, _sqlite),
)
