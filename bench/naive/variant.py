"""Runs the naive app: a real worker of two prefork children, on Postgres or on SQLite."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from celery import Celery
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from bench import messages
from bench.measurement import Measurement, Mismatch
from bench.naive.models import Base, Push, connect
from bench.processes import usage
from bench.servers import READY_SECONDS, NotReady, Rig, start, stop, wait_until

CHILDREN = 2
OPTIONS = ("-P", "prefork", "-c", str(CHILDREN), "-l", "WARNING", "--without-gossip", "--without-mingle")
RUN_SECONDS = 60.0
RSA_BITS = 2048
LOG_TAIL = 2000
POLL_SECONDS = 0.025  # often enough for 3 s, and no load of its own


class Naive:
    """One task per message; `database` makes a new, empty database and returns its URL."""

    full = 500
    quick = 100

    def __init__(self, name: str, broker: int, database: Callable[[Rig], str]) -> None:
        self.name = name
        self._broker, self._database = broker, database
        self._worker: subprocess.Popen[bytes] | None = None
        self._rig: Rig
        self._engine: Engine
        self._celery: Celery

    def prepare(self, rig: Rig, _n: int, /) -> None:
        """Make the database, start the worker, and have each of its children send one push."""
        self._rig = rig
        url = self._database(rig)
        self._engine = connect(url)
        Base.metadata.create_all(self._engine)
        rig.flush_broker(self._broker)
        self._celery = Celery("naive", broker=rig.broker_url(self._broker))
        folder = rig.folder / self.name
        folder.mkdir(exist_ok=True)
        env = os.environ | {
            "NAIVE_BROKER_URL": rig.broker_url(self._broker),
            "NAIVE_DATABASE_URL": url,
            "NAIVE_FCM_URL": rig.provider.url,
            "NAIVE_CREDENTIALS_FILE": str(credentials(folder, rig.provider.url)),
        }
        with (folder / "worker.log").open("wb") as log:
            argv = [sys.executable, "-m", "celery", "-A", "bench.naive.tasks", "worker", *OPTIONS]
            self._worker = start(argv, env=env, stdout=log, stderr=log)
        self._warm_up(folder)

    def run(self, n: int, /) -> Measurement:
        """From the first row to the last commit: insert the rows, publish a task for each, wait."""
        assert self._worker is not None
        worker, servers = usage(self._worker.pid), self._rig.server_cpu_seconds()
        began = time.perf_counter()
        for push_id in self._insert([messages.token(i) for i in range(n)]):
            self._celery.send_task("naive.send_push", args=[push_id])
        self._wait(f"{n} pushes accepted", lambda: self._rig.provider.count() >= n, RUN_SECONDS)
        self._wait(f"{n} rows sent", lambda: self._sent() >= n, RUN_SECONDS)
        seconds = time.perf_counter() - began
        after = usage(self._worker.pid)
        servers = self._rig.server_cpu_seconds() - servers
        self._check(n)
        cpu = after.cpu_seconds - worker.cpu_seconds
        return Measurement(n, seconds, cpu / n * 1e6, after.peak_mb, servers / n * 1e6)

    def close(self) -> None:
        """Stop the worker."""
        if self._worker is not None:
            stop(self._worker)
            self._worker = None
            self._celery.close()
            self._engine.dispose()

    def _warm_up(self, folder: Path) -> None:
        warmed = folder / "warmed"
        warmed.mkdir(exist_ok=True)
        for old in warmed.iterdir():
            old.unlink()
        rows = self._insert([f"warm-up-{i}" for i in range(CHILDREN * 40)])

        def all_warm() -> bool:
            return len(list(warmed.iterdir())) == CHILDREN and self._sent() == len(rows)

        for push_id in rows:
            self._celery.send_task("naive.warm_up", args=[push_id, str(warmed)])
        self._wait("every child has sent", all_warm, READY_SECONDS)
        with Session(self._engine) as session:
            session.execute(delete(Push))
            session.commit()

    def _wait(self, what: str, is_true: Callable[[], bool], seconds: float) -> None:
        worker = self._worker
        assert worker is not None

        def true_or_ended() -> bool:
            return is_true() or worker.poll() is not None

        try:
            wait_until(what, true_or_ended, seconds, POLL_SECONDS)
            if worker.poll() is not None:
                raise NotReady(f"the worker ended with {worker.returncode}")
        except NotReady as error:
            log = self._rig.folder / self.name / "worker.log"
            raise NotReady(f"{self.name}: {error}. Its log ends:\n{log.read_text()[-LOG_TAIL:]}") from error

    def _insert(self, tokens: list[str]) -> list[int]:
        rows = [Push(token=token, title=messages.TITLE, body=messages.BODY) for token in tokens]
        with Session(self._engine) as session:
            session.add_all(rows)
            session.commit()
            return list(session.scalars(select(Push.id).order_by(Push.id)))

    def _sent(self) -> int:
        with Session(self._engine) as session:
            return session.scalar(select(func.count()).where(Push.status == "sent")) or 0

    def _check(self, n: int) -> None:
        with Session(self._engine) as session:
            rows = session.scalar(select(func.count()).select_from(Push))
            ids = session.scalar(select(func.count(Push.provider_id.distinct())).where(Push.status == "sent"))
        if (rows, ids) != (n, n):
            raise Mismatch(f"{self.name}: {rows} rows and {ids} provider ids in the database instead of {n}")


def credentials(folder: Path, provider: str) -> Path:
    """A service account with a key of its own, whose token endpoint is the loopback provider."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "loopback",
        "private_key_id": "bench",
        "private_key": pem.decode(),
        "client_email": "bench@example.org",
        "client_id": "1",
        "token_uri": f"{provider}/token",
    }
    path = folder / "account.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(account))
    return path


def _sqlite(rig: Rig) -> str:
    path = rig.folder / "naive.sqlite"
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return f"sqlite:///{path}"


postgres = Naive("naive-postgres", 0, lambda rig: rig.fresh_database("naive"))
sqlite = Naive("naive-sqlite", 1, _sqlite)
